"""Values of programs with control flow, in and out, by a device."""

import re

import numpy as np
import pytest

import tilewright as tw
from driver.errors import InputMismatch
from driver.values import Cell, Data

TEXT = """#[version = "0.0.5"]
type Chain { End, On(ref(Chain)) }
def @main(%x: Tensor[(?, 2), float32], %p: (int32, List[int32])) {
  let %cell: ref(Chain) = ref(End);
  let %u = ref_write(%cell, On(%cell));
  (%x + 1f, (%p, %p), @rev(%p.1), %cell)
}
"""


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "values.relay"
    path.write_text(TEXT)
    image = tw.compile(path, targets=["cpu"])
    tw.save(image, tmp_path / "values.twi")
    return tw.load(tmp_path / "values.twi")


def test_values_in_and_out(image):
    assert [(one.name, one.shape, one.dtype) for one in image.inputs] == [
        ("x", (-1, 2), "float32"),
        ("p", (), ""),
    ]
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    items = Data("Cons", (np.int32(4), Data("Cons", (np.int32(5), Data("Nil")))))
    with tw.open_device("cpu") as device:
        result = device.run(image, {"p": (np.int32(7), items), "x": x})
    added, (first, second), back, cell = result.outputs
    np.testing.assert_array_equal(added, x + 1)
    assert first is second, "what is shared comes out shared"
    assert first[0] == 7
    assert back.fields[0] == 5
    assert isinstance(cell, Cell)
    assert cell.value.constructor == "On"
    assert cell.value.fields[0] is cell


def test_wrong_values(image):
    x, items = np.zeros((1, 2), np.float32), Data("Nil")
    with tw.open_device("cpu") as device:
        for inputs, message in (
            ({"x": x}, "inputs must be named x, p, not x"),
            (
                [np.zeros((1, 3), np.float32), (np.int32(1), items)],
                "input x must be made of float32[?, 2], not float32[1, 3], at one place",
            ),
            (
                [x, (np.int32(1),)],
                "input p must be made of a tuple of 2, not a tuple of 1, at one place",
            ),
            (
                [x, (np.int32(1), Data("Leaf"))],
                "input p must be made of Cons of 2 or Nil of 0, not Leaf of 0, at one place",
            ),
        ):
            with pytest.raises(InputMismatch, match=f"^{re.escape(message)}$"):
                device.run(image, inputs)
