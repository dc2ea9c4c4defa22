"""A sample of each row: from a random generator to its arguments and attributes."""

import numpy as np

from compiler.ops import operators
from compiler.ops.attributes import complete_attributes

from .makers import (
    adaptive,
    axis,
    binary,
    block,
    bools,
    boxes,
    collapse,
    conv,
    f,
    i,
    int32s,
    integers,
    key,
    matrices,
    n,
    norm,
    pool,
    pool_gradient,
    positive,
    quantized,
    quantized_conv,
    quantized_pair,
    reduce,
    regions,
    resized,
    s,
    s32,
    shape,
    shared,
    slices,
    spread,
    uint8s,
    unary,
    updated,
    upsampled,
)


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
    "random.threefry_generate": lambda r: ((key(r),), {"out_shape": shape(r)}),
    "random.threefry_split": lambda r: ((key(r),), {}),
    "random.uniform": lambda r: ((key(r), s(-1), s(2)), {"out_shape": shape(r)}),
    "random.normal": lambda r: (
        (key(r), s(-1), s(2)),
        {"out_shape": shape(r), "out_dtype": str(r.choice(["", "float64"]))},
    ),
    "random.multinomial": lambda r: (
        (key(r), np.abs(f(r, *shape(r, 1), n(r)))),
        {"num_samples": n(r)},
    ),
    "nn.deformable_conv2d": lambda r: (
        (f(r, 2, 4, 5, 6), f(r, 2, 24, 5, 3), f(r, 6, 2, 3, 2)),
        {"groups": 2, "deformable_groups": 2, "padding": [1, 0], "strides": [1, 2]},
    ),
    "vision.all_class_non_max_suppression": lambda r: (
        (
            boxes(r)[..., 2:],
            r.random((2, n(r), 7)).astype("float32"),
            s32(n(r, -1, 4)),
            s(0.3),
            s(0.2),
        ),
        {},
    ),
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


def case(name, seed):
    row, random = operators()[name], np.random.default_rng(seed)
    args, attrs = sample_of(name)(random)
    arrays = tuple(part if isinstance(part, tuple) else np.asarray(part) for part in args)
    return row, arrays, complete_attributes(row, attrs)
