"""Goes back from continuation-passing style to direct style.

before -> after::

    def @f_cps[A](%x: int32, %k: fn (int32) -> A, CPS="f") -> A {
      @g_cps(%x, fn (%y: int32, Continuation=1) -> A { let %t = %y + 1; %k(%t) })
    }
    def @f(%x: int32) -> int32 { @f_cps(%x, fn (%r: int32) { %r }) }

    def @f(%x: int32) -> int32 { let %y = @g(%x); let %t = %y + 1; %t }

It undoes `to_cps`, whose marks it follows; other passes may have run in between as long as every
continuation is still called in the place of a result.
"""

from dataclasses import replace
from typing import TypeGuard

from ..errors import Unsupported
from ..infer import infer
from ..ir.matching import Clause, ConstructorPattern, Match, MatchPattern, TuplePattern, VarPattern
from ..ir.module import Module
from ..ir.nodes import Call, Constant, Constructor, Expr, Function, GlobalVar, If, Let, Var
from ..ir.types import FuncType, RefType, TupleType, Type, TypeCall, TypeVar
from ..ir.visitor import children, with_children
from ..text.trampoline import Rule, run
from .functions import typed
from .to_cps import CONTINUATION, CPS

__all__ = ["un_cps"]


def un_cps(module: Module) -> Module:
    """Return `module` with functions in continuation-passing style replaced by direct ones.

    Raises
    ------
    Unsupported
        A continuation is not called in the place of a result.
    """
    given = typed(module)
    names = {name: str(given[name].attrs[CPS]) for name in given if given[name].attrs.get(CPS)}
    if not names:
        return given
    functions = {name: given[name] for name in given if name not in names}
    for name, direct in names.items():
        functions[direct] = _Transform(names, given[name].type_params[-1]).function(given[name])
    return infer(replace(given, functions=functions))


class _Transform:
    """Rewrites one global function; `answer` is the type parameter of its answer."""

    def __init__(self, names: dict[str, str], answer: TypeVar) -> None:
        self._names = names
        self._answer = answer
        self._vars: dict[Var, Var] = {}
        self._joins: dict[Var, Function] = {}

    def function(self, function: Function) -> Function:
        """Return a global function in direct style."""
        made = run(self._function(function))
        return replace(made, type_params=function.type_params[:-1])

    def _function(self, function: Function) -> Rule[Function]:
        *params, finish = function.params
        kind = finish.type
        assert isinstance(kind, FuncType)
        new = tuple(self._var(param) for param in params)
        body: Expr = yield self._block(function.body, finish)
        attrs = {name: value for name, value in function.attrs.items() if name != CPS}
        result = self._type(kind.params[0])
        return Function(new, body, result, attrs, function.type_params, span=function.span)

    def _type(self, kind: Type) -> Type:
        """Return the type of a value in direct style."""
        match kind:
            case FuncType(params, ret, own) if ret == self._answer:
                *rest, finish = params
                assert isinstance(finish, FuncType)
                types = tuple(self._type(param) for param in rest)
                return FuncType(types, self._type(finish.params[0]), own)
            case FuncType(params, ret, own):
                return FuncType(tuple(map(self._type, params)), self._type(ret), own)
            case TupleType(fields):
                return TupleType(tuple(map(self._type, fields)))
            case TypeCall(name, args):
                return TypeCall(name, tuple(map(self._type, args)))
            case RefType(value):
                return RefType(self._type(value))
            case _:
                return kind

    def _var(self, var: Var) -> Var:
        if var not in self._vars:
            assert var.type is not None
            self._vars[var] = Var(var.name, self._type(var.type), span=var.span)
        return self._vars[var]

    def _block(self, expr: Expr, finish: Var) -> Rule[Expr]:
        """Return the expression whose value a block hands to the continuation `finish`."""
        bindings: list[tuple[Var, Expr]] = []
        while True:
            if isinstance(expr, Let) and expr.body is expr.var:
                expr = expr.value
            elif isinstance(expr, Let):
                if _is_continuation(expr.value):
                    self._joins[expr.var] = expr.value
                elif isinstance(expr.value, Function):
                    function: Expr = yield self._function(expr.value)
                    bindings.append((self._var(expr.var), function))
                else:
                    bindings.append((self._var(expr.var), self._plain(expr.value)))
                expr = expr.body
            else:
                value, after = yield self._last(expr, finish)
                if after is None:
                    return _wrap(bindings, value)
                bindings.append((self._var(after.params[0]), value))
                expr = after.body

    def _last(self, expr: Expr, finish: Var) -> Rule[tuple[Expr, Function | None]]:
        """Return the value that a block comes to, and the continuation that goes on from it."""
        if isinstance(expr, If | Match):
            target = self._target(expr, finish)
            parts = []
            for part in children(expr)[1:]:
                parts.append((yield self._block(part, target)))
            chosen = with_children(expr, (self._atom(children(expr)[0]), *parts))
            if isinstance(chosen, Match):
                clauses = (Clause(self._pattern(c.pattern), c.body) for c in chosen.clauses)
                chosen = replace(chosen, clauses=tuple(clauses))
            return replace(chosen, type=None), self._after(target, finish)
        if not isinstance(expr, Call) or not expr.args:
            raise _unsupported(expr)
        if isinstance(expr.op, Var) and (expr.op is finish or expr.op in self._joins):
            return self._atom(expr.args[0]), self._after(expr.op, finish)
        *args, last = expr.args
        call = Call(self._atom(expr.op), tuple(map(self._atom, args)), span=expr.span)
        if isinstance(last, Function):
            return call, last
        if not isinstance(last, Var):
            raise _unsupported(expr)
        return call, self._after(last, finish)

    def _after(self, target: Var, finish: Var) -> Function | None:
        """Return what goes on after a value was handed to `target`, None at the end."""
        return None if target is finish else self._joins[target]

    def _target(self, expr: Expr, finish: Var) -> Var:
        """Return the one continuation from outside `expr` that all its ends go to."""
        found: dict[Var, None] = {}
        local: dict[Var, Function] = {}
        pending = [expr]
        while pending:
            node = pending.pop()
            match node:
                case Let(var, value, body):
                    if _is_continuation(value):
                        local[var] = value
                    pending.append(value if body is var else body)
                    continue
                case If() | Match():
                    pending.extend(children(node)[1:])
                    continue
                case Call(op, args) if args:
                    ends = op is finish or op in local or op in self._joins
                    last = op if ends else args[-1]
                case _:
                    raise _unsupported(node)
            if isinstance(last, Function):
                pending.append(last.body)
            elif isinstance(last, Var) and last in local:
                pending.append(local[last].body)
            elif isinstance(last, Var):
                found[last] = None
            else:
                raise _unsupported(node)
        if len(found) != 1:
            raise _unsupported(expr)
        return next(iter(found))

    def _pattern(self, pattern: MatchPattern) -> MatchPattern:
        match pattern:
            case VarPattern(var):
                return replace(pattern, var=self._var(var))
            case ConstructorPattern(_, fields) | TuplePattern(fields):
                return replace(pattern, fields=tuple(self._pattern(part) for part in fields))
            case _:
                return pattern

    def _plain(self, node: Expr) -> Expr:
        """Return what is computed at once."""
        if isinstance(node, Var | Constant | GlobalVar | Constructor):
            return self._atom(node)
        if isinstance(node, If | Match | Function):
            raise _unsupported(node)
        return replace(
            with_children(node, tuple(self._atom(part) for part in children(node))), type=None
        )

    def _atom(self, node: Expr) -> Expr:
        match node:
            case Var():
                if node in self._joins:
                    raise _unsupported(node)
                return self._var(node)
            case GlobalVar(name):
                return replace(node, name=self._names.get(name, name), type=None)
            case Constant() | Constructor():
                return replace(node, type=None)
            case _:
                return self._plain(node)


def _is_continuation(node: Expr) -> TypeGuard[Function]:
    return isinstance(node, Function) and CONTINUATION in node.attrs


def _unsupported(node: Expr) -> Unsupported:
    return Unsupported(
        "direct style needs every continuation in the place of a result; go back from "
        "continuation-passing style before passes that move calls",
        node.span,
    )


def _wrap(bindings: list[tuple[Var, Expr]], result: Expr) -> Expr:
    for var, value in reversed(bindings):
        result = Let(var, value, result)
    return result
