"""What an instruction word is: legal or not, and for which engine."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Engine, Opcode, instruction_set

from .fetch import fetched_layout
from .layout import layout

__all__ = ["Decoder", "dispatch_layout"]


def dispatch_layout(config, engine):
    """Return the layout of an instruction on its way to `engine`.

    Members
    -------
    index : its place in the program
    sync : it only waits and signals; of `fields`, only those of its header mean something
    fields : layout of the engine's format
    """
    form = instruction_set(config).format(Opcode(engine))
    return data.StructLayout({"index": 32, "sync": 1, "fields": layout(form)})


class Decoder(wiring.Component):
    """Checks each instruction by the tables of isa and hands it to its engine.

    Latency one cycle for the check; then an instruction is handed on as soon as there is room.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    instruction : In(stream of fetched_layout); an illegal one is never taken
    load, matrix, vector, store : Out(stream of dispatch_layout)
    illegal : Out, the instruction at hand is illegal
    ended : Out, END was taken; until reset. Nothing is taken after it
    """

    def __init__(self, config):
        self.config = config
        self.isa = instruction_set(config)
        super().__init__(
            {
                "instruction": In(stream.Signature(fetched_layout())),
                **{
                    engine.name.lower(): Out(stream.Signature(dispatch_layout(config, engine)))
                    for engine in Engine
                },
                "illegal": Out(1),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, index = self.instruction.payload.word, self.instruction.payload.index
        form = self.isa.format(Opcode.SYNC)
        opcode = layout(form)(word[: form.bits]).opcode
        checked, legal = Signal(), Signal(reset_less=True)
        at_hand, sync = Signal(), Signal()
        # Where it goes is known with its check: fetch waits for what is there.
        ends, targets = Signal(reset_less=True), Signal(len(Engine), reset_less=True)
        m.d.comb += [
            at_hand.eq(checked & ~self.ended),
            sync.eq(opcode == Opcode.SYNC),
            self.illegal.eq(at_hand & ~legal),
        ]
        m.d.sync += checked.eq(self.instruction.valid & ~self.instruction.ready)
        with m.If(self.instruction.valid & ~checked):
            target = Mux(sync, layout(form)(word[: form.bits]).engine, opcode)
            others = opcode != Opcode.END
            m.d.sync += [
                legal.eq(0),
                ends.eq(~others),
                targets.eq(Cat(others & (target == engine) for engine in Engine)),
            ]
            with m.Switch(opcode):
                for code in Opcode:
                    with m.Case(code):
                        m.d.sync += legal.eq(~self._broken(code, word))
        for engine in Engine:
            output = getattr(self, engine.name.lower())
            m.d.comb += [
                output.payload.index.eq(index),
                output.payload.sync.eq(sync),
                output.payload.fields.eq(word[: self.isa.format(Opcode(engine)).bits]),
            ]
            with m.If(at_hand & legal & targets[engine]):
                m.d.comb += [output.valid.eq(1), self.instruction.ready.eq(output.ready)]
        with m.If(at_hand & legal & ends):
            m.d.comb += self.instruction.ready.eq(1)
            m.d.sync += self.ended.eq(1)
        return m

    def _broken(self, opcode, word):
        """Return whether `word`, which has `opcode`, breaks a rule of the isa."""
        form = self.isa.format(opcode)
        fields = {
            field.name: word[form.offset(field.name) :][: field.bits] for field in form.fields
        }
        faults = [word[form.bits :] != 0]
        for field in form.fields:
            highest = field.high - field.minimum
            if not field.signed and highest < (1 << field.bits) - 1:
                faults.append(fields[field.name] > highest)
        for rule in self.isa.rules:
            if rule.opcode == opcode:
                broken = [(fields[name] & mask) == value for name, mask, value in rule.conditions]
                faults.append(reduce(lambda a, b: a & b, broken))
        return reduce(or_, faults)
