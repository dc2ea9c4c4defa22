"""Types of calls: of operators, of functions and constructors, and of a tuple's fields."""

from collections.abc import Mapping
from typing import cast

from ..errors import InvalidModule, TypeInferenceError
from ..ir.module import Module
from ..ir.nodes import Call, Constructor, Expr, GlobalVar, Op, TupleGetItem, Var
from ..ir.types import (
    FuncType,
    IncompleteType,
    TensorType,
    TupleType,
    Type,
    incomplete_types,
)
from ..ops.attributes import complete_attributes
from ..ops.operator import Attributes, Mismatch, Operator
from ..ops.registry import lookup
from .origins import Place
from .patterns import constructor_type
from .scopes import Scopes, Signature
from .solver import Constraint, Solver
from .symbols import instantiate_sizes

__all__ = ["Calls"]


class Calls:
    """Finds the types of calls.

    Attributes
    ----------
    attrs : dict of id of Call to Attributes
        All attributes of each call of an operator.
    """

    def __init__(
        self, module: Module, solver: Solver, scopes: Scopes, signatures: Mapping[str, Signature]
    ) -> None:
        self.attrs: dict[int, Attributes] = {}
        self._module = module
        self._solver = solver
        self._types = scopes.types
        self._type_of = scopes.type_of
        self._signatures = signatures

    def infer(self, call: Call) -> Type:
        """Return the type of the result of any call whose parts are typed."""
        op = call.op
        if isinstance(op, Op):
            return self._operator(call, lookup(op.name, call.span))
        if isinstance(op, GlobalVar):
            return self._global(call, op)
        if isinstance(op, Constructor):
            name = f"constructor {op.name}"
            return self._apply(call, name, constructor_type(self._module, op.name, call.span))
        name = f"%{op.name}" if isinstance(op, Var) else "the function"
        given = self._type_of(op)
        callee = self._solver.unifier.resolve(given)
        if isinstance(callee, FuncType):
            return self._apply(call, name, callee)
        if not isinstance(callee, IncompleteType):
            source = self._solver.origins.source(op, given)
            raise TypeInferenceError(
                f"{name} is called, but it is no function: its type is "
                f"{self._solver.unifier.complete(callee)}; leave the call out",
                call.span,
                notes=[f"{self._solver.unifier.complete(callee)} comes {source}"],
            )
        types = tuple(self._type_of(arg) for arg in call.args)
        expected = FuncType(types, self._solver.unifier.fresh())
        self._solver.equate(expected, given, Place(name, call.span), "how it is called", op)
        return expected.ret

    def projection(self, node: TupleGetItem) -> Type:
        """Return the type of one field of a tuple."""
        given = self._type_of(node.value)
        if isinstance(given, TupleType) and 0 <= node.index < len(given.fields):
            return given.fields[node.index]

        def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
            (value,) = types
            if isinstance(value, IncompleteType):
                return None
            if not isinstance(value, TupleType):
                raise Mismatch("only a tuple has fields", "leave the projection out")
            if not 0 <= node.index < len(value.fields):
                raise Mismatch(f"the tuple has {len(value.fields)} fields", "fields count from .0")
            return FuncType(types, value.fields[node.index])

        name = f"projection .{node.index}"
        return self._solver.constrain(
            Constraint(
                name, ("value",), node, (node.value,), (given,), self._fresh(), {}, relation
            )
        )  # fmt: skip

    def _fresh(self) -> IncompleteType:
        return self._solver.unifier.fresh()

    def _operator(self, call: Call, row: Operator) -> Type:
        """Return the type of an operator's result; the relation is asked now, or later."""
        if len(call.args) != len(row.arguments):
            raise TypeInferenceError(
                f"{row.name} takes {len(row.arguments)} arguments "
                f"({', '.join(row.arguments)}), not {len(call.args)}",
                call.span,
            )
        attrs = call.attrs
        if attrs or row.attributes:
            attrs = complete_attributes(row, attrs, call.span)
        self.attrs[id(call)] = attrs
        types = tuple([self._type_of(arg) for arg in call.args])
        for given in types:
            if type(given) is not TensorType and any(incomplete_types(given)):
                break
        else:
            found = self._known(call, row, types, attrs)
            if found is not None:
                return found
        return self._solver.constrain(
            Constraint(
                row.name, row.arguments, call, call.args, types, self._fresh(), attrs, row.relation
            )
        )  # fmt: skip

    def _known(
        self, call: Call, row: Operator, types: tuple[Type, ...], attrs: Attributes
    ) -> Type | None:
        """Return the result's type for types that are known; None if they must be unified."""
        try:
            signature = row.relation(types, attrs)
        except Mismatch as error:
            mismatch = self._solver.mismatch
            raise mismatch(row.name, row.arguments, call, call.args, types, error) from None
        if signature is None or not (signature.params is types or signature.params == types):
            return None
        return signature.ret

    def _global(self, call: Call, op: GlobalVar) -> Type:
        """Return the type of a global function's result, for sizes as the arguments have them."""
        signature = self._signatures.get(op.name)
        if signature is None:
            raise InvalidModule(f"there is no function @{op.name} in the module", call.span)
        unifier = self._solver.unifier
        if not signature.own:
            return self._apply(call, f"@{op.name}", signature.type)
        types = tuple(self._type_of(arg) for arg in call.args)
        callee = cast(FuncType, unifier.complete(signature.type))
        if not any(
            type(given) is not TensorType and any(incomplete_types(given)) for given in types
        ):
            return self._apply(call, f"@{op.name}", instantiate_sizes(callee, signature.own, types))
        self._apply(call, f"@{op.name}", instantiate_sizes(callee, signature.own, ()))
        if callee.type_params:
            return self._apply(call, f"@{op.name}", instantiate_sizes(callee, signature.own, ()))

        def relation(found: tuple[Type, ...], attrs: Attributes) -> FuncType:
            instance = instantiate_sizes(callee, signature.own, found)
            return FuncType(found, instance.ret)

        names = tuple(f"argument {number}" for number in range(1, len(types) + 1))
        return self._solver.constrain(
            Constraint(
                f"@{op.name}", names, call, call.args, types, self._fresh(), {}, relation
            )
        )  # fmt: skip

    def _apply(self, call: Call, name: str, callee: FuncType) -> Type:
        """Return the type of a function's result."""
        if callee.type_params:
            callee = self._solver.unifier.instantiate(callee)
        if len(callee.params) != len(call.args):
            takes = ", ".join(str(self._solver.unifier.complete(param)) for param in callee.params)
            raise TypeInferenceError(
                f"{name} takes {len(callee.params)} arguments"
                f"{f' ({takes})' if takes else ''}, not {len(call.args)}",
                call.span,
            )
        for number, (param, arg) in enumerate(zip(callee.params, call.args, strict=True), 1):
            found = self._type_of(arg)
            if found is not param:
                at = call.span if isinstance(arg, Var) else arg.span
                place = Place(f"argument {number} of {name}", at)
                self._solver.equate(param, found, place, self._wanted(call, number - 1), arg)
        return callee.ret

    def _wanted(self, call: Call, number: int) -> Expr | str:
        """Return what wants an argument: the parameter where it is known."""
        if isinstance(call.op, GlobalVar):
            return self._signatures[call.op.name].params[number]
        return "what the function takes"
