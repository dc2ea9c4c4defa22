"""The gradient of programs of the whole language: functions, choices, data types, cells.

before -> after, for the body of a function (%bp is the cell of the backpropagator)::

    let %y = exp(%x); ...

    let %y0 = exp(%x.0);
    let %y = (%y0, ref(zeros));
    let %back = ref_read(%bp);
    let %_ = ref_write(%bp, fn () {
      let %_ = ref_write(%x.1, add(ref_read(%x.1), multiply(ref_read(%y.1), %y0)));
      %back()
    }); ...

Each tensor carries a cell for its gradient; each operator adds to the cell of the backpropagator
what hands its gradient back and then continues with what was there. All else is as it was. Since
the outcome is a program of the same language, it may be differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import Unsupported
from ..gradients.application import argument_gradients, ones, with_zeros
from ..gradients.site import Gradient, add
from ..infer import infer
from ..ir.matching import Clause, Match, MatchPattern, TuplePattern, VarPattern
from ..ir.matching import ConstructorPattern as ConstructorCase
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
from ..ir.types import FuncType, TensorType, TupleType, Type
from ..ir.visitor import children, global_vars, with_children
from ..text.trampoline import Rule, run
from .eta_expand import eta_expand
from .gradient_types import BACKPROPAGATOR, TypeLifter
from .to_a_normal_form import to_a_normal_form

__all__ = ["higher_order"]


def higher_order(module: Module, name: str, result: str) -> Module:
    """Return a typed module with the gradient of the function `name`, called `result`.

    Raises
    ------
    Unsupported
        An operator has no gradient, or a parameter or the result is no tensor or tuple of them.
    """
    normal = to_a_normal_form(eta_expand(module))
    lifter = TypeLifter(normal)
    names: dict[str, str] = {}
    pending = [name]
    while pending:
        found = pending.pop()
        if found not in names:
            names[found] = _fresh(found, {*module, result, *names.values()})
            pending.extend(global_vars(normal[found]))
    functions = dict(module.functions)
    for old, new in names.items():
        functions[new] = _Transform(lifter, names).function(normal[old])
    functions[result] = _entry(normal[name], names[name], lifter)
    return infer(replace(module, functions=functions, types=lifter.types))


def _fresh(name: str, taken: set[str]) -> str:
    new = f"{name}_grad"
    while new in taken:
        new += "_grad"
    return new


@dataclass(slots=True)
class _Steps:
    """Bindings in the making."""

    bindings: list[tuple[Var, Expr]] = field(default_factory=list)

    def bind(self, value: Expr, name: str = "t") -> Var:
        """Return a new variable that stands for `value`."""
        var = Var(name)
        self.bindings.append((var, value))
        return var

    def wrap(self, result: Expr) -> Expr:
        """Return the expression that binds all and gives `result`."""
        for var, value in reversed(self.bindings):
            result = Let(var, value, result)
        return result


class _Transform:
    """Differentiates one global function in administrative normal form."""

    def __init__(self, lifter: TypeLifter, names: dict[str, str]) -> None:
        self._lifter = lifter
        self._names = names
        self._vars: dict[Var, Var] = {}

    def function(self, function: Function) -> Function:
        """Return a function that works on differentiated values."""
        return run(self._function(function))

    def _function(self, function: Function) -> Rule[Function]:
        assert isinstance(function.type, FuncType)
        params = tuple(self._var(param) for param in function.params)
        cell = Var("bp", BACKPROPAGATOR)
        body: Expr = yield self._block(function.body, cell)
        return Function(
            (*params, cell),
            body,
            self._lifter.lift(function.type.ret),
            {},
            function.type_params,
            span=function.span,
        )

    def _var(self, var: Var) -> Var:
        """Return what stands for a variable, with its type."""
        if var not in self._vars:
            self._vars[var] = Var(var.name, self._lifter.lift(_type_of(var)), span=var.span)
        return self._vars[var]

    def _block(self, expr: Expr, cell: Var) -> Rule[Expr]:
        """Return a chain of `let` and its result, differentiated."""
        steps = _Steps()
        while isinstance(expr, Let):
            new = self._var(expr.var)
            value: Expr = yield self._value(expr.value, cell, steps)
            steps.bindings.append((new, value))
            expr = expr.body
        return steps.wrap(self._atom(expr, steps))

    def _atom(self, expr: Expr, steps: _Steps) -> Expr:
        """Return what stands for an operand."""
        match expr:
            case Var():
                return self._var(expr)
            case GlobalVar(name):
                return replace(expr, name=self._names[name], type=None)
            case Constructor(name):
                return replace(expr, name=self._lifter.constructor(name), type=None)
            case _:
                assert isinstance(expr, Constant), f"{expr!r} is no operand of a normal form"
                return steps.bind(_with_cells(replace(expr, type=None), _type_of(expr)))

    def _value(self, node: Expr, cell: Var, steps: _Steps) -> Rule[Expr]:
        """Return what a `let` binds, differentiated."""
        match node:
            case Function():
                function: Expr = yield self._function(node)
                return function
            case Call(Op()):
                return self._operator(node, cell, steps)
            case Call(Constructor()):
                return self._parts(node, steps)
            case Call(op, args):
                operands = [self._atom(arg, steps) for arg in args]
                return Call(self._atom(op, steps), (*operands, cell), span=node.span)
            case If(condition, then, otherwise):
                test = TupleGetItem(self._atom(condition, steps), 0)
                first: Expr = yield self._block(then, cell)
                second: Expr = yield self._block(otherwise, cell)
                return If(test, first, second, span=node.span)
            case Match(value, clauses, complete):
                new = []
                for clause in clauses:
                    pattern = self._pattern(clause.pattern)
                    new.append(Clause(pattern, (yield self._block(clause.body, cell))))
                return Match(self._atom(value, steps), tuple(new), complete, span=node.span)
            case Tuple() | TupleGetItem() | RefCreate() | RefRead() | RefWrite():
                return self._parts(node, steps)
            case _:
                return self._atom(node, steps)

    def _parts(self, node: Expr, steps: _Steps) -> Expr:
        """Return a node that works on differentiated values as on others."""
        return with_children(node, tuple(self._atom(part, steps) for part in children(node)))

    def _pattern(self, pattern: MatchPattern) -> MatchPattern:
        """Return a pattern of differentiated values."""
        match pattern:
            case VarPattern(var):
                return replace(pattern, var=self._var(var))
            case ConstructorCase(name, fields):
                new = tuple(self._pattern(part) for part in fields)
                return replace(pattern, name=self._lifter.constructor(name), fields=new)
            case TuplePattern(fields):
                return replace(pattern, fields=tuple(self._pattern(part) for part in fields))
            case _:
                return pattern

    def _operator(self, node: Call, cell: Var, steps: _Steps) -> Expr:
        """Return an operator's result with its cells, and put its gradient before the others."""
        assert node.type is not None
        operands = [self._atom(arg, steps) for arg in node.args]
        kinds = [_type_of(arg) for arg in node.args]
        plain = tuple(
            steps.bind(_plain(operand, kind)) for operand, kind in zip(operands, kinds, strict=True)
        )
        output = steps.bind(replace(node, args=plain, type=None))
        result = steps.bind(_with_cells(output, node.type))
        inner = _Steps()
        gradient = _read(result, node.type, inner)
        found = argument_gradients(node, plain, output, gradient)
        before = len(inner.bindings)
        for operand, part in zip(operands, found, strict=True):
            _accumulate(operand, part, inner)
        if len(inner.bindings) > before:
            back = steps.bind(RefRead(cell), "back")
            function = Function((), inner.wrap(Call(back, ())))
            steps.bind(RefWrite(cell, function), "_")
        return result


def _entry(function: Function, name: str, lifter: TypeLifter) -> Function:
    """Return the function that calls the differentiated one and hands the gradients out."""
    assert isinstance(function.type, FuncType)
    if function.type_params:
        raise Unsupported("a function with type parameters has no gradient", function.span)
    for kind in (*function.type.params, function.type.ret):
        _require_tensors(kind, function)
    steps = _Steps()
    params = tuple(
        Var(param.name, kind, span=param.span)
        for param, kind in zip(function.params, function.type.params, strict=True)
    )
    cell = steps.bind(RefCreate(Function((), Tuple(()))), "bp")
    lifted = [
        steps.bind(_with_cells(param, kind), param.name)
        for param, kind in zip(params, function.type.params, strict=True)
    ]
    result = steps.bind(Call(GlobalVar(name), (*lifted, cell)), "y")
    plain = steps.bind(_plain(result, function.type.ret))
    _seed(result, ones(function.type.ret, plain), steps)
    back = steps.bind(RefRead(cell), "back")
    steps.bind(Call(back, ()), "_")
    gradients = [
        with_zeros(_read(var, kind, steps), kind, param)
        for var, kind, param in zip(lifted, function.type.params, params, strict=True)
    ]
    body = steps.wrap(Tuple((plain, Tuple(tuple(gradients)))))
    return Function(params, body, None, function.attrs, span=function.span)


def _type_of(expr: Expr) -> Type:
    assert expr.type is not None, "the module is typed"
    return expr.type


def _require_tensors(kind: Type, function: Function) -> None:
    if isinstance(kind, TupleType):
        for part in kind.fields:
            _require_tensors(part, function)
    elif not isinstance(kind, TensorType):
        raise Unsupported(
            f"gradients are of and by tensors and tuples of them, not {kind}; make other values "
            f"inside the function",
            function.span,
        )


def _plain(value: Expr, kind: Type) -> Expr:
    """Return a value of type `kind` without its cells."""
    if isinstance(kind, TupleType):
        parts = (_plain(TupleGetItem(value, place), part) for place, part in _fields(kind))
        return Tuple(tuple(parts))
    return TupleGetItem(value, 0)


def _with_cells(value: Expr, kind: Type) -> Expr:
    """Return a value of type `kind` with a cell for the gradient of each of its tensors."""
    if isinstance(kind, TupleType):
        parts = (_with_cells(TupleGetItem(value, place), part) for place, part in _fields(kind))
        return Tuple(tuple(parts))
    return Tuple((value, RefCreate(with_zeros(None, kind, value))))


def _read(value: Expr, kind: Type, steps: _Steps) -> Gradient:
    """Return what the cells of a value hold now."""
    if isinstance(kind, TupleType):
        return tuple(
            _read(TupleGetItem(value, place), part, steps) for place, part in _fields(kind)
        )
    assert isinstance(kind, TensorType)
    if not kind.dtype.startswith("float"):
        return None
    return steps.bind(RefRead(TupleGetItem(value, 1)), "g")


def _accumulate(value: Expr, gradient: Gradient, steps: _Steps) -> None:
    """Add gradients to the cells of a value."""
    if isinstance(gradient, tuple):
        for place, part in enumerate(gradient):
            _accumulate(TupleGetItem(value, place), part, steps)
    elif gradient is not None:
        cell = TupleGetItem(value, 1)
        steps.bind(RefWrite(cell, add(RefRead(cell), gradient)), "_")


def _seed(value: Expr, gradient: Gradient, steps: _Steps) -> None:
    """Put gradients into the cells of a value."""
    if isinstance(gradient, tuple):
        for place, part in enumerate(gradient):
            _seed(TupleGetItem(value, place), part, steps)
    elif gradient is not None:
        steps.bind(RefWrite(TupleGetItem(value, 1), gradient), "_")


def _fields(kind: TupleType) -> Sequence[tuple[int, Type]]:
    return tuple(enumerate(kind.fields))
