"""The machine that evaluates: call by value on an explicit stack.

So neither long chains nor deep recursion meet a limit of Python's, and a call in tail position
takes the place of its caller: a loop by recursion needs no memory. A shared node is evaluated once
in each activation of the function around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..errors import InvalidInput, InvalidModule
from ..ir.matching import ConstructorPattern, Match, MatchPattern, TuplePattern, VarPattern
from ..ir.module import Module
from ..ir.nodes import (
    Call,
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
from ..ir.visitor import children
from ..ops.operator import Value as Operand
from .checks import mismatch
from .frames import Frame, Task
from .operators import evaluate_call
from .values import Closure, Data, Reference, Value, form

__all__ = ["Machine"]


class Machine:
    """Evaluates expressions of one module; the stack holds what is still wanted."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._stack: list[Task] = []

    def run(self, function: Function, arguments: Sequence[Value]) -> Value:
        """Return what a global function gives."""
        stack = self._stack
        self._enter(function, function, Frame(None, {}), arguments)
        while True:
            task = stack[-1]
            value = task.frame.find(task.node)
            if value is None:
                value = self._step(task)
                if value is None:
                    continue
            task.finish(value)
            stack.pop()
            if task.entry:
                if not stack:
                    return value
                self._check(stack[-1].node, value, stack[-1].frame)
                stack[-1].frame.values[id(stack[-1].node)] = value

    def _step(self, task: Task) -> Value | None:
        """Return the value of a task, or None after asking for the values that it needs."""
        node, frame = task.node, task.frame
        match node:
            case Function():
                return Closure(node, frame)
            case GlobalVar(name):
                return Closure(self._module[name])
            case Constructor():
                return Closure(node)
            case Let(var, value, body):
                if self._wants(frame, value):
                    return None
                bound = frame.get(value)
                if var.annotation is not None:
                    self._check(var, bound, frame)
                frame.values[id(var)] = bound
                return self._continue(task, body)
            case If(condition, then, otherwise):
                if self._wants(frame, condition):
                    return None
                return self._continue(task, then if bool(frame.get(condition)) else otherwise)
            case Match(value):
                return None if self._wants(frame, value) else self._match(task, node)
            case Var(name):
                raise InvalidModule(f"%{name} is not bound", node.span)
            case _:
                parts = self._values(frame, children(node))
                return None if parts is None else self._apply(task, parts)

    def _values(self, frame: Frame, nodes: Sequence[Expr]) -> list[Value] | None:
        """Return the values of `nodes`; None if one is missing, which will be found first."""
        found = [frame.find(node) for node in nodes]
        parts = [value for value in found if value is not None]
        if len(parts) == len(found):
            return parts
        for node, value in zip(reversed(nodes), reversed(found), strict=True):
            if value is None:
                self._stack.append(Task(node, frame))
        return None

    def _wants(self, frame: Frame, node: Expr) -> bool:
        """Return whether a value is missing; it will be found first."""
        if frame.find(node) is not None:
            return False
        self._stack.append(Task(node, frame))
        return True

    def _continue(self, task: Task, body: Expr) -> Value | None:
        """Return the value of `body`, which is that of the task; None after asking for it.

        The task for the body takes the place of this one.
        """
        value = task.frame.find(body)
        if value is None:
            self._stack[-1] = Task(body, task.frame, task.entry, task)
        return value

    def _match(self, task: Task, node: Match) -> Value | None:
        """Return the value of the first clause whose pattern the value has."""
        frame = task.frame
        value = frame.get(node.value)
        for clause in node.clauses:
            found = _bindings(clause.pattern, value)
            if found is not None:
                for var, part in found:
                    self._check(var, part, frame)
                    frame.values[id(var)] = part
                return self._continue(task, clause.body)
        raise InvalidInput(
            f"match has no clause for {form(value)}; add one, or do not run it on this", node.span
        )

    def _apply(self, task: Task, parts: list[Value]) -> Value | None:
        """Return the value of a node whose children have the values `parts`."""
        node, frame = task.node, task.frame
        match node:
            case Call(op) if isinstance(op, Op):
                result = evaluate_call(node, cast(list[Operand], parts))
                wrong = None if node.type is None else mismatch(node.type, result, frame.sizes)
                assert wrong is None, f"{node.span}: {op.name} gave {wrong}, not {node.type}"
                return result
            case Call():
                return self._call(task, parts)
            case Tuple():
                return tuple(parts)
            case TupleGetItem(_, index):
                value = parts[0]
                assert isinstance(value, tuple)
                self._check(node, value[index], frame)
                return value[index]
            case RefCreate():
                return Reference(parts[0])
            case RefRead():
                cell = parts[0]
                assert isinstance(cell, Reference)
                self._check(node, cell.value, frame)
                return cell.value
            case RefWrite():
                cell = parts[0]
                assert isinstance(cell, Reference)
                cell.value = parts[1]
                return ()
            case _:
                raise AssertionError(f"{node!r} is no expression")

    def _call(self, task: Task, parts: list[Value]) -> Value | None:
        """Return what a constructor gives; of a function, enter it."""
        closure = parts[0]
        assert isinstance(closure, Closure), "inference lets only functions be called"
        function = closure.function
        if isinstance(function, Constructor):
            return Data(function.name, tuple(parts[1:]))
        frame = Frame(closure.frame, {} if closure.frame is None else closure.frame.sizes)
        if task.entry:
            self._stack.pop()
        self._enter(function, task.node, frame, parts[1:])
        return None

    def _enter(
        self, function: Function, place: Expr, frame: Frame, arguments: Sequence[Value]
    ) -> None:
        """Put the body of a function on the stack, its parameters bound."""
        for param, value in zip(function.params, arguments, strict=True):
            if param.type is not None:
                wrong = mismatch(param.type, value, frame.sizes)
                if wrong is not None:
                    raise InvalidInput(
                        f"%{param.name} must be {param.type}, not {wrong}", place.span
                    )
            frame.values[id(param)] = value
        self._stack.append(Task(function.body, frame, entry=True))

    def _check(self, node: Expr, value: Value, frame: Frame) -> None:
        """Raise InvalidInput if a value, of sizes unknown until now, is not of its type."""
        if node.type is None:
            return
        wrong = mismatch(node.type, value, frame.sizes)
        if wrong is not None:
            what = f"%{node.name}" if isinstance(node, Var) else "this"
            raise InvalidInput(f"{what} must be {node.type}, not {wrong}", node.span)


def _bindings(pattern: MatchPattern, value: Value) -> list[tuple[Var, Value]] | None:
    """Return what a pattern's variables are for `value`, None if it does not have the form."""
    found: list[tuple[Var, Value]] = []
    pending = [(pattern, value)]
    while pending:
        form_, given = pending.pop()
        match form_:
            case VarPattern(var):
                found.append((var, given))
            case TuplePattern(fields):
                assert isinstance(given, tuple)
                pending.extend(zip(fields, given, strict=True))
            case ConstructorPattern(name, fields):
                assert isinstance(given, Data)
                if given.constructor != name:
                    return None
                pending.extend(zip(fields, given.fields, strict=True))
            case _:
                pass
    return found
