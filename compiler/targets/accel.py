"""The accelerator as a target: every int8 layer that its backend can build."""

from collections.abc import Sequence
from dataclasses import dataclass

from isa.config import Config

from ..backends.accel import find_layers, layer_name, require_fit
from ..backends.accel.layers import Addition, Convolution, Depthwise, Layer, Tensor, macs
from ..backends.accel.recognise import Recognised, shape_of
from ..backends.accel.schedule import window_of
from ..ir import Call, Expr
from ..ir.visitor import post_order
from .target import Match

__all__ = ["AccelTarget"]

# The CPU beside the accelerator that costs are compared with: an in-order core at the
# accelerator's clock does about one multiply-accumulate, or one element of anything else, a cycle.
_CPU_PER_CYCLE = 1
# Cycles to start a layer: fetch, first weights over a memory of 40 cycles latency, drain.
_START_CYCLES = 100


@dataclass(frozen=True)
class AccelTarget:
    """The machine `config`."""

    config: Config
    name: str = "accel"

    def matches(self, body: Expr) -> Sequence[Match]:
        """Return the layers of `body`, and reshapes that cost nothing.

        Raises
        ------
        TooLarge
            A layer does not fit the machine, even with every operand in DRAM.
        """
        found, views = find_layers(body)
        matches = []
        for node in post_order(body):
            if id(node) in views:
                assert isinstance(node, Call)
                matches.append(Match((node,), 0, 0))
            elif id(node) in found:
                layer = _draft(found[id(node)], len(matches))
                require_fit(layer, self.config)
                matches.append(self._match(found[id(node)], layer))
        return matches

    def transfer_cycles(self, size_bytes: int) -> int:
        """Return the cycles that a copy over the memory bus takes."""
        return _START_CYCLES + size_bytes // self.config.bus_bytes

    def _match(self, recognised: Recognised, layer: Layer) -> Match:
        taps = window_of(layer).kernel
        work = macs(layer) or layer.target.bytes * taps[0] * taps[1]
        return Match(recognised.calls, self._cycles(layer), work // _CPU_PER_CYCLE)

    def _cycles(self, layer: Layer) -> int:
        """Return about how many cycles the machine takes."""
        rows, columns = self.config.rows, self.config.columns
        pixels = layer.target.height * layer.target.width
        groups = -(-layer.target.channels // columns)
        taps = window_of(layer).kernel[0] * window_of(layer).kernel[1]
        if isinstance(layer, Convolution):
            vectors = -(-layer.sources[0].channels // rows)
            load = layer.weight.size // self.config.bus_bytes
            return _START_CYCLES + max(pixels * groups * taps * vectors, load)
        if isinstance(layer, Depthwise):
            return _START_CYCLES + pixels * groups * taps
        passes = 4 if isinstance(layer, Addition) else taps
        return _START_CYCLES + pixels * groups * passes


def _draft(found: Recognised, number: int) -> Layer:
    """Return the layer with tensors that stand alone."""
    shapes = [shape_of(item) for item in (*found.operands, found.calls[0])]
    tensors = tuple(
        Tensor(index, *shape) for index, shape in enumerate(shapes) if shape is not None
    )
    return found.build(layer_name(found, number), tensors[:-1], tensors[-1])
