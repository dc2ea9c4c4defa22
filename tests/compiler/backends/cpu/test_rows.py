"""Every operator on the CPU: compiled, run, and compared with the interpreter."""

import pytest

from compiler.backends.cpu import compile_host
from compiler.errors import Unsupported
from compiler.infer import infer
from compiler.ir import Constant, Function, Module, TensorType, Tuple, Var
from compiler.ops import call, operators
from tests.compiler.ops.samples.table import case

PENDING = frozenset(
    {
        "adv_index",
        "annotation.bitpack_end",
        "annotation.bitpack_start",
        "annotation.cast_hint",
        "annotation.checkpoint",
        "annotation.compiler_begin",
        "annotation.compiler_end",
        "annotation.stop_fusion",
        "arange",
        "argsort",
        "argwhere",
        "broadcast_to_like",
        "cast_like",
        "collapse_sum_like",
        "collapse_sum_to",
        "contrib_reverse_reshape",
        "device_copy",
        "dyn.broadcast_to",
        "dyn.expand_dims",
        "dyn.full",
        "dyn.image.resize2d",
        "dyn.nn.pad",
        "dyn.nn.upsampling",
        "dyn.nn.upsampling3d",
        "dyn.one_hot",
        "dyn.ones",
        "dyn.reshape",
        "dyn.sparse_to_dense",
        "dyn.squeeze",
        "dyn.strided_slice",
        "dyn.tile",
        "dyn.topk",
        "dyn.zeros",
        "einsum",
        "fast_erf",
        "fast_exp",
        "fast_tanh",
        "fixed_point_multiply",
        "fixed_point_multiply_per_axis",
        "full_like",
        "gather_nd",
        "image.affine_grid",
        "image.crop_and_resize",
        "image.dilation2d",
        "image.grid_sample",
        "image.resize1d",
        "image.resize2d",
        "image.resize3d",
        "invert_permutation",
        "layout_transform",
        "logsumexp",
        "matrix_set_diag",
        "meshgrid",
        "ndarray_size",
        "nn.adaptive_avg_pool1d",
        "nn.adaptive_avg_pool2d",
        "nn.adaptive_avg_pool3d",
        "nn.adaptive_max_pool1d",
        "nn.adaptive_max_pool2d",
        "nn.adaptive_max_pool3d",
        "nn.avg_pool1d",
        "nn.avg_pool2d_grad",
        "nn.avg_pool3d",
        "nn.batch_to_space_nd",
        "nn.conv1d",
        "nn.conv1d_transpose",
        "nn.conv2d_transpose",
        "nn.conv3d",
        "nn.conv3d_transpose",
        "nn.cross_entropy",
        "nn.cross_entropy_with_logits",
        "nn.deformable_conv2d",
        "nn.depth_to_space",
        "nn.dilate",
        "nn.fast_softmax",
        "nn.fifo_buffer",
        "nn.group_norm",
        "nn.instance_norm",
        "nn.layer_norm",
        "nn.lrn",
        "nn.matmul",
        "nn.max_pool1d",
        "nn.max_pool2d_grad",
        "nn.max_pool3d",
        "nn.mirror_pad",
        "nn.nll_loss",
        "nn.prelu",
        "nn.space_to_batch_nd",
        "nn.space_to_depth",
        "nn.upsampling",
        "nn.upsampling3d",
        "on_device",
        "one_hot",
        "ones_like",
        "qnn.abs",
        "qnn.batch_matmul",
        "qnn.conv2d_transpose",
        "qnn.erf",
        "qnn.exp",
        "qnn.hardswish",
        "qnn.leaky_relu",
        "qnn.log",
        "qnn.rsqrt",
        "qnn.sigmoid",
        "qnn.simulated_dequantize",
        "qnn.simulated_quantize",
        "qnn.sqrt",
        "qnn.tanh",
        "random.multinomial",
        "random.normal",
        "random.threefry_generate",
        "random.threefry_split",
        "random.uniform",
        "reinterpret",
        "repeat",
        "reshape_like",
        "reverse_sequence",
        "scatter_elements",
        "scatter_nd",
        "searchsorted",
        "sequence_mask",
        "shape_of",
        "slice_like",
        "sliding_window",
        "sort",
        "sparse_to_dense",
        "strided_set",
        "topk",
        "trilu",
        "unique",
        "unravel_index",
        "variance",
        "vision.all_class_non_max_suppression",
        "vision.get_valid_counts",
        "vision.multibox_prior",
        "vision.multibox_transform_loc",
        "vision.non_max_suppression",
        "vision.roi_align",
        "vision.roi_pool",
        "vision.yolo_reorg",
        "zeros_like",
    }
)
"""Operators that the CPU does not take yet: the list only shrinks."""

TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-12}


def as_vars(value, made, known):
    """Return an expression of new variables for arrays, and add both to `made`."""
    if isinstance(value, tuple):
        return Tuple(tuple(as_vars(part, made, known) for part in value))
    if known:
        return Constant(value)
    made.append((Var(f"x{len(made)}", TensorType(value.shape, str(value.dtype))), value))
    return made[-1][0]


def program(name, seed):
    """Return a module of one call, whose scales and zero points are constants, and its inputs."""
    row, args, attrs = case(name, seed)
    made = []
    names = [*row.arguments, *row.arguments[-1:] * len(args)]
    given = [
        as_vars(arg, made, "scale" in part or "zero_point" in part)
        for arg, part in zip(args, names, strict=False)
    ]
    body = call(name, *given, **attrs)
    module = infer(Module({"main": Function(tuple(var for var, _ in made), body)}))
    return module, [array for _, array in made]


@pytest.mark.parametrize("name", [name for name in operators() if name not in PENDING])
def test_a_row(name, check):
    for seed in range(2):
        module, inputs = program(name, seed)
        dtypes = [str(one.dtype) for one in inputs]
        tolerance = max([TOLERANCE.get(dtype, 0) for dtype in [*dtypes, "float32"]])
        check(module, inputs, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("name", sorted(PENDING))
def test_a_pending_row_is_refused(name):
    with pytest.raises(Unsupported):
        compile_host(program(name, 0)[0], {})
