"""Branches inside of branches, deeper than Python lets functions call each other."""

import numpy as np
import pytest

from compiler.interpreter import same_value

DEPTH = 300


def nested(depth):
    """Return a program that looks for the first n at which %x is no more than n."""
    body = "%y * 0f"
    for number in reversed(range(depth)):
        body = f"if (%x <= {number}f) {{ %y + {number}f }} else {{ {body} }}"
    return f"def @main(%x: float32, %y: Tensor[(3), float32]) {{ {body} }}"


@pytest.fixture(scope="module")
def y():
    return np.arange(3, dtype=np.float32)


def test_branches_of_any_depth(typed, native, y):
    module = typed(nested(DEPTH))
    for x, wanted in ((DEPTH - 1, y + (DEPTH - 1)), (DEPTH, 0 * y)):
        assert same_value(native(module, np.float32(x), y), wanted, 0.0), f"x = {x}"


def test_what_deep_branches_use_and_give(typed, agree, y):
    """Values made between the branches, the closure itself, and cells; not at the end."""
    body = "%f(%n - 1f) * 0.5f"
    for number in range(60):
        body = f"let %v{number} = %y * {number}f; if (%n > {number + 5}f) {{ {body} + %v{number} }}"
        body += f" else {{ ref_write(%r, ref_read(%r) + %v{number}); ref_read(%r) }} + %y"
    text = f"""
    def @main(%x: float32, %y: Tensor[(3), float32]) {{
        let %r = ref(%y);
        let %f = fn (%n: float32) -> Tensor[(3), float32] {{ {body} }};
        (%f(%x), ref_read(%r))
    }}
    """
    module = typed(text)
    for x in (20.0, 66.0):
        agree(module, np.float32(x), y, where=f"x = {x}")
