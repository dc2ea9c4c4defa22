"""Continuation-passing style: every function gets one that takes its result.

before -> after (A: the type of the program's answer)::

    def @f(%x: int32) -> int32 { let %y = @g(%x); %y + 1 }

    def @f_cps[A](%x: int32, %k: fn (int32) -> A, CPS="f") -> A {
      @g_cps(%x, fn (%y: int32, Continuation=1) -> A { let %t = %y + 1; %k(%t) })
    }
    def @f(%x: int32) -> int32 { @f_cps(%x, fn (%r: int32) { %r }) }

Every call is in the place of a result, so the order of evaluation stands in the program. A choice
whose result is used gets a continuation with a name, so nothing is written twice. Functions keep a
direct form that calls the new one, unless they take or give functions. `un_cps` goes back.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import Unsupported
from ..infer import infer
from ..ir.matching import Clause, ConstructorPattern, Match, MatchPattern, TuplePattern, VarPattern
from ..ir.module import Module
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    Var,
)
from ..ir.types import FuncType, RefType, TupleType, Type, TypeCall, TypeVar
from ..ir.visitor import children, with_children
from ..text.trampoline import Rule, run
from .eliminate_dead import used_types
from .eta_expand import eta_expand
from .functions import typed
from .to_a_normal_form import to_a_normal_form
from .type_walk import map_type, type_vars

__all__ = ["CONTINUATION", "CPS", "to_cps"]

CPS = "CPS"
"""Attribute of a function in this style: the name of its direct form, "" of a local function."""

CONTINUATION = "Continuation"
"""Attribute of a function that takes a result."""


def to_cps(module: Module) -> Module:
    """Return `module` with every function in continuation-passing style, beside its direct form.

    Raises
    ------
    Unsupported
        A data type declares a function as a field, whose answer would have no type.
    """
    given = typed(module)
    for name in sorted(used_types(given, given.functions.values())):
        data = given.types[name]
        for constructor in data.constructors:
            if any(_has_functions(field) for field in constructor.fields):
                raise Unsupported(
                    f"continuation-passing style needs data types without functions; "
                    f"{constructor.name} of {data.name} declares one: make it a type parameter",
                    constructor.span,
                )
    normal = to_a_normal_form(eta_expand(given))
    names: dict[str, str] = {}
    for name in given:
        names[name] = _fresh(f"{name}_cps", {*given, *names.values()})
    functions = {name: _without_marks(given[name]) for name in given}
    for name, new in names.items():
        transform = _Transform(names, _answer(normal[name]))
        functions[new] = transform.function(normal[name], name)
        functions[name] = _direct(functions[name], new) or functions[name]
    return infer(replace(given, functions=functions))


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_cps"
    return name


def _without_marks(function: Function) -> Function:
    """Return a function that is no longer known to be in continuation-passing style."""
    return replace(function, attrs=_plain_attrs(function))


def _plain_attrs(function: Function) -> dict[str, AttributeValue]:
    marks = (CPS, CONTINUATION)
    return {name: value for name, value in function.attrs.items() if name not in marks}


def _answer(function: Function) -> TypeVar:
    """Return a type parameter that a function does not have."""
    taken = {var.name for var in (*function.type_params, *type_vars(function.type))}
    name = "A"
    while name in taken:
        name += "1"
    return TypeVar(name)


def _direct(function: Function, new: str) -> Function | None:
    """Return the direct form that calls the new function, None if functions go in or out."""
    assert isinstance(function.type, FuncType)
    kinds = (*function.type.params, function.type.ret)
    if any(_has_functions(kind) for kind in kinds):
        return None
    params = tuple(
        Var(param.name, kind, span=param.span)
        for param, kind in zip(function.params, function.type.params, strict=True)
    )
    result = Var("r", function.type.ret)
    body = Call(GlobalVar(new), (*params, Function((result,), result, function.type.ret)))
    return replace(function, params=params, body=body, ret_type=function.type.ret, type=None)


def _has_functions(root: Type) -> bool:
    """Return whether a type is, or holds, one of functions."""
    match root:
        case FuncType():
            return True
        case TupleType(parts) | TypeCall(_, parts):
            return any(_has_functions(part) for part in parts)
        case RefType(value):
            return _has_functions(value)
        case _:
            return False


class _Transform:
    """Rewrites one global function in administrative normal form."""

    def __init__(self, names: dict[str, str], answer: TypeVar) -> None:
        self._names = names
        self._answer = answer
        self._vars: dict[Var, Var] = {}

    def function(self, function: Function, name: str) -> Function:
        """Return a global function in continuation-passing style."""
        made = run(self._function(function, name))
        return replace(made, type_params=(*function.type_params, self._answer))

    def _type(self, kind: Type) -> Type:
        """Return the type of a value in this style."""

        def lift(part: Type) -> Type:
            if not isinstance(part, FuncType):
                return part
            continuation = FuncType((part.ret,), self._answer)
            return FuncType((*part.params, continuation), self._answer, part.type_params)

        return map_type(kind, lift)

    def _var(self, var: Var) -> Var:
        if var not in self._vars:
            assert var.type is not None
            self._vars[var] = Var(var.name, self._type(var.type), span=var.span)
        return self._vars[var]

    def _function(self, function: Function, name: str) -> Rule[Function]:
        assert isinstance(function.type, FuncType)
        result = self._type(function.type.ret)
        finish = Var("k", FuncType((result,), self._answer))
        params = tuple(self._var(param) for param in function.params)
        body: Expr = yield self._block(function.body, finish)
        attrs = {**_plain_attrs(function), CPS: name}
        return Function(
            (*params, finish), body, self._answer, attrs, function.type_params, span=function.span
        )

    def _block(self, expr: Expr, finish: Var) -> Rule[Expr]:
        """Return a chain of `let` that hands its result to the continuation `finish`."""
        bindings: list[tuple[Var, Expr]] = []
        while isinstance(expr, Let):
            var, node = expr.var, expr.value
            leaves = isinstance(node, If | Match) or (
                isinstance(node, Call) and not isinstance(node.op, Op | Constructor)
            )
            if leaves:
                rest: Expr = yield self._leave(expr, finish)
                return _wrap(bindings, rest)
            if isinstance(node, Function):
                value: Expr = yield self._function(node, "")
            else:
                value = self._plain(node)
            bindings.append((self._var(var), value))
            expr = expr.body
        return _wrap(bindings, Call(finish, (self._atom(expr),)))

    def _leave(self, let: Let, finish: Var) -> Rule[Expr]:
        """Return the rest of a block from a call or a choice on."""
        node = let.value
        if let.body is let.var:
            after, bindings = finish, []
        else:
            body: Expr = yield self._block(let.body, finish)
            parameter = self._var(let.var)
            assert parameter.annotation is not None
            rest = Function((parameter,), body, self._answer, {CONTINUATION: 1})
            if isinstance(node, Call):
                return self._call(node, rest)
            after = Var("j", FuncType((parameter.annotation,), self._answer))
            bindings = [(after, rest)]
        if isinstance(node, Call):
            return self._call(node, after)
        parts = []
        for part in children(node)[1:]:
            parts.append((yield self._block(part, after)))
        chosen = with_children(node, (self._atom(children(node)[0]), *parts))
        if isinstance(chosen, Match):
            chosen = replace(chosen, clauses=self._clauses(chosen.clauses))
        return _wrap(bindings, replace(chosen, type=None))

    def _clauses(self, clauses: Sequence[Clause]) -> tuple[Clause, ...]:
        return tuple(Clause(self._pattern(c.pattern), c.body) for c in clauses)

    def _pattern(self, pattern: MatchPattern) -> MatchPattern:
        match pattern:
            case VarPattern(var):
                return replace(pattern, var=self._var(var))
            case ConstructorPattern(_, fields) | TuplePattern(fields):
                return replace(pattern, fields=tuple(self._pattern(part) for part in fields))
            case _:
                return pattern

    def _call(self, node: Call, after: Expr) -> Expr:
        """Return a call that hands its result on."""
        args = tuple(self._atom(arg) for arg in node.args)
        return Call(self._atom(node.op), (*args, after), span=node.span)

    def _plain(self, node: Expr) -> Expr:
        """Return what is computed at once."""
        if isinstance(node, Var | Constant | GlobalVar | Constructor):
            return self._atom(node)
        parts = tuple(self._atom(part) for part in children(node))
        return replace(with_children(node, parts), type=None)

    def _atom(self, node: Expr) -> Expr:
        match node:
            case Var():
                return self._var(node)
            case GlobalVar(name):
                return replace(node, name=self._names.get(name, name), type=None)
            case _:
                return replace(node, type=None)


def _wrap(bindings: Sequence[tuple[Var, Expr]], result: Expr) -> Expr:
    for var, value in reversed(bindings):
        result = Let(var, value, result)
    return result
