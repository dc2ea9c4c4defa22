"""The meaning of a program: any well-typed module evaluated in numpy.

Every backend, device and pass is tested against this file; it aims to be plainly right. Values
are arrays, tuples of values, and closures. Evaluation is call by value on an explicit stack, so
that neither long chains nor deep recursion meet a limit of Python's. A shared node is evaluated
once in each activation of the function around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np

from .errors import CompileError, InvalidInput, InvalidModule, Unsupported
from .infer import infer
from .ir.module import Module
from .ir.nodes import (
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from .ir.types import Any, TensorType, TupleType, Type
from .ir.visitor import children
from .ops.attributes import complete_attributes
from .ops.operator import Array, Mismatch, Missing
from .ops.registry import lookup

__all__ = ["Result", "evaluate", "evaluate_call"]

Result = Array | tuple["Result", ...]
_Value: TypeAlias = "Array | tuple[_Value, ...] | _Closure"


def evaluate(module: Module, *inputs: Result) -> Result:
    """Return what ``@main`` gives for `inputs`.

    Parameters
    ----------
    module : Module
        Typed or not; it is inferred first if need be.
    inputs : arrays, tuples of arrays for tuple parameters
        One a parameter, of exactly its shape and data type.

    Returns
    -------
    array or (nested) tuple of arrays

    Raises
    ------
    InvalidInput
        Inputs of a wrong count, shape or data type.
    CompileError
        The module is not well typed, or has no ``@main``.
    """
    if "main" not in module:
        names = ", ".join(f"@{name}" for name in module) or "none"
        raise InvalidModule(f"a program needs a function @main; this module has {names}")
    if module["main"].type is None:
        module = infer(module)
    main = module["main"]
    if len(inputs) != len(main.params):
        names = ", ".join(f"%{param.name}: {param.type}" for param in main.params)
        raise InvalidInput(
            f"@main takes {len(main.params)} inputs ({names}), not {len(inputs)}", main.span
        )
    values = [
        _checked_input(number, param, value)
        for number, (param, value) in enumerate(zip(main.params, inputs, strict=True))
    ]
    with np.errstate(all="ignore"):
        result = _Machine(module).run(main, values)
    return _plain(result, main)


def evaluate_call(call: Call, arguments: Sequence[Result]) -> Result:
    """Return what the operator of `call` gives for values of its arguments.

    Raises
    ------
    Unsupported
        The values ask for what the operator does not do.
    InvalidInput
        The values' shapes, unknown until now, do not fit.
    """
    assert isinstance(call.op, Op)
    row = lookup(call.op.name, call.span)
    attrs = call.attrs
    if call.type is None:
        attrs = complete_attributes(row, attrs, call.span)
    try:
        if call.type is None or any(arg.type is None or _has_any(arg.type) for arg in call.args):
            row.relation(tuple(_type_of(value) for value in arguments), attrs)
        with np.errstate(all="ignore"):
            return row.meaning(attrs, *arguments)
    except Mismatch as error:
        kind: type[CompileError] = Unsupported if isinstance(error, Missing) else InvalidInput
        raise kind(f"{row.name}: {error.problem}; {error.remedy}", call.span) from None


@dataclass(frozen=True, slots=True, eq=False)
class _Closure:
    """A function and the activation that its free variables belong to."""

    function: Function
    frame: _Frame | None


@dataclass(slots=True, eq=False)
class _Frame:
    """One activation of a function: values by ``id`` of variable or node."""

    parent: _Frame | None
    values: dict[int, _Value] = field(default_factory=dict)
    calls: dict[int, tuple[Expr, _Frame]] = field(default_factory=dict)

    def find(self, node: Expr) -> _Value | None:
        """Return the value of a node or variable, None if it has none yet."""
        if isinstance(node, Constant):
            return node.value
        frame: _Frame | None = self
        while frame is not None:
            value = frame.values.get(id(node))
            if value is not None:
                return value
            frame = frame.parent
        return None


class _Machine:
    """Evaluates expressions of one module; `stack` holds what is still wanted."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.stack: list[tuple[Expr, _Frame]] = []

    def run(self, function: Function, arguments: Sequence[_Value]) -> _Value:
        """Return what a global function gives."""
        frame = _Frame(None)
        for param, value in zip(function.params, arguments, strict=True):
            frame.values[id(param)] = value
        self.stack.append((function.body, frame))
        while self.stack:
            node, here = self.stack[-1]
            if here.find(node) is None:
                found = self._step(node, here)
                if found is None:
                    continue
                here.values[id(node)] = found
            self.stack.pop()
        result = frame.find(function.body)
        assert result is not None
        return result

    def _step(self, node: Expr, frame: _Frame) -> _Value | None:
        """Return the value of `node`, or None after asking for the values that it needs."""
        match node:
            case Function():
                return _Closure(node, frame)
            case GlobalVar(name):
                return _Closure(self.module[name], None)
            case Let(var, value, body):
                if self._wants(frame, value):
                    return None
                bound = frame.find(value)
                assert bound is not None
                frame.values[id(var)] = bound
                return None if self._wants(frame, body) else frame.find(body)
            case If(condition, then, otherwise):
                if self._wants(frame, condition):
                    return None
                branch = then if bool(frame.find(condition)) else otherwise
                return None if self._wants(frame, branch) else frame.find(branch)
            case Var(name):
                raise InvalidModule(f"%{name} is not bound", node.span)
            case _:
                return None if self._wants(frame, *children(node)) else self._apply(node, frame)

    def _wants(self, frame: _Frame, *nodes: Expr) -> bool:
        """Return whether a value is missing; those that are will be found first."""
        missing = [(node, frame) for node in nodes if frame.find(node) is None]
        self.stack.extend(reversed(missing))
        return bool(missing)

    def _apply(self, node: Expr, frame: _Frame) -> _Value | None:
        """Return the value of a node whose children have values."""
        found = [frame.find(part) for part in children(node)]
        parts = [value for value in found if value is not None]
        assert len(parts) == len(found), "values are asked for before they are used"
        match node:
            case Call(op) if isinstance(op, Op):
                result = evaluate_call(node, cast(list[Result], parts))
                assert node.type is None or _mismatch(node.type, result) is None, (
                    f"{op.name} gave {_type_of(result)}, not {node.type}"
                )
                return result
            case Call():
                return self._call(node, frame, parts)
            case Tuple():
                return tuple(parts)
            case TupleGetItem(_, index):
                (value,) = parts
                assert isinstance(value, tuple)
                return value[index]
            case _:
                raise AssertionError(f"{node!r} is no expression")

    def _call(self, node: Call, frame: _Frame, parts: list[_Value]) -> _Value | None:
        """Return the result of a call; the first time, enter the function."""
        entered = frame.calls.get(id(node))
        if entered is not None:
            body, inner = entered
            result = inner.find(body)
            if result is not None:
                del frame.calls[id(node)]
            return result
        closure = parts[0]
        assert isinstance(closure, _Closure)
        inner = _Frame(closure.frame)
        for param, value in zip(closure.function.params, parts[1:], strict=True):
            wrong = None if param.type is None else _mismatch(param.type, value)
            if wrong is not None:
                raise InvalidInput(f"%{param.name} must be {param.type}, not {wrong}", node.span)
            inner.values[id(param)] = value
        frame.calls[id(node)] = closure.function.body, inner
        self.stack.append((closure.function.body, inner))
        return None


def _checked_input(number: int, param: Var, value: Result) -> Result:
    """Return an input in native byte order; InvalidInput if it is not of the parameter's type."""
    assert param.type is not None
    given = _native(value)
    wrong = _mismatch(param.type, given)
    if wrong is not None:
        raise InvalidInput(
            f"input {number} (%{param.name}) must be {param.type}, not {wrong}; "
            f"reshape or convert it",
            param.span,
        )
    return given


def _native(value: object) -> Result:
    """Return arrays in native byte order; Python's numbers become arrays."""
    if isinstance(value, tuple | list):
        return tuple(_native(part) for part in value)
    array = np.asarray(value)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _type_of(value: object) -> Type:
    """Return the type of an array or a tuple of arrays."""
    if isinstance(value, tuple):
        return TupleType(tuple(_type_of(part) for part in value))
    assert isinstance(value, np.ndarray)
    return TensorType(value.shape, str(value.dtype))


def _has_any(root: Type) -> bool:
    """Return whether a type of tensors has an unknown size."""
    if isinstance(root, TupleType):
        return any(_has_any(part) for part in root.fields)
    return isinstance(root, TensorType) and any(isinstance(size, Any) for size in root.shape)


def _mismatch(expected: Type, value: object) -> str | None:
    """Return in words what `value` is if it is not of type `expected`, else None."""
    if isinstance(value, tuple):
        parts = [_mismatch_text(part) for part in value]
        if not isinstance(expected, TupleType) or len(value) != len(expected.fields):
            return f"({', '.join(parts)})" if isinstance(expected, TensorType | TupleType) else None
        pairs = zip(expected.fields, value, strict=True)
        wrong = any(_mismatch(part, given) is not None for part, given in pairs)
        return f"({', '.join(parts)})" if wrong else None
    if not isinstance(value, np.ndarray):
        return None
    if isinstance(expected, TensorType):
        fits = (
            str(value.dtype) == expected.dtype
            and len(value.shape) == len(expected.shape)
            and all(
                isinstance(size, Any) or size == have
                for size, have in zip(expected.shape, value.shape, strict=True)
            )
        )
        return None if fits else _mismatch_text(value)
    return _mismatch_text(value) if isinstance(expected, TupleType) else None


def _mismatch_text(value: object) -> str:
    """Return the type of any value in words."""
    if isinstance(value, tuple):
        return f"({', '.join(_mismatch_text(part) for part in value)})"
    if isinstance(value, np.ndarray):
        shape = ", ".join(map(str, value.shape))
        return f"Tensor[({shape}), {value.dtype}]" if value.shape else str(value.dtype)
    return "a function"


def _plain(value: _Value, main: Function) -> Result:
    """Return the result of a program; Unsupported if it holds a function."""
    if isinstance(value, _Closure):
        raise Unsupported("@main must give tensors or tuples of them, not a function", main.span)
    if isinstance(value, tuple):
        return tuple(_plain(part, main) for part in value)
    return value
