"""From a typed module in administrative normal form to first-order code: closures are records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ....ir import nodes
from ....ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ....ir.module import Module
from ....ir.nodes import Expr, GlobalVar, Let, Op, Var
from ....ir.types import TensorType, TupleType, Type
from ....text.trampoline import Rule, run
from .code import (
    Apply,
    Array,
    Block,
    Call,
    Case,
    Cases,
    Choose,
    Close,
    Constant,
    Field,
    Function,
    Instruction,
    Operand,
    Operate,
    Record,
    Variable,
    Write,
)

__all__ = ["convert"]

Value = Variable | Array | GlobalVar | nodes.Constructor | tuple["Value", ...]
"""What is known of an expression: a tuple that nobody asks for as a whole is never made."""


def convert(module: Module, regions: Mapping[str, int]) -> tuple[Function, ...]:
    """Return the functions that @main reaches, "main" first.

    Parameters
    ----------
    module : Module
        Typed, in administrative normal form (`to_a_normal_form`).
    regions : Mapping of str to int
        The global functions that the accelerator runs, and their numbers.
    """
    converter = _Converter(module, regions)
    converter.name_of("main")
    while converter.pending:
        converter.make(converter.pending.pop())
    functions = converter.functions
    return functions.pop("main"), *functions.values()


@dataclass(slots=True, eq=False)
class _Activation:
    """A function being converted.

    Attributes
    ----------
    values : of variables, by ``id``
    captured : what of the function around is used, and what it is called here
    """

    name: str
    parent: "_Activation | None" = None
    values: dict[int, Value] = field(default_factory=dict)
    captured: dict[Variable, Variable] = field(default_factory=dict)

    def find(self, node: Expr) -> Value:
        """Return the value of an operand."""
        match node:
            case nodes.Constant(value):
                return value
            case GlobalVar() | nodes.Constructor():
                return node
        found = self.values.get(id(node))
        if found is None:
            assert self.parent is not None, f"{node!r} has a value before it is used"
            found = self.values[id(node)] = self._inside(self.parent.find(node))
        return found

    def _inside(self, value: Value) -> Value:
        """Return what a value of the function around is here."""
        if isinstance(value, tuple):
            return tuple(self._inside(part) for part in value)
        if isinstance(value, Variable):
            return self.captured.setdefault(value, Variable(value.name, value.type))
        return value


@dataclass(slots=True)
class _Converter:
    """The functions made so far, and globals that are still to be made."""

    module: Module
    regions: Mapping[str, int]
    functions: dict[str, Function] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    inner: int = 0

    def name_of(self, name: str) -> str:
        """Return the name of a global function, which is made if it has not been."""
        if name not in self.named:
            self.named.add(name)
            self.pending.append(name)
        return name

    def make(self, name: str) -> None:
        """Make a global function."""
        function = self.module[name]
        activation = _Activation(name)
        params = tuple(_parameter(param, activation) for param in function.params)
        body = run(self._block(function.body, activation))
        self.functions[name] = Function(name, params, None, body)

    def _block(self, node: Expr, activation: _Activation) -> Rule[Block]:
        """Return a body, a branch or a clause."""
        lines: list[Instruction] = []
        while isinstance(node, Let):
            if isinstance(node.value, nodes.Function):
                value = yield self._close(node.value, activation, lines, node.var)
            else:
                value = yield self._value(node.value, activation, lines)
            activation.values[id(node.var)] = value
            node = node.body
        value = yield self._value(node, activation, lines)
        result = self._variable(value, node.type, lines)
        return Block(tuple(lines), result)

    def _value(self, node: Expr, activation: _Activation, lines: list[Instruction]) -> Rule[Value]:
        """Return the value of an expression, after adding what computes it."""
        match node:
            case nodes.Tuple(fields):
                return tuple(activation.find(part) for part in fields)
            case nodes.TupleGetItem(whole, index):
                value = activation.find(whole)
                if isinstance(value, tuple):
                    return value[index]
                return self._field(value, (index,), node.type, lines)
            case nodes.Call(op, args):
                values = tuple(activation.find(arg) for arg in args)
                return self._call(node, op, values, activation, lines)
            case nodes.Function():
                closure: Value = yield self._close(node, activation, lines, None)
                return closure
            case nodes.If(condition, then, otherwise):
                chosen = self._variable(activation.find(condition), condition.type, lines)
                blocks = (
                    (yield self._block(then, activation)),
                    (yield self._block(otherwise, activation)),
                )
                target = _new("chosen", node.type)
                lines.append(Choose(target, chosen, *blocks))
                return target
            case Match():
                matched: Value = yield self._match(node, activation, lines)
                return matched
            case nodes.RefCreate() | nodes.RefRead() | nodes.RefWrite():
                return self._cell(node, activation, lines)
            case _:
                return activation.find(node)

    def _cell(
        self,
        node: nodes.RefCreate | nodes.RefRead | nodes.RefWrite,
        activation: _Activation,
        lines: list[Instruction],
    ) -> Value:
        """Return the value of an expression about a cell."""
        if isinstance(node, nodes.RefCreate):
            target = _new("cell", node.type)
            held = self._variable(activation.find(node.value), node.value.type, lines)
            lines.append(Record(target, 0, (held,)))
            return target
        cell = activation.find(node.reference)
        if isinstance(node, nodes.RefRead):
            return self._field(cell, (0,), node.type, lines)
        assert isinstance(cell, Variable)
        value = self._variable(activation.find(node.value), node.value.type, lines)
        lines.append(Write(cell, value))
        return ()

    def _call(
        self,
        node: nodes.Call,
        op: Expr,
        values: tuple[Value, ...],
        activation: _Activation,
        lines: list[Instruction],
    ) -> Value:
        """Return the value of a call, of whatever kind."""
        called = op if isinstance(op, Op) else activation.find(op)
        if isinstance(called, Op):
            return self._operate(called.name, node, values, lines)
        if isinstance(called, GlobalVar) and called.name in self.regions:
            return self._operate(self.regions[called.name], node, values, lines)
        kinds = [arg.type for arg in node.args]
        arguments = tuple(
            self._variable(value, kind, lines) for value, kind in zip(values, kinds, strict=True)
        )
        target = _new("result", node.type)
        if isinstance(called, GlobalVar):
            lines.append(Call(target, self.name_of(called.name), arguments))
        elif isinstance(called, nodes.Constructor):
            lines.append(Record(target, self._tag(called.name), arguments))
        else:
            assert isinstance(called, Variable)
            lines.append(Apply(target, called, arguments))
        return target

    def _operate(
        self,
        name: str | int,
        node: nodes.Call,
        values: tuple[Value, ...],
        lines: list[Instruction],
    ) -> Value:
        """Add a call of an operator or a region."""
        operands = tuple(
            self._operand(value, arg.type, lines)
            for value, arg in zip(values, node.args, strict=True)
        )
        result = _result_of(str(name), node.type)
        lines.append(Operate(name, node.attrs, operands, result, node.type, node.span))
        return result

    def _operand(self, value: Value, kind: Type | None, lines: list[Instruction]) -> Operand:
        """Return a value as an operator takes it: tuples taken apart."""
        if isinstance(kind, TupleType):
            parts = (
                value
                if isinstance(value, tuple)
                else tuple(
                    self._field(value, (place,), part, lines)
                    for place, part in enumerate(kind.fields)
                )
            )
            pairs = zip(parts, kind.fields, strict=True)
            return tuple(self._operand(part, part_kind, lines) for part, part_kind in pairs)
        assert isinstance(value, Variable | np.ndarray)
        return value

    def _close(
        self,
        node: nodes.Function,
        around: _Activation,
        lines: list[Instruction],
        name: Var | None,
    ) -> Rule[Value]:
        """Make a function of a local one; return its closure."""
        self.inner += 1
        label = "fn" if name is None else name.name
        activation = _Activation(f"{around.name}.{label}.{self.inner}", around)
        itself = _new(label, node.type)
        if name is not None:
            activation.values[id(name)] = itself
        params = tuple(_parameter(param, activation) for param in node.params)
        body: Block = yield self._block(node.body, activation)
        taken = tuple(
            Field(inner, itself, (place,))
            for place, inner in enumerate(activation.captured.values())
        )
        body = Block((*taken, *body.instructions), body.result)
        self.functions[activation.name] = Function(activation.name, params, itself, body)
        closure = _new(label, node.type)
        lines.append(Close(closure, activation.name, tuple(activation.captured)))
        return closure

    def _match(self, node: Match, activation: _Activation, lines: list[Instruction]) -> Rule[Value]:
        """Add a match."""
        subject = self._variable(activation.find(node.value), node.value.type, lines)
        cases: list[Case] = []
        for clause in node.clauses:
            tests: list[tuple[tuple[int, ...], int]] = []
            bound: list[Instruction] = []
            pending: list[tuple[MatchPattern, tuple[int, ...]]] = [(clause.pattern, ())]
            while pending:
                pattern, path = pending.pop()
                match pattern:
                    case VarPattern(var) if path:
                        part = _new(var.name, var.type)
                        bound.append(Field(part, subject, path))
                        activation.values[id(var)] = part
                    case VarPattern(var):
                        activation.values[id(var)] = subject
                    case ConstructorPattern(name, fields):
                        if not self._is_only(name):
                            tests.append((path, self._tag(name)))
                        pending.extend((part, (*path, n)) for n, part in enumerate(fields))
                    case TuplePattern(fields):
                        pending.extend((part, (*path, n)) for n, part in enumerate(fields))
                    case _:
                        pass
            body: Block = yield self._block(clause.body, activation)
            cases.append(Case(tuple(tests), Block((*bound, *body.instructions), body.result)))
        target = _new("matched", node.type)
        place = "" if node.span is None else f"{node.span}: "
        failure = f"{place}match has no clause for a value; add one, or do not run it on this"
        lines.append(Cases(target, subject, tuple(cases), failure))
        return target

    def _field(
        self, value: Value, path: tuple[int, ...], kind: Type | None, lines: list[Instruction]
    ) -> Variable:
        """Return a field of a record."""
        assert isinstance(value, Variable)
        target = _new(f"{value.name}.{path[-1]}", kind)
        lines.append(Field(target, value, path))
        return target

    def _variable(self, value: Value, kind: Type | None, lines: list[Instruction]) -> Variable:
        """Return a value as an object."""
        match value:
            case Variable():
                return value
            case np.ndarray():
                target = _new("constant", TensorType(value.shape, str(value.dtype)))
                lines.append(Constant(target, value))
            case GlobalVar(name):
                target = _new(name, kind)
                lines.append(Close(target, self.name_of(name), ()))
            case nodes.Constructor(name):
                target = _new(name, kind)
                lines.append(Close(target, self._maker(name), ()))
            case tuple():
                kinds = kind.fields if isinstance(kind, TupleType) else (None,) * len(value)
                parts = tuple(
                    self._variable(part, part_kind, lines)
                    for part, part_kind in zip(value, kinds, strict=True)
                )
                target = _new("tuple", kind or TupleType(tuple(part.type for part in parts)))
                lines.append(Record(target, 0, parts))
        return target

    def _maker(self, constructor: str) -> str:
        """Return the name of a function that calls a constructor."""
        name = f"{constructor}.make"
        if name not in self.functions:
            found = self.module.constructor(constructor)
            assert found is not None
            params = tuple(_new("field", kind) for kind in found[1].fields)
            made = _new("made", TupleType(()))
            body = Block((Record(made, self._tag(constructor), params),), made)
            self.functions[name] = Function(name, params, None, body)
        return name

    def _tag(self, constructor: str) -> int:
        """Return the number of a constructor among those of its type."""
        found = self.module.constructor(constructor)
        assert found is not None, f"{constructor} is declared"
        return found[0].constructors.index(found[1])

    def _is_only(self, constructor: str) -> bool:
        """Return whether all values of a type have this constructor."""
        found = self.module.constructor(constructor)
        assert found is not None
        return len(found[0].constructors) == 1


def _new(name: str, kind: Type | None) -> Variable:
    """Return a new variable."""
    return Variable(name, TupleType(()) if kind is None else kind)


def _parameter(param: Var, activation: _Activation) -> Variable:
    """Return the variable of a parameter."""
    found = _new(param.name, param.type or param.annotation)
    activation.values[id(param)] = found
    return found


def _result_of(name: str, kind: Type | None) -> tuple["Operand", ...] | Variable:
    """Return variables for the results of an operator."""
    if isinstance(kind, TupleType):
        return tuple(_result_of(name, part) for part in kind.fields)
    return _new(name, kind)
