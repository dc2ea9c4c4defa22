"""Symbols for unknown sizes.

Inside a global function each ``?`` of a parameter is a symbol, so that ``n + n`` and ``2*n`` are
one size. A call puts the arguments' sizes in for them::

    def @f(%x: Tensor[(?, 4), int8]) { concatenate((%x, %x)) }
    the type of @f is  fn (Tensor[(n, 4), int8]) -> Tensor[(2*n, 4), int8]
    so @f(%y) is       Tensor[(6, 4), int8]  if %y is  Tensor[(3, 4), int8]

Only tensors and tuples of them are given symbols: the elements of a list need not agree in their
sizes, and a cell may be written with another one.
"""

from collections.abc import Callable, Iterator, Mapping

from ..ir.dims import Any, Dim, Size, Symbol, substitute_dim, symbol, symbols_in
from ..ir.types import FuncType, TensorType, TupleType, Type, map_types

__all__ = ["Symbols", "instantiate_sizes", "map_sizes", "refine"]

_LETTERS = "nmkpqrst"


class Symbols:
    """Hands out symbols, each once."""

    def __init__(self) -> None:
        self._count = 0
        self._new: set[Symbol] = set()

    def fresh(self) -> Size:
        """Return a size that is equal to no other."""
        number, letter = divmod(self._count, len(_LETTERS))
        self._count += 1
        found = Symbol(f"{_LETTERS[letter]}{number or ''}")
        self._new.add(found)
        return symbol(found.name)

    def taken(self) -> frozenset[Symbol]:
        """Return the symbols handed out since this was last asked."""
        found = frozenset(self._new)
        self._new.clear()
        return found

    def open(self, annotation: Type, known: dict[Symbol, Dim]) -> Type:
        """Return the annotation of a global function's parameter with symbols of its own.

        Parameters
        ----------
        known : dict
            What the symbols that stand in the function's annotations are called inside; those
            of this one are added.
        """
        match annotation:
            case TensorType(shape, dtype):
                sizes = tuple(self._open_size(size, known) for size in shape)
                return annotation if sizes == shape else TensorType(sizes, dtype)
            case TupleType():
                return map_types(annotation, lambda part: self.open(part, known))
            case _:
                return map_sizes(annotation, lambda size: rename(size, known))

    def _open_size(self, size: Dim, known: dict[Symbol, Dim]) -> Dim:
        """Return one size of a parameter."""
        if isinstance(size, Any):
            return self.fresh()
        for atom in symbols_in(size):
            if atom not in known and size == Size((((atom,), 1),)):
                known[atom] = self.fresh()
        return rename(size, known)


def rename(size: Dim, known: Mapping[Symbol, Dim]) -> Dim:
    """Return `size` with symbols replaced; unknown if one of them is."""
    if not isinstance(size, Size):
        return size
    return substitute_dim(size, {atom: known.get(atom, Any()) for atom in symbols_in(size)})


def map_sizes(root: Type, function: Callable[[Dim], Dim]) -> Type:
    """Return `root` with every size that is no number replaced; itself if none is."""
    if isinstance(root, TensorType):
        if all(isinstance(size, int) for size in root.shape):
            return root
        sizes = tuple(size if isinstance(size, int) else function(size) for size in root.shape)
        return root if sizes == root.shape else TensorType(sizes, root.dtype)
    return map_types(root, lambda part: map_sizes(part, function))


def instantiate_sizes(
    function: FuncType, own: frozenset[Symbol], arguments: tuple[Type, ...]
) -> FuncType:
    """Return the type of a function for `arguments`, whose sizes become those of `own`."""
    values: dict[Symbol, Dim] = {}
    for param, given in zip(function.params, arguments, strict=False):
        for atom, size in _pairs(param, given):
            if atom in own:
                values.setdefault(atom, size)
    values = {atom: values.get(atom, Any()) for atom in own}
    result = map_sizes(function, lambda size: substitute_dim(size, values))
    assert isinstance(result, FuncType)
    return result


def refine(annotation: Type, found: Type) -> Type:
    """Return `annotation`, which fits `found`, with unknown sizes known where `found` says them."""
    match annotation, found:
        case TensorType(), TensorType() if annotation.shape != found.shape:
            pairs = zip(annotation.shape, found.shape, strict=True)
            sizes = tuple(b if isinstance(a, Any) else a for a, b in pairs)
            return TensorType(sizes, annotation.dtype)
        case TupleType(), TupleType():
            remaining = iter(found.fields)
            return map_types(annotation, lambda part: refine(part, next(remaining)))
        case _:
            return annotation


def _pairs(param: Type, given: Type) -> Iterator[tuple[Symbol, Dim]]:
    """Yield each symbol that is a whole size of `param` with the size that `given` has there."""
    match param, given:
        case TensorType(), TensorType() if len(param.shape) == len(given.shape):
            for size, have in zip(param.shape, given.shape, strict=True):
                for atom in symbols_in(size):
                    if size == Size((((atom,), 1),)):
                        yield atom, have
        case TupleType(), TupleType():
            for part, have_part in zip(param.fields, given.fields, strict=False):
                yield from _pairs(part, have_part)
        case _:
            pass
