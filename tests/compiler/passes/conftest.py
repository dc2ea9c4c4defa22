"""Random well-typed programs: images in both layouts, sharing, bindings, choices, functions."""

import numpy as np
import pytest

from compiler.ir import (
    Call,
    Constant,
    Function,
    GlobalVar,
    If,
    Let,
    Module,
    TensorType,
    Tuple,
    TupleGetItem,
    Var,
)
from compiler.ops import call, lookup

IMAGE = (1, 3, 6, 5)


class Generator:
    """Grows a program expression by expression; every choice follows from the seed.

    `pool` holds every expression made so far with its type; new ones are made of it.
    """

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.lets = []
        image, whole = TensorType(IMAGE, "float32"), TensorType(IMAGE, "int32")
        self.params = (Var("x", image), Var("y", whole), Var("x", image))
        self.pool = [(param, param.annotation) for param in self.params]
        self.helper = Var("h", image)

    def draw(self, options):
        return options[self.rng.integers(len(options))]

    def pick(self, rank=None, dtype=None):
        """Return an expression of the pool, of a rank or data type if asked for: often a new one,
        so that programs become deep."""
        found = [
            (expr, kind)
            for expr, kind in self.pool
            if rank in (None, len(kind.shape)) and dtype in (None, kind.dtype)
        ]
        return self.draw(found[-4:] if self.rng.integers(3) else found)

    def add(self, name, *args, **attrs):
        """Put a call into the pool."""
        new = call(name, *(arg for arg, _ in args), **attrs)
        kind = lookup(name).relation(tuple(kind for _, kind in args), new.attrs).ret
        self.pool.append((new, kind))

    def number(self, dtype, shape=(), value=None):
        """Return a constant, random or all `value`, and its type."""
        values = self.rng.integers(-3, 4, shape) if value is None else np.full(shape, value)
        return Constant(np.asarray(values, dtype)), TensorType(shape, dtype)

    def unary(self):
        self.add(self.draw(["nn.relu", "negative", "abs", "copy"]), self.pick())

    def binary(self):
        expr, kind = self.pick()
        others = [(e, k) for e, k in self.pool if k == kind]
        others += [self.number(kind.dtype, (), value) for value in (None, 0, 1, -0.0)]
        if kind.shape:
            others.append(self.number(kind.dtype, kind.shape[-1:]))
        pair = [(expr, kind), self.draw(others)]
        self.rng.shuffle(pair)
        self.add(self.draw(["add", "subtract", "multiply", "maximum", "minimum"]), *pair)

    def convolution(self):
        image = self.pick(rank=4)
        layout, order = self.draw([("NHWC", 3), ("NCHW", 1)])
        channels = image[1].shape[order]
        depthwise = bool(self.rng.integers(2))
        outputs = channels * int(self.rng.integers(1, 3)) if depthwise else 4
        sizes = {"O": outputs, "I": 1 if depthwise else channels, "H": 3, "W": 2}
        kernel = self.draw(["OIHW", "HWIO", "HWOI", "OHWI"])
        self.add(
            "nn.conv2d",
            image,
            self.number(image[1].dtype, tuple(sizes[letter] for letter in kernel)),
            padding=[1, 1, 1, 0],
            strides=int(self.rng.integers(1, 3)),
            groups=channels if depthwise else 1,
            data_layout=layout,
            kernel_layout=kernel,
        )
        self.add("nn.bias_add", self.pool[-1], self.number(image[1].dtype, (outputs,)), axis=order)

    def pooling(self):
        image = self.pick(rank=4)
        layout = self.draw(["NCHW", "NHWC"])
        name = self.draw(["nn.max_pool2d", "nn.avg_pool2d", "nn.global_avg_pool2d"])
        window = {"pool_size": 2, "padding": [1, 1, 1, 1]} if "global" not in name else {}
        self.add(name, image, layout=layout, **window)

    def reshape(self):
        expr, kind = self.pick()
        self.add("reshape", (expr, kind), newshape=[int(np.prod(kind.shape))])
        self.add("expand_dims", self.pool[-1], axis=0)
        self.add("reshape", self.pool[-1], newshape=[1, -1])
        self.add("reshape", (expr, kind), newshape=list(kind.shape))

    def transpose(self):
        self.add("transpose", self.pick(rank=4), axes=self.rng.permutation(4).tolist())
        self.add("transpose", self.pool[-1], axes=self.rng.permutation(4).tolist())

    def rearrange(self):
        expr, kind = self.pick(rank=4)
        axis = int(self.rng.integers(-4, 4))
        self.add("mean", (expr, kind), axis=[axis], keepdims=True)
        self.add("nn.pad", (expr, kind), self.number(kind.dtype), pad_width=[[0, 0], [1, 0]] * 2)
        shape = list(kind.shape)
        shape[axis] *= 2
        joined = call("concatenate", Tuple((expr, expr)), axis=axis)
        self.pool.append((joined, TensorType(tuple(shape), kind.dtype)))

    def clip(self):
        for source in (self.pick(), None):
            low, high = sorted(self.rng.integers(-5, 6, 2).tolist())
            self.add("clip", source or self.pool[-1], a_min=low, a_max=high)

    def constants(self):
        self.add("add", self.number("float32", (3,)), self.number("float32", (3,)))
        self.add("cast", self.pick(), dtype=self.draw(["int32", "float32"]))

    def again(self):
        """Put an equal copy of a call into the pool."""
        calls = [(expr, kind) for expr, kind in self.pool if isinstance(expr, Call)]
        if calls:
            given, kind = self.draw(calls)
            self.pool.append((Call(given.op, given.args, given.attrs), kind))

    def binding(self):
        expr, kind = self.pick()
        var = Var(self.draw(["t", "x", "let", "0"]))
        self.lets.append((var, expr))
        self.pool.append((var, kind))

    def choice(self):
        expr, kind = self.pick()
        same = [e for e, k in self.pool if k == kind]
        score = call("sum", self.pick(dtype="float32")[0])
        test = self.draw([Constant(np.array(True)), call("less", score, Constant(np.float32(0)))])
        self.pool.append((If(test, expr, self.draw(same)), kind))

    def projection(self):
        expr, kind = self.pick()
        self.pool.append((TupleGetItem(Tuple((self.pick()[0], expr)), 1), kind))

    def function(self):
        expr, kind = self.pick()
        param = Var("p")
        body = call("maximum", call("negative", param), expr)
        self.pool.append((Call(Function((param,), body), (expr,)), kind))

    def global_call(self):
        image = self.helper.annotation
        given = self.draw([e for e, k in self.pool if k == image])
        self.pool.append((Call(GlobalVar("helper"), (given,)), image))

    def module(self, steps):
        """Return a program of about `steps` expressions that gives some of its values."""
        kinds = [
            *(self.unary, self.binary, self.convolution, self.pooling, self.reshape),
            *(self.transpose, self.rearrange, self.clip, self.constants, self.again),
            *(self.binding, self.choice, self.projection, self.function, self.global_call),
        ]
        for _ in range(steps):
            before = len(self.pool)
            self.draw(kinds)()
            self.pool[before:] = [
                (expr, kind) for expr, kind in self.pool[before:] if np.prod(kind.shape) < 2000
            ]
        body = Tuple((*(expr for expr, _ in self.pool[-6:]), self.pick()[0]))
        for var, value in reversed(self.lets):
            body = Let(var, value, body)
        helper = Function((self.helper,), call("nn.relu", self.helper), self.helper.annotation)
        return Module({"main": Function(self.params, body), "helper": helper})


@pytest.fixture
def random_program():
    """A function from a seed to a well-typed module."""
    return lambda seed, steps=16: Generator(seed).module(steps)


@pytest.fixture
def program_inputs():
    """A function from a seed and a module to inputs of @main.

    Floats are small integers: their sums are exact, whatever their order.
    """

    def inputs(seed, module):
        rng = np.random.default_rng(seed)
        return [
            rng.integers(-4, 5, param.annotation.shape).astype(param.annotation.dtype)
            for param in module["main"].params
        ]

    return inputs
