"""Symbols in the types of global functions."""

from compiler.infer.symbols import map_sizes
from compiler.ir import Any, FuncType, TensorType, TupleType, TypeCall
from compiler.ir.dims import Size, substitute_dim, symbols_in

from .tensors import SIZES


def masked(given):
    """Return a type as an annotation writes it: ``?`` for every size that is no number."""
    return map_sizes(given, lambda size: Any())


def matched_sizes(template, wanted):
    """Return the symbols of `template` with which it is `wanted`, None if there are none."""
    sizes = {}
    if not _match(template, wanted, sizes):
        return None
    found = map_sizes(template, lambda size: substitute_dim(size, sizes))
    return sizes if found == wanted else None


def _match(template, wanted, sizes):
    match template, wanted:
        case TensorType(), TensorType():
            if len(template.shape) != len(wanted.shape):
                return False
            for size, have in zip(template.shape, wanted.shape, strict=True):
                for atom in symbols_in(size):
                    if size == Size((((atom,), 1),)):
                        sizes.setdefault(atom, have)
            return True
        case TupleType(left), TupleType(right):
            return len(left) == len(right) and all(map(_match, left, right, [sizes] * len(left)))
        case TypeCall(name, left), TypeCall(other, right):
            return name == other and all(map(_match, left, right, [sizes] * len(left)))
        case _:
            return False


def fill_sizes(signature, sizes, random):
    """Return the type of a function with its symbols replaced, those not in `sizes` at random."""
    sizes = dict(sizes)

    def fill(size):
        for atom in symbols_in(size):
            sizes.setdefault(atom, random.choice(SIZES))
        return substitute_dim(size, sizes)

    params = tuple(map_sizes(param, fill) for param in signature.params)
    return FuncType(params, map_sizes(signature.ret, fill))
