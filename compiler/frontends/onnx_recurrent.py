"""ONNX LSTM, GRU and RNN: the whole sequence times the input weights at once, then each step.

::

    products = dense(X, W) + b            [steps, batch, gates * hidden]
    for t: state = cell(products[t], dense(state, R))

Source
------
ONNX operator specification, LSTM, GRU and RNN: equations, default activations, order of the gates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import Unsupported
from ..ir import Constant, Expr, Tuple, TupleGetItem
from ..ops import call
from .onnx_node import OnnxContext, OnnxSplitter, Value

__all__ = ["RECURRENT"]

_GATES: Mapping[str, int] = {"LSTM": 4, "GRU": 3, "RNN": 1}
_ACTIVATIONS: Mapping[str, str] = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "nn.relu"}
_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}


@dataclass(frozen=True)
class _Direction:
    """One direction of a recurrent operator.

    Attributes
    ----------
    context : OnnxContext
    number : int, 0 or 1
    backwards : bool
    """

    context: OnnxContext
    number: int
    backwards: bool

    @property
    def hidden(self) -> int:
        """Width of the state."""
        return self.context.value(2).shape[2]

    def call(self, name: str, *parts: Expr, **attrs: object) -> Expr:
        """Return a call of an operator."""
        return call(name, *parts, span=self.context.span, **attrs)

    def parameter(self, number: int) -> Expr:
        """Return this direction's part of input `number`, without its axis of directions."""
        value = self.context.value(number)
        if value.array is not None:
            array = np.ascontiguousarray(value.array[self.number])
            return Constant(array, span=self.context.span)
        part = self.call(
            "strided_slice", value.expr, begin=(self.number,), end=(self.number + 1,), axes=(0,)
        )
        return self.call("squeeze", part, axis=(0,))

    def state(self, number: int) -> Expr:
        """Return the initial state [batch, hidden] in input `number`, zeros if it is left out."""
        if self.context.has(number):
            return self.parameter(number)
        batch = self.context.value(0).shape[1]
        dtype = self.context.value(0).dtype
        return Constant(np.zeros((batch, self.hidden), dtype), span=self.context.span)

    def part(self, expr: Expr, first: int, last: int, axis: int) -> Expr:
        """Return first..last of an axis."""
        return self.call("strided_slice", expr, begin=(first,), end=(last,), axes=(axis,))

    def gate(self, expr: Expr, number: int) -> Expr:
        """Return gate `number` of [batch, gates * hidden]."""
        return self.part(expr, number * self.hidden, (number + 1) * self.hidden, 1)

    def activation(self, number: int) -> Callable[[Expr], Expr]:
        """Return activation `number` of this direction."""
        kind = self.context.kind
        count = len(_DEFAULTS[kind])
        named = self.context.attributes.get("activations")
        names = [one.decode() if isinstance(one, bytes) else one for one in named or ()]
        name = names[self.number * count + number] if names else _DEFAULTS[kind][number]
        if name.lower() not in _ACTIVATIONS:
            raise Unsupported(
                f"{kind} with activation {name} is not supported; the nearest supported ones are "
                f"{', '.join(sorted(_ACTIVATIONS))}",
                self.context.span,
            )
        return lambda x: self.call(_ACTIVATIONS[name.lower()], x)


def _products(side: _Direction, recurrent_bias: bool) -> tuple[list[Expr], Expr, Expr | None]:
    """Return the input's products by step [batch, gates * hidden], R, and the bias beside R.

    Both biases are added to the input's products, unless `recurrent_bias` must stay with R.
    """
    context = side.context
    steps, batch, width = context.value(0).shape
    rows = _GATES[context.kind] * side.hidden
    flat = side.call("reshape", context.value(0).expr, newshape=(steps * batch, width))
    made = side.call("nn.dense", flat, side.parameter(1), units=rows)
    rest = None
    if context.has(3):
        both = side.parameter(3)
        first, second = (side.part(both, n * rows, (n + 1) * rows, 0) for n in (0, 1))
        if recurrent_bias:
            rest = second
        else:
            first = side.call("add", first, second)
        made = side.call("add", made, first)
    if steps == 1:
        return [made], side.parameter(2), rest
    # One after the other, so that each step is a piece of memory.
    pieces = side.call("split", made, indices_or_sections=steps, axis=0)
    parts: list[Expr] = [TupleGetItem(pieces, n, span=context.span) for n in range(steps)]
    return parts, side.parameter(2), rest


def _lstm(side: _Direction) -> tuple[list[Expr], tuple[Expr, ...]]:
    """Return the hidden states by step, and the last hidden state and cell."""
    side.context.require("input_forget", 0, 0)
    peepholes: tuple[Expr, ...] = ()
    if side.context.has(7):
        whole, width = side.parameter(7), side.hidden
        peepholes = tuple(side.part(whole, n * width, (n + 1) * width, 0) for n in range(3))
    products, weight, _ = _products(side, recurrent_bias=False)
    gate, candidate, squash = (side.activation(number) for number in range(3))
    hidden, cell = side.state(5), side.state(6)
    states: dict[int, Expr] = {}
    for step in _order(side, len(products)):
        inner = side.call("nn.dense", hidden, weight, units=4 * side.hidden)
        total = side.call("add", products[step], inner)
        taken, output, kept = (side.gate(total, number) for number in range(3))
        if peepholes:
            taken = side.call("add", taken, side.call("multiply", peepholes[0], cell))
            kept = side.call("add", kept, side.call("multiply", peepholes[2], cell))
        new = side.call("multiply", gate(taken), candidate(side.gate(total, 3)))
        cell = side.call("add", side.call("multiply", gate(kept), cell), new)
        if peepholes:
            output = side.call("add", output, side.call("multiply", peepholes[1], cell))
        hidden = side.call("multiply", gate(output), squash(cell))
        states[step] = hidden
    return [states[step] for step in range(len(products))], (hidden, cell)


def _gru(side: _Direction) -> tuple[list[Expr], tuple[Expr, ...]]:
    """Return the hidden states by step, and the last hidden state."""
    after = bool(side.context.attribute("linear_before_reset", 0))
    products, weight, bias = _products(side, recurrent_bias=after)
    gate, candidate = side.activation(0), side.activation(1)
    hidden, width = side.state(5), side.hidden
    both = side.part(weight, 0, 2 * width, 0)
    last = side.part(weight, 2 * width, 3 * width, 0)
    states: dict[int, Expr] = {}
    for step in _order(side, len(products)):
        if after:
            inner = side.call("nn.dense", hidden, weight, units=3 * width)
            inner = inner if bias is None else side.call("add", inner, bias)
        else:
            inner = side.call("nn.dense", hidden, both, units=2 * width)
        update, reset = (
            gate(side.call("add", side.gate(products[step], n), side.gate(inner, n)))
            for n in range(2)
        )
        if after:
            rest = side.call("multiply", reset, side.gate(inner, 2))
        else:
            rest = side.call("nn.dense", side.call("multiply", reset, hidden), last, units=width)
        new = candidate(side.call("add", side.gate(products[step], 2), rest))
        # (1 - z) * new + z * h, with one product less.
        difference = side.call("subtract", hidden, new)
        hidden = side.call("add", new, side.call("multiply", update, difference))
        states[step] = hidden
    return [states[step] for step in range(len(products))], (hidden,)


def _rnn(side: _Direction) -> tuple[list[Expr], tuple[Expr, ...]]:
    """Return the hidden states by step, and the last hidden state."""
    products, weight, _ = _products(side, recurrent_bias=False)
    hidden, squash = side.state(5), side.activation(0)
    states: dict[int, Expr] = {}
    for step in _order(side, len(products)):
        inner = side.call("nn.dense", hidden, weight, units=side.hidden)
        hidden = squash(side.call("add", products[step], inner))
        states[step] = hidden
    return [states[step] for step in range(len(products))], (hidden,)


def _order(side: _Direction, steps: int) -> range:
    return range(steps - 1, -1, -1) if side.backwards else range(steps)


_CELLS: Mapping[str, Callable[[_Direction], tuple[list[Expr], tuple[Expr, ...]]]] = {
    "LSTM": _lstm,
    "GRU": _gru,
    "RNN": _rnn,
}


def _recurrent(context: OnnxContext) -> tuple[Expr, ...]:
    """Return Y [steps, directions, batch, hidden], and the last states [directions, ...]."""
    context.floats(0, 1, 2)
    context.require("clip", None, None)
    turned = bool(context.attribute("layout", 0))
    if turned:
        context = _sequence_first(context)
    _require_whole_sequences(context)
    kind = context.attribute("direction", "forward")
    sides = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[kind]
    made = [
        _CELLS[context.kind](_Direction(context, number, backwards))
        for number, backwards in enumerate(sides)
    ]
    span = context.span
    rows = []
    for step in range(context.value(0).shape[0]):
        rows.append(_stacked(context, [states[step] for states, _ in made]))
    whole = call("stack", Tuple(tuple(rows), span=span), span=span, axis=0)
    ends = [_stacked(context, list(parts)) for parts in zip(*(e for _, e in made), strict=True)]
    if turned:
        whole = call("transpose", whole, span=span, axes=(2, 0, 1, 3))
        ends = [call("transpose", end, span=span, axes=(1, 0, 2)) for end in ends]
    return (whole, *ends)


def _sequence_first(context: OnnxContext) -> OnnxContext:
    """Return an operator of layout 1 (the batch first) with inputs as layout 0 has them."""
    inputs = list(context.inputs)
    for number in (0, 5, 6):
        value = inputs[number] if number < len(inputs) else None
        if value is not None:
            first, second, third = value.shape
            array = None if value.array is None else value.array.transpose(1, 0, 2)
            expr = call("transpose", value.expr, span=context.span, axes=(1, 0, 2))
            inputs[number] = Value(expr, (second, first, third), value.dtype, array)
    return replace(context, inputs=tuple(inputs))


def _stacked(context: OnnxContext, parts: list[Expr]) -> Expr:
    """Return parts side by side along a new first axis."""
    if len(parts) == 1:
        return call("expand_dims", parts[0], span=context.span, axis=0)
    return call("stack", Tuple(tuple(parts), span=context.span), span=context.span, axis=0)


def _require_whole_sequences(context: OnnxContext) -> None:
    """Raise Unsupported for sequences of different lengths."""
    if not context.has(4):
        return
    steps = context.value(0).shape[0]
    lengths = context.constant(4, "sequence_lens")
    if (lengths != steps).any():
        raise Unsupported(
            f"{context.kind} of sequences of {sorted(set(lengths.tolist()))} steps is not "
            f"supported; the nearest supported form has {steps} steps in each",
            context.span,
        )


RECURRENT: Mapping[str, OnnxSplitter] = dict.fromkeys(_CELLS, _recurrent)
