"""ONNX networks whose inputs have open sizes: what may be open where, and what follows from it.

A dimension with a name (``batch``) is a symbol, one without is a symbol of its own. A converter
gets to see a symbol only where `require_known` knows that it needs no number there; the sizes of
what it makes are those that our own inference finds, not those that the file states.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from ..errors import TypeInferenceError, Unsupported
from ..infer import infer
from ..ir import Constant, Expr, Function, Module, Span, TensorType, Var
from ..ir.dims import Any, Dim, Size, Symbol, substitute_dim, symbols_in
from ..ir.visitor import children, with_children
from ..ops.operator import Mismatch
from ..ops.shape import reshaped
from ..ops.shapes import product
from .onnx_node import OnnxContext

__all__ = ["Sizes", "is_open", "newshape", "require_known"]


def is_open(shape: Iterable[Dim]) -> bool:
    """Return whether a size is known only when the network runs."""
    return any(not isinstance(size, int) for size in shape)


def newshape(
    context: OnnxContext, source: tuple[Dim, ...], target: tuple[Dim, ...]
) -> tuple[int, ...]:
    """Return what brings `source` into `target` as Relay's ``reshape`` has it.

    Raises
    ------
    Unsupported
        Open sizes change in a way that has no code.
    """
    if not is_open((*source, *target)):
        return cast(tuple[int, ...], target)
    for codes in (_copies(source, target), _joins(source, target)):
        if codes is not None and _makes(source, codes, target):
            return codes
    raise Unsupported(
        f"a reshape of {_text(source)} to {_text(target)} cannot be said; fix the size",
        context.span,
    )


def _text(shape: tuple[Dim, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _copies(source: tuple[Dim, ...], target: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """Return `target` as numbers, axes that stay in their place, and one that is the rest."""
    codes = []
    for axis, size in enumerate(target):
        if isinstance(size, int):
            codes.append(size)
        else:
            codes.append(0 if axis < len(source) and source[axis] == size else -1)
    return tuple(codes) if codes.count(-1) < 2 else None


def _joins(source: tuple[Dim, ...], target: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """Return `target` as axes that stay, two that become one, and one that becomes two."""
    codes: list[int] = []
    while source and target:
        if source[0] == target[0]:
            codes.append(0)
            source, target = source[1:], target[1:]
        elif len(source) > 1 and product(source[:2]) == target[0]:
            codes.append(-3)
            source, target = source[2:], target[1:]
        elif len(target) > 1 and product(target[:2]) == source[0]:
            pair = [size if isinstance(size, int) else -1 for size in target[:2]]
            codes += [-4, *pair]
            source, target = source[1:], target[2:]
        else:
            return None
    return None if source or target else tuple(codes)


def _makes(source: tuple[Dim, ...], codes: tuple[int, ...], target: tuple[Dim, ...]) -> bool:
    """Return whether `codes` make `target`, in which a size that has no name may be any."""
    try:
        made = reshaped(source, codes, False)
    except Mismatch:
        return False
    return not any(isinstance(size, Any) for size in made) and all(
        isinstance(stated, Any) or size == stated for size, stated in zip(made, target, strict=True)
    )


class Sizes:
    """The types of the values made so far, in terms of the inputs' symbols.

    Parameters
    ----------
    inputs : shapes of the network's inputs
    """

    def __init__(self, inputs: Iterable[tuple[Dim, ...]]) -> None:
        atoms = {atom: None for shape in inputs for size in shape for atom in symbols_in(size)}
        self._atoms: tuple[Symbol, ...] = tuple(atoms)
        self._types: dict[int, tuple[Expr, TensorType]] = {}

    def __bool__(self) -> bool:
        return bool(self._atoms)

    def keep(self, expr: Expr, kind: TensorType) -> None:
        """Remember the type of a value."""
        self._types[id(expr)] = (expr, kind)

    def find(self, expr: Expr, span: Span) -> tuple[Dim, ...]:
        """Return the shape of a value made of such whose types are known, and keep its type.

        Raises
        ------
        Unsupported
            It has none in terms of the inputs' symbols.
        """
        if id(expr) in self._types:
            return self._types[id(expr)][1].shape
        cuts: dict[int, Var] = {}
        body = self._cut(expr, cuts)
        shape = tuple(Size((((atom,), 1),)) for atom in self._atoms)
        first = Var("sizes", TensorType(shape, "float32"))
        try:
            main = infer(Module({"main": Function((first, *cuts.values()), body)}))["main"]
        except TypeInferenceError as error:
            raise Unsupported(
                f"open sizes must fit ({error.problem}); fix the size", span
            ) from None
        names, found = main.params[0].type, main.body.type
        assert isinstance(names, TensorType)
        if not isinstance(found, TensorType):
            raise Unsupported("open sizes are not supported here; fix the size", span)
        back: dict[Symbol, Dim] = {}
        for inner, size in zip(names.shape, shape, strict=True):
            back |= dict.fromkeys(symbols_in(inner), size)
        sizes = tuple(substitute_dim(size, back) for size in found.shape)
        if any(isinstance(size, Any) for size in sizes):
            raise Unsupported(
                f"the result's sizes {_text(sizes)} must follow from the inputs'; fix the size",
                span,
            )
        self.keep(expr, TensorType(sizes, found.dtype))
        return sizes

    def _cut(self, root: Expr, cuts: dict[int, Var]) -> Expr:
        """Return `root` with values whose types are known as variables, which `cuts` gets."""
        done: dict[int, Expr] = {}
        stack = [root]
        while stack:
            node = stack[-1]
            known = self._types.get(id(node))
            if known is not None:
                if id(node) not in cuts:
                    cuts[id(node)] = Var(f"x{len(cuts)}", known[1])
                done[id(node)] = cuts[id(node)]
            elif isinstance(node, Constant):
                done[id(node)] = node
            parts = children(node) if id(node) not in done else ()
            missing = [part for part in parts if id(part) not in done]
            stack += missing
            if missing:
                continue
            if id(node) not in done:
                done[id(node)] = with_children(node, tuple(done[id(part)] for part in parts))
            stack.pop()
        return done[id(root)]


Needs = Callable[[OnnxContext], tuple[Dim, ...]]
"""Returns sizes that must be known."""


def _nothing(context: OnnxContext) -> tuple[Dim, ...]:
    return ()


def _conv(context: OnnxContext) -> tuple[Dim, ...]:
    data = context.value(0).shape
    return (data[1], *context.value(1).shape, *_window(context))


def _window(context: OnnxContext) -> tuple[Dim, ...]:
    """Padding that makes sizes the same needs them; so does a window that is the whole image."""
    whole = context.kind.startswith("Global")
    same = str(context.attribute("auto_pad", "NOTSET")).startswith("SAME")
    return context.value(0).shape[2:] if whole or same else ()


def _matmul(context: OnnxContext) -> tuple[Dim, ...]:
    left, right = context.value(0).shape, context.value(1).shape
    if len(right) == 2 and len(left) >= 2:
        return right
    if len(left) == len(right) > 2 and left[:-2] == right[:-2]:
        return ()
    return (*left, *right)


def _gemm(context: OnnxContext) -> tuple[Dim, ...]:
    return (*context.value(1).shape, context.result.shape[-1])


def _along_axis(default: int) -> Needs:
    """Return what needs the size of an axis of the data, and of the results."""

    def needs(context: OnnxContext) -> tuple[Dim, ...]:
        axis = context.attribute("axis", default)
        return (context.value(0).shape[axis], *(r.shape[axis] for r in context.results if r.name))

    return needs


def _gather(context: OnnxContext) -> tuple[Dim, ...]:
    """Only the first element is there whatever the size is."""
    places = context.value(1).array
    if places is not None and not places.any():
        return ()
    return (context.value(0).shape[context.attribute("axis", 0)],)


def _last_axis(context: OnnxContext) -> tuple[Dim, ...]:
    """The last axis may be normalised alone; several are joined before, which takes all sizes."""
    shape = context.value(0).shape
    alone = context.attribute("axis", -1) in (-1, len(shape) - 1)
    return shape[-1:] if alone else shape


def _softmax(context: OnnxContext) -> tuple[Dim, ...]:
    return () if context.version >= 13 else context.value(0).shape


_ELEMENTWISE = (
    "Abs", "Add", "Cast", "Ceil", "Clip", "Cos", "Div", "Elu", "Equal", "Erf", "Exp", "Floor",
    "Gelu", "Greater", "HardSigmoid", "HardSwish", "LeakyRelu", "Less", "Log", "Max", "Min", "Mul",
    "Neg", "Not", "Pow", "Reciprocal", "Relu", "Sigmoid", "Sin", "Softplus", "Sqrt", "Sub", "Tanh",
    "Where",
)  # fmt: skip
_REDUCTIONS = ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ArgMax", "ArgMin")
_MOVED = ("Concat", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_SCALED = ("BatchNormalization", "DequantizeLinear", "QuantizeLinear")

_NEEDS: Mapping[str, Needs] = {
    **dict.fromkeys((*_ELEMENTWISE, *_REDUCTIONS, *_MOVED, *_SCALED), _nothing),
    "AveragePool": _window,
    "Conv": _conv,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _window,
    "GlobalMaxPool": _window,
    "LayerNormalization": _last_axis,
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": _window,
    "Softmax": _softmax,
    "Split": _along_axis(0),
}


def require_known(context: OnnxContext) -> None:
    """Raise Unsupported unless all sizes that an operator needs are known.

    Raises
    ------
    Unsupported
        One is open, or the operator takes no open sizes at all.
    """
    shapes = [value.shape for value in context.inputs if value is not None]
    shapes += [result.shape for result in context.results]
    if not any(map(is_open, shapes)):
        return
    needs = _NEEDS.get(context.kind)
    if needs is None:
        raise Unsupported(
            f"{context.kind} of open sizes is not supported; fix the size", context.span
        )
    for size in needs(context):
        if not isinstance(size, int):
            raise Unsupported(
                f"{context.kind} needs a number where the size {size} is open; fix the size",
                context.span,
            )
