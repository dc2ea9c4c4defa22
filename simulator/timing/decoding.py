"""A program's instructions: their fields, and which engine runs which of them."""

from isa.instructions import Opcode

from .fields import FIELDS, OPCODE, PARTS, LoadField, SyncField
from .state import Model

__all__ = ["field", "read_program", "signals", "waits"]


def field(model: Model, index: int, number: int) -> int:
    """Return a field of instruction `index`; `number` is one of fields.py."""
    place = model.places[number]
    part = index * PARTS + place.part
    low = model.words[part] >> place.shift & place.low_mask
    high = (model.words[part + 1] & place.high_mask) << place.low_bits
    return ((low | high) ^ place.sign) + place.minimum


def waits(model: Model, index: int) -> int:
    """Return the mask of engines whose tokens an instruction takes."""
    return field(model, index, model.codes[index] * FIELDS + LoadField.WAIT)


def signals(model: Model, index: int) -> int:
    """Return the mask of engines that an instruction gives a token to."""
    return field(model, index, model.codes[index] * FIELDS + LoadField.SIGNAL)


def read_program(model: Model) -> bool:
    """Find the engine of each instruction up to END; return whether all opcodes exist."""
    total = model.total
    model.count = total
    for index in range(total):
        code = field(model, index, OPCODE)
        model.codes[index] = code
        if code > Opcode.END:
            model.illegal = index
            return False
        if code == Opcode.END:
            model.engines[index] = -1
            model.count = index + 1
            return True
        engine = field(model, index, SyncField.ENGINE) if code == Opcode.SYNC else code
        model.engines[index] = engine
        queue = model.queues[engine]
        model.order[engine * total + queue.length] = index
        queue.length += 1
    return True
