"""A batch whose size is known at run time: one item's kernels in a loop."""

import re

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.flow.code import Compute
from compiler.backends.cpu.flow.convert import convert
from compiler.backends.cpu.flow.segments import gather
from compiler.errors import Unsupported
from compiler.interpreter import evaluate, same_value
from compiler.passes.to_a_normal_form import to_a_normal_form
from driver.errors import DeviceFault, InputMismatch

SEED = 5
CONV = "channels=4, kernel_size=[3, 3], padding=[1, 1]"
WEIGHT = "%w: Tensor[(4, 3, 3, 3), float32]"
IMAGE = "%x: Tensor[(?, 3, 8, 6), float32]"
QUANTIZED = """
def @main(%x: Tensor[(?, 9, 7, 4), int8], %w: Tensor[(3, 3, 4, 5), int8]) {
  let %y = qnn.conv2d(%x, %w, 3, 0, 0.5f, 0.25f, channels=5, kernel_size=[3, 3], strides=[2, 2],
                      data_layout="NHWC", kernel_layout="HWIO", out_dtype="int32");
  let %z = qnn.requantize(%y, 0.125f, 0, 4f, -7, out_dtype="int8");
  qnn.avg_pool2d(%z, 1f, 0, 1f, 0, pool_size=[2, 3], layout="NHWC")
}
"""

LOOPS = {
    "chain": f"""def @main({IMAGE}, {WEIGHT}, %v: Tensor[(4, 10, 3, 3), float32]) {{
        let %y = nn.relu(nn.conv2d(%x, %w, {CONV}));
        let %z = nn.conv2d(concatenate((%y, %x, negative(%x)), axis=1), %v, {CONV});
        nn.max_pool2d(%z + %y, pool_size=[2, 2], strides=[2, 2])
    }}""",
    "head": f"""def @main({IMAGE}, {WEIGHT}, %d: Tensor[(7, 4), float32]) {{
        let %y = nn.global_avg_pool2d(nn.conv2d(%x, %w, {CONV}));
        nn.softmax(nn.dense(nn.batch_flatten(%y), %d, units=7))
    }}""",
    "transposed": f"""def @main({IMAGE}, {WEIGHT}) {{
        let %y = transpose(nn.conv2d(%x, %w, {CONV}), axes=[0, 2, 3, 1]);
        let %p = split(%y, indices_or_sections=2, axis=3);
        (mean(%y, axis=[1, 2]), %p.1, reshape(%y, newshape=[-1, 4]))
    }}""",
    "turned weights": f"""def @main({IMAGE}, %w: Tensor[(3, 3, 3, 4), float32]) {{
        nn.conv2d(%x, transpose(%w * 2f, axes=[3, 2, 0, 1]), {CONV}) }}""",
    "padded": f"""def @main({IMAGE}, {WEIGHT}) {{
        let %y = nn.pad(%x, 0.5f, pad_width=[[0, 0], [0, 0], [1, 2], [0, 3]]);
        nn.upsampling(nn.conv2d(%y, %w, {CONV}), scale_h=2f, scale_w=2f)
    }}""",
    "products": f"""def @main({IMAGE}, {WEIGHT}) {{
        let %y = reshape(nn.conv2d(%x, %w, {CONV}), newshape=[0, 4, 48]);
        nn.batch_matmul(nn.softmax(nn.batch_matmul(%y, %y, transpose_b=True)), %y,
                        transpose_b=False)
    }}""",
}
"""Programs that do the same with each item."""

WHOLES = {
    "first axis": f"""def @main({IMAGE}, {WEIGHT}) {{
        nn.softmax(nn.conv2d(%x, %w, {CONV}), axis=0) }}""",
    "mean": f"def @main({IMAGE}, {WEIGHT}) {{ mean(nn.conv2d(%x, %w, {CONV}), axis=[0]) }}",
    "all": f"def @main({IMAGE}, {WEIGHT}) {{ sum(nn.conv2d(%x, %w, {CONV})) }}",
    "turned": f"""def @main({IMAGE}, {WEIGHT}) {{
        transpose(nn.conv2d(%x, %w, {CONV}), axes=[1, 0, 2, 3]) }}""",
    "joined": f"""def @main({IMAGE}, {WEIGHT}) {{
        let %y = nn.conv2d(%x, %w, {CONV}); concatenate((%y, %y), axis=0) }}""",
    "two batches": f"""def @main({IMAGE}, {WEIGHT}, %z: Tensor[(?, 4, 8, 6), float32]) {{
        nn.conv2d(%x, %w, {CONV}) + %z }}""",
    "flat": f"""def @main({IMAGE}, {WEIGHT}) {{
        reshape(nn.conv2d(%x, %w, {CONV}), newshape=[2, -1]) }}""",
}
"""Programs that do not."""


def inputs_of(module, count, seed=SEED):
    """Return inputs for a batch of `count`."""
    random = np.random.default_rng(seed)
    found = []
    for param in module["main"].params:
        shape = [size if isinstance(size, int) else count for size in param.type.shape]
        if param.type.dtype == "int8":
            found.append(random.integers(-128, 128, shape, dtype=np.int8))
        else:
            found.append(random.normal(size=shape).astype(param.type.dtype))
    return found


def graphs_of(module):
    """Return the graphs of @main."""
    (main, *_) = (gather(one, True) for one in convert(to_a_normal_form(module), {}))
    return [one for one in main.body.instructions if isinstance(one, Compute)]


@pytest.mark.parametrize("name", LOOPS)
def test_items_one_by_one(typed, compiled, name):
    module = typed(LOOPS[name])
    assert [one.items is not None for one in graphs_of(module)] == [True]
    run = compiled(module)
    for count in (0, 1, 3):
        given = inputs_of(module, count)
        wanted, found = evaluate(module, *given), run(*given)
        assert same_value(found, wanted, 1e-5), f"seed {SEED}, {count}: {found} is not {wanted}"


def test_quantised_items_are_exact(typed, compiled):
    module = typed(QUANTIZED)
    assert graphs_of(module)[0].items is not None
    run = compiled(module)
    for count in (0, 1, 5):
        given = inputs_of(module, count)
        np.testing.assert_array_equal(run(*given), evaluate(module, *given), f"seed {SEED}")


@pytest.mark.parametrize("name", WHOLES)
def test_what_needs_all_items_at_once(typed, compiled, name):
    module = typed(WHOLES[name])
    assert all(one.items is None for one in graphs_of(module))
    given = inputs_of(module, 2)
    wanted, found = evaluate(module, *given), compiled(module)(*given)
    assert same_value(found, wanted, 1e-5), f"seed {SEED}: {found} is not {wanted}"


def test_items_share_the_threads(typed, compiled, monkeypatch):
    """The parts of each item's kernels are shared, and give the same."""
    module = typed(LOOPS["chain"])
    alone = compiled(module)
    monkeypatch.setattr("compiler.backends.cpu.kernels.parts._LEAST_WORK", 0)
    together = compiled(module, threads=3)
    for count in (1, 4):
        given = inputs_of(module, count)
        np.testing.assert_array_equal(together(*given), alone(*given), f"seed {SEED}")


def test_the_memory_is_that_of_one_item(typed):
    image = LOOPS["head"].replace("8, 6)", "64, 64)")
    host = compile_host(typed(image), {})
    one = compile_host(typed(image.replace("(?, 3", "(1, 3")), {})
    assert host.arena_bytes == one.arena_bytes > 0


def test_a_batch_that_is_a_multiple(typed, agree):
    """Two images of each item lie beside each other."""
    module = typed(f"""def @main(%x: Tensor[(?, 2, 3, 8, 6), float32], {WEIGHT}) {{
        nn.conv2d(reshape(%x, newshape=[-3, -2]), %w, {CONV}) }}""")
    assert graphs_of(module)[0].items is not None
    agree(module, *inputs_of(module, 3))


def test_quantised_layers_that_need_all_items_are_refused(typed):
    text = QUANTIZED.replace("qnn.avg_pool2d(%z, 1f, 0, 1f, 0, pool_size=[2, 3]", "%q")
    text = re.sub(r"%q.*\)", "transpose(%z)", text)
    message = "qnn.conv2d needs sizes that are known when the program is compiled; annotate them"
    with pytest.raises(Unsupported, match=rf"^test\.relay:\d+:\d+: {re.escape(message)}\n"):
        compile_host(typed(text), {})


def test_an_item_of_another_size_is_an_error(typed, compiled):
    run = compiled(typed(LOOPS["head"]))
    image, *others = inputs_of(typed(LOOPS["head"]), 2)
    with pytest.raises(InputMismatch, match=r"^input x must be made of float32\[\?, 3, 8, 6\]"):
        run(image[:, :, :7], *others)


def test_a_bound_is_looked_at_before_the_first_item(typed, compiled):
    """A function says of how many items it takes: no item is computed for another number."""
    text = f"""
    def @two(%x: Tensor[(2, 3, 8, 6), float32]) -> Tensor[(2, 3, 8, 6), float32] {{ %x }}
    def @main({IMAGE}, {WEIGHT}) {{ nn.conv2d(@two(%x), %w, {CONV}) }}
    """
    run = compiled(typed(text))
    given = inputs_of(typed(text), 2)
    assert run(*given).shape == (2, 4, 8, 6)
    message = re.escape(" must be Tensor[(2, 3, 8, 6), float32], but has other sizes")
    with pytest.raises(DeviceFault, match=rf"^%\w+{message}$"):
        run(*inputs_of(typed(text), 3))


def test_convolutions_in_a_row_without_known_sizes(typed, agree):
    """What a nest reads has no border: this gave wrong results."""
    module = typed("""def @main(%x: Tensor[(1, 4, ?, 7), float32],
                              %w: Tensor[(4, 4, 3, 3), float32]) {
        let %y = nn.relu(nn.conv2d(%x, %w, channels=4, kernel_size=[3, 3], padding=[1, 1]));
        nn.conv2d(%y, %w, channels=4, kernel_size=[3, 3], padding=[1, 1]) }""")
    agree(module, *inputs_of(module, 9))
    module = typed("""def @main(%x: Tensor[(1, ?, 7, 4), float32],
                              %w: Tensor[(3, 3, 4, 4), float32]) {
        let %y = nn.relu(nn.conv2d(%x, %w, channels=4, kernel_size=[3, 3], padding=[1, 1],
                                   data_layout="NHWC", kernel_layout="HWIO"));
        nn.conv2d(%y, %w, channels=4, kernel_size=[3, 3], padding=[1, 1],
                  data_layout="NHWC", kernel_layout="HWIO") }""")
    agree(module, *inputs_of(module, 9))
