"""Gives every global function of many types a copy for each of the types it is used at.

before -> after::

    def @id[A](%x: A) -> A { %x }
    def @main(%x: int32) -> int32 { @id(%x) }

    def @id_1(%x: int32) -> int32 { %x }
    def @main(%x: int32) -> int32 { @id_1(%x) }

Only what @main reaches stays. Functions that need ever new types to call themselves are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import InvalidModule, Unsupported
from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function, GlobalVar, Let
from ..ir.types import FuncType, Type, TypeVar
from ..ir.unify import substitute_types
from ..ir.visitor import children, post_order, with_children
from .copying import with_types
from .functions import map_bodies
from .inline_lets import put_in
from .type_walk import match_types

__all__ = ["monomorphise"]

_MOST_COPIES = 1000


def monomorphise(module: Module) -> Module:
    """Return what @main reaches of `module` with functions of one type each.

    Raises
    ------
    InvalidModule
        There is no @main.
    Unsupported
        A function would need endlessly many types, or a local function has type parameters.
    """
    given = map_bodies(module, _named_globals_put_in)
    if "main" not in given:
        raise InvalidModule("functions of one type each are those that @main uses: there is none")
    copies = _Copies(given)
    copies.name("main", ())
    while copies.pending:
        name, types = copies.pending.pop()
        copies.make(name, types)
    return infer(replace(given, functions=copies.functions))


def _named_globals_put_in(body: Expr) -> Expr:
    """Return an expression in which a global function has no other name: it is called itself."""
    lets = [node for node in post_order(body) if isinstance(node, Let)]
    keeps = {id(node) for node in lets if not isinstance(node.value, GlobalVar)}
    return body if len(keeps) == len(lets) else put_in(body, keeps)


@dataclass(slots=True)
class _Copies:
    """The copies so far, by name and types."""

    module: Module
    names: dict[tuple[str, tuple[Type, ...]], str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    pending: list[tuple[str, tuple[Type, ...]]] = field(default_factory=list)

    def name(self, name: str, types: tuple[Type, ...]) -> str:
        """Return what a function is called at some types."""
        found = self.names.get((name, types))
        if found is None:
            found, count = name, 0
            while types and (found in self.module or found in self.names.values()):
                count += 1
                found = f"{name}_{count}"
            if len(self.names) >= _MOST_COPIES:
                raise Unsupported(
                    f"@{name} would need more than {_MOST_COPIES} types; let it call itself at "
                    f"its own type",
                    self.module[name].span,
                )
            self.names[name, types] = found
            self.pending.append((name, types))
        return found

    def make(self, name: str, types: tuple[Type, ...]) -> None:
        """Make the copy of a function at some types."""
        function = self.module[name]
        values = dict(zip(function.type_params, types, strict=True))
        done: dict[int, Expr] = {}
        for node in post_order(function.body):
            if isinstance(node, Function) and node.type_params:
                raise Unsupported(
                    "a local function with type parameters cannot be given one type; make it "
                    "global",
                    node.span,
                )
            parts = [done[id(part)] for part in children(node)]
            if isinstance(node, GlobalVar):
                done[id(node)] = self._reference(node, node.type, values)
                continue
            if isinstance(node, Call) and isinstance(node.op, GlobalVar):
                kinds = tuple(_type_of(arg) for arg in node.args)
                parts[0] = self._reference(node.op, FuncType(kinds, _type_of(node)), values)
            for part in children(node)[isinstance(node, Call) :]:
                self._require_instance(part)
            done[id(node)] = with_children(node, tuple(parts))
        made = replace(function, body=done[id(function.body)], type_params=(), type=None)
        copy = with_types(made, values)
        assert isinstance(copy, Function)
        self.functions[self.names[name, types]] = copy

    def _require_instance(self, node: Expr) -> None:
        """Raise Unsupported if a value is a function of many types."""
        kind = node.type
        if isinstance(node, GlobalVar) and isinstance(kind, FuncType) and kind.type_params:
            raise Unsupported(
                f"@{node.name} is used as a value at no one type; call it, or write fn", node.span
            )

    def _reference(
        self, node: GlobalVar, used: Type | None, values: Mapping[TypeVar, Type]
    ) -> GlobalVar:
        """Return the copy of a global for the type that it is used at."""
        callee = self.module[node.name]
        if not callee.type_params:
            return replace(node, name=self.name(node.name, ()), type=None)
        if not isinstance(used, FuncType) or used.type_params:
            # If it is called, it is looked at once more, as part of its call.
            return node
        found: dict[TypeVar, Type] = {}
        assert isinstance(callee.type, FuncType)
        match_types(callee.type, substitute_types(used, dict(values)), found)
        missing = [var.name for var in callee.type_params if var not in found]
        if missing:
            raise Unsupported(
                f"the type parameter {missing[0]} of @{node.name} does not follow from its "
                f"arguments and result",
                node.span,
            )
        types = tuple(found[var] for var in callee.type_params)
        return replace(node, name=self.name(node.name, types), type=None)


def _type_of(expr: Expr) -> Type:
    assert expr.type is not None, "the module is typed"
    return expr.type
