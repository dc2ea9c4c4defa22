"""Configurations: presets, every range, what must fit together, digests."""

import re
from dataclasses import asdict, fields, replace

import pytest

from isa.config import PRESETS, Config, preset
from isa.errors import ConfigError
from isa.instructions import instruction_set

BASE = {
    "name": "m", "rows": 8, "columns": 8, "act_words": 4096, "weight_tiles": 64, "acc_words": 64,
    "param_words": 64,
}  # fmt: skip
RANGES = {
    "rows": (1, 128),
    "columns": (1, 128),
    "act_words": (16, 1 << 20),
    "act_banks": (1, 16),
    "weight_tiles": (2, 1 << 16),
    "acc_words": (2, 1 << 16),
    "param_words": (2, 1 << 12),
    "tables": (0, 16),
    "bus_bytes": (4, 64),
    "address_bits": (16, 48),
    "requantize_lanes": (1, 128),
    "queue_depth": (1, 64),
    "reads_in_flight": (1, 64),
    "burst_beats": (1, 256),
    "windows": (1, 16),
    "row_taps": (1, 3),
}
POWERS = ("act_banks", "acc_words", "bus_bytes", "burst_beats")


def refused(message, **values):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Config(**{**BASE, **values})


@pytest.mark.parametrize("name", RANGES)
def test_range(name):
    low, high = RANGES[name]
    below = -1 if name == "requantize_lanes" else low - 1
    for value in (below, high + 1, True, 1.0, "8", None):
        refused(f"m.{name} must be in {low}..{high}, not {value!r}", **{name: value})


def test_every_number_has_a_range():
    assert {field.name for field in fields(Config)} == {"name", *RANGES}


@pytest.mark.parametrize("name", POWERS)
def test_power_of_two(name):
    refused(f"m.{name} must be a power of two, not 12", **{name: 12})


@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (3, 4), (4, 12), (12, 4), (20, 16)])
def test_shape(rows, columns):
    message = f"m.rows and columns must differ by a power of two, not {rows} and {columns}"
    refused(message, rows=rows, columns=columns)


@pytest.mark.parametrize(
    ("rows", "columns", "word"),
    [(8, 8, 8), (1, 4, 4), (3, 12, 12), (32, 4, 32), (4, 128, 128), (20, 20, 20), (128, 128, 128)],
)
def test_odd_shape(rows, columns, word):
    config = Config(**{**BASE, "rows": rows, "columns": columns, "bus_bytes": 4})
    assert config.act_word_bytes == word
    instruction_set(config)


def test_bus():
    refused(
        "m.bus_bytes must divide an act word of 8 bytes and a param word of 72 bytes, not 16",
        bus_bytes=16,
    )
    refused(
        "m.bus_bytes must divide an act word of 8 bytes and a param word of 36 bytes, not 8",
        columns=4,
    )


def test_requantize_lanes():
    refused("m.requantize_lanes must divide columns = 8, not 3", requantize_lanes=3)
    assert Config(**BASE).requantize_lanes == 8
    assert Config(**BASE, requantize_lanes=2).requantize_lanes == 2


def test_act_banks():
    refused("m.act_words must be a multiple of act_banks = 8, not 100", act_words=100, act_banks=8)


def test_row_taps():
    refused("m.row_taps must be 1 or 3, not 2", row_taps=2)
    assert Config(**BASE).row_taps == 3
    assert {name: config.row_taps for name, config in PRESETS.items()} == {
        "tiny": 3, "ulx3s": 1, "vta": 3, "zu": 3,
    }  # fmt: skip


def test_sizes():
    config = Config("m", 4, 8, 4096, 64, 32, 16, bus_bytes=4, tables=3)
    assert config.act_word_bytes == 8
    assert config.act_bytes == 32768
    assert config.act_row_vectors == 8192
    assert config.act_column_vectors == 4096
    assert config.tile_bytes == 32
    assert config.acc_word_bytes == 32
    assert config.param_word_bytes == 72
    assert config.param_slots == 256
    assert config.taps_per_param_word == 9
    assert config.macs_per_cycle == 32
    assert config.scratchpad_bytes == 32768 + 64 * 32 + 2 * 32 * 32 + 16 * 72 + 3 * 256 * 8


def test_presets():
    assert list(PRESETS) == ["tiny", "ulx3s", "vta", "zu"]
    for name, config in PRESETS.items():
        assert preset(name) is config
        assert config.name == name
        instruction_set(config)
    assert preset("vta").scratchpad_bytes <= 480 << 10


def test_unknown_preset():
    with pytest.raises(
        ConfigError, match=r"^configuration must be one of tiny, ulx3s, vta, zu, not 'huge'$"
    ):
        preset("huge")


def test_digest_covers_every_number_but_not_the_name():
    config = Config(**BASE)
    other = {
        "rows": 4, "columns": 16, "act_words": 4112, "weight_tiles": 65, "acc_words": 32,
        "param_words": 65, "tables": 1, "act_banks": 8, "bus_bytes": 4, "address_bits": 33,
        "requantize_lanes": 4, "queue_depth": 5, "reads_in_flight": 17, "burst_beats": 32,
        "windows": 5, "row_taps": 1,
    }  # fmt: skip
    assert {"name", *other} == asdict(config).keys()
    digests = {config.digest, *(replace(config, **{k: v}).digest for k, v in other.items())}
    assert len(digests) == 1 + len(other)
    assert all(0 <= digest < 1 << 32 for digest in digests)
    assert replace(config, name="n").digest == config.digest


def test_too_wide_for_an_instruction():
    """Every number is in its range, but the addresses of the loop nest do not fit together."""
    config = Config(
        "huge", 8, 8, act_words=1 << 20, weight_tiles=64, acc_words=1 << 16, param_words=1 << 12
    )
    with pytest.raises(
        ConfigError,
        match=r"^huge: the vector instruction needs \d+ bits, at most 512 fit; make act_words "
        r"\(1048576\), acc_words \(65536\), weight_tiles \(64\) or param_words \(4096\) smaller$",
    ):
        instruction_set(config)


def test_too_wide_for_a_matrix_instruction():
    """Where act has 32 matrix vectors a word."""
    config = Config(
        "deep", 4, 128, act_words=1 << 20, weight_tiles=1 << 16, acc_words=1 << 16, param_words=2
    )
    with pytest.raises(ConfigError, match=r"^deep: the matrix instruction needs \d+ bits, .*$"):
        instruction_set(config)
