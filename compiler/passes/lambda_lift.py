"""Makes a global function of every function inside another one.

before -> after::

    def @main(%x) { let %f = fn (%y) { add(%x, %y) }; %f(1f) }

    def @main(%x) { let %f = @main_f(%x); %f(1f) }
    def @main_f(%x: float32) -> fn (float32) -> float32 { fn (%y) { add(%x, %y) } }

A function that uses variables or type parameters from around it becomes a global that takes them
and gives the function; one that uses none becomes a global itself. A function that calls itself
does so through its global. Shared values that cross functions get names first
(`to_basic_block_normal_form`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function, GlobalVar, Let, Var
from ..ir.types import FuncType, Type
from ..ir.visitor import children, post_order, with_children
from .captures import free_in
from .functions import typed
from .to_basic_block_normal_form import to_basic_block_normal_form
from .type_walk import type_vars

__all__ = ["lambda_lift"]


def lambda_lift(module: Module) -> Module:
    """Return `module` without functions inside functions, but for those that globals give."""
    given = to_basic_block_normal_form(typed(module))
    lifter = _Lifter(set(given))
    bodies = {name: lifter.lift(name, given[name].body) for name in given}
    if not lifter.functions:
        return given
    functions = {
        name: given[name]
        if body is given[name].body
        else replace(given[name], body=body, type=None)
        for name, body in bodies.items()
    }
    return infer(replace(given, functions={**functions, **lifter.functions}))


@dataclass(slots=True)
class _Lifter:
    """The global functions made so far, and the names that are taken."""

    taken: set[str]
    functions: dict[str, Function] = field(default_factory=dict)

    def lift(self, owner: str, body: Expr) -> Expr:
        """Return the body of a global with its inner functions lifted, the innermost first."""
        lets = {
            id(node.value): node.var
            for node in post_order(body)
            if isinstance(node, Let) and isinstance(node.value, Function)
        }
        done: dict[int, Expr] = {}
        free: dict[int, dict[Var, None]] = {}
        for node in post_order(body):
            free[id(node)] = free_in(node, free)
            new = with_children(node, tuple(done[id(part)] for part in children(node)))
            if isinstance(node, Function):
                assert isinstance(new, Function)
                new = self._lifted(owner, node, new, tuple(free[id(node)]), lets.get(id(node)))
            done[id(node)] = new
        return done[id(body)]

    def _lifted(
        self,
        owner: str,
        node: Function,
        new: Function,
        captured: tuple[Var, ...],
        name: Var | None,
    ) -> Expr:
        """Return what stands for a function, after making a global of it."""
        assert isinstance(node.type, FuncType)
        reference = GlobalVar(self._fresh(owner, "fn" if name is None else name.name))
        outer = tuple(var for var in captured if var is not name)
        closed = _annotated(new, node.type)
        kinds: tuple[Type, ...] = tuple(_type_of(var) for var in outer)
        quantified = tuple(type_vars(node.type, *kinds))
        if not outer and not quantified:
            if name in captured:
                closed = replace(closed, body=_put(closed.body, {name: reference}))
            self.functions[reference.name] = closed
            return replace(reference, span=node.span)
        params = {var: Var(var.name, kind) for var, kind in zip(outer, kinds, strict=True)}
        values: dict[Var, Expr] = dict(params)
        if name in captured:
            values[name] = Call(reference, tuple(params.values()))
        inner = replace(closed, body=_put(closed.body, values))
        self.functions[reference.name] = Function(
            tuple(params.values()), inner, node.type, {}, quantified, span=node.span
        )
        return Call(reference, outer, span=node.span)

    def _fresh(self, owner: str, name: str) -> str:
        """Return a name that no global has."""
        base = found = f"{owner}_{name}"
        count = 0
        while found in self.taken:
            count += 1
            found = f"{base}_{count}"
        self.taken.add(found)
        return found


def _annotated(new: Function, kind: FuncType) -> Function:
    """Return a function with its types written down: globals need them."""
    params = tuple(
        replace(param, annotation=given, type=None)
        for param, given in zip(new.params, kind.params, strict=True)
    )
    values: dict[Var, Expr] = dict(zip(new.params, params, strict=True))
    return replace(new, params=params, body=_put(new.body, values), ret_type=kind.ret, type=None)


def _put(body: Expr, values: Mapping[Var | None, Expr] | Mapping[Var, Expr]) -> Expr:
    """Return `body` with variables replaced."""
    table = dict(values)
    done: dict[int, Expr] = {}
    for node in post_order(body):
        if isinstance(node, Var):
            done[id(node)] = table.get(node, node)
        else:
            done[id(node)] = with_children(node, tuple(done[id(part)] for part in children(node)))
    return done[id(body)]


def _type_of(var: Var) -> Type:
    assert var.type is not None, f"%{var.name} has a type in a typed module"
    return var.type
