"""Operators: for a tensor type, a call that gives it, as operand types and a function of operands.

Sizes that are no numbers (symbols of parameters) are never divided, cut or compared with others.
"""

import numpy as np

from compiler.ir import Constant, TensorType, Tuple, TupleGetItem
from compiler.ops import call

SIZES = (1, 2, 3)
UNARY = {
    "float32": ("tanh", "sigmoid", "nn.relu", "abs", "negative", "floor", "sin", "copy"),
    "int32": ("abs", "negative", "copy"),
    "int8": ("negative", "copy"),
    "bool": ("logical_not",),
}
BINARY = ("add", "subtract", "multiply", "maximum", "minimum")
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
DTYPES = ("float32", "float32", "int32", "int8", "bool")


def random_array(random, shape, dtype):
    """Return small values."""
    count = int(np.prod(shape, dtype=int))
    if dtype == "float32":
        values = [random.randint(-8, 8) / 4 for _ in range(count)]
    elif dtype == "bool":
        values = [random.random() < 0.5 for _ in range(count)]
    else:
        values = [random.randint(-3, 3) for _ in range(count)]
    return np.array(values, dtype).reshape(shape)


def random_tensor(random, rank=None):
    """Return a type of known sizes."""
    rank = random.choice((0, 1, 2, 2, 3)) if rank is None else rank
    return TensorType(tuple(random.choice(SIZES) for _ in range(rank)), random.choice(DTYPES))


def constant(random, wanted):
    """Return a constant of a type of known sizes."""
    return Constant(random_array(random, wanted.shape, wanted.dtype))


def is_known(wanted):
    """Return whether all sizes are numbers."""
    return all(isinstance(size, int) for size in wanted.shape)


def productions(random, wanted):
    """Return ways to make a tensor: lists of operand types, each with what makes a call of them."""
    shape, dtype = wanted.shape, wanted.dtype
    ways = [_unary, _unary, _cast, _where]
    if dtype != "bool":
        ways += [_binary, _binary, _binary]
    else:
        ways += [_comparison, _comparison, _logical]
    if shape:
        ways += [_transpose, _stack_or_split, _concatenate, _slice, _taken, _repeat]
    ways += [_reduce, _reduce, _like]
    if 1 in shape:
        ways.append(_expand)
    if dtype == "float32":
        ways += [_clip]
        if shape:
            ways += [_softmax, _normalised]
        if len(shape) == 2 and isinstance(shape[1], int):
            ways += [_dense, _dense]
        if len(shape) == 4:
            ways += [_convolution] * 4
    if is_known(wanted):
        ways += [_reshape]
    found = random.choice(ways)(random, wanted)
    return found if found is not None else _unary(random, wanted)


def _unary(random, wanted):
    name = random.choice(UNARY[wanted.dtype])
    return [wanted], lambda x: call(name, x)


def _cast(random, wanted):
    source = TensorType(wanted.shape, random.choice(("int32", "float32", "bool")))
    if source.dtype == "float32" and wanted.dtype != "float32":
        return None  # what a large float becomes is the machine's choice
    return [source], lambda x: call("cast", x, dtype=wanted.dtype)


def _where(random, wanted):
    condition = TensorType(wanted.shape, "bool")
    return [condition, wanted, wanted], lambda c, x, y: call("where", c, x, y)


def _stretched(random, wanted):
    """Return a type that broadcasts to the one wanted."""
    shape = tuple(1 if random.random() < 0.3 else size for size in wanted.shape)
    drop = random.randint(0, len(shape)) if random.random() < 0.3 else 0
    return TensorType(shape[drop:], wanted.dtype)


def _binary(random, wanted):
    name = random.choice(BINARY)
    operands = [wanted, _stretched(random, wanted) if random.random() < 0.5 else wanted]
    random.shuffle(operands)
    return operands, lambda x, y: call(name, x, y)


def _comparison(random, wanted):
    name = random.choice(COMPARISONS)
    operand = TensorType(wanted.shape, random.choice(("float32", "int32", "int8")))
    return [operand, operand], lambda x, y: call(name, x, y)


def _transpose(random, wanted):
    axes = list(range(len(wanted.shape)))
    random.shuffle(axes)
    source = [0] * len(axes)
    for place, axis in enumerate(axes):
        source[axis] = wanted.shape[place]
    return [TensorType(tuple(source), wanted.dtype)], lambda x: call("transpose", x, axes=axes)


def _concatenate(random, wanted):
    axes = [a for a, size in enumerate(wanted.shape) if isinstance(size, int) and size > 1]
    if not axes:
        return None
    axis = random.choice(axes)
    first = random.randint(1, wanted.shape[axis] - 1)
    parts = [_resized(wanted, axis, size) for size in (first, wanted.shape[axis] - first)]
    return parts, lambda x, y: call("concatenate", Tuple((x, y)), axis=axis)


def _resized(wanted, axis, size):
    return TensorType((*wanted.shape[:axis], size, *wanted.shape[axis + 1 :]), wanted.dtype)


def _stack_or_split(random, wanted):
    axis = random.randrange(len(wanted.shape))
    size = wanted.shape[axis]
    if not isinstance(size, int):
        return None
    if random.random() < 0.5 and size == 2:
        part = TensorType((*wanted.shape[:axis], *wanted.shape[axis + 1 :]), wanted.dtype)
        return [part, part], lambda x, y: call("stack", Tuple((x, y)), axis=axis)
    index, whole = random.randrange(2), _resized(wanted, axis, 2 * size)
    return [whole], lambda x: TupleGetItem(
        call("split", x, indices_or_sections=2, axis=axis), index
    )


def _slice(random, wanted):
    axes = [axis for axis, size in enumerate(wanted.shape) if isinstance(size, int)]
    if not axes:
        return None
    axis = random.choice(axes)
    before, after = random.randint(0, 1), random.randint(0, 1)
    size = wanted.shape[axis]
    return [_resized(wanted, axis, before + size + after)], lambda x: call(
        "strided_slice", x, begin=[before], end=[before + size], axes=[axis]
    )


def _taken(random, wanted):
    """Take elements along an axis by number."""
    axes = [axis for axis, size in enumerate(wanted.shape) if isinstance(size, int)]
    if not axes:
        return None
    axis = random.choice(axes)
    source = _resized(wanted, axis, random.choice(SIZES))
    indices = TensorType((wanted.shape[axis],), "int32")
    return [source, indices], lambda x, i: call("take", x, i, axis=axis, mode="clip")


def _repeat(random, wanted):
    """Repeat, tile, reverse or sum up along an axis."""
    axis = random.randrange(len(wanted.shape))
    size, rank = wanted.shape[axis], len(wanted.shape)
    if wanted.dtype in ("float32", "int32") and random.random() < 0.3:
        return [wanted], lambda x: call("cumsum", x, axis=axis)
    if not isinstance(size, int) or size == 1 or random.random() < 0.3:
        return [wanted], lambda x: call("reverse", x, axis=axis)
    source = _resized(wanted, axis, 1)
    if random.random() < 0.5:
        return [source], lambda x: call("repeat", x, repeats=size, axis=axis)
    reps = [size if place == axis else 1 for place in range(rank)]
    return [source], lambda x: call("tile", x, reps=reps)


def _like(random, wanted):
    """Zeros or ones of the shape of another tensor."""
    name = random.choice(("zeros_like", "ones_like"))
    return [wanted], lambda x: call(name, x)


def _logical(random, wanted):
    name = random.choice(("logical_and", "logical_or", "logical_xor"))
    return [wanted, _stretched(random, wanted)], lambda x, y: call(name, x, y)


def _normalised(random, wanted):
    size = TensorType(wanted.shape[-1:])
    return [wanted, size, size], lambda x, g, b: call("nn.layer_norm", x, g, b, axis=-1)


def dynamic(random, scope_type):
    """Return a call whose sizes follow from data, and how many axes it has; or None."""
    sizes = [random.choice(SIZES) for _ in range(random.randint(1, 2))]
    shape = Constant(np.array(sizes, "int64"))
    if scope_type is None or not scope_type.shape or random.random() < 0.5:
        dtype = random.choice(("float32", "int32"))
        fill = Constant(random_array(random, (), dtype))
        return lambda x: call("dyn.full", fill, shape), TensorType(tuple(sizes), dtype)
    reps = Constant(np.array([random.choice((1, 2)) for _ in scope_type.shape], "int64"))
    return lambda x: call("dyn.tile", x, reps), scope_type


def _reduce(random, wanted):
    numeric = wanted.dtype in ("float32", "int32")
    name = random.choice(("sum", "max", "min") if numeric else ("max",))
    if wanted.dtype == "bool":
        name = random.choice(("all", "any"))
    axis = random.randint(0, len(wanted.shape))
    size = random.choice(SIZES)
    shape = (*wanted.shape[:axis], size, *wanted.shape[axis:])
    keep = [a for a, have in enumerate(wanted.shape) if have == 1 and isinstance(have, int)]
    if keep and random.random() < 0.5:
        axis = random.choice(keep)
        source = _resized(wanted, axis, size)
        return [source], lambda x: call(name, x, axis=[axis], keepdims=True)
    return [TensorType(shape, wanted.dtype)], lambda x: call(name, x, axis=[axis])


def _expand(random, wanted):
    axis = random.choice([a for a, size in enumerate(wanted.shape) if size == 1])
    if random.random() < 0.5:
        source = TensorType((*wanted.shape[:axis], *wanted.shape[axis + 1 :]), wanted.dtype)
        return [source], lambda x: call("expand_dims", x, axis=axis)
    source = TensorType((*wanted.shape[:axis], 1, *wanted.shape[axis:]), wanted.dtype)
    return [source], lambda x: call("squeeze", x, axis=[axis])


def _clip(random, wanted):
    low = random.randint(-4, 0) / 2
    return [wanted], lambda x: call("clip", x, a_min=low, a_max=low + 1.5)


def _softmax(random, wanted):
    axis = random.randrange(len(wanted.shape))
    return [wanted], lambda x: call("nn.softmax", x, axis=axis)


def _dense(random, wanted):
    inner, (rows, columns) = random.choice(SIZES), wanted.shape
    operands = [TensorType((rows, inner)), TensorType((columns, inner))]
    if random.random() < 0.4:
        operands.append(TensorType((columns,)))
        return operands, lambda x, w, b: call(
            "nn.bias_add", call("nn.dense", x, w, units=columns), b, axis=1
        )
    return operands, lambda x, w: call("nn.dense", x, w, units=columns)


def _convolution(random, wanted):
    batch, outputs, height, width = wanted.shape
    if not (isinstance(outputs, int) and isinstance(height, int) and isinstance(width, int)):
        return None
    inputs, kernel = random.choice((1, 2)), random.choice((1, 2))
    data = TensorType((batch, inputs, height + kernel - 1, width + kernel - 1))
    weight = TensorType((outputs, inputs, kernel, kernel))
    return [data, weight], lambda x, w: call(
        "nn.conv2d", x, w, channels=outputs, kernel_size=(kernel, kernel)
    )


def _reshape(random, wanted):
    total = int(np.prod(wanted.shape, dtype=int))
    shapes = [(total,), (1, total), (total, 1), wanted.shape[::-1]]
    source = TensorType(random.choice(shapes), wanted.dtype)
    newshape = list(wanted.shape)
    if newshape and random.random() < 0.3:
        newshape[random.randrange(len(newshape))] = -1
    return [source], lambda x: call("reshape", x, newshape=newshape)


def growth(random, given):
    """Return what makes a tensor of other sizes, symbols included, of one given; or None."""
    if not given.shape:
        return None
    axis = random.randrange(len(given.shape))
    ways = [
        lambda x: call("concatenate", Tuple((x, x)), axis=axis),
        lambda x: call("concatenate", Tuple((x, x, x)), axis=axis),
        lambda x: call("stack", Tuple((x, x)), axis=axis),
        lambda x: call("expand_dims", x, axis=axis),
        lambda x: call("transpose", x),
    ]
    return random.choice(ways)
