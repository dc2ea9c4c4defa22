"""Makers of arguments and attributes: functions of a random generator.

Shapes are small, with sizes of 0 and 1; layouts, axes and windows are drawn.
"""

import numpy as np

from compiler.ops import operators
from compiler.ops.attributes import complete_attributes


def f(r, *shape):
    return r.standard_normal(shape).astype("float32")


def i(r, low, high, *shape, dtype="int32"):
    return r.integers(low, high, shape).astype(dtype)


def n(r, low=1, high=5):
    return int(r.integers(low, high))


def shape(r, rank=None):
    return tuple(n(r, 0, 4) for _ in range(n(r, 0, 4) if rank is None else rank))


def axis(r, rank):
    return n(r, -rank, rank)


def s32(value):
    return np.asarray(value, "int32")


def s(value):
    return np.asarray(value, "float32")


def key(r):
    return r.integers(0, 2**63, 10).astype("uint64")


def unary(r):
    return (f(r, *shape(r)),), {}


def positive(r):
    return (np.abs(f(r, *shape(r))) + 1,), {}


def binary(make):
    def sample(r):
        left = shape(r, 3)
        right = tuple(1 if r.random() < 0.3 else size for size in left)[n(r, 0, 3) :]
        return (make(r, *left), make(r, *right)), {}

    return sample


def integers(r, *sizes):
    return i(r, -9, 9, *sizes, dtype=str(r.choice(["int8", "int32", "int64"])))


def int32s(r, *sizes):
    return i(r, -9, 9, *sizes)


def uint8s(r, *sizes):
    return i(r, 0, 7, *sizes, dtype="uint8")


def bools(r, *sizes):
    return r.random(sizes) < 0.5


def reduce(r, make=f, **attrs):
    rank = n(r, 1, 4)
    chosen = [int(a) for a in r.permutation(rank)[: n(r, 1, rank + 1)]]
    attrs = {"axis": chosen, "keepdims": bool(r.random() < 0.5), **attrs}
    attrs["exclude"] = bool(r.random() < 0.3) and len(chosen) < rank
    return (make(r, *(n(r) for _ in range(rank))),), attrs


def norm(r, **attrs):
    x, place = f(r, 2, 4, n(r)), attrs.get("axis", 1)
    return (x, f(r, x.shape[place]), f(r, x.shape[place])), attrs


def spatial(r, count, low=4, high=8):
    return tuple(n(r, low, high) for _ in range(count))


def layouts(r, count):
    letters = {1: "W", 2: "HW", 3: "DHW"}[count]
    channels_last = r.random() < 0.5
    return f"N{letters}C" if channels_last else f"NC{letters}", channels_last


def image(r, count, channels=4, make=f):
    name, last = layouts(r, count)
    sizes = spatial(r, count)
    data = make(r, 2, *sizes, channels) if last else make(r, 2, channels, *sizes)
    return name, data


def conv(count, transpose=False, make=f):
    def sample(r):
        name, data = image(r, count, make=make)
        groups = int(r.choice([1, 2, 4]))
        window = spatial(r, count, 1, 4)
        kernel = (4, 2, *window) if transpose else (4, 4 // groups, *window)
        attrs = {
            "data_layout": name,
            "groups": groups,
            "strides": spatial(r, count, 1, 3),
            "padding": spatial(r, 2 * count, 0, 2),
        }
        if not transpose:
            attrs["dilation"] = spatial(r, count, 1, 3) if max(window) < 3 else (1,) * count
        elif r.random() < 0.5:
            attrs["strides"], attrs["output_padding"] = (2,) * count, (1,) * count
        return (data, make(r, *kernel)), attrs

    return sample


def quantized_conv(transpose):
    plain = conv(2, transpose, uint8s)

    def sample(r):
        args, attrs = plain(r)
        return (*args, s32(3), s32(2), s(0.1), s(0.2)), attrs

    return sample


def pool(count, **more):
    def sample(r):
        name, data = image(r, count)
        attrs = {
            "pool_size": spatial(r, count, 2, 4),
            "strides": spatial(r, count, 1, 3),
            "padding": spatial(r, 2 * count, 0, 2),
            "ceil_mode": bool(r.random() < 0.5),
            "layout": name,
        }
        return (data,), attrs | more

    return sample


def pool_gradient(r):
    (data,), attrs = pool(2)(r)
    row = operators()["nn.max_pool2d"]
    full = complete_attributes(row, attrs)
    return (data, row.meaning(full, data)), attrs


def adaptive(count):
    def sample(r):
        name, data = image(r, count)
        return (data,), {"layout": name, "output_size": spatial(r, count, 1, 4)}

    return sample


def resized(count):
    def sample(r):
        name, data = image(r, count)
        methods = ["nearest_neighbor", "linear", "cubic"]
        modes = ["half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn"]
        attrs = {"size": spatial(r, count, 1, 9), "method": str(r.choice(methods)), "layout": name}
        return (data,), attrs | {"coordinate_transformation_mode": str(r.choice(modes))}

    return sample


def upsampled(count):
    def sample(r):
        name, data = image(r, count)
        scales = {f"scale_{x}": float(r.choice([1.5, 2.0, 3.0])) for x in "dhw"[3 - count :]}
        return (data,), {"layout": name, **scales}

    return sample


def slices(r):
    data = f(r, *shape(r, 3))
    rank = n(r, 1, 4)
    steps = [int(r.choice([-2, -1, 1, 2])) for _ in range(rank)]
    ends = [[n(r, -5, 5) for _ in range(rank)] for _ in range(2)]
    return (data,), {"begin": ends[0], "end": ends[1], "strides": steps}


def updated(r, key, **attrs):
    data = f(r, 3, 4)
    if key == "axis":
        place = axis(r, 2)
        indices = i(r, -3, 3, 2, 3)
        return (data, indices, f(r, 2, 3)), {"axis": place, **attrs}
    return (data, i(r, 0, 3, 1, 5), f(r, 5, 4)), attrs


def quantized(r, make=uint8s):
    return (make(r, *shape(r)), s(0.1), s32(2), s(0.2), s32(3)), {}


def quantized_pair(r):
    (left, right), _ = binary(uint8s)(r)
    return (left, right, s(0.1), s32(1), s(0.2), s32(2), s(0.3), s32(3)), {}


def matrices(r, make=f):
    ta, tb = (bool(r.random() < 0.5) for _ in range(2))
    b, m, k, c = n(r), n(r), n(r), n(r)
    x = make(r, b, k, m) if ta else make(r, b, m, k)
    y = make(r, b, c, k) if tb else make(r, b, k, c)
    return (x, y), {"transpose_a": ta, "transpose_b": tb}


def boxes(r, count=7):
    low = r.random((2, count, 2))
    rows = np.concatenate((r.integers(0, 2, (2, count, 1)), r.random((2, count, 1)), low), 2)
    return np.concatenate((rows, low + r.random((2, count, 2))), 2).astype("float32")


def regions(r):
    name, data = image(r, 2)
    low = r.random((3, 2)) * 4
    rois = np.concatenate((r.integers(0, 2, (3, 1)), low, low + 1 + r.random((3, 2)) * 5), 1)
    attrs = {"pooled_size": spatial(r, 2, 1, 4), "spatial_scale": 0.5, "layout": name}
    return (data, rois.astype("float32")), attrs


def block(r, **attrs):
    name, last = layouts(r, 2)
    size = int(r.choice([1, 2]))
    data = f(r, 2, 4, 6, 8) if last else f(r, 2, 8, 4, 6)
    return (data,), {"layout": name, "block_size": size, **attrs}


def like(r):
    sizes = shape(r, 3)
    small = tuple(1 if r.random() < 0.4 else size for size in sizes)[n(r, 0, 3) :]
    return sizes, small


def collapse(r):
    sizes, small = like(r)
    return (f(r, *sizes), f(r, *small)), {}


def spread(r):
    sizes, small = like(r)
    return (f(r, *small), i(r, 0, 3, *sizes)), {}


def shared(r, count=2):
    size = n(r)
    return tuple(f(r, size, n(r), 2) for _ in range(count))
