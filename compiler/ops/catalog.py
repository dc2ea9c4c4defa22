"""What docs/operators.md says of each row, and the operators of Relay that are not taken here.

The levels are Relay's: 1 and 2 for plain networks, 3 to 5 for shapes, reductions and vision, 6
for sorting, 10 and 11 for the compiler's own and for QNN.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

__all__ = ["ABSENT", "sentences"]

_FUNCTIONS = {
    1: "log exp sqrt rsqrt tanh sigmoid erf log2 log10 sin cos tan sinh cosh asin acos atan asinh "
    "acosh atanh",
    3: "abs sign negative",
}
_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}

_TEXT = """\
add 1 lhs + rhs, broadcast.
subtract 1 lhs - rhs, broadcast.
multiply 1 lhs * rhs, broadcast.
divide 1 lhs / rhs, broadcast; integers are truncated towards zero, and n / 0 is 0.
floor_divide 1 The largest whole number that is at most lhs / rhs; n / 0 of integers is 0.
trunc_divide 1 lhs / rhs without its fraction; n / 0 of integers is 0.
mod 1 The remainder of trunc_divide.
floor_mod 1 The remainder of floor_divide, with the sign of rhs.
trunc_mod 1 The remainder of trunc_divide, with the sign of lhs.
power 4 lhs to the power of rhs, floating point.
maximum 4 The larger of lhs and rhs.
minimum 4 The smaller of lhs and rhs.
left_shift 4 lhs shifted by rhs bits to the left.
right_shift 4 lhs shifted by rhs bits to the right; signed integers keep their sign.
logical_and 4 Whether both are True.
logical_or 4 Whether one is True.
logical_xor 4 Whether exactly one is True.
logical_not 4 Whether data is False.
bitwise_and 4 The bits that both have.
bitwise_or 4 The bits that one has.
bitwise_xor 4 The bits that exactly one has.
bitwise_not 4 The bits that data has not.
floor 3 The largest whole number that is at most data.
ceil 3 The smallest whole number that is at least data.
trunc 3 data without its fraction.
round 3 The nearest whole number, half away from zero.
copy 3 The same elements.
isnan 3 Whether an element is no number.
isinf 3 Whether an element is infinite.
isfinite 3 Whether an element is finite.
clip 3 data brought into a_min..a_max.
cast 3 data as another data type; integers wrap, floating point saturates and truncates.
cast_like 3 data as the data type of dtype_like.
reinterpret 3 The same bits as another data type as wide.
fast_exp 1 e to the power of data, by a polynomial.
fast_tanh 1 tanh of data, by a rational function.
fast_erf 1 The error function of data, by a rational function.
fixed_point_multiply 10 data * multiplier * 2**(shift - 31), half rounded up.
fixed_point_multiply_per_axis 10 The same with a factor and shifts for each place along axes.
where 4 x where condition holds, else y.
zeros_like 4 Zeros of the shape and type of data.
ones_like 4 Ones of the shape and type of data.
full_like 3 fill_value in the shape and type of data.
zeros 3 Zeros.
ones 3 Ones.
full 3 fill_value everywhere.
arange 3 The numbers from start to stop, without it, in steps; sized if the attributes say them.
shape_of 10 The sizes of data.
ndarray_size 10 The number of elements of data.
sum 4 The sum over axes; integers wrap.
prod 4 The product over axes; integers wrap.
mean 4 The mean over axes; that of integers is truncated.
logsumexp 4 The logarithm of the sum of exponentials over axes.
max 4 The largest element over axes.
min 4 The smallest element over axes.
all 4 Whether all elements over axes hold.
any 4 Whether one element over axes holds.
argmax 4 The place of the largest element over axes.
argmin 4 The place of the smallest element over axes.
variance 4 The mean squared distance from mean over axes.
collapse_sum_like 10 data summed to the shape of collapse_type, which broadcasts to it.
collapse_sum_to 4 data summed to shape, which broadcasts to it.
concatenate 1 Tensors one after another along axis.
stack 3 Tensors as slices of a new axis.
split 3 data cut along axis, into equal sections or at places.
reshape 3 The same elements in another shape, with Relay's codes 0 and -1 to -4.
reshape_like 3 The same elements with axes as those of shape_like.
contrib_reverse_reshape 10 reshape, its codes read from the last axis.
transpose 3 Axes in another order; reversed if none is given.
squeeze 3 Axes of size 1 taken out.
expand_dims 1 Axes of size 1 put in.
broadcast_to 4 data stretched to shape.
broadcast_to_like 10 data stretched to the shape of broadcast_type.
tile 3 data repeated as a whole along its axes.
repeat 3 Each element repeated along axis.
reverse 3 data backwards along axis.
reverse_sequence 3 The first seq_lengths elements backwards along seq_axis, for each of the batch.
strided_slice 4 A part of data, from begin to end in strides.
strided_set 4 data with a part replaced by v.
slice_like 10 The first elements of data, as many as shape_like has.
sliding_window 3 Windows over the last axes of data.
take 3 The slices of data along axis that indices name.
gather 3 For each place the element along axis that indices names.
gather_nd 3 The slices that the columns of indices name by several axes.
scatter_elements 3 data with updates put or reduced in at the places along axis that indices names.
scatter_nd 3 data with updates put or reduced in where the columns of indices say.
adv_index 3 The first field indexed by the others, which broadcast.
unravel_index 3 Flat places as places in shape.
one_hot 10 on_value at the place that indices names, off_value elsewhere.
meshgrid 3 Each vector repeated over the axes of the others.
sequence_mask 10 data with mask_value behind the valid length of each of the batch.
matrix_set_diag 10 input with the diagonals k1..k2 of its last two axes replaced.
trilu 3 The upper or lower triangle of the last two axes.
layout_transform 5 data in another layout, such as NCHW4c.
einsum 11 Sums of products as the equation says.
invert_permutation 1 Where each number stands in a permutation.
sparse_to_dense 3 A tensor of default_value with the values at their places.
sort 6 data in order along axis.
argsort 6 The places of the elements in order along axis.
topk 6 The k first in order along axis, their places, or both.
searchsorted 6 Where values belong in a sorted sequence.
unique 3 Distinct elements, their first places, which each one is, how many; the rest is 0.
argwhere 10 The places at which condition holds.
cumsum 3 The sum of the elements up to each one.
cumprod 3 The product of the elements up to each one.
nn.dense 1 data x weight transposed.
nn.matmul 1 A batch of matrices times one matrix.
nn.batch_matmul 10 Matrices times matrices.
nn.bias_add 1 data + bias along axis.
nn.conv1d 2 Convolution over one axis.
nn.conv2d 2 Convolution over two axes.
nn.conv3d 2 Convolution over three axes.
nn.conv1d_transpose 2 The transposed convolution over one axis.
nn.conv2d_transpose 2 The transposed convolution over two axes.
nn.conv3d_transpose 2 The transposed convolution over three axes.
nn.deformable_conv2d 5 Convolution over two axes whose taps offset moves.
nn.max_pool1d 2 The largest element of each window.
nn.max_pool2d 2 The largest element of each window.
nn.max_pool3d 2 The largest element of each window.
nn.avg_pool1d 2 The mean of each window.
nn.avg_pool2d 2 The mean of each window.
nn.avg_pool3d 2 The mean of each window.
nn.global_avg_pool2d 2 The mean of each channel.
nn.global_max_pool2d 2 The largest element of each channel.
nn.adaptive_avg_pool1d 10 The mean of output_size windows that share the axis evenly.
nn.adaptive_avg_pool2d 10 The mean of output_size windows that share the axes evenly.
nn.adaptive_avg_pool3d 10 The mean of output_size windows that share the axes evenly.
nn.adaptive_max_pool1d 10 The largest element of output_size windows that share the axis evenly.
nn.adaptive_max_pool2d 10 The largest element of output_size windows that share the axes evenly.
nn.adaptive_max_pool3d 10 The largest element of output_size windows that share the axes evenly.
nn.max_pool2d_grad 2 What grad of nn.max_pool2d means for its data.
nn.avg_pool2d_grad 2 What grad of nn.avg_pool2d means for its data.
nn.pad 2 data with pad_value, its edge or its mirror image around it.
nn.mirror_pad 2 data with its mirror image around it.
nn.relu 1 data where it is positive, else 0.
nn.leaky_relu 3 data where it is positive, else alpha * data.
nn.prelu 3 data where it is positive, else alpha * data, with an alpha for each place of axis.
nn.softmax 1 Exponentials along axis divided by their sum.
nn.fast_softmax 1 nn.softmax with fast_exp.
nn.log_softmax 1 The logarithm of nn.softmax.
nn.batch_norm 1 data normalised by given mean and variance; gives both as well.
nn.layer_norm 1 data normalised over axis.
nn.instance_norm 1 data normalised over all axes but the batch and axis.
nn.group_norm 1 data normalised over groups of axis.
nn.lrn 2 data divided by a power of the squares of its neighbours.
nn.l2_normalize 2 data divided by the root of its summed squares over axis.
nn.dropout 1 data and a mask of ones: inference drops nothing.
nn.batch_flatten 2 All axes but the first as one.
nn.upsampling 2 An image scaled.
nn.upsampling3d 2 A volume scaled.
nn.depth_to_space 5 Channels as blocks of pixels.
nn.space_to_depth 5 Blocks of pixels as channels.
nn.space_to_batch_nd 5 Blocks of pixels as images of the batch.
nn.batch_to_space_nd 5 Images of the batch as blocks of pixels.
nn.dilate 10 x with dilation_value between its elements.
nn.fifo_buffer 3 buffer with data behind it, as long as before.
nn.cross_entropy 10 The mean of -log(x) * y over the batch.
nn.cross_entropy_with_logits 10 The mean of -x * y over the batch, x being logarithms.
nn.nll_loss 10 The negative likelihood of targets, weighted.
image.resize1d 5 An image of another width.
image.resize2d 5 An image of another size.
image.resize3d 5 A volume of another size.
image.crop_and_resize 5 Boxes of images, brought to one size.
image.affine_grid 5 Where an affine map takes each pixel.
image.grid_sample 5 An image at the places of a grid.
image.dilation2d 2 The largest sum of each window and weight.
vision.multibox_prior 5 Anchor boxes of SSD.
vision.multibox_transform_loc 5 Boxes of SSD from class probabilities, moves and anchors.
vision.get_valid_counts 5 Boxes above a score, moved to the front.
vision.non_max_suppression 5 Boxes that no better one overlaps.
vision.all_class_non_max_suppression 5 Boxes of each class that no better one overlaps.
vision.roi_align 5 Regions sampled between pixels, brought to one size.
vision.roi_pool 5 The largest elements of regions, brought to one size.
vision.yolo_reorg 5 Blocks of pixels as channels, in Darknet's order.
random.threefry_generate 10 The next key, and words that follow from the key.
random.threefry_split 10 Two keys whose words have nothing to do with each other.
random.uniform 10 The next key, and numbers evenly spread from low to high, without it.
random.normal 10 The next key, and numbers around mean, spread as the bell curve says.
random.multinomial 10 The next key, and cases drawn with the weights probs.
annotation.stop_fusion 10 data; fusion ends here.
annotation.checkpoint 10 data; the gradient computes it again.
annotation.bitpack_start 10 data; a region in packed layout begins.
annotation.bitpack_end 10 data; a region in packed layout ends.
annotation.cast_hint 10 data; its type in a quantised network shall be dtype.
annotation.compiler_begin 10 data; a region for a compiler begins.
annotation.compiler_end 10 data; a region for a compiler ends.
on_device 10 body; it shall be computed on a device.
device_copy 10 data, on another device.
qnn.quantize 11 data / output_scale + output_zero_point, rounded and saturated.
qnn.dequantize 11 (data - input_zero_point) * input_scale.
qnn.requantize 11 data of one scale and zero point at another.
qnn.add 11 lhs + rhs of quantised tensors.
qnn.subtract 11 lhs - rhs of quantised tensors.
qnn.mul 11 lhs * rhs of quantised tensors.
qnn.concatenate 11 Quantised tensors one after another, brought to one scale.
qnn.conv2d 11 Convolution of quantised tensors, int32.
qnn.conv2d_transpose 11 The transposed convolution of quantised tensors, int32.
qnn.dense 11 data x weight transposed of quantised tensors, int32.
qnn.batch_matmul 11 Quantised matrices times matrices, int32.
qnn.avg_pool2d 11 The mean of each window of a quantised image.
qnn.softmax 11 nn.softmax of a quantised tensor, in integers.
qnn.leaky_relu 11 nn.leaky_relu of a quantised tensor, in integers.
qnn.hardswish 11 x * clip(x + 3, 0, 6) / 6 of a quantised tensor.
qnn.simulated_quantize 11 qnn.quantize in floating point; the data type is an argument.
qnn.simulated_dequantize 11 qnn.dequantize in floating point; the data type is an argument.
"""

_DYNAMIC = """\
reshape 3
tile 3
broadcast_to 4
full 3
zeros 3
ones 3
one_hot 10
strided_slice 4
expand_dims 3
squeeze 3
topk 6
nn.pad 2
nn.upsampling 2
nn.upsampling3d 2
image.resize2d 5
sparse_to_dense 3
"""

_QUANTIZED_FUNCTIONS = "sqrt rsqrt exp erf sigmoid tanh log abs"


@cache
def sentences() -> Mapping[str, tuple[int, str]]:
    """Return level and sentence of each row, by name."""
    lines = (line.split(" ", 2) for line in _TEXT.splitlines())
    found = {name: (int(level), sentence) for name, level, sentence in lines}
    for level, names in _FUNCTIONS.items():
        found |= {name: (level, f"{name} of each element.") for name in names.split()}
    for name, sign in _COMPARISONS.items():
        found[name] = 4, f"Whether lhs {sign} rhs."
    for name in _QUANTIZED_FUNCTIONS.split():
        found[f"qnn.{name}"] = 11, f"{name} of a quantised tensor, a table of its values."
    for line in _DYNAMIC.splitlines():
        name, level_text = line.split()
        sentence = f"`{name}` whose shape is an argument, known when the program runs."
        found[f"dyn.{name}"] = int(level_text), sentence
    return MappingProxyType(found)


ABSENT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Sparse tensors": (
            "nn.internal.sparse_dense_padded",
            "nn.sparse_add",
            "nn.sparse_conv2d",
            "nn.sparse_dense",
            "nn.sparse_transpose",
            "sparse_fill_empty_rows",
            "sparse_reshape",
        ),
        "Weights packed for one target": (
            "auto_scheduler_layout_transform",
            "meta_schedule_layout_transform",
            "nn.contrib_conv2d_NCHWc",
            "nn.contrib_conv2d_gemm_weight_transform",
            "nn.contrib_conv2d_gemm_without_weight_transform",
            "nn.contrib_conv2d_winograd_nnpack_weight_transform",
            "nn.contrib_conv2d_winograd_weight_transform",
            "nn.contrib_conv2d_winograd_without_weight_transform",
            "nn.contrib_conv3d_winograd_weight_transform",
            "nn.contrib_conv3d_winograd_without_weight_transform",
            "nn.contrib_dense_pack",
            "nn.contrib_depthwise_conv2d_NCHWc",
            "qnn.contrib_dense_pack",
        ),
        "Bits in words": ("nn.bitpack", "nn.bitserial_conv2d", "nn.bitserial_dense"),
        "Other accelerators and libraries": (
            "contrib.ethosu.binary_elementwise",
            "contrib.ethosu.conv2d",
            "contrib.ethosu.depthwise_conv2d",
            "contrib.ethosu.identity",
            "contrib.ethosu.pooling",
            "contrib.ethosu.unary_elementwise",
            "torch_op",
        ),
        "The compiler's own": (
            "annotation.with_funcid",
            "call_lowered",
            "debug",
            "memory.alloc_storage",
            "memory.alloc_tensor",
            "memory.kill",
            "parser.MetaRef",
            "relay.op.annotation.simulated_quantize",
            "vm.invoke_tvm_op",
            "vm.reshape_tensor",
            "vm.shape_of",
        ),
        "Signals, and what few networks use": (
            "dft",
            "nn.conv2d_backward_weight",
            "nn.correlation",
            "stft",
            "vision.proposal",
            "vision.regular_non_max_suppression",
        ),
    }
)
"""Operators of Relay that have no row, by what they are for."""
