"""Loads whose addresses leave the bus's width come in again at the bottom."""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from simulator.functional import FunctionalMachine


@pytest.mark.parametrize(("origin", "x_origin"), [(1, 0), (1, -5), (0, 0)])
def test_addresses_wrap(start_program, origin, x_origin):
    config = preset("tiny")
    machine = FunctionalMachine(config, 8192)
    top = 1 << config.address_bits
    # Line 1 of the tensor lies at 0x1000 once wrapped; line 0 lies there already.
    address = 0x1000 if origin == 0 else top - 0x1000
    stride = 0x2000 if origin else 0x100
    data = np.random.default_rng(2).integers(0, 256, 8192, np.uint8)
    machine.write(0x1000, data[0x1000:])
    text = (
        f"load address={address} z_origin={origin} z_stride={stride} line_count=2 line_bytes=24 "
        f"x_origin={x_origin} x_bytes=16 fill=7\nend"
    )
    start_program(machine, assemble(text, config).words)
    expected = np.full(16, 7, np.uint8)
    begin = max(-x_origin, 0)
    expected[begin:] = data[0x1000 : 0x1000 + 16 - begin]
    np.testing.assert_array_equal(machine.scratchpads.act.reshape(-1)[:16], expected)
