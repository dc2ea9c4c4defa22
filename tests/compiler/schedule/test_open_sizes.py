"""Definitions of operators with sizes that are known only when a program runs."""

import numpy as np
import pytest

from compiler.ir.dims import Any, Size, Symbol, symbols_in
from compiler.ir.types import TensorType, TupleType
from compiler.ops.operator import Missing
from compiler.schedule.expressions import Buffer
from compiler.schedule.expressions import Symbol as Parameter
from compiler.schedule.interpreter import run
from compiler.schedule.operators import DEFINITIONS, Definition
from compiler.schedule.verify import verify
from tests.compiler.ops.samples.table import case

OPEN = (
    *("gather", "gather_nd", "take", "adv_index", "one_hot", "reverse", "tile", "repeat", "trilu"),
    *("slice_like", "cumsum", "cumprod", "sum", "max", "mean", "prod"),
    *("logsumexp", "variance", "nn.layer_norm", "nn.group_norm", "nn.instance_norm", "nn.prelu"),
    *("nn.lrn", "nn.depth_to_space", "nn.space_to_depth", "layout_transform", "meshgrid"),
    *("shape_of", "ndarray_size", "fast_exp", "collapse_sum_like", "nn.cross_entropy"),
    *("nn.nll_loss", "nn.matmul", "einsum", "searchsorted", "nn.dilate", "nn.fifo_buffer"),
)
"""Rows whose sizes of axis 0 may be open."""

KNOWN = ("sort", "argsort", "topk", "unique", "image.resize1d", "random.multinomial")
"""Rows that need sizes, for buffers of their own or tables."""


def arrays_in(value):
    if isinstance(value, tuple):
        return [one for part in value for one in arrays_in(part)]
    return [np.asarray(value)]


def opened(value, axes):
    """Return a type with a symbol for each size of 2 or more of some axes; equal sizes share it."""
    if isinstance(value, tuple):
        return TupleType(tuple(opened(part, axes) for part in value))
    shape = [
        Size((((Symbol(f"n{size}"),), 1),)) if size > 1 and axis in axes else size
        for axis, size in enumerate(np.asarray(value).shape)
    ]
    return TensorType(tuple(shape), str(np.asarray(value).dtype))


def tensors_in(kind):
    if isinstance(kind, TupleType):
        return [one for field in kind.fields for one in tensors_in(field)]
    return [kind]


def written(name, seed, axes):
    """Return a nest with open sizes, its inputs, the values of its symbols, what it must give."""
    row, args, attrs = case(name, seed)
    # Vectors beside data go with an axis whose size is known: channels.
    kinds = tuple(
        opened(arg, axes if not place or np.ndim(arg) > 1 else ()) for place, arg in enumerate(args)
    )
    result = row.relation(kinds, attrs).ret
    given = [one for kind in kinds for one in tensors_in(kind)]
    made = tensors_in(result)
    assert not any(isinstance(size, Any) for kind in made for size in kind.shape)
    inputs = [Buffer(f"x{n}", kind.shape, kind.dtype) for n, kind in enumerate(given)]
    outputs = [Buffer(f"y{n}", kind.shape, kind.dtype) for n, kind in enumerate(made)]
    names = sorted({str(one) for kind in given for size in kind.shape for one in symbols_in(size)})
    nest = Definition(name, inputs, outputs, [None] * len(inputs), list(map(Parameter, names)))
    DEFINITIONS[name](nest, attrs)
    finished = nest.finish()
    values = dict(zip(inputs, arrays_in(args), strict=True)) | nest.tables
    with np.errstate(all="ignore"):
        expected = arrays_in(row.meaning(attrs, *args))
    return finished, [values[one] for one in finished.inputs], names, expected


@pytest.mark.parametrize("name", OPEN)
def test_nests_with_open_sizes(name):
    for seed in (1, 2):
        nest, inputs, names, expected = written(name, seed, (0,))
        verify(nest)
        found = run(nest, inputs, {one: int(one[1:]) for one in names})
        for have, want in zip(found, expected, strict=False):
            np.testing.assert_allclose(have, want, 2e-5, 1e-5, err_msg=f"{name}, seed {seed}")


@pytest.mark.parametrize("name", KNOWN)
def test_sizes_that_must_be_known_are_named(name):
    message = "^a size must be known on the CPU, not be n[0-9]+$"
    with pytest.raises(Missing, match=message):
        for seed in range(8):
            written(name, seed, (0, 1, 2))
