"""Programs in this folder, and text that is too long to keep."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from compiler.prelude import parse_with_prelude

FOLDER = Path(__file__).parent
WIDTH, HEADS, LENGTH = 8, 2, 5
SHAPES = {
    "gain1": (WIDTH,), "shift1": (WIDTH,), "qkv": (3 * WIDTH, WIDTH), "qkv_bias": (3 * WIDTH,),
    "out": (WIDTH, WIDTH), "out_bias": (WIDTH,), "gain2": (WIDTH,), "shift2": (WIDTH,),
    "up": (4 * WIDTH, WIDTH), "up_bias": (4 * WIDTH,), "down": (WIDTH, 4 * WIDTH),
    "down_bias": (WIDTH,),
}  # fmt: skip


@pytest.fixture
def program():
    """`program(name)` is the module of a file here, with what it uses of the prelude."""

    def read(name):
        path = FOLDER / f"{name}.relay"
        return parse_with_prelude(path.read_text(), path.name)

    return read


@dataclass(frozen=True)
class Names:
    """Names of one block's parameters."""

    block: int

    def __call__(self, key):
        return f"%{key}_{self.block}"


class Writer:
    """Writes graph bindings, one a line."""

    def __init__(self):
        self.lines = []

    def bind(self, text):
        """Return the name of a new binding."""
        self.lines.append(f"  %{len(self.lines)} = {text};")
        return f"%{len(self.lines) - 1}"

    def norm(self, x, gain, shift):
        """Return a layer normalisation, of primitive operators as GPT-2's exporters write it."""
        mean = self.bind(f"mean({x}, axis=[-1], keepdims=True)")
        centred = self.bind(f"subtract({x}, {mean})")
        square = self.bind(f"power({centred}, 2f)")
        variance = self.bind(f"mean({square}, axis=[-1], keepdims=True)")
        root = self.bind(f"sqrt(add({variance}, 1e-05f))")
        normal = self.bind(f"divide({centred}, {root})")
        scaled = self.bind(f"multiply({normal}, {gain})")
        return self.bind(f"add({scaled}, {shift})")

    def heads(self, qkv, number, order):
        """Return queries, keys or values as [heads, length, width of a head] or transposed."""
        part = self.bind(f"{qkv}.{number}")
        shape = f"[{LENGTH}, {HEADS}, {WIDTH // HEADS}]"
        shaped = self.bind(f"reshape({part}, newshape={shape})")
        return self.bind(f"transpose({shaped}, axes={order})")

    def attention(self, x, name):
        """Return masked self-attention."""
        projected = self.bind(f"nn.dense({x}, {name('qkv')}, units={3 * WIDTH})")
        biased = self.bind(f"add({projected}, {name('qkv_bias')})")
        qkv = self.bind(f"split({biased}, indices_or_sections=3, axis=1)")
        query, key = (self.heads(qkv, number, "[1, 0, 2]") for number in (0, 1))
        value = self.heads(qkv, 2, "[1, 2, 0]")
        scores = self.bind(f"nn.batch_matmul({query}, {key}, transpose_b=True)")
        scaled = self.bind(f"divide({scores}, {np.sqrt(WIDTH / HEADS)}f)")
        masked = self.bind(f"where(%mask, {scaled}, -10000f)")
        weights = self.bind(f"nn.softmax({masked}, axis=-1)")
        mixed = self.bind(f"nn.batch_matmul({weights}, {value}, transpose_b=True)")
        moved = self.bind(f"transpose({mixed}, axes=[1, 0, 2])")
        flat = self.bind(f"reshape({moved}, newshape=[{LENGTH}, {WIDTH}])")
        out = self.bind(f"nn.dense({flat}, {name('out')}, units={WIDTH})")
        return self.bind(f"add({out}, {name('out_bias')})")

    def feed_forward(self, x, name):
        """Return the two dense layers with GELU, in its form with tanh, between."""
        up = self.bind(f"nn.dense({x}, {name('up')}, units={4 * WIDTH})")
        up = self.bind(f"add({up}, {name('up_bias')})")
        cube = self.bind(f"power({up}, 3f)")
        inner = self.bind(f"add({up}, multiply({cube}, 0.044715f))")
        bent = self.bind(f"tanh(multiply({inner}, 0.7978846f))")
        gate = self.bind(f"add({bent}, 1f)")
        active = self.bind(f"multiply(multiply({up}, 0.5f), {gate})")
        down = self.bind(f"nn.dense({active}, {name('down')}, units={WIDTH})")
        return self.bind(f"add({down}, {name('down_bias')})")


@pytest.fixture
def transformer_text():
    """`transformer_text(blocks)` is GPT-2's decoder as text, and the shapes of its parameters."""

    def write(blocks):
        writer, shapes, x = Writer(), {"x": (LENGTH, WIDTH)}, "%x"
        for block in range(blocks):
            shapes |= {f"{key}_{block}": shape for key, shape in SHAPES.items()}
            name = Names(block)
            attended = writer.attention(writer.norm(x, name("gain1"), name("shift1")), name)
            x = writer.bind(f"add({x}, {attended})")
            grown = writer.feed_forward(writer.norm(x, name("gain2"), name("shift2")), name)
            x = writer.bind(f"add({x}, {grown})")
        params = [
            f"%{name}: Tensor[({', '.join(map(str, shape))}), float32]"
            for name, shape in shapes.items()
        ]
        params.append(f"%mask: Tensor[({HEADS}, {LENGTH}, {LENGTH}), bool]")
        lines = "\n".join(writer.lines)
        text = f'#[version = "0.0.5"]\ndef @main({", ".join(params)}) {{\n{lines}\n  {x}\n}}\n'
        return text, shapes, len(writer.lines)

    return write
