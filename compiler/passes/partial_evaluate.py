"""Runs at compile time what is known then: calls of known functions, choices, cells, recursion.

before -> after::

    def @pow(%n: int32, %x: float32) -> float32 {
      if (%n == 0) { 1f } else { %x * @pow(%n - 1, %x) }
    }
    def @main(%x: float32) { @pow(2, %x) }

    def @main(%x: float32) { let %t = %x * 1f; let %t1 = %x * %t; %t1 }

An interpreter over values of which a part is known (`partial_values`): what it cannot do now it
writes down, in administrative normal form and in the order of evaluation, so effects keep theirs.
What a cell holds is known from its last write until a function that is not known is called.

Known functions are run at each call. One that calls itself is run again as long as no choice on the
way was left open, `_FUEL` times at most; past an open choice only if an argument becomes smaller (a
number nearer to 0, a list with fewer known elements). Every other call stays.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..infer import infer
from ..ir.matching import Clause, Match, pattern_vars
from ..ir.module import Module
from ..ir.nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.purity import Purity
from ..ir.types import FuncType, Type, TypeVar
from ..ir.unify import HOLE
from ..text.trampoline import Rule, run
from .copying import copy_pattern
from .eliminate_dead import eliminate_dead, without_dead
from .fold_constants import evaluated
from .functions import typed
from .partial_values import Cell, Closure, Data, Environment, Scope, Value, known_clause, measure
from .to_a_normal_form import to_a_normal_form
from .type_walk import match_types

__all__ = ["partial_evaluate"]

# Activations of one function within each other; a loop that is known to the end seldom has more.
_FUEL = 256

# Calls run in all: past it a program would rather grow than become faster.
_TOTAL_CALLS = 20_000


def partial_evaluate(module: Module) -> Module:
    """Return `module` with every function evaluated as far as is known, and without dead code."""
    normal = to_a_normal_form(typed(module))
    evaluator = _Evaluator(normal)
    functions = {name: evaluator.residual(name) for name in normal}
    purity = Purity(replace(normal, functions=functions))
    # What nothing uses goes before types are asked for: it may not say its own.
    live = {
        name: replace(function, body=without_dead(function.body, purity))
        for name, function in functions.items()
    }
    return eliminate_dead(infer(replace(normal, functions=live)))


class _Evaluator:
    """Evaluates functions of one module in administrative normal form."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._calls = 0

    def residual(self, name: str) -> Function:
        """Return a global function with its body evaluated; the parameters are not known."""
        function = self._module[name]
        scope, environment = Scope(), Environment()
        for param in function.params:
            environment.bind(param, Value(param))
        scope.running = ((function, (None,) * len(function.params)),)
        result = run(self._body(function.body, environment, scope))
        return replace(function, body=result, type=None)

    def _body(self, expr: Expr, environment: Environment, scope: Scope) -> Rule[Expr]:
        """Return a block of its own, evaluated."""
        value: Value = yield self._block(expr, environment, scope)
        atom: Expr = yield self._atom(value)
        return scope.wrap(atom)

    def _block(self, expr: Expr, environment: Environment, scope: Scope) -> Rule[Value]:
        """Return the value of a chain of `let`, what is left to do being bound in `scope`."""
        while isinstance(expr, Let):
            var, node = expr.var, expr.value
            if isinstance(node, Function):
                environment.bind(var, self._closure(node, environment, scope, var))
            else:
                value: Value = yield self._value(node, environment, scope)
                environment.bind(var, value)
            expr = expr.body
        result: Value = yield self._value(expr, environment, scope)
        return result

    def _closure(
        self, node: Function, environment: Environment, scope: Scope, name: Var | None
    ) -> Value:
        """Return a function as a value; it is written down only if somebody needs it."""
        var = scope.reserve("f" if name is None else name.name)
        return Value(var, Closure(node, environment, scope, name))

    def _value(self, node: Expr, environment: Environment, scope: Scope) -> Rule[Value]:
        """Return the value of what a `let` binds."""
        match node:
            case Var():
                return environment.find(node)
            case Constant(array):
                return Value(node, array)
            case GlobalVar() | Constructor():
                return Value(replace(node, type=None), node)
            case Function():
                return self._closure(node, environment, scope, None)
            case If(condition, then, otherwise):
                test: Value = yield self._value(condition, environment, scope)
                if isinstance(test.dynamic, Constant):
                    chosen = then if bool(test.dynamic.value) else otherwise
                    taken: Value = yield self._block(chosen, environment, scope)
                    return taken
                opened: Value = yield self._open_if(node, test, environment, scope)
                return opened
            case Match():
                matched: Value = yield self._match(node, environment, scope)
                return matched
            case Call(Op()):
                operator: Value = yield self._operator(node, environment, scope)
                return operator
            case Call(op, args):
                callee: Value = yield self._value(op, environment, scope)
                values = []
                for arg in args:
                    values.append((yield self._value(arg, environment, scope)))
                called: Value = yield self._call(node, callee, values, environment, scope)
                return called
            case _:
                made: Value = yield self._structure(node, environment, scope)
                return made

    def _structure(self, node: Expr, environment: Environment, scope: Scope) -> Rule[Value]:
        """Return the value of a tuple, a field of one, or what is done with a cell."""
        match node:
            case Tuple(fields):
                parts = []
                for part in fields:
                    parts.append((yield self._value(part, environment, scope)))
                atoms = yield self._atoms(parts)
                return Value(scope.bind(Tuple(atoms, span=node.span)), tuple(parts))
            case TupleGetItem(inner, index):
                value: Value = yield self._value(inner, environment, scope)
                if isinstance(value.static, tuple):
                    field: Value = value.static[index]
                    return field
                atom = yield self._atom(value)
                return Value(scope.bind(TupleGetItem(atom, index, span=node.span)))
            case RefCreate(inner):
                value = yield self._value(inner, environment, scope)
                cell = Cell()
                scope.store[cell] = value
                atom = yield self._atom(value)
                return Value(scope.bind(RefCreate(atom, span=node.span)), cell)
            case RefRead(reference):
                value = yield self._value(reference, environment, scope)
                if isinstance(value.static, Cell) and value.static in scope.store:
                    return scope.store[value.static]
                atom = yield self._atom(value)
                return Value(scope.bind(RefRead(atom, span=node.span)))
            case _:
                assert isinstance(node, RefWrite), f"{node!r} is no value of a normal form"
                written: Value = yield self._write(node, environment, scope)
                return written

    def _write(self, node: RefWrite, environment: Environment, scope: Scope) -> Rule[Value]:
        """Write a cell; one that is not known may be any of those that are."""
        target: Value = yield self._value(node.reference, environment, scope)
        value: Value = yield self._value(node.value, environment, scope)
        if isinstance(target.static, Cell):
            scope.store[target.static] = value
        else:
            scope.store.clear()
        atoms = yield self._atoms([target, value])
        return Value(scope.bind(RefWrite(*atoms, span=node.span)), ())

    def _operator(self, node: Call, environment: Environment, scope: Scope) -> Rule[Value]:
        """Return an operator's result: a constant if all arguments are."""
        values = []
        for arg in node.args:
            values.append((yield self._value(arg, environment, scope)))
        atoms = yield self._atoms(values)
        call = replace(node, args=atoms, type=None)
        folded = evaluated(call, tuple(_known(value) for value in values))
        if isinstance(folded, Constant):
            return Value(folded, folded.value)
        return Value(scope.bind(call))

    def _call(
        self,
        node: Call,
        callee: Value,
        values: Sequence[Value],
        environment: Environment,
        scope: Scope,
    ) -> Rule[Value]:
        """Return the value of a call: run now if the function is known and it may be run."""
        known = callee.static
        if isinstance(known, Constructor):
            atoms = yield self._atoms(values)
            call = Call(replace(known, type=None), atoms, span=node.span)
            made = scope.bind(call, environment.type_of(node.type))
            return Value(made, Data(known.name, tuple(values)))
        function, around = self._function(callee)
        sizes = tuple(measure(value) for value in values)
        if function is not None and self._may_run(function, sizes, scope):
            self._calls += 1
            inner = Environment(around, _type_arguments(function, node, environment))
            for param, value in zip(function.params, values, strict=True):
                inner.bind(param, value)
            before, scope.running = scope.running, (*scope.running, (function, sizes))
            result: Value = yield self._block(function.body, inner, scope)
            scope.running = before
            return result
        atom = yield self._atom(callee)
        atoms = yield self._atoms(values)
        scope.store.clear()
        return Value(scope.bind(Call(atom, atoms, node.attrs, span=node.span)))

    def _function(self, callee: Value) -> tuple[Function | None, Environment | None]:
        """Return the function that a value is, and where its free variables are."""
        match callee.static:
            case Closure(node, environment, _, name):
                around = Environment(environment)
                if name is not None:
                    around.bind(name, callee)
                return node, around
            case GlobalVar(name):
                function = self._module[name]
                kept = "Compiler" in function.attrs or "Primitive" in function.attrs
                return (None, None) if kept else (function, None)
            case _:
                return None, None

    def _may_run(self, function: Function, sizes: tuple[int | None, ...], scope: Scope) -> bool:
        """Return whether a known function is run now: one that is running already, only if it
        comes to an end."""
        if not scope.runs or self._calls >= _TOTAL_CALLS:
            return False
        running = [(place, old) for place, (f, old) in enumerate(scope.running) if f is function]
        if not running:
            return True
        place, last = running[-1]
        smaller = any(
            new is not None and old is not None and new < old
            for new, old in zip(sizes, last, strict=True)
        )
        decided = place >= scope.opened_since
        return len(running) < _FUEL and (smaller or decided)

    def _open_if(
        self, node: If, test: Value, environment: Environment, scope: Scope
    ) -> Rule[Value]:
        """Return the value of a choice that is left open."""
        inner = [scope.branch(), scope.branch()]
        then: Expr = yield self._body(node.then, Environment(environment), inner[0])
        otherwise: Expr = yield self._body(node.otherwise, Environment(environment), inner[1])
        scope.join(inner)
        atom = yield self._atom(test)
        return Value(scope.bind(If(atom, then, otherwise, span=node.span)))

    def _match(self, node: Match, environment: Environment, scope: Scope) -> Rule[Value]:
        """Return the value of a match, chosen now if the form of its value is known."""
        value: Value = yield self._value(node.value, environment, scope)
        found = known_clause(node, value)
        if found is not None:
            clause, bindings = found
            inner = Environment(environment)
            for var, part in bindings:
                inner.bind(var, part)
            chosen: Value = yield self._block(clause.body, inner, scope)
            return chosen
        clauses, scopes = [], []
        for clause in node.clauses:
            names: dict[Var, Expr] = {}
            inner, branch = Environment(environment), scope.branch()
            for var in pattern_vars(clause.pattern):
                new = Var(var.name, span=var.span)
                names[var] = new
                inner.bind(var, Value(new))
            body = yield self._body(clause.body, inner, branch)
            clauses.append(Clause(copy_pattern(clause.pattern, names), body))
            scopes.append(branch)
        scope.join(scopes)
        atom = yield self._atom(value)
        return Value(scope.bind(replace(node, value=atom, clauses=tuple(clauses), type=None)))

    def _atoms(self, values: Sequence[Value]) -> Rule[tuple[Expr, ...]]:
        found = []
        for value in values:
            found.append((yield self._atom(value)))
        return tuple(found)

    def _atom(self, value: Value) -> Rule[Expr]:
        """Return what stands for a value in the program; a function is written down by now.

        Its body is evaluated without running calls: it runs nobody knows when.
        """
        closure = value.static
        if isinstance(closure, Closure):
            assert isinstance(value.dynamic, Var)
            if closure.scope.take(value.dynamic):
                function = closure.function
                scope, inner = closure.scope.function(), Environment(closure.environment)
                if closure.name is not None:
                    inner.bind(closure.name, value)
                kind = closure.environment.type_of
                params = tuple(
                    replace(param, annotation=kind(param.annotation or param.type), type=None)
                    for param in function.params
                )
                for old, new in zip(function.params, params, strict=True):
                    inner.bind(old, Value(new))
                body = yield self._body(function.body, inner, scope)
                result = kind(function.ret_type)
                made = replace(function, params=params, body=body, ret_type=result, type=None)
                closure.scope.fill(value.dynamic, made)
        return value.dynamic


def _known(value: Value) -> Expr:
    """Return a constant, or a tuple of constants, that a value is; else what stands for it."""
    if isinstance(value.static, tuple):
        return Tuple(tuple(_known(part) for part in value.static))
    return value.dynamic


def _type_arguments(
    function: Function, node: Call, environment: Environment
) -> dict[TypeVar, Type]:
    """Return what the type parameters of a function stand for in a call of it."""
    if not function.type_params:
        return {}
    found: dict[TypeVar, Type] = dict.fromkeys(function.type_params, HOLE)
    used: dict[TypeVar, Type] = {}
    kinds = [environment.type_of(part.type) for part in (*node.args, node)]
    assert isinstance(function.type, FuncType)
    for pattern, kind in zip((*function.type.params, function.type.ret), kinds, strict=True):
        if kind is not None:
            match_types(pattern, kind, used)
    return {**found, **used}
