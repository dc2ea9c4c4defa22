"""Makes image networks channels-last: NHWC data, HWIO kernels, HWOI kernels if depthwise.

before -> after::

    %0 = nn.conv2d(%x, %w, data_layout="NCHW", kernel_layout="OIHW");
    %1 = nn.bias_add(%0, %b, axis=1);
    nn.max_pool2d(%1, pool_size=[2, 2], layout="NCHW")

    %0 = transpose(%x, axes=[0, 2, 3, 1]);
    %1 = nn.conv2d(%0, %w', data_layout="NHWC", kernel_layout="HWIO");
    %2 = nn.bias_add(%1, %b, axis=3);
    %3 = nn.max_pool2d(%2, pool_size=[2, 2], layout="NHWC");
    transpose(%3, axes=[0, 3, 1, 2])

Each node may have two forms, as it was and channels-last. Convolutions and pools of NCHW data make
the second; operators that treat all elements alike pass it on, with their axes renumbered;
everything else asks for the first. A transpose therefore stands only where channels-last data
enters or leaves. Constants are transposed here and now.
"""

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from ..ir.module import Module
from ..ir.nodes import AttributeValue, Call, Constant, Expr, Op, Tuple, TupleGetItem
from ..ir.types import TensorType, TupleType
from ..ir.visitor import children, post_order, with_children
from ..ops.operator import Kind
from ..ops.registry import call, lookup
from .functions import map_bodies

__all__ = ["convert_layout"]

_TO_LAST = (0, 2, 3, 1)
_TO_FIRST = (0, 3, 1, 2)
_AXIS_IN_LAST = {0: 0, 1: 3, 2: 1, 3: 2}

_CONVOLUTIONS = ("nn.conv2d", "qnn.conv2d")
_TRANSPOSED = "nn.conv2d_transpose"
_POOLS = ("nn.max_pool2d", "nn.avg_pool2d", "qnn.avg_pool2d")
_GLOBAL_POOLS = ("nn.global_avg_pool2d", "nn.global_max_pool2d")
_QUANTIZED_BINARY = ("qnn.add", "qnn.subtract", "qnn.mul")
_JOINS = ("concatenate", "qnn.concatenate")
_ALONG_AXIS = (
    "nn.bias_add",
    "nn.softmax",
    "nn.log_softmax",
    "qnn.requantize",
    "qnn.quantize",
    "qnn.dequantize",
    "qnn.softmax",
)


def convert_layout(module: Module) -> Module:
    """Return `module` with convolutions and pools in the channels-last layout."""
    return map_bodies(module, lambda body: _Converter().convert(body))


@dataclass(slots=True)
class _Converter:
    """What has been converted of one function body, by ``id`` of the original node.

    Attributes
    ----------
    first : the node with its meaning unchanged
    last : the node's NHWC form: transpose(node, axes=[0, 2, 3, 1])
    native : nodes that were converted, so that their NHWC form costs nothing
    """

    first: dict[int, Expr] = field(default_factory=dict)
    last: dict[int, Expr] = field(default_factory=dict)
    native: set[int] = field(default_factory=set)

    def convert(self, body: Expr) -> Expr:
        """Return a typed expression with the layouts converted."""
        for node in post_order(body):
            new = self._channels_last(node)
            if new is None:
                parts = tuple(self._as_first(part) for part in children(node))
                new = with_children(node, parts)
                if _kernel_needs_order(node):
                    new = self._with_kernel(cast(Call, new), cast(Call, node))
                self.first[id(node)] = new
            else:
                self.last[id(node)] = new
                self.native.add(id(node))
        return self._as_first(body)

    def _as_first(self, node: Expr) -> Expr:
        """Return a node with its meaning unchanged, transposed back if need be."""
        if id(node) not in self.first:
            self.first[id(node)] = _permuted(self.last[id(node)], node, _TO_FIRST)
        return self.first[id(node)]

    def _as_last(self, node: Expr) -> Expr:
        """Return the NHWC form of a node of up to four axes, transposed if need be."""
        if id(node) not in self.last:
            self.last[id(node)] = _permuted(self.first[id(node)], node, _TO_LAST)
        return self.last[id(node)]

    def _channels_last(self, node: Expr) -> Expr | None:
        """Return the NHWC form of a node, None if it has to stay as it is."""
        if isinstance(node, TupleGetItem) and node.index == 0:
            return self._batch_norm_result(node)
        if not isinstance(node, Call) or not isinstance(node.op, Op):
            return None
        name = node.op.name
        if name in _CONVOLUTIONS:
            return self._convolution(node) if node.attrs["data_layout"] == "NCHW" else None
        if name == _TRANSPOSED:
            is_first = node.attrs["data_layout"] == "NCHW"
            return self._remade(node, 1, data_layout="NHWC", out_layout="") if is_first else None
        if name in _POOLS + _GLOBAL_POOLS:
            return self._pool(node) if node.attrs["layout"] == "NCHW" else None
        if not _is_image(node):
            return None
        if name in _JOINS:
            return self._join(node)
        if not node.args or not any(id(arg) in self.native for arg in node.args):
            return None
        if name in _ALONG_AXIS:
            return self._along_axis(node)
        if name == "nn.pad":
            widths = cast(tuple[AttributeValue, ...], node.attrs["pad_width"])
            return self._remade(node, 1, pad_width=tuple(widths[axis] for axis in _TO_LAST))
        if name in _QUANTIZED_BINARY:
            return self._remade(node, 2)
        kind = lookup(name).kind
        if kind is Kind.ELEMENTWISE or (kind is Kind.BROADCAST and not node.attrs):
            return self._remade(node, len(node.args))
        return self._reduction(node) if kind is Kind.REDUCTION else None

    def _remade(self, node: Call, images: int, **changes: AttributeValue) -> Expr:
        """Return a call whose first `images` arguments are in their NHWC form."""
        args = [
            self._as_last(arg) if number < images else self._as_first(arg)
            for number, arg in enumerate(node.args)
        ]
        return replace(node, args=tuple(args), attrs={**node.attrs, **changes}, type=None)

    def _convolution(self, node: Call) -> Expr:
        """Return a convolution of NHWC data with its kernel in the order that goes with it."""
        moved = self._remade(node, 1, data_layout="NHWC", out_layout="")
        assert isinstance(moved, Call)
        return self._with_kernel(moved, node)

    def _with_kernel(self, node: Call, original: Call) -> Call:
        """Return a convolution with its kernel as HWIO, or HWOI if it is depthwise."""
        old = str(original.attrs["kernel_layout"])
        new = _kernel_layout(original)
        axes = tuple(old.index(letter) for letter in new)
        weight = _transposed(self._as_first(original.args[1]), axes)
        args = (node.args[0], weight, *node.args[2:])
        return replace(node, args=args, attrs={**node.attrs, "kernel_layout": new}, type=None)

    def _pool(self, node: Call) -> Expr:
        """Return a pool of NHWC data."""
        return self._remade(node, 1, layout="NHWC", out_layout="")

    def _along_axis(self, node: Call) -> Expr | None:
        """Return an operator whose parameters, if any, lie along one axis of the data."""
        if id(node.args[0]) not in self.native:
            return None
        axis = _AXIS_IN_LAST[cast(int, node.attrs["axis"]) % 4]
        return self._remade(node, 1, axis=axis)

    def _join(self, node: Call) -> Expr | None:
        """Return a concatenation of NHWC tensors."""
        fields = node.args[0]
        if not isinstance(fields, Tuple):
            return None
        if not any(id(part) in self.native for part in fields.fields):
            return None
        moved = replace(fields, fields=tuple(map(self._as_last, fields.fields)), type=None)
        rest = tuple(self._as_first(arg) for arg in node.args[1:])
        axis = _AXIS_IN_LAST[cast(int, node.attrs["axis"]) % 4]
        attrs = {**node.attrs, "axis": axis}
        return replace(node, args=(moved, *rest), attrs=attrs, type=None)

    def _reduction(self, node: Call) -> Expr | None:
        """Return a reduction that keeps its axes; argmax would count places differently."""
        keeps = len(node.args) == 1 and node.attrs.get("keepdims", False)
        if not keeps or "select_last_index" in node.attrs:
            return None
        axes = cast(tuple[int, ...] | None, node.attrs["axis"])
        if axes is None:
            return self._remade(node, 1)
        return self._remade(node, 1, axis=tuple(_AXIS_IN_LAST[axis % 4] for axis in axes))

    def _batch_norm_result(self, node: TupleGetItem) -> Expr | None:
        """Return the first result of a batch normalisation of NHWC data."""
        norm = node.value
        is_norm = isinstance(norm, Call) and isinstance(norm.op, Op)
        if not is_norm or cast(Op, cast(Call, norm).op).name != "nn.batch_norm":
            return None
        given = cast(Call, norm)
        if not _is_image(node) or id(given.args[0]) not in self.native:
            return None
        axis = _AXIS_IN_LAST[cast(int, given.attrs["axis"]) % 4]
        return replace(node, value=self._remade(given, 1, axis=axis), type=None)


def _is_image(node: Expr) -> bool:
    """Return whether the result of a node has four axes."""
    kind = node.type
    if isinstance(kind, TupleType) and kind.fields:
        kind = kind.fields[0]
    return isinstance(kind, TensorType) and len(kind.shape) == 4


def _kernel_needs_order(node: Expr) -> bool:
    """Return whether this is an NHWC convolution whose kernel is in another order."""
    return (
        isinstance(node, Call)
        and isinstance(node.op, Op)
        and node.op.name in _CONVOLUTIONS
        and node.attrs["data_layout"] == "NHWC"
        and node.attrs["kernel_layout"] != _kernel_layout(node)
    )


def _kernel_layout(node: Call) -> str:
    """Return the layout that the kernel of a convolution shall have."""
    kind = node.args[1].type
    assert isinstance(kind, TensorType)
    old = str(node.attrs["kernel_layout"])
    groups, inputs = node.attrs["groups"], kind.shape[old.index("I")]
    return "HWOI" if groups != 1 and inputs == 1 else "HWIO"


def _permuted(new: Expr, original: Expr, axes: tuple[int, ...]) -> Expr:
    """Return `new` with four axes permuted; fewer axes are first filled up with leading ones.

    `original` is the node, in the layout NCHW, that `new` stands for.
    """
    kind = original.type
    if not isinstance(kind, TensorType) or not kind.shape or len(kind.shape) > 4:
        return new
    missing = 4 - len(kind.shape)
    shape = (1,) * missing + kind.shape
    channels, height, width = shape[1:]
    if missing and isinstance(new, Constant):
        new = Constant(new.value.reshape((1,) * missing + new.value.shape), span=new.span)
    elif missing:
        new = call("expand_dims", new, span=new.span, axis=0, num_newaxis=missing)
    target = tuple(shape[axis] for axis in _TO_LAST) if axes == _TO_LAST else shape
    known = all(isinstance(size, int) and size > 0 for size in shape)
    if known and ((height, width) == (1, 1) or channels == 1):
        # Nothing moves: only the places of sizes of 1 differ.
        return _reshaped(new, cast(tuple[int, ...], target))
    return _transposed(new, axes)


def _reshaped(expr: Expr, shape: tuple[int, ...]) -> Expr:
    """Return an expression with another shape, a constant at once."""
    if isinstance(expr, Constant):
        return Constant(expr.value.reshape(shape), span=expr.span)
    return call("reshape", expr, span=expr.span, newshape=shape)


def _transposed(expr: Expr, axes: tuple[int, ...]) -> Expr:
    """Return an expression with its axes permuted, a constant at once."""
    if axes == tuple(range(len(axes))):
        return expr
    if isinstance(expr, Constant):
        # A view: the backends bring weights into an order of their own.
        return Constant(np.transpose(expr.value, axes), span=expr.span)
    return call("transpose", expr, span=expr.span, axes=axes)
