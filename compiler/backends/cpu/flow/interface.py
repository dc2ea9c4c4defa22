"""The forms of what @main takes and gives, as the driver needs them."""

from dataclasses import dataclass, field

from isa.interface import Constructor, Form

from ....errors import Unsupported
from ....ir.module import Module
from ....ir.nodes import Function
from ....ir.types import RefType, TensorType, TupleType, Type, TypeCall
from ....ir.unify import substitute_types

__all__ = ["describe"]

# A data type whose fields are of ever larger types has no end of forms.
_MOST_FORMS = 1000


def describe(module: Module, main: Function) -> tuple[tuple[int, ...], int, tuple[Form, ...]]:
    """Return the forms of the parameters and of the result by number, and all forms.

    Raises
    ------
    Unsupported
        @main takes or gives functions, or takes cells.
    """
    forms = _Forms(module)
    params = tuple(
        forms.number(param.type or param.annotation, param.name) for param in main.params
    )
    made = len(forms.kinds)
    result = forms.number(main.body.type, None)
    forms.finish()
    if any(isinstance(kind, RefType) for kind in forms.kinds[:made]):
        raise Unsupported("@main must not take cells; create them from their contents", main.span)
    return params, result, tuple(forms.made)


@dataclass(slots=True)
class _Forms:
    """Forms in the making: those of `kinds` beyond `made` are still to come."""

    module: Module
    kinds: list[Type] = field(default_factory=list)
    numbers: dict[Type, int] = field(default_factory=dict)
    made: list[Form] = field(default_factory=list)

    def number(self, kind: Type | None, name: str | None) -> int:
        """Return the number of the form of a type."""
        assert kind is not None, "the module is typed"
        if kind not in self.numbers:
            if not isinstance(kind, TensorType | TupleType | TypeCall | RefType):
                what = "the result" if name is None else f"%{name}"
                raise Unsupported(
                    f"{what} of @main must be of tensors, tuples and data, not {kind}"
                )
            if len(self.kinds) >= _MOST_FORMS:
                raise Unsupported(f"@main takes or gives a type without end, such as {kind}")
            self.numbers[kind] = len(self.kinds)
            self.kinds.append(kind)
        return self.numbers[kind]

    def finish(self) -> None:
        """Make all forms."""
        while len(self.made) < len(self.kinds):
            self.made.append(self._form(self.kinds[len(self.made)]))

    def _form(self, kind: Type) -> Form:
        """Return the form of a type."""
        match kind:
            case TensorType(shape, dtype):
                sizes = tuple(size if isinstance(size, int) else None for size in shape)
                return Form("tensor", dtype, sizes)
            case TupleType(fields):
                return Form("tuple", fields=tuple(self.number(part, None) for part in fields))
            case RefType(value):
                return Form("cell", fields=(self.number(value, None),))
            case TypeCall(name, args):
                data = self.module.types[name]
                values = dict(zip(data.type_params, args, strict=True))
                constructors = tuple(
                    Constructor(
                        one.name,
                        tuple(self.number(substitute_types(p, values), None) for p in one.fields),
                    )
                    for one in data.constructors
                )
                return Form("data", name, constructors=constructors)
            case _:
                raise AssertionError(f"{kind} has no form")
