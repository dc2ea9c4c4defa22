"""The model as native code and as plain Python is one model; its fields are those of the ISA."""

import numpy as np
import pytest

from isa.config import preset
from isa.decoding import decode_program
from isa.instructions import Opcode
from simulator.fuzz import Sizes, random_program
from simulator.timing import HARDWARE
from simulator.timing.decoding import field
from simulator.timing.fields import FIELDS, LoadField, MatrixField, StoreField, VectorField
from simulator.timing.model import native_code, prepare_model
from simulator.timing.schedule import run

SIZES = Sizes(param_start=1 << 16, dram_start=1 << 17, dram_bytes=1 << 18)
FIELD_NAMES = {
    Opcode.LOAD: LoadField,
    Opcode.MATRIX: MatrixField,
    Opcode.VECTOR: VectorField,
    Opcode.STORE: StoreField,
}


@pytest.mark.parametrize("config", ["tiny", "vta"])
@pytest.mark.parametrize("seed", range(6))
def test_native_as_plain(config, seed):
    program = random_program(np.random.default_rng(seed), preset(config), 60, SIZES)
    native = prepare_model(program.words, preset(config), 40, HARDWARE)
    plain = native.plain()
    assert native_code()(native) == run(plain), f"seed {seed}"
    assert native.plain() == plain, f"seed {seed}"


@pytest.mark.parametrize("config", ["tiny", "ulx3s", "zu"])
@pytest.mark.parametrize("seed", range(3))
def test_fields(config, seed):
    program = random_program(np.random.default_rng(seed), preset(config), 60, SIZES)
    model = prepare_model(program.words, preset(config), 40, HARDWARE).plain()
    for index, (opcode, fields) in enumerate(decode_program(program)):
        assert field(model, index, FIELDS * Opcode.END) == opcode
        for member in FIELD_NAMES.get(opcode, ()):
            name = member.name.lower()
            levels = [key for key in fields if key[:-1] == name and key[-1].isdigit()]
            keys = levels or [name.removesuffix("_base")]
            for level, key in enumerate(keys):
                assert field(model, index, member + level) == fields[key], f"seed {seed}: {key}"
