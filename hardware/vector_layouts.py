"""What flows between the stages of the vector engine."""

from amaranth.lib import data

from isa.instructions import Opcode, instruction_set

from .layout import layout

__all__ = ["operands_layout", "result_layout", "vector_layout"]


def vector_layout(config):
    """Return the layout of a vector instruction."""
    return layout(instruction_set(config).format(Opcode.VECTOR))


def operands_layout(config):
    """Return the layout of the operands of one iteration.

    Members
    -------
    act, tap : columns int8
    acc : columns int32
    first, last : the iteration begins a reduction, ends one that gives a result
    ends : the last iteration of the instruction; it gives a result, even if an empty one
    empty : with row_taps 3, the result is not to be written
    before : with row_taps 3, the taps of a sliding row but its last, as in TapPort
    record, output : addresses
    """
    instruction = vector_layout(config)
    return data.StructLayout(
        {
            "act": 8 * config.columns,
            "acc": 32 * config.columns,
            "tap": 8 * config.columns,
            "first": 1,
            "last": 1,
            "ends": 1,
            **_empty(config),
            **({"before": 16 * config.columns} if config.row_taps == 3 else {}),
            "record": instruction["record"].shape,
            "output": instruction["output"].shape,
        }
    )


def result_layout(config):
    """Return the layout of one result.

    Members
    -------
    values : columns int32, column 0 lowest
    output : address
    ends : the last result of the instruction
    empty : with row_taps 3, it is not to be written
    """
    return data.StructLayout(
        {
            "values": 32 * config.columns,
            "output": vector_layout(config)["output"].shape,
            "ends": 1,
            **_empty(config),
        }
    )


def _empty(config):
    return {"empty": 1} if config.row_taps == 3 else {}
