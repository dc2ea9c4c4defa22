"""Random int8 networks in the normal form that importers emit and backends match."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from compiler.infer import infer
from compiler.ir import Call, Constant, Function, Module, TensorType, Tuple, Var
from compiler.ops import call
from tests.compiler.generator.programs import random_program as make_program

# Standard deviation of uniformly distributed int8, and what results should have to use their range.
DEVIATION, WANTED = 74.0, 40.0


@dataclass(frozen=True)
class Value:
    """An int8 tensor of a network under construction: [1, height, width, channels]."""

    expr: Call | Var
    height: int
    width: int
    channels: int
    scale: np.float32
    zero_point: int

    @property
    def shape(self):
        return self.height, self.width, self.channels


@dataclass
class NetworkMaker:
    """Adds layers one by one; what a layer leaves open comes from `random`.

    Attributes
    ----------
    random : numpy Generator
    channels : int, most channels of a tensor
    values : every tensor so far, in order
    """

    random: np.random.Generator
    channels: int = 20
    params: list[Var] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def input(self, height, width, channels):
        """Add an input of the network."""
        var = Var(f"x{len(self.params)}", TensorType((1, height, width, channels), "int8"))
        self.params.append(var)
        return self._add(var, (height, width, channels), self._scale(), self._zero_point())

    def convolution(self, source, outputs=None, kernel=None, **attrs):
        """Add a convolution with bias, requantisation and, half of the time, a clip."""
        kernel, window = self._window(source, kernel, attrs)
        outputs = outputs or int(self.random.integers(1, self.channels + 1))
        weight = self._int8((*kernel, source.channels, outputs))
        shape = (*self._extent(source, kernel, window), outputs)
        fields = dict(window, channels=outputs, kernel_size=kernel, kernel_layout="HWIO")
        return self._sum("qnn.conv2d", source, weight, weight[..., 0].size, fields, shape)

    def depthwise(self, source, kernel=None, **attrs):
        """Add a depthwise convolution; its source has at least two channels."""
        kernel, window = self._window(source, kernel, attrs)
        weight = self._int8((*kernel, source.channels, 1))
        shape = (*self._extent(source, kernel, window), source.channels)
        fields = dict(window, channels=source.channels, groups=source.channels)
        fields |= {"kernel_size": kernel, "kernel_layout": "HWOI"}
        return self._sum("qnn.conv2d", source, weight, kernel[0] * kernel[1], fields, shape)

    def dense(self, source, units=None):
        """Add a fully connected layer over each pixel of a source that is one line high."""
        units = units or int(self.random.integers(1, self.channels + 1))
        weight = self._int8((units, source.channels))
        flat = call("reshape", source.expr, newshape=(source.width, source.channels))
        shape = 1, source.width, units
        return self._sum(
            "qnn.dense", source, weight, source.channels, {"units": units}, shape, flat
        )

    def add(self, left, right):
        """Add a residual addition of two values of one shape."""
        scale = np.float32(max(left.scale, right.scale) * self.random.uniform(0.7, 1.6))
        zero_point = self._zero_point()
        expr = call(
            "qnn.add",
            left.expr,
            right.expr,
            *self._quantization(left.scale, left.zero_point),
            *self._quantization(right.scale, right.zero_point),
            *self._quantization(scale, zero_point),
            rounding=self._rounding(),
        )
        return self._add(self._clip(expr), left.shape, scale, zero_point)

    def average(self, source, kernel=None, **attrs):
        """Add an average pool without padding."""
        kernel, window = self._window(source, kernel, {"padding": (0, 0, 0, 0), **attrs})
        rounding = self._rounding()
        scale, zero_point = source.scale, source.zero_point
        if rounding == "UPWARD":
            scale, zero_point = np.float32(scale * self.random.uniform(0.3, 1)), self._zero_point()
        expr = call(
            "qnn.avg_pool2d",
            source.expr,
            *self._quantization(source.scale, source.zero_point),
            *self._quantization(scale, zero_point),
            pool_size=kernel,
            rounding=rounding,
            layout="NHWC",
            **window,
        )
        shape = (*self._extent(source, kernel, window), source.channels)
        return self._add(self._clip(expr), shape, scale, zero_point)

    def maximum(self, source, kernel=None, **attrs):
        """Add a max pool."""
        kernel, window = self._window(source, kernel, attrs)
        top, left, bottom, right = window["padding"]
        vertical, horizontal = kernel[0] - 1, kernel[1] - 1
        window["padding"] = (
            min(top, vertical), min(left, horizontal), min(bottom, vertical), min(right, horizontal)
        )  # fmt: skip
        if min(self._extent(source, kernel, window)) < 1:
            window |= {"dilation": (1, 1)}
        expr = call("nn.max_pool2d", source.expr, pool_size=kernel, layout="NHWC", **window)
        shape = (*self._extent(source, kernel, window), source.channels)
        return self._add(self._clip(expr), shape, source.scale, source.zero_point)

    def clip(self, source):
        """Add a clip alone."""
        low = int(self.random.integers(-140, 60))
        high = low + int(self.random.integers(1, 200))
        expr = call("clip", source.expr, a_min=float(low), a_max=float(high))
        return self._add(expr, source.shape, source.scale, source.zero_point)

    def rescale(self, source):
        """Add a requantisation of int8."""
        scale, zero_point = np.float32(source.scale * self.random.uniform(0.4, 2.5)), 0
        zero_point = self._zero_point()
        expr = call(
            "qnn.requantize",
            source.expr,
            *self._quantization(source.scale, source.zero_point),
            *self._quantization(scale, zero_point),
            rounding=self._rounding(),
            out_dtype="int8",
        )
        return self._add(self._clip(expr), source.shape, scale, zero_point)

    def layer(self):
        """Add a layer of any kind to one of the last values."""
        source = self.values[-1 - int(self.random.integers(min(3, len(self.values))))]
        same = [value for value in self.values if value.shape == source.shape]
        kinds = ["convolution"] * 4 + ["average", "maximum", "clip", "rescale", "add", "add"]
        kinds += ["depthwise"] * 3 * (source.channels > 1) + ["dense"] * 2 * (source.height == 1)
        kind = str(self.random.choice(kinds))
        if kind == "add":
            return self.add(source, same[int(self.random.integers(len(same)))])
        return getattr(self, kind)(source)

    def module(self, *outputs):
        """Return the typed module that gives `outputs`: what nothing uses, if none is named."""
        if not outputs:
            used = {id(arg) for value in self.values for arg in _below(value.expr)}
            outputs = [value for value in self.values if id(value.expr) not in used]
        fields = tuple(value.expr for value in outputs)
        body = fields[0] if len(fields) == 1 else Tuple(fields)
        return infer(Module({"main": Function(tuple(self.params), body)}))

    def _sum(self, name, source, weight, terms, fields, shape, flat=None):
        """Add an int32 sum of products, its bias and its requantisation."""
        rank, outputs = (4, shape[2]) if flat is None else (2, shape[2])
        size = outputs if self.random.random() < 0.6 else 1
        scales = self.random.uniform(0.002, 0.02, size).astype(np.float32)
        weight_scale = scales if size > 1 else scales[0]
        product = np.float64(source.scale) * np.asarray(weight_scale, np.float64)
        spread = product.max() * DEVIATION**2 * np.sqrt(terms) / WANTED
        scale = np.float32(spread * 2.0 ** self.random.choice([0, 0, 0, 0.7, -0.9, -14]))
        zero_point, axis = self._zero_point(), int(self.random.choice([rank - 1, -1]))
        layouts = {"data_layout": "NHWC"} if flat is None else {}
        expr = call(
            name,
            source.expr if flat is None else flat,
            Constant(weight),
            Constant(np.int32(source.zero_point)),
            Constant(np.int32(0)),
            Constant(np.float32(source.scale)),
            Constant(np.asarray(weight_scale)),
            out_dtype="int32",
            **fields,
            **layouts,
        )
        if self.random.random() < 0.8:
            limit = max(2, int(DEVIATION**2 * np.sqrt(terms)))
            bias = self.random.integers(-limit, limit, outputs).astype(np.int32)
            expr = call("nn.bias_add", expr, Constant(bias), axis=axis)
        expr = call(
            "qnn.requantize",
            expr,
            Constant(product),
            Constant(np.int32(0)),
            *self._quantization(scale, zero_point),
            axis=axis,
            rounding=self._rounding(),
            out_dtype="int8",
        )
        expr = self._clip(expr)
        if flat is not None:
            expr = call("reshape", expr, newshape=(1, *shape))
        return self._add(expr, shape, scale, zero_point)

    def _add(self, expr, shape, scale, zero_point):
        self.values.append(Value(expr, *shape, scale, zero_point))
        return self.values[-1]

    def _window(self, source, kernel, attrs):
        """Return a kernel, and strides, padding and dilation with which it fits the source."""
        random, size = self.random, source.shape[:2]
        if random.random() < 0.3:
            kernel = kernel or (1, 1)
        chosen, window = kernel, {}
        while not window or min(self._extent(source, chosen, window)) < 1:
            chosen = kernel or tuple(int(k) for k in random.integers(1, 6, 2))
            reach = [min(chosen[axis] - 1, size[axis]) for axis in (0, 1)]
            padding = [int(random.integers(0, reach[side % 2] + 1)) for side in range(4)]
            window = {
                "strides": tuple(int(s) for s in random.choice([1, 1, 1, 2, 3], 2)),
                "padding": tuple(padding) if random.random() < 0.6 else (0, 0, 0, 0),
                "dilation": tuple(int(d) for d in random.choice([1, 1, 1, 2], 2)),
                **attrs,
            }
        return chosen, window

    @staticmethod
    def _extent(source, kernel, window):
        top, left, bottom, right = window["padding"]
        sizes = source.height + top + bottom, source.width + left + right
        reach = [(kernel[axis] - 1) * window["dilation"][axis] + 1 for axis in (0, 1)]
        return tuple((sizes[axis] - reach[axis]) // window["strides"][axis] + 1 for axis in (0, 1))

    def _clip(self, expr):
        if self.random.random() < 0.5:
            return expr
        low = int(self.random.integers(-128, 0))
        high = int(self.random.integers(1, 128))
        return call("clip", expr, a_min=float(low), a_max=float(high))

    def _int8(self, shape):
        return self.random.integers(-128, 128, shape, dtype=np.int8)

    def _scale(self):
        return np.float32(self.random.uniform(0.01, 0.2))

    def _zero_point(self):
        return int(self.random.integers(-128, 128))

    def _rounding(self):
        return str(self.random.choice(["TFLITE", "UPWARD"]))

    @staticmethod
    def _quantization(scale, zero_point):
        return Constant(np.float32(scale)), Constant(np.int32(zero_point))


def _below(expr):
    """Return every expression that `expr` is made of, itself left out."""
    found, pending = [], list(expr.args) if isinstance(expr, Call) else []
    while pending:
        node = pending.pop()
        found.append(node)
        if isinstance(node, Call):
            pending.extend(node.args)
    return found


@pytest.fixture
def network_maker():
    """`network_maker(seed, channels=20)` is a network in the making."""

    def make(seed, channels=20):
        return NetworkMaker(np.random.default_rng(seed), channels)

    return make


@pytest.fixture
def random_network():
    """`random_network(seed, layers=None, channels=20)` is a typed module of random layers."""

    def make(seed, layers=None, channels=20):
        random = np.random.default_rng(seed)
        maker = NetworkMaker(random, channels)
        for _ in range(int(random.integers(1, 3))):
            height = int(random.choice([1, 3, 5, 8, 9]))
            width = int(random.choice([1, 4, 6, 9]))
            maker.input(height, width, int(random.integers(1, channels + 1)))
        for _ in range(layers or int(random.integers(1, 6))):
            maker.layer()
        return maker.module()

    return make


@pytest.fixture
def random_inputs():
    """`random_inputs(module, seed)` gives int8 values for the parameters of its @main."""

    def make(module, seed):
        random = np.random.default_rng(seed)
        return [
            random.integers(-128, 128, param.annotation.shape, dtype=np.int8)
            for param in module["main"].params
        ]

    return make


@pytest.fixture
def random_program():
    """`random_program(seed, size=40, effects=True)` is a typed program: seed, module, inputs.

    The module is well typed, but carries no types yet; a run ends, or is refused by a `match?`
    that has no clause for a value (`InvalidInput`).
    """
    return make_program
