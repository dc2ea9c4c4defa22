"""Fusion: which operators go together, in the text form of the result."""

import pytest

from compiler.passes.fuse import fuse
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'
X = "%x: Tensor[(1, 16, 8, 8), float32]"
W = "%w: Tensor[(16, 16, 1, 1), float32]"


def groups(text):
    """Return the operators of each primitive function, in order."""
    printed = to_text(fuse(parse(HEAD + text)))
    found, current = [], None
    for line in printed.splitlines():
        if "Primitive=1" in line:
            current = []
            found.append(current)
        elif line.strip().startswith("}"):
            current = None
        elif current is not None and "(" in line:
            current.append(_operator(line))
    return sorted(" ".join(name for name in group if name) for group in found)


def _operator(line):
    text = line.strip().split(" = ", 1)[-1]
    name = text.split("(")[0]
    return name if name and not name.startswith(("%", "(")) else ""


@pytest.mark.parametrize(
    ("params", "body", "expected"),
    [
        (X, "nn.relu(exp(%x))", ["exp nn.relu"]),
        (f"{X}, {W}", "nn.relu(nn.conv2d(%x, %w))", ["nn.conv2d nn.relu"]),
        (
            f"{X}, {W}",
            "%0 = nn.conv2d(%x, %w); %1 = exp(%0); %2 = sigmoid(%0); nn.relu(%1 * %2)",
            ["nn.conv2d exp sigmoid multiply nn.relu"],
        ),
        (
            f"{X}, {W}",
            "nn.conv2d(nn.relu(nn.conv2d(exp(%x), %w)), %w)",
            ["exp nn.conv2d nn.relu", "nn.conv2d"],
        ),
        (X, "sum(exp(%x), axis=[1])", ["exp sum"]),
        (X, "exp(sum(%x, axis=[1]))", ["sum", "exp"]),
        (X, "nn.relu(reshape(exp(%x), newshape=[-1]))", ["exp reshape nn.relu"]),
        (X, "concatenate((exp(%x), tanh(%x)), axis=1)", ["exp tanh concatenate"]),
        (X, "(exp(%x), tanh(%x))", ["exp", "tanh"]),
        (X, "%0 = exp(%x); (%0, nn.relu(%0))", ["exp", "nn.relu"]),
        (X, "nn.softmax(nn.relu(%x))", ["nn.relu nn.softmax"]),
        (f"{X}, {W}", "nn.conv2d(%x, %w) + 1f", ["nn.conv2d add"]),
        (
            f"{X}, {W}, %b: Tensor[(2, 16, 8, 8), float32]",
            "nn.conv2d(%x, %w) + %b",
            ["nn.conv2d", "add"],
        ),
    ],
)
def test_groups(params, body, expected):
    assert groups(f"def @main({params}) {{ {body} }}") == sorted(expected)


def test_a_closure_keeps_what_it_captures_outside():
    text = f"def @main({X}) {{ %0 = exp(%x); %1 = fn (%y: float32) {{ %0 * %y }}; (%1(2f), %0) }}"
    assert groups(text) == ["exp", "multiply"]


def test_branches_share_what_stands_before_them():
    text = f"def @main({X}, %c: bool) {{ %0 = exp(%x); if (%c) {{ nn.relu(%0) }} else {{ %0 }} }}"
    assert groups(text) == ["exp", "nn.relu"]


def test_a_long_chain_becomes_several_functions():
    chain = "%x"
    for _ in range(300):
        chain = f"nn.relu({chain})"
    found = groups(f"def @main({X}) {{ {chain} }}")
    assert sum(len(group.split()) for group in found) == 300
    assert max(len(group.split()) for group in found) <= 256


def test_what_is_fused_stays():
    module = fuse(parse(f"{HEAD}def @main({X}, {W}) {{ nn.relu(nn.conv2d(%x, %w)) }}"))
    assert fuse(module) is module
