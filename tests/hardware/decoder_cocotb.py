"""Cocotb tests of the decoder, on the bench of test_units: legal exactly when isa says so."""

import random

import cocotb
from cocotb.triggers import Timer
from control import configuration, number, parameters

from hardware.decoder import dispatch_layout
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BITS, Engine, Opcode, instruction_set

PORTS = [engine.name.lower() for engine in Engine]


class Decoding:
    """The decoder: a word goes in, what comes out in the next cycle is looked at.

    Parameters
    ----------
    dut : the cocotb handle
    """

    def __init__(self, dut):
        self.dut = dut
        self.config = configuration()
        self.isa = instruction_set(self.config)

    async def start(self):
        """Reset the decoder."""
        self.dut.clk.value = 0
        self.dut.rst.value = 1
        await self.tick()
        self.dut.rst.value = 0
        for name in PORTS:
            getattr(self.dut, f"decoder_{name}__ready").value = 1

    async def offer(self, word, index=0):
        """Offer a word; return when it was checked."""
        self.dut.decoder_instruction__payload.value = index | word << 32
        self.dut.decoder_instruction__valid.value = 1
        await self.tick()

    async def tick(self):
        """Make one rising edge of the clock."""
        await Timer(1, "ns")
        self.dut.clk.value = 1
        await Timer(1, "ns")
        self.dut.clk.value = 0
        await Timer(1, "ns")

    def legal(self, word):
        """Return (opcode, fields) where isa accepts the word, else None."""
        try:
            return self.isa.decode(word)
        except DecodeError:
            return None

    async def check(self, word, index, what):
        """Compare the decoder with isa for one word."""
        dut = self.dut
        await self.start()
        await self.offer(word, index)
        decoded = self.legal(word)
        assert bool(dut.decoder_illegal.value) == (decoded is None), what
        assert bool(dut.decoder_instruction__ready.value) == (decoded is not None), what
        valid = [name for name in PORTS if getattr(dut, f"decoder_{name}__valid").value]
        if decoded is None or decoded[0] == Opcode.END:
            assert not valid, what
            return
        opcode, fields = decoded
        engine = Engine(fields["engine"] if opcode == Opcode.SYNC else opcode)
        assert valid == [PORTS[engine]], what
        raw = number(getattr(dut, f"decoder_{PORTS[engine]}__payload"))
        entry = dispatch_layout(self.config, engine).from_bits(raw)
        assert entry.index == index, what
        assert entry.sync == (opcode == Opcode.SYNC), what
        for name, value in fields.items():
            if not entry.sync or name in ("wait", "signal"):
                minimum = self.isa.format(opcode).field(name).minimum
                assert entry.fields[name] == value - minimum, f"{what}: {name}"


def random_word(rng, isa):
    """Return a random word in which every field has a legal value; rules may be broken."""
    form = isa.format(Opcode(rng.randrange(len(Opcode))))
    values = {field.name: rng.randint(field.low, field.high) for field in form.fields}
    for mask in ("wait", "signal"):
        if mask in values and rng.random() < 0.7:
            values[mask] = 0
    values["opcode"] = isa.formats.index(form)
    return form.encode(values)


@cocotb.test()
async def words_of_random_fields(dut):
    seed = parameters()["seed"]
    rng = random.Random(seed)
    decoding = Decoding(dut)
    for round_ in range(600):
        word = random_word(rng, decoding.isa)
        await decoding.check(word, rng.getrandbits(32), f"seed {seed}, round {round_}: {word:#x}")


@cocotb.test()
async def words_with_flipped_bits(dut):
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    decoding = Decoding(dut)
    for round_ in range(500):
        word = random_word(rng, decoding.isa)
        for _ in range(rng.randint(1, 3)):
            word ^= 1 << rng.choice([rng.randrange(16), rng.randrange(INSTRUCTION_BITS)])
        await decoding.check(word, round_, f"seed {seed}, round {round_}: {word:#x}")


@cocotb.test()
async def words_of_random_bits(dut):
    seed = parameters()["seed"] + 2
    rng = random.Random(seed)
    decoding = Decoding(dut)
    for round_ in range(500):
        word = rng.getrandbits(rng.choice([8, 16, INSTRUCTION_BITS]))
        await decoding.check(word, round_, f"seed {seed}, round {round_}: {word:#x}")


@cocotb.test()
async def each_reserved_bit(dut):
    decoding = Decoding(dut)
    for opcode in Opcode:
        form = decoding.isa.format(opcode)
        for bit in range(form.bits, INSTRUCTION_BITS):
            assert decoding.legal(opcode | 1 << bit) is None
            await decoding.check(opcode | 1 << bit, 0, f"{form.name}, bit {bit}")


@cocotb.test()
async def each_rule(dut):
    """A word that breaks one rule, and one that differs from it only in one condition."""
    decoding = Decoding(dut)
    for rule in decoding.isa.rules:
        form = decoding.isa.format(rule.opcode)
        word = form.encode({"opcode": rule.opcode})
        for name, mask, value in rule.conditions:
            word = word & ~(mask << form.offset(name)) | value << form.offset(name)
        assert decoding.legal(word) is None, rule
        await decoding.check(word, 0, f"{rule}")
        for name, mask, _ in rule.conditions:
            for bit in range(mask.bit_length()):
                other = word ^ 1 << form.offset(name) + bit
                await decoding.check(other, 0, f"{rule}: {name} bit {bit}")


@cocotb.test()
async def each_value_of_each_choice(dut):
    decoding = Decoding(dut)
    for opcode in Opcode:
        form = decoding.isa.format(opcode)
        for field in form.fields:
            if field.bits <= 4:
                for value in range(1 << field.bits):
                    word = form.encode({"opcode": opcode})
                    word &= ~(((1 << field.bits) - 1) << form.offset(field.name))
                    word |= value << form.offset(field.name)
                    await decoding.check(word, 0, f"{form.name}.{field.name} = {value}")


@cocotb.test()
async def nothing_is_taken_after_the_end(dut):
    decoding = Decoding(dut)
    await decoding.start()
    await decoding.offer(Opcode.END)
    assert not dut.decoder_ended.value
    assert dut.decoder_instruction__ready.value
    await decoding.tick()
    assert dut.decoder_ended.value
    for opcode in (Opcode.LOAD, Opcode.END, 15):
        await decoding.offer(opcode)
        await decoding.tick()
        assert not dut.decoder_instruction__ready.value
        assert not dut.decoder_load__valid.value
        assert not dut.decoder_illegal.value


@cocotb.test()
async def a_full_queue_holds_its_instruction_back(dut):
    decoding = Decoding(dut)
    for engine in Engine:
        await decoding.start()
        getattr(dut, f"decoder_{PORTS[engine]}__ready").value = 0
        await decoding.offer(engine)
        for _ in range(3):
            await decoding.tick()
            assert not dut.decoder_instruction__ready.value
            assert getattr(dut, f"decoder_{PORTS[engine]}__valid").value
        getattr(dut, f"decoder_{PORTS[engine]}__ready").value = 1
        await Timer(1, "ns")
        assert dut.decoder_instruction__ready.value


@cocotb.test()
async def instructions_in_a_row(dut):
    """Each is checked anew: a legal one after a legal one, an illegal one after both."""
    decoding = Decoding(dut)
    await decoding.start()
    for opcode in (Opcode.LOAD, Opcode.STORE):
        await decoding.offer(opcode)
        assert dut.decoder_instruction__ready.value
        await decoding.tick()
        assert not dut.decoder_instruction__ready.value
    await decoding.offer(15)
    assert dut.decoder_illegal.value
