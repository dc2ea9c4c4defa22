"""Sizes that are symbols stay expressions through relations."""

import pytest

from compiler.ir import Any, TensorType, TupleType
from compiler.ir.dims import symbol
from compiler.ops import Mismatch, lookup
from compiler.ops.attributes import complete_attributes

N, M = symbol("n"), symbol("m")


def result(name, *types, **attrs):
    row = lookup(name)
    return row.relation(types, complete_attributes(row, attrs)).ret


def tensor(*shape):
    return TensorType(shape)


@pytest.mark.parametrize(
    "name, types, attrs, shape",
    [
        (
            "concatenate",
            (TupleType((tensor(N, 2), tensor(M, 2), tensor(3, 2))),),
            {},
            (N + M + 3, 2),
        ),
        ("reshape", (tensor(N, 4, 6),), {"newshape": [0, -1]}, (N, 24)),
        ("reshape", (tensor(N, 4, 6),), {"newshape": [-1, 8]}, (N * 3, 8)),
        ("reshape", (tensor(N, 4, M),), {"newshape": [-3, 0]}, (N * 4, M)),
        ("reshape", (tensor(N * 6, 4),), {"newshape": [-4, -1, 2, -2]}, (N * 3, 2, 4)),
        ("nn.batch_flatten", (tensor(N, M, 4),), {}, (N, M * 4)),
        ("tile", (tensor(N, 2),), {"reps": [3, 1, 2]}, (3, N, 4)),
        ("repeat", (tensor(N, 2),), {"repeats": 2}, (N * 4,)),
        ("nn.pad", (tensor(N, 2), tensor()), {"pad_width": [[1, 2], [0, 0]]}, (N + 3, 2)),
        (
            "nn.upsampling",
            (tensor(1, 2, N, M),),
            {"scale_h": 2, "scale_w": 3},
            (1, 2, N * 2, M * 3),
        ),
        ("nn.conv1d", (tensor(2, 3, N), tensor(4, 3, 3)), {"strides": 2, "padding": 1}, None),
        ("nn.conv1d_transpose", (tensor(2, 3, N), tensor(3, 4, 3)), {"strides": 2}, None),
        ("nn.dilate", (tensor(N, 2),), {"strides": [3, 1]}, (N * 3 - 2, 2)),
        ("nn.dense", (tensor(N, 3), tensor(M, 3)), {}, (N, M)),
        ("nn.batch_matmul", (tensor(N, 2, 3), tensor(1, 3, M)), {}, (N, 2, M)),
        ("strided_slice", (tensor(N, 2),), {"begin": [0], "end": [2**31 - 1]}, (N, 2)),
        (
            "strided_slice",
            (tensor(N, 2),),
            {"begin": [-1], "end": [-(2**31)], "strides": [-2]},
            ((N + 1) // 2, 2),
        ),
        ("strided_slice", (tensor(N, 2),), {"begin": [1], "end": [2**31 - 1]}, (Any(), 2)),
        ("add", (tensor(N, 1), tensor(1, M)), {}, (N, M)),
        ("add", (tensor(N), tensor(5)), {}, (5,)),
        ("add", (tensor(N), tensor(M)), {}, (Any(),)),
        ("layout_transform", (tensor(N, M * 4),), {}, (N, M, 4)),
        ("nn.space_to_depth", (tensor(1, N, M * 2, 4),), {"block_size": 2}, (1, N * 4, M, 2)),
        ("take", (tensor(N, 3), TensorType((M,), "int32")), {"axis": 0}, (M, 3)),
        ("broadcast_to_like", (tensor(1, 3), tensor(N, 3)), {}, (N, 3)),
    ],
)
def test_expressions_are_kept(name, types, attrs, shape):
    if name == "layout_transform":
        attrs = {"src_layout": "NC", "dst_layout": "NC4c"}
    if name == "nn.conv1d":
        shape = (2, 4, (N - 1) // 2 + 1)
    if name == "nn.conv1d_transpose":
        shape = (2, 4, N * 2 + 1)
    assert result(name, *types, **attrs).shape == shape


def test_split_of_a_symbol():
    parts = result("split", tensor(N, 2), indices_or_sections=[1, 3])
    assert [part.shape[0] for part in parts.fields] == [1, 2, N - 3]
    parts = result("split", tensor(N * 4, 2), indices_or_sections=2)
    assert [part.shape[0] for part in parts.fields] == [N * 2, N * 2]


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        ("nn.dense", (tensor(N, M), tensor(4, M + 1)), {}, "axis 1 of weight must be m .*, not m "),
        ("concatenate", (TupleType((tensor(N, M), tensor(N, M - 1))),), {}, "axis 1 of field 1 mu"),
        ("stack", (TupleType((tensor(N), tensor(N + 1))),), {}, "all fields must be Tensor"),
        ("nn.conv1d", (tensor(2, 3, 5), tensor(4, 3, N)), {}, "axis W of weight must be known, n"),
        ("squeeze", (tensor(N, 1),), {}, "axis must be given for unknown sizes"),
    ],
)
def test_sizes_that_cannot_be_equal(name, types, attrs, message):
    with pytest.raises(Mismatch, match=f"^{message}"):
        result(name, *types, **attrs)
