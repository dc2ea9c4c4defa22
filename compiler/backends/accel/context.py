"""What all layers share while instructions are emitted."""

from dataclasses import dataclass, field

from isa.config import Config
from isa.image import Slot
from isa.instructions import Engine, Memory, Opcode, instruction_set

from .builder import Builder
from .layers import Convolution, Output, Tensor
from .placement import Placement
from .ranges import Range
from .schedule import Block, Mode, window_of
from .staging import load_source, source_placement, store_target, target_placement
from .work import Unit, Work

__all__ = ["Constants", "Context", "output_fields"]

_ALIGNMENT = 64


@dataclass
class Constants:
    """The segment `constants` under construction."""

    data: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> int:
        """Append `data`; return its offset."""
        self.data += bytes(-len(self.data) % _ALIGNMENT)
        offset = len(self.data)
        self.data += data
        return offset


@dataclass(frozen=True)
class Context:
    """Where everything stands while a region is emitted.

    Attributes
    ----------
    config : Config
    builder : Builder
    constants : Constants
    tensors, placements : of the resident tensors, as they are read, by index
    slots : of the tensors that have a place in DRAM, by index
    staging : act word where a layer's staged operand begins, by (kind, number)
    """

    config: Config
    builder: Builder
    constants: Constants
    tensors: dict[int, Tensor]
    placements: dict[int, Placement]
    slots: dict[int, Slot]
    staging: dict[tuple[str, int], int]

    @property
    def rows_per_word(self) -> int:
        """Matrix vectors of an act word."""
        return self.config.act_word_bytes // self.config.rows

    @property
    def columns_per_word(self) -> int:
        """Vectors of the vector engine in an act word."""
        return self.config.act_word_bytes // self.config.columns

    def load_constants(self, memory: Memory, destination: int, data: bytes) -> None:
        """Emit the load of `data` to `destination`, a word of `memory`, in runs of whole words."""
        sizes = {Memory.WEIGHT: self.config.tile_bytes, Memory.PARAM: self.config.param_word_bytes}
        size = sizes[memory]
        most_bytes = instruction_set(self.config).format(Opcode.LOAD).field("x_bytes").high
        offset = self.constants.add(data)
        for start in range(0, len(data), most_bytes // size * size):
            run_bytes = min(len(data) - start, most_bytes // size * size)
            first = destination + start // size
            fields = {
                "memory": memory,
                "destination": first,
                "address": offset + start,
                "x_bytes": run_bytes,
            }
            target = Range(memory.name.lower(), first, first + run_bytes // size)
            self.builder.emit(Engine.LOAD, fields, writes=[target], segment="constants")

    def source(self, work: Work, number: int, place: int, unit: Unit) -> Placement:
        """Return where operand `place` of layer `number` stands in act for `unit`."""
        source = work.plan.sources[place]
        if source.mode is Mode.RESIDENT:
            return self.placements[source.tensor.index]
        base = self.staging["source", 2 * number + place] + unit.turn * source.half
        group = 0 if isinstance(work.layer, Convolution) else unit.part.g0
        window = window_of(work.layer)
        return source_placement(source, base, window, unit.block, group, self.config)

    def load_sources(self, work: Work, number: int, unit: Unit, start: int, stop: int) -> None:
        """Emit the loads of lines start..stop - 1 of the staged operands of `unit`."""
        for place, source in enumerate(work.plan.sources):
            if source.mode is not Mode.RESIDENT:
                placement = self.source(work, number, place, unit)
                slot, window = self.slots[source.tensor.index], window_of(work.layer)
                lines = range(start, stop)
                load_source(self.builder, source, placement, slot, window, unit.block, lines)

    def target(self, work: Work, number: int, unit: Unit) -> Placement:
        """Return where the results of `unit` of layer `number` go in act."""
        plan, tensor = work.plan, work.layer.target
        if tensor.index in self.placements:
            whole = self.placements[tensor.index]
            return whole.joined(self.tensors[tensor.index].width // tensor.width)
        base = self.staging["target", number] + unit.turn * plan.target_half
        group = unit.part.g0
        return target_placement(tensor, plan.target_channels, base, unit.block, group, self.config)

    def store_target(
        self, tensor: Tensor, placement: Placement, block: Block, g0: int, g1: int
    ) -> None:
        """Emit the store of groups g0..g1 - 1 of the results, if the tensor is in DRAM."""
        slot = self.slots.get(tensor.index)
        if slot is not None:
            store_target(self.builder, tensor, placement, slot, block, g0, g1)


def output_fields(output: Output) -> dict[str, int]:
    """Return the fields of a vector instruction that make int8 of a result."""
    return {"zero_point": output.zero_point, "low": output.low, "high": output.high}
