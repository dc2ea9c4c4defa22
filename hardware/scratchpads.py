"""The memories on chip, joined to the engines."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import bits_for

from .acc_memory import AccMemory
from .act_memory import ActMemory
from .gating import rest
from .load_aligner import load_write_layout
from .load_router import LoadRouter
from .param_memory import ParamMemory
from .ports import ArbitratedReadPort, ArbitratedWritePort, MaskedWritePort, ReadPort, WritePort
from .record_port import RecordPort
from .tables import TablePort, Tables
from .tap_port import TapPort
from .weight_memory import WeightMemory

__all__ = ["Scratchpads"]


class Scratchpads(wiring.Component):
    """Act, weight, acc, param and, where the machine has them, the tables.

    Parameters
    ----------
    config : isa.Config
    gated : bool, whether idle memories have no clock, for a simulation; see gating

    Members
    -------
    load_writes : In(stream of load_write_layout)
    matrix_act_read, matrix_weight_read, matrix_acc_read : In(ReadPort)
    matrix_acc_write : In(WritePort)
    vector_act_read, vector_acc_read : In(ArbitratedReadPort)
    vector_tap_read : In(TapPort)
    vector_record_read : In(RecordPort)
    vector_table_read : In(TablePort), only with tables
    vector_act_write : In(MaskedWritePort)
    vector_acc_write : In(ArbitratedWritePort)
    store_act_read : In(ArbitratedReadPort)
    """

    def __init__(self, config, *, gated=False):
        self.config = config
        self.gated = gated
        act = bits_for(config.act_words - 1), 8 * config.act_word_bytes
        acc = bits_for(2 * config.acc_words - 1), 8 * config.acc_word_bytes
        weight = bits_for(config.weight_tiles - 1), 8 * config.tile_bytes
        groups = config.act_word_bytes // config.columns
        super().__init__(
            {
                "load_writes": In(stream.Signature(load_write_layout(config))),
                "matrix_act_read": In(ReadPort(*act)),
                "matrix_weight_read": In(ReadPort(*weight)),
                "matrix_acc_read": In(ReadPort(*acc)),
                "matrix_acc_write": In(WritePort(*acc)),
                "vector_act_read": In(ArbitratedReadPort(*act)),
                "vector_acc_read": In(ArbitratedReadPort(*acc)),
                "vector_tap_read": In(TapPort(config)),
                "vector_record_read": In(RecordPort(config)),
                **({"vector_table_read": In(TablePort(config))} if config.tables else {}),
                "vector_act_write": In(MaskedWritePort(*act, groups)),
                "vector_acc_write": In(ArbitratedWritePort(*acc)),
                "store_act_read": In(ArbitratedReadPort(*act)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.router = router = LoadRouter(config)
        m.submodules.act = act = ActMemory(config)
        m.submodules.weight = weight = WeightMemory(config)
        m.submodules.acc = acc = AccMemory(config)
        param = ParamMemory(config)
        record = self.vector_record_read
        reads = self.vector_tap_read.enable | record.enable | record.advance
        m.submodules.param = self._rest(m, param, "param", router.param.valid | reads)
        wiring.connect(m, wiring.flipped(self.load_writes), router.writes)
        wiring.connect(m, router.act, act.load_write)
        wiring.connect(m, router.weight, weight.load_write)
        wiring.connect(m, router.param, param.load_write)
        ports = {
            "matrix_act_read": act.matrix_read,
            "matrix_weight_read": weight.matrix_read,
            "matrix_acc_read": acc.matrix_read,
            "matrix_acc_write": acc.matrix_write,
            "vector_act_read": act.vector_read,
            "vector_acc_read": acc.vector_read,
            "vector_tap_read": param.tap_read,
            "vector_record_read": param.record_read,
            "vector_act_write": act.vector_write,
            "vector_acc_write": acc.vector_write,
            "store_act_read": act.store_read,
        }
        if config.tables:
            tables = Tables(config)
            reads = self.vector_table_read.enable
            m.submodules.tables = self._rest(m, tables, "tables", router.table.valid | reads)
            wiring.connect(m, router.table, tables.load_write)
            ports["vector_table_read"] = tables.read
        for name, port in ports.items():
            wiring.connect(m, wiring.flipped(getattr(self, name)), port)
        return m

    def _rest(self, m, memory, name, active):
        """Return `memory`, which rests while it is not `active`."""
        return rest(m, memory, name, active) if self.gated else memory
