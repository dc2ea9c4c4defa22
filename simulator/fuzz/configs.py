"""Machines that random programs run on: the presets, and shapes that no preset has."""

from dataclasses import replace

from isa.config import PRESETS, Config

__all__ = ["SHAPES", "fuzz_config"]

SHAPES = {
    config.name: config
    for config in (
        # Nothing is a power of two that need not be, and nothing is as large as in a preset.
        Config(
            *("odd", 12, 24, 1000, 37, 64, 20),
            tables=3,
            act_banks=2,
            address_bits=20,
            requantize_lanes=3,
            queue_depth=2,
            reads_in_flight=3,
            burst_beats=4,
            windows=2,
        ),
        # One of everything: a queue of one, one read in flight, one beat a burst, one window.
        Config(
            *("wide", 4, 16, 96, 6, 16, 5),
            tables=1,
            act_banks=2,
            bus_bytes=4,
            address_bits=20,
            requantize_lanes=4,
            queue_depth=1,
            reads_in_flight=1,
            burst_beats=1,
            windows=1,
        ),
        Config(
            *("tall", 24, 12, 192, 10, 16, 9),
            tables=0,
            act_banks=1,
            bus_bytes=4,
            address_bits=24,
            requantize_lanes=1,
            queue_depth=3,
            burst_beats=256,
        ),
        # A bus as wide as a word of act.
        Config(
            *("bus", 16, 16, 48, 7, 16, 6),
            tables=2,
            act_banks=16,
            bus_bytes=16,
            address_bits=22,
            requantize_lanes=8,
            reads_in_flight=2,
        ),
        # The lanes and the bus of the presets, with few words: less to fill and to compare.
        replace(
            PRESETS["ulx3s"],
            name="ulx3s-small",
            act_words=512,
            weight_tiles=24,
            acc_words=64,
            param_words=12,
        ),
        replace(
            PRESETS["vta"],
            name="vta-small",
            act_words=768,
            weight_tiles=24,
            acc_words=64,
            param_words=12,
        ),
        replace(
            PRESETS["zu"],
            name="zu-small",
            act_words=320,
            weight_tiles=6,
            acc_words=32,
            param_words=6,
            requantize_lanes=2,
        ),
    )
}


def fuzz_config(name: str) -> Config:
    """Return the machine `name`, a preset or one of SHAPES; KeyError where there is none."""
    return {**PRESETS, **SHAPES}[name]
