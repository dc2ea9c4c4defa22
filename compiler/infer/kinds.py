"""Kinds: every type that is written down must be one, with as many arguments as it takes."""

from difflib import get_close_matches

from ..errors import InvalidModule, TypeInferenceError
from ..ir.module import Module
from ..ir.span import Span
from ..ir.types import FuncType, RefType, TensorType, TupleType, Type, TypeCall, TypeVar

__all__ = ["Kinds"]


class Kinds:
    """Checks the annotations of one module.

    Raises
    ------
    TypeInferenceError
        A data type's declaration is ill-kinded.
    InvalidModule
        Two constructors have one name, or an extern type has some.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._checked: set[int] = set()
        owners: dict[str, str] = {}
        for data in module.types.values():
            scope = set(data.type_params)
            if len(scope) != len(data.type_params):
                raise InvalidModule(
                    f"type {data.name} has two type parameters of one name; rename one", data.span
                )
            if data.extern and data.constructors:
                raise InvalidModule(
                    f"extern type {data.name} cannot have constructors; leave out extern", data.span
                )
            for constructor in data.constructors:
                if constructor.name in owners:
                    raise InvalidModule(
                        f"constructor {constructor.name} belongs to {owners[constructor.name]} and "
                        f"to {data.name}; rename one",
                        constructor.span or data.span,
                    )
                owners[constructor.name] = data.name
                for given in constructor.fields:
                    self._check(given, constructor.span or data.span, scope)

    def check(self, root: Type | None, span: Span | None) -> None:
        """Raise TypeInferenceError if an annotation is no type.

        Type parameters are not looked at here: `compiler.verify` knows their scopes.
        """
        if root is None or isinstance(root, TensorType) or id(root) in self._checked:
            return
        self._check(root, span, None)
        self._checked.add(id(root))

    def _check(self, root: Type, span: Span | None, scope: set[TypeVar] | None) -> None:
        """Raise if `root` is ill-kinded, or uses type parameters other than `scope`."""
        pending: list[Type] = [root]
        while pending:
            match pending.pop():
                case TypeVar() as var if scope is not None and var not in scope:
                    raise TypeInferenceError(self._unknown(var.name), span)
                case TypeCall(name, args):
                    self._check_call(name, args, span)
                    pending.extend(args)
                case TupleType(fields):
                    pending.extend(fields)
                case FuncType(params, ret, own):
                    if own and scope is not None:
                        scope = scope | set(own)
                    pending.extend((*params, ret))
                case RefType(value):
                    pending.append(value)
                case _:
                    pass

    def _check_call(self, name: str, args: tuple[Type, ...], span: Span | None) -> None:
        """Raise unless `name` is a data type of as many parameters as there are arguments."""
        data = self._module.types.get(name)
        if data is None:
            raise TypeInferenceError(self._unknown(name), span)
        if len(args) != len(data.type_params):
            params = ", ".join(map(str, data.type_params))
            form = f"{name}[{params}]" if params else name
            raise TypeInferenceError(
                f"type {name} takes {len(data.type_params)} type arguments, not {len(args)}; "
                f"write {form}",
                span,
            )

    def _unknown(self, name: str) -> str:
        """Return the message for a type that does not exist."""
        near = get_close_matches(name, self._module.types, 1, 0.5)
        known = ", ".join(sorted(self._module.types)) or "none"
        hint = f"did you mean {near[0]}?" if near else f"the module's types are: {known}"
        return f"there is no type {name}; {hint}"
