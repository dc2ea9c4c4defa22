"""How types change when a program is differentiated in the whole language.

A tensor goes with a cell for its gradient, a function takes one parameter more: the cell of the
*backpropagator*, the function that hands gradients back through all that was computed so far::

    Tensor[...]            ->  (Tensor[...], ref(Tensor[...]))
    fn (a, b) -> c         ->  fn (a', b', ref(fn () -> ())) -> c'
    List[a]                ->  List[a']
    type T { A(float32) }  ->  type T_grad { A_grad((float32, ref(float32))) }

Type parameters stay: code of many types never looks inside. A data type is made anew only if its
declaration names a tensor or a function.
"""

from collections.abc import Iterator
from dataclasses import replace

from ..ir.data import ConstructorData, TypeData
from ..ir.module import Module
from ..ir.types import FuncType, RefType, TensorType, TupleType, Type, TypeCall

__all__ = ["BACKPROPAGATOR", "TypeLifter"]

BACKPROPAGATOR = RefType(FuncType((), TupleType(())))


class TypeLifter:
    """Types of one module, differentiated.

    Attributes
    ----------
    types : dict
        The data types of the module, and those that were made.
    """

    def __init__(self, module: Module) -> None:
        taken = {*module.types, *(c.name for t in module.types.values() for c in t.constructors)}
        self._renamed = {name: _fresh(name, taken) for name in _touched(module)}
        self._constructors = {
            constructor.name: _fresh(constructor.name, taken)
            for name in self._renamed
            for constructor in module.types[name].constructors
        }
        self.types: dict[str, TypeData] = dict(module.types)
        for name, new in self._renamed.items():
            self.types[new] = self._data(module.types[name], new)

    def constructor(self, name: str) -> str:
        """Return what a constructor is called afterwards."""
        return self._constructors.get(name, name)

    def lift(self, kind: Type) -> Type:
        """Return a type, differentiated."""
        match kind:
            case TensorType():
                return TupleType((kind, RefType(kind)))
            case TupleType(fields):
                return TupleType(tuple(self.lift(field) for field in fields))
            case FuncType(params, ret, own):
                lifted = (*(self.lift(param) for param in params), BACKPROPAGATOR)
                return FuncType(lifted, self.lift(ret), own)
            case RefType(value):
                return RefType(self.lift(value))
            case TypeCall(name, args):
                new = self._renamed.get(name, name)
                return TypeCall(new, tuple(self.lift(arg) for arg in args))
            case _:
                return kind

    def _data(self, data: TypeData, name: str) -> TypeData:
        constructors = tuple(
            ConstructorData(self.constructor(c.name), tuple(self.lift(field) for field in c.fields))
            for c in data.constructors
        )
        return replace(data, name=name, constructors=constructors)


def _touched(module: Module) -> list[str]:
    """Return the data types whose declarations name tensors or functions, or one of these."""
    found: dict[str, None] = {}
    before = -1
    while len(found) != before:
        before = len(found)
        for name, data in module.types.items():
            parts = (part for c in data.constructors for field in c.fields for part in _walk(field))
            if any(
                isinstance(part, TensorType | FuncType)
                or (isinstance(part, TypeCall) and part.name in found)
                for part in parts
            ):
                found[name] = None
    return list(found)


def _walk(root: Type) -> Iterator[Type]:
    pending = [root]
    while pending:
        kind = pending.pop()
        yield kind
        match kind:
            case TupleType(parts) | TypeCall(_, parts):
                pending.extend(parts)
            case FuncType(params, ret):
                pending.extend((*params, ret))
            case RefType(value):
                pending.append(value)
            case _:
                pass


def _fresh(name: str, taken: set[str]) -> str:
    """Return a new name like `name`."""
    new = f"{name}_grad"
    while new in taken:
        new += "_grad"
    taken.add(new)
    return new
