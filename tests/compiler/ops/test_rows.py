"""Every row: what its relation says of types is what its meaning gives, sizes known or not.

A row has one or more samples: functions of a random generator that give arguments and attributes.
"""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import TypeInferenceError
from compiler.ir.dims import substitute_dim, symbol
from compiler.ir.types import Any, TensorType, TupleType
from compiler.ops import Mismatch, operators
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


def dynamic(name, *moved):
    """The sample of a static row, with attributes as arguments at the end or where they stand."""

    def sample(r):
        args, attrs = SAMPLES[name](r)
        args = list(args)
        for attribute, dtype, place in moved:
            given = attrs.pop(attribute, None)
            assert given is not None, attribute
            args.insert(len(args) if place is None else place, np.asarray(given, dtype))
        return tuple(args), attrs

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


SAMPLES = {
    "reshape": lambda r: ((f(r, 2, 3, 4),), {"newshape": [0, -1, 2]}),
    "transpose": lambda r: ((f(r, *shape(r, 3)),), {"axes": r.permutation(3).tolist()}),
    "squeeze": lambda r: ((f(r, 1, n(r, 0), 1),), {"axis": [0, -1][: n(r, 1, 3)]}),
    "expand_dims": lambda r: ((f(r, *shape(r, 2)),), {"axis": axis(r, 3), "num_newaxis": n(r)}),
    "broadcast_to": lambda r: ((f(r, 1, 3),), {"shape": [n(r, 0), n(r, 0), 3]}),
    "full": lambda r: ((s(2),), {"shape": shape(r), "dtype": str(r.choice(["", "int8"]))}),
    "zeros": lambda r: ((), {"shape": shape(r), "dtype": "int8"}),
    "ones": lambda r: ((), {"shape": shape(r), "dtype": "float16"}),
    "tile": lambda r: ((f(r, *shape(r)),), {"reps": [n(r, 0, 3) for _ in range(n(r))]}),
    "repeat": lambda r: (
        (f(r, *shape(r, 2)),),
        {"repeats": n(r, 0), "axis": [None, axis(r, 2)][n(r, 0, 2)]},
    ),
    "reverse": lambda r: ((f(r, *shape(r, 2)),), {"axis": axis(r, 2)}),
    "reverse_sequence": lambda r: (
        (f(r, 3, 5, n(r, 0)), i(r, 0, 4, 5)),
        {"seq_axis": 0, "batch_axis": 1},
    ),
    "meshgrid": lambda r: (
        ((f(r, n(r, 0)), f(r), f(r, n(r))),),
        {"indexing": str(r.choice(["ij", "xy"]))},
    ),
    "sliding_window": lambda r: (
        (f(r, n(r, 0), n(r, 3, 7), 5),),
        {"axis": 1, "window_shape": [n(r, 1, 4), 2], "strides": [n(r), n(r)]},
    ),
    "concatenate": lambda r: ((shared(r, n(r)),), {"axis": 1}),
    "stack": lambda r: (((f(r, 2, 3),) * n(r),), {"axis": axis(r, 3)}),
    "split": lambda r: (
        (f(r, n(r, 0), 6),),
        {"indices_or_sections": [[1, 4], 3, [0, 0, 6]][n(r, 0, 3)], "axis": -1},
    ),
    "strided_slice": slices,
    "take": lambda r: (
        (f(r, 3, 4), i(r, -9, 9, *shape(r))),
        {"axis": [None, 0, -1][n(r, 0, 3)], "mode": str(r.choice(["clip", "wrap", "fast"]))},
    ),
    "gather": lambda r: ((f(r, 3, 4), i(r, -4, 4, 3, n(r, 0))), {"axis": 1}),
    "gather_nd": lambda r: ((f(r, 2, 3, 4), i(r, 0, 2, 1, 2, 5)), {"batch_dims": n(r, 0, 2) and 1}),
    "scatter_elements": lambda r: updated(
        r, "axis", reduction=str(r.choice(["update", "add", "mul", "min", "max", "mean"]))
    ),
    "scatter_nd": lambda r: updated(r, "", mode=str(r.choice(["update", "add", "mul", "max"]))),
    "adv_index": lambda r: (((f(r, 3, 4, 2), i(r, 0, 3, 2, 1), i(r, -4, 4, 5)),), {}),
    "unravel_index": lambda r: ((i(r, 0, 24, *shape(r)), s32([2, 3, 4])), {}),
    "one_hot": lambda r: (
        (i(r, -1, 4, *shape(r, 2)), s(2), s(-1)),
        {"depth": n(r), "axis": axis(r, 3), "dtype": str(r.choice(["", "int8"]))},
    ),
    "sort": lambda r: ((f(r, *shape(r, 2)),), {"axis": axis(r, 2), "is_ascend": bool(n(r, 0, 2))}),
    "argsort": lambda r: ((f(r, *shape(r, 2)),), {"axis": axis(r, 2), "dtype": "int64"}),
    "topk": lambda r: (
        (f(r, 4, 3),),
        {"k": n(r, 0, 4), "axis": axis(r, 2), "ret_type": str(r.choice(["both", "indices"]))},
    ),
    "searchsorted": lambda r: (
        (np.sort(f(r, 2, 5), -1), f(r, 2, n(r, 0))),
        {"right": bool(n(r, 0, 2)), "dtype": "int64"},
    ),
    "unique": lambda r: (
        (i(r, 0, 4, n(r, 0, 7)),),
        {"sorted": bool(n(r, 0, 2)), "return_counts": bool(n(r, 0, 2))},
    ),
    "argwhere": lambda r: ((bools(r, *shape(r)),), {}),
    "cumsum": lambda r: (
        (integers(r, *shape(r, 2)),),
        {"axis": [None, axis(r, 2)][n(r, 0, 2)], "exclusive": bool(n(r, 0, 2))},
    ),
    "cumprod": lambda r: ((f(r, *shape(r, 2)),), {"axis": axis(r, 2), "dtype": "float64"}),
    "arange": lambda r: ((s32(0), s32(n(r, 0, 9)), s32(n(r))), {}),
    "shape_of": lambda r: ((f(r, *shape(r)),), {"dtype": "int64"}),
    "ndarray_size": lambda r: ((f(r, *shape(r)),), {}),
    "sequence_mask": lambda r: (
        (f(r, 3, 3, *shape(r)), i(r, 0, 4, 3)),
        {"axis": n(r, 0, 2), "mask_value": -1.0},
    ),
    "trilu": lambda r: ((f(r, *shape(r, 3)), s32(n(r, -2, 3))), {"upper": bool(n(r, 0, 2))}),
    "matrix_set_diag": lambda r: ((f(r, 2, 3, 4), f(r, 2, 3, 3)), {"k1": -1, "k2": 1}),
    "layout_transform": lambda r: (
        (f(r, n(r, 0), 8, 3, n(r)),),
        {"src_layout": "NCHW", "dst_layout": str(r.choice(["NHWC", "NCHW4c", "HWNC2c"]))},
    ),
    "einsum": lambda r: (((f(r, 2, 3, n(r)), f(r, 2, 3)),), {"equation": "bij,bi->jb"}),
    "contrib_reverse_reshape": lambda r: ((f(r, 2, 3, 4),), {"newshape": [-1, 0]}),
    "reinterpret": lambda r: ((f(r, *shape(r)),), {"dtype": "uint32"}),
    "invert_permutation": lambda r: ((s32(r.permutation(n(r, 0, 9))),), {}),
    "strided_set": lambda r: (
        (f(r, 5, 4), f(r, 2, 4), s32([1]), s32([4]), s32([2])),
        {},
    ),
    "sparse_to_dense": lambda r: (
        (i(r, 0, 3, 5, 2), f(r, 5), s(0)),
        {"output_shape": [3, 4]},
    ),
    "where": lambda r: ((bools(r, 3, 1), f(r, n(r)), f(r)), {}),
    "clip": lambda r: ((f(r, *shape(r)),), {"a_min": -0.5, "a_max": 0.5}),
    "cast": lambda r: ((f(r, *shape(r)),), {"dtype": "int8"}),
    "power": binary(lambda r, *sizes: np.abs(f(r, *sizes))),
    "logical_not": lambda r: ((bools(r, *shape(r)),), {}),
    "bitwise_not": lambda r: ((integers(r, *shape(r)),), {}),
    "full_like": lambda r: ((f(r, *shape(r)), s32(3)), {}),
    "cast_like": lambda r: ((f(r, *shape(r)), integers(r, *shape(r))), {}),
    "reshape_like": lambda r: ((f(r, 2, 6), f(r, 2, 2, 3)), {"lhs_begin": 1, "rhs_begin": 1}),
    "broadcast_to_like": spread,
    "collapse_sum_like": collapse,
    "collapse_sum_to": lambda r: ((f(r, 2, 3, 4), s32([3, 1])), {"shape": [3, 1]}),
    "slice_like": lambda r: (
        (f(r, 4, 5), f(r, n(r), n(r))),
        {"axes": [[0], None, [-1]][n(r, 0, 3)]},
    ),
    "nn.softmax": lambda r: ((f(r, n(r), n(r)),), {"axis": axis(r, 2)}),
    "nn.fast_softmax": lambda r: ((f(r, n(r), n(r)),), {"axis": axis(r, 2)}),
    "nn.log_softmax": lambda r: ((f(r, n(r), n(r)),), {"axis": axis(r, 2)}),
    "nn.pad": lambda r: (
        (f(r, n(r), 4), s(1)),
        {
            "pad_width": [[n(r, 0), 0], [1, n(r, 0)]],
            "pad_mode": str(r.choice(["constant", "edge"])),
        },
    ),
    "nn.mirror_pad": lambda r: (
        (f(r, 4, 5),),
        {
            "pad_width": [[n(r, 0, 4), 3], [1, n(r, 0)]],
            "mode": str(r.choice(["SYMMETRIC", "REFLECT"])),
        },
    ),
    "nn.batch_flatten": lambda r: ((f(r, *shape(r, 3)),), {}),
    "nn.batch_norm": lambda r: ((f(r, 2, 3, n(r, 0)), *(np.abs(f(r, 3)) for _ in range(4))), {}),
    "nn.layer_norm": lambda r: norm(r, axis=-1),
    "nn.instance_norm": lambda r: norm(r),
    "nn.group_norm": lambda r: norm(r, num_groups=int(r.choice([1, 2, 4]))),
    "nn.lrn": lambda r: (
        (f(r, 2, n(r), 3),),
        {"size": int(r.choice([1, 3, 5])), "axis": axis(r, 3)},
    ),
    "nn.l2_normalize": lambda r: ((f(r, *shape(r, 2)),), {"eps": 1e-6, "axis": [axis(r, 2)]}),
    "nn.prelu": lambda r: ((f(r, 2, 3), f(r, 3)), {}),
    "variance": lambda r: (lambda x, a: ((*x, x[0].mean(tuple(a["axis"]), keepdims=True)), a))(
        (f(r, 3, 4),), {"axis": [axis(r, 2)], "keepdims": bool(n(r, 0, 2))}
    ),
    "nn.dense": lambda r: ((f(r, *shape(r), 3), f(r, n(r), 3)), {}),
    "nn.matmul": lambda r: ((f(r, n(r), 3), f(r, n(r), 3)), {"transpose_b": True}),
    "nn.batch_matmul": matrices,
    "nn.bias_add": lambda r: ((f(r, 2, 3, n(r, 0)), f(r, 3)), {}),
    "nn.dropout": unary,
    "nn.cross_entropy": lambda r: ((np.abs(f(r, 3, 4)), f(r, 3, 4)), {}),
    "nn.cross_entropy_with_logits": lambda r: ((f(r, 3, 4), f(r, 3, 4)), {}),
    "nn.nll_loss": lambda r: (
        (f(r, 3, 4, 2), i(r, -1, 4, 3, 2), np.abs(f(r, 4))),
        {"reduction": str(r.choice(["mean", "sum", "none"])), "ignore_index": -1},
    ),
    "nn.depth_to_space": lambda r: block(r, mode=str(r.choice(["DCR", "CRD"]))),
    "nn.space_to_depth": block,
    "nn.space_to_batch_nd": lambda r: (
        (f(r, n(r), 4, 5, 3),),
        {"block_shape": [2, 3], "paddings": [[1, 1], [0, 1]], "pad_value": 2.0},
    ),
    "nn.batch_to_space_nd": lambda r: (
        (f(r, 6 * n(r), 4, 5, 3),),
        {"block_shape": [2, 3], "crops": [[1, 2], [0, 1]]},
    ),
    "nn.dilate": lambda r: ((f(r, n(r), n(r)),), {"strides": [n(r), n(r)], "dilation_value": 0.5}),
    "nn.fifo_buffer": lambda r: ((f(r, 2, 1), f(r, 2, 3)), {"axis": 1}),
    "image.crop_and_resize": lambda r: (
        (f(r, 2, 3, 5, 6), r.random((3, 4)).astype("float32"), i(r, 0, 2, 3)),
        {"crop_size": [n(r), n(r)], "method": str(r.choice(["bilinear", "nearest_neighbor"]))},
    ),
    "image.affine_grid": lambda r: ((f(r, n(r), 2, 3),), {"target_shape": [n(r), n(r)]}),
    "image.grid_sample": lambda r: (
        (f(r, 2, 3, 5, 6), f(r, 2, 2, n(r), n(r))),
        {
            "padding_mode": str(r.choice(["zeros", "border", "reflection"])),
            "method": str(r.choice(["bilinear", "nearest"])),
        },
    ),
    "image.dilation2d": lambda r: ((f(r, 2, 3, 5, 6), f(r, 3, 2, 3)), {"padding": n(r, 0, 2)}),
    "vision.multibox_prior": lambda r: (
        (f(r, 1, 3, n(r, 0), n(r)),),
        {"sizes": [0.5, 0.2], "ratios": [1, 2, 0.5], "clip": bool(n(r, 0, 2))},
    ),
    "vision.multibox_transform_loc": lambda r: (
        (r.random((2, 3, 5)).astype("float32"), f(r, 2, 20), r.random((1, 5, 4)).astype("float32")),
        {"threshold": 0.5},
    ),
    "vision.get_valid_counts": lambda r: ((boxes(r), s(0.4)), {}),
    "vision.non_max_suppression": lambda r: (
        (boxes(r), i(r, 0, 8, 2), np.tile(s32(range(7)), (2, 1)), s32(n(r, -1, 4)), s(0.3)),
        {"return_indices": bool(n(r, 0, 2)), "top_k": n(r, -1, 6)},
    ),
    "vision.roi_align": regions,
    "vision.roi_pool": regions,
    "vision.yolo_reorg": lambda r: ((f(r, n(r), 8, 4, 6),), {"stride": int(r.choice([1, 2]))}),
    "fixed_point_multiply": lambda r: (
        (i(r, -999, 999, *shape(r)),),
        {"multiplier": 2**30 + n(r), "shift": n(r, -5, 5)},
    ),
    "fixed_point_multiply_per_axis": lambda r: (
        (i(r, -999, 999, 2, 3), s32([2**30] * 3), i(r, 0, 3, 3), i(r, 0, 3, 3)),
        {"axes": [1], "is_lshift_required": True, "is_rshift_required": bool(n(r, 0, 2))},
    ),
    "annotation.cast_hint": lambda r: ((f(r, *shape(r)),), {"dtype": "int8"}),
    "annotation.compiler_begin": lambda r: ((f(r, *shape(r)),), {"compiler": "unit"}),
    "annotation.compiler_end": lambda r: ((f(r, *shape(r)),), {"compiler": "unit"}),
    "qnn.quantize": lambda r: ((f(r, 2, 3), np.abs(f(r, 3)) + 1, i(r, -3, 3, 3)), {"axis": 1}),
    "qnn.dequantize": lambda r: ((uint8s(r, 2, 3), s(0.1), s32(2)), {}),
    "qnn.requantize": lambda r: (
        (i(r, -999, 999, 2, 3), np.abs(f(r, 3)) + 1, s32(0), s(7), s32(1)),
        {"axis": 1, "out_dtype": "uint8"},
    ),
    "qnn.concatenate": lambda r: (
        ((uint8s(r, 2, n(r)), uint8s(r, 2, 1)), (s(0.1), s(0.2)), (s32(1), s32(2)), s(0.3), s32(3)),
        {"axis": 1},
    ),
    "qnn.avg_pool2d": lambda r: (
        (uint8s(r, 1, 4, 5, 3), s(0.1), s32(2), s(0.2), s32(3)),
        {"pool_size": 2, "layout": "NHWC"},
    ),
    "qnn.softmax": lambda r: (
        (i(r, -9, 9, 2, n(r), dtype="int8"), s(0.1), s32(0), s(1 / 256), s32(-128)),
        {},
    ),
    "qnn.conv2d": quantized_conv(False),
    "qnn.conv2d_transpose": quantized_conv(True),
    "qnn.dense": lambda r: (
        (uint8s(r, n(r, 0), 3), uint8s(r, n(r), 3), s32(1), s32(2), s(0.1), s(0.2)),
        {},
    ),
    "qnn.batch_matmul": lambda r: (lambda pair: ((*pair[0], s32(1), s32(2), s(1), s(1)), pair[1]))(
        matrices(r, uint8s)
    ),
    "qnn.simulated_quantize": lambda r: ((f(r, 2, 3), s32(n(r, 0, 4)), s(0.1), s32(2)), {}),
    "qnn.simulated_dequantize": lambda r: ((f(r, 2, 3), s32(n(r, 0, 4)), s(0.1), s32(2)), {}),
    "nn.global_avg_pool2d": lambda r: ((f(r, 2, 3, n(r), n(r)),), {}),
    "nn.global_max_pool2d": lambda r: ((f(r, 2, 3, n(r), n(r)),), {}),
    "nn.max_pool2d_grad": pool_gradient,
    "nn.avg_pool2d_grad": pool_gradient,
    **{f"nn.conv{count}d": conv(count) for count in (1, 2, 3)},
    **{f"nn.conv{count}d_transpose": conv(count, True) for count in (1, 2, 3)},
    **{f"nn.max_pool{count}d": pool(count) for count in (1, 2, 3)},
    **{f"nn.avg_pool{count}d": pool(count, count_include_pad=True) for count in (1, 2, 3)},
    **{f"nn.adaptive_{k}_pool{c}d": adaptive(c) for c in (1, 2, 3) for k in ("avg", "max")},
    **{f"image.resize{count}d": resized(count) for count in (1, 2, 3)},
    "nn.upsampling": upsampled(2),
    "nn.upsampling3d": upsampled(3),
    **dict.fromkeys(("sum", "mean", "logsumexp", "max", "min", "prod"), reduce),
    **dict.fromkeys(("argmax", "argmin"), reduce),
    **{name: lambda r: reduce(r, bools) for name in ("all", "any")},
    **{f"logical_{name}": binary(bools) for name in ("and", "or", "xor")},
    **{f"bitwise_{name}": binary(int32s) for name in ("and", "or", "xor")},
    **{name: binary(uint8s) for name in ("left_shift", "right_shift")},
    **{name: binary(int32s) for name in ("floor_divide", "floor_mod", "trunc_divide")},
    **{f"qnn.{name}": quantized_pair for name in ("add", "subtract", "mul")},
}
SAMPLES |= {
    "dyn.reshape": dynamic("reshape", ("newshape", "int64", None)),
    "dyn.tile": dynamic("tile", ("reps", "int32", None)),
    "dyn.broadcast_to": dynamic("broadcast_to", ("shape", "int32", None)),
    "dyn.full": dynamic("full", ("shape", "int32", None)),
    "dyn.zeros": dynamic("zeros", ("shape", "int32", None)),
    "dyn.ones": dynamic("ones", ("shape", "int32", None)),
    "dyn.one_hot": dynamic("one_hot", ("depth", "int32", None)),
    "dyn.strided_slice": dynamic(
        "strided_slice", *((name, "int64", None) for name in ("begin", "end", "strides"))
    ),
    "dyn.expand_dims": dynamic("expand_dims", ("axis", "int32", None)),
    "dyn.squeeze": dynamic("squeeze", ("axis", "int32", None)),
    "dyn.topk": dynamic("topk", ("k", "int64", None)),
    "dyn.nn.pad": dynamic("nn.pad", ("pad_width", "int32", 1)),
    "dyn.nn.upsampling": dynamic(
        "nn.upsampling", ("scale_h", "float32", None), ("scale_w", "float32", None)
    ),
    "dyn.nn.upsampling3d": dynamic(
        "nn.upsampling3d", *((f"scale_{x}", "float32", None) for x in "dhw")
    ),
    "dyn.image.resize2d": lambda r: (lambda made: ((*made[0], s([0, 0, 1, 1])), made[1]))(
        dynamic("image.resize2d", ("size", "int32", None))(r)
    ),
    "dyn.sparse_to_dense": dynamic("sparse_to_dense", ("output_shape", "int32", None)),
}


def sample_of(name):
    """The sample of a row: its own, or that of all element-wise operators."""
    row = operators()[name]
    if name in SAMPLES:
        return SAMPLES[name]
    if "binary" in row.tags:
        return binary(f)
    if "quantized" in row.tags:
        return quantized
    return positive if len(row.arguments) == 1 else None


def type_of(value):
    if isinstance(value, tuple):
        return TupleType(tuple(type_of(part) for part in value))
    assert isinstance(value, np.ndarray), f"{value!r} is no array"
    return TensorType(value.shape, str(value.dtype))


def agrees(said, real, values=None):
    """Whether a type that a relation gave is that of a result; `?` agrees with any size."""
    if isinstance(said, TupleType):
        pairs = zip(said.fields, real.fields, strict=True)
        return isinstance(real, TupleType) and all(agrees(*pair, values) for pair in pairs)
    if said.dtype != real.dtype or len(said.shape) != len(real.shape):
        return False
    sizes = [substitute_dim(size, values or {}) for size in said.shape]
    return all(isinstance(a, Any) or a == b for a, b in zip(sizes, real.shape, strict=True))


def tensors(types):
    """Yield the place of every axis of the tensors of a call."""
    for number, given in enumerate(types):
        fields = given.fields if isinstance(given, TupleType) else (given,)
        for place, field in enumerate(fields):
            for dim in range(len(field.shape)):
                yield number, place, dim


def with_size(types, where, size):
    """Return the types with one size of one tensor replaced."""
    number, place, dim = where
    given = types[number]
    fields = list(given.fields) if isinstance(given, TupleType) else [given]
    old = fields[place].shape
    fields[place] = replace(fields[place], shape=(*old[:dim], size, *old[dim + 1 :]))
    new = TupleType(tuple(fields)) if isinstance(given, TupleType) else fields[0]
    return (*types[:number], new, *types[number + 1 :])


def case(name, seed):
    row, random = operators()[name], np.random.default_rng(seed)
    args, attrs = sample_of(name)(random)
    arrays = tuple(part if isinstance(part, tuple) else np.asarray(part) for part in args)
    return row, arrays, complete_attributes(row, attrs)


@pytest.mark.parametrize("name", operators())
def test_the_relation_says_what_the_meaning_gives(name):
    for seed in range(12):
        row, args, attrs = case(name, seed)
        types = tuple(type_of(arg) for arg in args)
        signature = row.relation(types, attrs)
        with np.errstate(all="ignore"):
            result = row.meaning(attrs, *args)
        assert signature is not None, f"seed {seed}: {types}"
        assert signature.params == types, f"seed {seed}"
        place = f"seed {seed}: {signature.ret} is not {type_of(result)} of {types} with {attrs}"
        assert agrees(signature.ret, type_of(result)), place
        if row.result_shape is not None:
            parts = result if isinstance(result, tuple) else (result,)
            assert row.result_shape(attrs, *args) == tuple(part.shape for part in parts), seed


@pytest.mark.parametrize("name", operators())
def test_unknown_sizes_and_symbols_agree_with_known_ones(name):
    for seed in range(6):
        row, args, attrs = case(name, seed)
        types = tuple(type_of(arg) for arg in args)
        real = row.relation(types, attrs).ret
        places = list(tensors(types))
        trials = [{where: symbol(f"n{k}")} for k, where in enumerate(places)]
        trials += [{where: Any()} for where in places]
        trials.append({where: symbol(f"n{k}") for k, where in enumerate(places)})
        for trial in trials:
            given, values = types, {}
            for (number, place, dim), size in trial.items():
                part = types[number]
                part = part.fields[place] if isinstance(part, TupleType) else part
                given = with_size(given, (number, place, dim), size)
                if not isinstance(size, Any):
                    values[size.terms[0][0][0]] = part.shape[dim]
            try:
                found = row.relation(given, attrs)
            except Mismatch as error:
                assert "must be known" in error.problem or "must be given" in error.problem, (
                    f"seed {seed}: {error.problem} of {given} with {attrs}"
                )
                continue
            said = found.ret
            assert agrees(said, real, values), (
                f"seed {seed}: {said} of {given}, not {real}, {attrs}"
            )


def mutated_array(r, array):
    """Return an array with an axis more or less, another size, or another data type."""
    shape, dtype = list(array.shape), str(array.dtype)
    match int(r.integers(4)):
        case 0 if shape:
            shape.pop(int(r.integers(len(shape))))
        case 1:
            shape.insert(int(r.integers(len(shape) + 1)), int(r.integers(0, 4)))
        case 2 if shape:
            shape[int(r.integers(len(shape)))] = int(r.integers(0, 9))
        case _:
            dtype = str(r.choice(["bool", "int8", "int32", "int64", "float32", "uint8"]))
    return np.asarray(r.integers(-2, 4, shape)).astype(dtype)


def mutated_attribute(r, value):
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(r.integers(-4, 9))
    if isinstance(value, float):
        return float(r.choice([-1.0, 0.0, 0.5, 3.0, np.inf]))
    if isinstance(value, tuple):
        parts = [mutated_attribute(r, part) for part in value]
        change = int(r.integers(-1, 2)) if parts else 0
        return tuple(parts[: len(parts) + min(change, 0)] + parts[: max(change, 0)])
    return value


def mutated(r, args, attrs):
    """Return a call with one or two things changed."""
    args, attrs = list(args), dict(attrs)
    for _ in range(n(r, 1, 3)):
        names = [name for name, value in attrs.items() if value is not None]
        if args and (r.random() < 0.5 or not names):
            place = int(r.integers(len(args)))
            if isinstance(args[place], tuple):
                args[place] = tuple(mutated_array(r, part) for part in args[place])
            else:
                args[place] = mutated_array(r, args[place])
        elif names:
            name = str(r.choice(names))
            attrs[name] = mutated_attribute(r, attrs[name])
    return tuple(args), attrs


@pytest.mark.parametrize("name", operators())
def test_a_bad_call_is_a_mismatch_and_nothing_else(name):
    """Whatever a call is changed to, it has a meaning or is refused with problem and remedy."""
    for seed in range(30):
        row, args, attrs = case(name, seed)
        args, attrs = mutated(np.random.default_rng(1000 + seed), args, attrs)
        try:
            attrs = complete_attributes(row, attrs)
        except TypeInferenceError:
            continue
        types = tuple(type_of(arg) for arg in args)
        place = f"seed {seed}: {types} with {attrs}"
        try:
            signature = row.relation(types, attrs)
            if signature.params != types:
                continue  # Inference refuses what does not unify.
            with np.errstate(all="ignore"):
                result = row.meaning(attrs, *args)
        except Mismatch as error:
            assert error.problem and error.remedy, place
            continue
        except Exception as error:
            raise AssertionError(place) from error
        assert agrees(signature.ret, type_of(result)), f"{place} gave {type_of(result)}"
