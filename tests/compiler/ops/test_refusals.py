"""Calls that cannot be: what must hold, what was found, how to mend it, word for word."""

import pytest

from compiler.ir import TensorType, TupleType
from compiler.ops import Mismatch, lookup
from compiler.ops.attributes import complete_attributes


def real(*shape):
    return TensorType(shape)


def whole(*shape):
    return TensorType(shape, "int32")


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        (
            "floor_divide",
            (TensorType((2,), "bool"), TensorType((2,), "bool")),
            {},
            "lhs must be a number, not bool; cast both operands",
        ),
        (
            "left_shift",
            (real(2), real(2)),
            {},
            "lhs must be integers, not float32; cast it",
        ),
        (
            "bitwise_and",
            (real(2), real(2)),
            {},
            "operands must be integers or bool, not float32; cast them",
        ),
        (
            "logical_or",
            (whole(2), whole(2)),
            {},
            "lhs must be bool, not int32; compare it with 0",
        ),
        (
            "subtract",
            (TensorType((2,), "bool"), TensorType((2,), "bool")),
            {},
            'operands must be numbers, not bool; cast them, or use "logical_xor"',
        ),
        (
            "fixed_point_multiply",
            (whole(2),),
            {"multiplier": -1, "shift": 0},
            "multiplier must be in 0..2**31 - 1 and shift in -31..30, not -1, 0; write "
            "the factor as multiplier / 2**31 * 2**shift",
        ),
        (
            "fixed_point_multiply",
            (real(2),),
            {"multiplier": 1, "shift": 0},
            'data must be int32, not float32; cast it: cast(..., "int32")',
        ),
        (
            "full_like",
            (real(2), real(2)),
            {},
            "fill_value must be a scalar, not Tensor[(2), float32]; take one element out of it",
        ),
        (
            "reshape_like",
            (real(2, 3), real(4)),
            {},
            "the elements of axes 0..1 of shape_like must be 6 (axes 0..2 of data), "
            "not 4; the number of elements must stay",
        ),
        (
            "slice_like",
            (real(2), real(3)),
            {},
            "shape_like must be at most 2 along axis 0, not 3; slice less",
        ),
        (
            "slice_like",
            (real(2, 3), real(3)),
            {},
            "data and shape_like must have as many axes, not 2 and 1; name the axes to slice",
        ),
        (
            "broadcast_to_like",
            (real(3), real(2, 2)),
            {},
            "shapes (3) and (2, 2) do not broadcast: axis -1 is 3 and 2; sizes must be "
            "equal, or one of them 1",
        ),
        (
            "collapse_sum_to",
            (real(2, 3), whole(1)),
            {"shape": [2]},
            "shapes (2) and (2, 3) do not broadcast: axis -1 is 2 and 3; sizes must be "
            "equal, or one of them 1",
        ),
        (
            "tile",
            (real(2),),
            {"reps": [-1]},
            "reps must be >= 0, not [-1]; correct reps",
        ),
        (
            "repeat",
            (real(2),),
            {"repeats": 2, "axis": 1},
            "axis must be in -1..0, not 1; the data has 1 axes",
        ),
        (
            "reverse_sequence",
            (real(2, 3), whole(3)),
            {},
            "the length of seq_lengths must be 2 (batch_axis), not 3; check it",
        ),
        (
            "reverse_sequence",
            (real(2, 3), whole(2)),
            {"seq_axis": 0, "batch_axis": 0},
            "seq_axis and batch_axis must differ; both are axis 0",
        ),
        (
            "meshgrid",
            (TupleType((real(2, 2),)),),
            {},
            "field 0 must be a scalar or a vector, not Tensor[(2, 2), float32]; reshape",
        ),
        (
            "sliding_window",
            (real(5, 5),),
            {"axis": 0, "window_shape": [2], "strides": [1]},
            "window_shape [2] and strides [1] must have one entry for each of the last "
            "2 axes; a window slides over axis and all that follow",
        ),
        (
            "gather",
            (real(2, 3), whole(2)),
            {"axis": 0},
            "indices must have 2 axes, not 1; reshape indices first",
        ),
        (
            "gather",
            (real(2, 3), whole(3, 3)),
            {"axis": 1},
            "axis 0 of indices must be 2 (as of data), not 3; check axis",
        ),
        (
            "gather_nd",
            (real(2, 3), whole(3, 1)),
            {},
            "batch_dims must be in 0..1 and leave 3 axes of data to index, not be 0; "
            "data has 2 axes",
        ),
        (
            "scatter_elements",
            (real(2, 3), whole(2, 2), real(2, 3)),
            {"axis": 1},
            "axis 1 of updates must be 2 (as of indices), not 3; check it",
        ),
        (
            "scatter_nd",
            (real(2, 3), whole(1, 2), real(3, 3)),
            {},
            "axis 0 of updates must be 2 (indices and data), not 3; reshape updates",
        ),
        (
            "scatter_nd",
            (real(2, 3), whole(1, 2), whole(2, 3)),
            {},
            "updates must be float32, as data is, not int32; cast it",
        ),
        (
            "adv_index",
            (
                TupleType(
                    (
                        real(2),
                        whole(2),
                        whole(2),
                    )
                ),
            ),
            {},
            "inputs must hold data and 1..1 indices, not 2; write (data, index, ...), "
            "at most one index for each axis of data",
        ),
        (
            "one_hot",
            (whole(2), real(), real()),
            {"depth": 0},
            "depth must be >= 1, not 0; give the number of classes",
        ),
        (
            "topk",
            (real(2),),
            {"k": 3},
            "k must be at most 2, not 3; axis 0 has 2 elements",
        ),
        (
            "searchsorted",
            (real(2, 3), real(3, 3)),
            {},
            "axis 0 of values must be 2 (sorted_sequence), not 3; check it",
        ),
        (
            "unique",
            (real(2, 3),),
            {},
            "data must have 1 axes, not 2; reshape data first",
        ),
        (
            "arange",
            (real(), real(), real()),
            {"start": 0, "stop": 1, "step": 0},
            "step must not be 0; give the distance of the elements",
        ),
        (
            "sequence_mask",
            (real(2, 3), whole(2)),
            {},
            "the length of valid_length must be 3, not 2; one a batch",
        ),
        (
            "trilu",
            (real(2), whole()),
            {},
            "data must have at least 2 axes, not 1; reshape it",
        ),
        (
            "matrix_set_diag",
            (real(2, 3), real(3)),
            {},
            "the last axis of diagonal must be 2 (the longest diagonal), not 3; pad it",
        ),
        (
            "layout_transform",
            (real(2, 3),),
            {"src_layout": "NC", "dst_layout": "NC2"},
            "dst_layout must name axes by capitals and their parts by factors, not "
            '"NC2"; write for instance "NCHW" or "NCHW16c"',
        ),
        (
            "layout_transform",
            (real(2, 3),),
            {"src_layout": "NC", "dst_layout": "NC2c"},
            "axis C of 3 does not split into 2; pad it first",
        ),
        (
            "layout_transform",
            (real(2, 3),),
            {"src_layout": "NC", "dst_layout": "NH"},
            'src_layout "NC" and dst_layout "NH" must name the same axes; both need '
            "each capital once",
        ),
        (
            "einsum",
            (TupleType((real(2, 3),)),),
            {"equation": "ij,jk"},
            'equation "ij,jk" must name 1 operands, not 2; one for each field of data',
        ),
        (
            "einsum",
            (TupleType((real(2, 3),)),),
            {"equation": "...i"},
            'equation "...i" with ... is not supported; name every axis',
        ),
        (
            "einsum",
            (TupleType((real(2, 3),)),),
            {"equation": "ii"},
            "shapes (2) and (3) do not broadcast: axis -1 is 2 and 3; sizes must be "
            "equal, or one of them 1",
        ),
        (
            "reinterpret",
            (real(2),),
            {"dtype": "int8"},
            "dtype must be as wide as float32, not int8; cast it instead",
        ),
        (
            "nn.conv1d",
            (real(1, 3, 5), real(4, 2, 3)),
            {},
            "axis I of weight must be 3 (the channels of data), not 2; transpose the "
            "weight or correct kernel_layout",
        ),
        (
            "nn.conv1d",
            (real(1, 3, 5), real(4, 3, 7)),
            {},
            "a window of 7 does not fit into 5 elements with 0 of padding; make the "
            "window smaller or add padding",
        ),
        (
            "nn.conv3d",
            (real(1, 3, 5, 5), real(4, 3, 3, 3, 3)),
            {},
            "data must have 5 axes, not 4; reshape data first",
        ),
        (
            "nn.conv3d",
            (real(1, 3, 5, 5, 5), real(4, 3, 3, 3, 3)),
            {"data_layout": "NCHW"},
            'data_layout must order N, C, D, H and W, not be "NCHW"; use "NCDHW"',
        ),
        (
            "nn.conv1d_transpose",
            (real(1, 3, 5), real(3, 4, 3)),
            {"output_padding": 2},
            "output_padding 2 must be less than strides or dilation, and data of 5 "
            "leave a result behind padding 0; correct the attributes",
        ),
        (
            "nn.max_pool1d",
            (real(1, 3, 5),),
            {"pool_size": 2, "padding": 2},
            "padding (2, 2) must be smaller than pool_size (2,); a window must cover "
            "at least one element of data",
        ),
        (
            "nn.adaptive_avg_pool2d",
            (real(1, 3, 5, 5),),
            {"output_size": [0, 1]},
            "output_size must be 1 or 2 numbers >= 1, not [0, 1]; one number stands for all axes",
        ),
        (
            "nn.layer_norm",
            (real(2, 3), real(2), real(3)),
            {},
            "the length of gamma must be 3 (axis 1 of data), not 2; correct axis",
        ),
        (
            "nn.group_norm",
            (real(2, 3, 4), real(3), real(3)),
            {"num_groups": 2},
            "num_groups must divide the 3 elements of axis 1, not be 2; correct num_groups",
        ),
        (
            "nn.lrn",
            (real(2, 3),),
            {"size": 2},
            "size must be odd and >= 1, not 2; it counts both neighbours",
        ),
        (
            "variance",
            (real(2, 3), real(3)),
            {"axis": 0},
            "mean must have 2 axes, not 1; reshape mean first",
        ),
        (
            "nn.nll_loss",
            (real(2, 3), whole(3), real(3)),
            {},
            "axis 0 of targets must be 2 (as of predictions), not 3; check it",
        ),
        (
            "nn.depth_to_space",
            (real(1, 3, 2, 2),),
            {"block_size": 2},
            "axis C of data must be a multiple of 4, not 3; pad it first",
        ),
        (
            "nn.space_to_batch_nd",
            (real(1, 3, 2, 2),),
            {"block_shape": [2, 2], "paddings": [[0, 0], [0, 0]]},
            "padded axis 1 of data must be a multiple of 2, not 3; pad it first",
        ),
        (
            "nn.mirror_pad",
            (real(2),),
            {"pad_width": [[0, 2]], "mode": "REFLECT"},
            "pad_width must be at most 1 along axis 0, not [0, 2]; an element is mirrored once",
        ),
        (
            "nn.matmul",
            (real(2, 3), real(4, 5)),
            {},
            "the summed axis of tensor_b must be 3 (that of tensor_a), not 4; correct "
            "transpose_a or transpose_b",
        ),
        (
            "image.resize2d",
            (real(1, 3, 2, 2),),
            {"size": [0, 1]},
            "size must be 2 numbers >= 1 and roi 4 numbers, not [0, 1] and []; correct them",
        ),
        (
            "image.resize2d",
            (real(1, 3, 2, 2),),
            {"size": [1, 1], "coordinate_transformation_mode": "tf_crop_and_resize"},
            "tf_crop_and_resize needs roi; give starts, then ends, of each axis",
        ),
        (
            "image.grid_sample",
            (real(1, 3, 2, 2), real(1, 3, 4, 4)),
            {},
            "axis 1 of grid must be 2 (x, then y), not 3; transpose the grid",
        ),
        (
            "vision.non_max_suppression",
            (real(1, 5, 4), whole(1), whole(1, 5), whole(), real()),
            {},
            "coord_start must lie in the 4 entries of a box, not 2; correct it",
        ),
        (
            "vision.yolo_reorg",
            (real(1, 4, 3, 2),),
            {"stride": 2},
            "stride must be >= 1 and axis H of data a multiple of 2, not 2 and 3; correct stride",
        ),
        (
            "vision.multibox_transform_loc",
            (real(1, 2, 3), real(1, 10), real(1, 3, 4)),
            {},
            "axis 1 of loc_pred must be 12 (4 an anchor), not 10; check it",
        ),
        (
            "qnn.leaky_relu",
            (TensorType((2,), "int8"), real(), whole(), real(), whole()),
            {"alpha": 2},
            "alpha must be in 0..1, not 2.0; it is the slope of what is negative",
        ),
        (
            "qnn.sqrt",
            (TensorType((2,), "int16"), real(), whole(), real(), whole()),
            {},
            "data must be one of int8, uint8, not int16; cast or quantise it",
        ),
        (
            "qnn.batch_matmul",
            (
                TensorType((1, 2, 3), "int8"),
                TensorType((1, 2, 3), "int8"),
                whole(),
                whole(),
                real(),
                real(),
            ),
            {},
            "the summed axis of tensor_b must be 3 (that of tensor_a), not 2; correct "
            "transpose_a or transpose_b",
        ),
        (
            "random.uniform",
            (TensorType((9,), "uint64"), real(), real()),
            {"out_shape": [2]},
            "the length of key must be 10 (a key), not 9; start from ten words",
        ),
        (
            "random.normal",
            (TensorType((10,), "uint64"), whole(), whole()),
            {"out_shape": [2]},
            'argument 2 must be floating point, not int32; cast it: cast(..., "float32")',
        ),
        (
            "nn.deformable_conv2d",
            (real(1, 4, 5, 5), real(1, 17, 3, 3), real(2, 4, 3, 3)),
            {},
            "axis C of offset must be 18 (the result's, and y and x for each tap of "
            "each group), not 17; check offset",
        ),
        (
            "zeros",
            (),
            {"shape": [-1], "dtype": "int8"},
            "shape must be sizes >= 0, not [-1]; write each size",
        ),
        (
            "image.affine_grid",
            (real(1, 3, 2),),
            {"target_shape": [2, 2]},
            "axis 1 of data must be 2 (rows of the matrix), not 3; check it",
        ),
    ],
)
def test_refused(name, types, attrs, message):
    row = lookup(name)
    with pytest.raises(Mismatch) as caught:
        row.relation(types, complete_attributes(row, attrs))
    assert f"{caught.value.problem}; {caught.value.remedy}" == message
