"""The machine's configuration: array shape, memory depths, bus; and the presets."""

import hashlib
from dataclasses import dataclass, fields
from typing import NamedTuple

from .errors import ConfigError

__all__ = ["PRESETS", "SLOTS_PER_PARAM_WORD", "TAPS_PER_PARAM_WORD", "Config", "preset"]

# A param word is one requantisation record of a column: bias int32, multiplier int32, shift int8.
RECORD_BYTES = 9
# The same word read as depthwise taps: 9 int8 slots a column; addresses leave room for 16.
TAPS_PER_PARAM_WORD = RECORD_BYTES
SLOTS_PER_PARAM_WORD = 16
TABLE_BYTES = 256


class _Range(NamedTuple):
    low: int
    high: int
    power_of_two: bool = False


_RANGES = {
    "rows": _Range(1, 128),
    "columns": _Range(1, 128),
    "act_words": _Range(16, 1 << 20),
    "act_banks": _Range(1, 16, power_of_two=True),
    "weight_tiles": _Range(2, 1 << 16),
    "acc_words": _Range(2, 1 << 16, power_of_two=True),
    "param_words": _Range(2, 1 << 12),
    "tables": _Range(0, 16),
    "bus_bytes": _Range(4, 64, power_of_two=True),
    "address_bits": _Range(16, 48),
    "requantize_lanes": _Range(1, 128),
    "queue_depth": _Range(1, 64),
    "reads_in_flight": _Range(1, 64),
    "burst_beats": _Range(1, 256, power_of_two=True),
    "windows": _Range(1, 16),
    "row_taps": _Range(1, 3),
}


@dataclass(frozen=True)
class Config:
    """One machine. Every width of the instruction set and the hardware derives from these numbers.

    Attributes
    ----------
    name : str
    rows : int, length of the reduction done in one cycle (int8 inputs)
    columns : int, output lanes; also the vector engine's lanes
    act_words : int, depth of act in words of `act_word_bytes`
    act_banks : int, banks of act, interleaved by the low address bits; a power of two
    weight_tiles : int, depth of weight in tiles of columns x rows int8
    acc_words : int, depth of each of the two acc banks in words of columns int32; a power of two
    param_words : int, depth of param in records of columns x (int32, int32, int8)
    tables : int, number of 256-entry look-up tables; 0 leaves the feature out
    bus_bytes : int, width of the memory bus
    address_bits : int, width of a DRAM address
    requantize_lanes : int, columns requantised in one cycle; divides columns
    queue_depth : int, instructions queued before each engine
    reads_in_flight : int, memory reads the load engine may have outstanding
    burst_beats : int, longest burst; a power of two
    windows : int, DRAM windows that the driver may open
    row_taps : int, taps of a row that one read of act serves: 3, or 1 to leave the feature out

    Raises
    ------
    ConfigError
        A value is out of its range, or two values do not fit together.
    """

    name: str
    rows: int
    columns: int
    act_words: int
    weight_tiles: int
    acc_words: int
    param_words: int
    tables: int = 2
    act_banks: int = 4
    bus_bytes: int = 8
    address_bits: int = 32
    requantize_lanes: int = 0
    queue_depth: int = 4
    reads_in_flight: int = 16
    burst_beats: int = 16
    windows: int = 4
    row_taps: int = 3

    def __post_init__(self) -> None:
        if self.requantize_lanes == 0:
            object.__setattr__(self, "requantize_lanes", self.columns)
        for name, (low, high, power_of_two) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f"{self.name}.{name} must be in {low}..{high}, not {value!r}")
            if power_of_two and value & (value - 1):
                raise ConfigError(f"{self.name}.{name} must be a power of two, not {value}")
        self._check_shape()

    def _check_shape(self) -> None:
        short, long = sorted((self.rows, self.columns))
        ratio = long // short
        if long % short or ratio & (ratio - 1):
            raise ConfigError(
                f"{self.name}.rows and columns must differ by a power of two, "
                f"not {self.rows} and {self.columns}"
            )
        if self.act_word_bytes % self.bus_bytes or RECORD_BYTES * self.columns % self.bus_bytes:
            raise ConfigError(
                f"{self.name}.bus_bytes must divide an act word of {self.act_word_bytes} bytes "
                f"and a param word of {self.param_word_bytes} bytes, not {self.bus_bytes}"
            )
        if self.columns % self.requantize_lanes:
            raise ConfigError(
                f"{self.name}.requantize_lanes must divide columns = {self.columns}, "
                f"not {self.requantize_lanes}"
            )
        if self.act_words % self.act_banks:
            raise ConfigError(
                f"{self.name}.act_words must be a multiple of act_banks = {self.act_banks}, "
                f"not {self.act_words}"
            )
        if self.row_taps == 2:
            raise ConfigError(f"{self.name}.row_taps must be 1 or 3, not 2")

    @property
    def act_word_bytes(self) -> int:
        """Bytes of an act word: the longer of rows and columns."""
        return max(self.rows, self.columns)

    @property
    def act_bytes(self) -> int:
        """Size of act."""
        return self.act_words * self.act_word_bytes

    @property
    def act_row_vectors(self) -> int:
        """Depth of act as the matrix engine addresses it, in vectors of `rows` bytes."""
        return self.act_bytes // self.rows

    @property
    def act_column_vectors(self) -> int:
        """Depth of act as the vector engine addresses it, in vectors of `columns` bytes."""
        return self.act_bytes // self.columns

    @property
    def tile_bytes(self) -> int:
        """Bytes of a weight tile."""
        return self.rows * self.columns

    @property
    def acc_word_bytes(self) -> int:
        """Bytes of an acc word: columns int32."""
        return 4 * self.columns

    @property
    def param_word_bytes(self) -> int:
        """Bytes of a param word: all biases, then all multipliers, then all shifts."""
        return RECORD_BYTES * self.columns

    @property
    def param_slots(self) -> int:
        """Size of the address space of depthwise taps in param."""
        return SLOTS_PER_PARAM_WORD * self.param_words

    @property
    def taps_per_param_word(self) -> int:
        """Depthwise taps that one param word holds, columns int8 each."""
        return TAPS_PER_PARAM_WORD

    @property
    def table_bytes(self) -> int:
        """Bytes of one look-up table."""
        return TABLE_BYTES

    @property
    def macs_per_cycle(self) -> int:
        """Peak multiply-accumulates a cycle of the matrix engine."""
        return self.rows * self.columns

    @property
    def scratchpad_bytes(self) -> int:
        """All on-chip memories together; each column has its own copy of the tables."""
        return (
            self.act_bytes
            + self.weight_tiles * self.tile_bytes
            + 2 * self.acc_words * self.acc_word_bytes
            + self.param_words * self.param_word_bytes
            + self.tables * TABLE_BYTES * self.columns
        )

    @property
    def digest(self) -> int:
        """32 bits that differ between configurations; the machine shows them in a register."""
        values = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if f.name != "name"]
        return int.from_bytes(hashlib.sha256(" ".join(values).encode()).digest()[:4], "little")


PRESETS = {
    config.name: config
    for config in (
        # Quick tests and proofs; the small networks still fit on chip.
        Config("tiny", 4, 4, 16384, 1024, 256, 256, bus_bytes=4, tables=1),
        # Lattice ECP5-85F on the ULX3S: 156 multipliers, 208 block memories of 18 kbit.
        Config("ulx3s", 8, 16, 8192, 512, 256, 128, tables=0, requantize_lanes=2, row_taps=1),
        # Like for like with VTA: 256 multipliers, 64-bit bus, at most 480 KiB of scratchpads.
        Config("vta", 16, 16, 16384, 512, 512, 128, reads_in_flight=32),
        # Zynq UltraScale+.
        Config("zu", 32, 32, 16384, 512, 1024, 128, bus_bytes=16, reads_in_flight=32),
    )
}


def preset(name: str) -> Config:
    """Return the preset configuration `name`.

    Raises
    ------
    ConfigError
        There is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"configuration must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]
