"""Finds the first pass after which a program gives another result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CompileError, Unsupported
from ..interpreter import Result, evaluate
from ..ir.dims import Any, Dim, Size, Symbol, substitute_dim, symbols_in
from ..ir.module import Module
from ..ir.types import TensorType, TupleType, Type
from .functions import typed
from .manager import PassContext, selected
from .registry import find_pass

__all__ = ["Change", "bisect", "random_inputs"]

_UNKNOWN_SIZES = (1, 6)


@dataclass(frozen=True, slots=True)
class Change:
    """What a pass changed that it should not have.

    Attributes
    ----------
    name : str
        Of the pass.
    difference : float
        The largest one between elements; infinite if there is no such number.
    seed : int
        Of the inputs.
    reason : str
        In words.
    """

    name: str
    difference: float
    seed: int
    reason: str


def bisect(
    module: Module,
    names: Sequence[str],
    context: PassContext | None = None,
    seed: int = 0,
    tolerance: float = 1e-4,
) -> Change | None:
    """Return the first pass after which the interpreter's result differs, None if none does.

    Every pass is run in turn; the result after it is compared with that of the module as given.

    Parameters
    ----------
    names, context : as of `run_passes`
    seed : of the random inputs
    tolerance : of floating-point results, relative to the largest element; integers are exact

    Raises
    ------
    Unsupported
        A pass does not exist, or inputs cannot be made for a type.
    """
    module = typed(module)
    inputs = random_inputs(module, seed)
    expected = evaluate(module, *inputs)
    for name in selected(names, PassContext() if context is None else context):
        try:
            module = find_pass(name).function(module)
            found = evaluate(module, *inputs)
        except CompileError as error:
            return Change(name, np.inf, seed, f"it fails: {error}")
        difference, reason = _difference(expected, found, tolerance)
        if reason:
            return Change(name, difference, seed, reason)
    return None


def random_inputs(module: Module, seed: int) -> list[Result]:
    """Return values for the parameters of @main.

    Floats are in -1..1, narrow integers over their whole range, wide ones in -100..100; unknown
    sizes are small, and equal where they have one name.

    Raises
    ------
    Unsupported
        A parameter is neither a tensor nor a tuple of tensors.
    """
    random = np.random.default_rng(seed)
    sizes: dict[Symbol, Dim] = {}
    main = typed(module)["main"]
    return [_random_value(param.type, f"%{param.name}", random, sizes) for param in main.params]


def _random_value(
    kind: Type | None, name: str, random: np.random.Generator, sizes: dict[Symbol, Dim]
) -> Result:
    """Return a value of a type; `sizes` are those of symbols so far."""
    if isinstance(kind, TupleType):
        return tuple(_random_value(part, name, random, sizes) for part in kind.fields)
    if not isinstance(kind, TensorType):
        raise Unsupported(f"random inputs are tensors or tuples of them, not {kind} ({name})")
    shape = tuple(_size(dim, random, sizes) for dim in kind.shape)
    if kind.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if kind.dtype.startswith("float"):
        return np.asarray(random.uniform(-1, 1, shape)).astype(kind.dtype)
    limits = np.iinfo(kind.dtype)
    low, high = (limits.min, limits.max) if limits.bits <= 8 else (max(limits.min, -100), 100)
    return np.asarray(random.integers(low, high, shape, endpoint=True)).astype(kind.dtype)


def _size(dim: Dim, random: np.random.Generator, sizes: dict[Symbol, Dim]) -> int:
    """Return a number for the size of an axis."""
    if isinstance(dim, Any):
        return int(random.integers(*_UNKNOWN_SIZES))
    if isinstance(dim, Size):
        for name in symbols_in(dim):
            if name not in sizes:
                sizes[name] = int(random.integers(*_UNKNOWN_SIZES))
        found = substitute_dim(dim, sizes)
        assert isinstance(found, int), f"{dim} has symbols that were not found"
        return found
    return dim


def _difference(expected: object, found: object, tolerance: float) -> tuple[float, str]:
    """Return the largest difference of two results, and in words what is wrong, "" if nothing."""
    worst, reason = 0.0, ""
    pending = [(expected, found)]
    while pending:
        left, right = pending.pop()
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            difference, wrong = _array_difference(left, right, tolerance)
            if wrong and (difference > worst or not reason):
                worst, reason = difference, wrong
            continue
        a, b = _parts(left), _parts(right)
        if type(left) is not type(right) or _head(left) != _head(right) or len(a) != len(b):
            return np.inf, f"it gives {_words(right)} instead of {_words(left)}"
        pending.extend(zip(a, b, strict=True))
    return worst, reason


def _parts(value: object) -> tuple[object, ...]:
    """Return what a value of the interpreter is made of: a tuple's fields, a constructor's, ..."""
    if isinstance(value, tuple):
        return value
    fields = getattr(value, "fields", None)
    return fields if isinstance(fields, tuple) else ()


def _head(value: object) -> object:
    """Return the constructor of a value, None if it has none."""
    return getattr(value, "constructor", None)


def _words(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"Tensor[{value.shape}, {value.dtype}]"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return str(_head(value) or type(value).__name__)


def _array_difference(left: np.ndarray, right: np.ndarray, tolerance: float) -> tuple[float, str]:
    """Return the largest difference of two arrays, and in words what is wrong."""
    if left.dtype != right.dtype or left.shape != right.shape:
        return np.inf, f"it gives {_words(right)} instead of {_words(left)}"
    if not left.size:
        return 0.0, ""
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(a - b))
    worst = float(np.nan_to_num(gaps, nan=np.inf).max())
    finite = np.abs(a[np.isfinite(a)])
    allowed = tolerance * max(1.0, float(finite.max(initial=0.0))) if left.dtype.kind == "f" else 0
    return worst, f"results differ by up to {worst:.6g}" if worst > allowed else ""
