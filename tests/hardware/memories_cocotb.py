"""Every port of the scratchpads at once, against numpy."""

import itertools
from collections import deque

import cocotb
import numpy as np
from control import Bench, configuration, number, parameters

from isa.instructions import Memory

CYCLES = 1500


class Traffic:
    """Random accesses on the ports of a memory in each cycle; checks grants and data.

    Parameters
    ----------
    dut : the cocotb handle
    name : str, the part
    words, word_bits, banks : int
    bank : function of an address
    rng : numpy Generator
    """

    def __init__(self, dut, name, words, word_bits, bank, rng):
        self.dut, self.name, self.rng = dut, name, rng
        self.words, self.word_bits, self.bank = words, word_bits, bank
        self.content = [0] * words
        # What each read port should show, once anything was read there.
        self.shown = {}
        self.chosen = {}
        self.refused = 0

    def port(self, port, member):
        return getattr(self.dut, f"{self.name}_{port}__{member}")

    def word(self, bits=None):
        return int.from_bytes(self.rng.bytes((bits or self.word_bits) // 8), "little")

    def choose(self, port, flag, **members):
        """Drive a port with probability one half; remember what was chosen."""
        active = bool(self.rng.random() < 0.5)
        self.port(port, flag).value = active
        for member, value in members.items():
            self.port(port, member).value = value
        self.chosen[port] = members if active else None

    def address(self):
        """Return an address; few of them, so that accesses meet."""
        return int(self.rng.integers(min(self.words, 12)))

    def uses(self, port, address):
        """Return whether `port` is used on the bank of `address` in this cycle."""
        access = self.chosen[port]
        return access is not None and self.bank(access["address"]) == self.bank(address)

    def check_shown(self, port, held):
        if port in self.shown:
            got = number(self.port(port, "data"))
            assert got == self.shown[port], f"{parameters()}: {self.name}.{port} shows {got:#x}"
        if not held:
            self.shown.pop(port, None)

    def check_grant(self, port, rivals):
        """Return whether the access of `port` is granted, as the ready signal should say."""
        access = self.chosen[port]
        if access is None:
            return False
        free = not any(self.uses(rival, access["address"]) for rival in rivals)
        ready = bool(number(self.port(port, "ready")))
        assert ready == free, f"{parameters()}: {self.name}.{port} ready {ready}, free {free}"
        self.refused += not free
        return free


class ActTraffic(Traffic):
    """The ports of ActMemory."""

    def __init__(self, dut, config, rng):
        super().__init__(
            *(dut, "act", config.act_words, 8 * config.act_word_bytes),
            *(lambda address: address % config.act_banks, rng),
        )
        self.config = config
        self.groups = config.act_word_bytes // config.columns
        self.chunks = config.act_word_bytes // config.bus_bytes

    def drive(self):
        self.choose("matrix_read", "enable", address=self.address())
        self.choose("vector_read", "valid", address=self.address())
        self.choose("store_read", "valid", address=self.address())
        mask = int(self.rng.integers(1 << self.groups))
        self.choose("vector_write", "enable", address=self.address(), data=self.word(), mask=mask)
        address, chunk = self.address(), int(self.rng.integers(self.chunks))
        data = self.word(8 * self.config.bus_bytes)
        active = bool(self.rng.random() < 0.5)
        self.port("load_write", "valid").value = active
        self.port("load_write", "payload").value = write_payload(
            self.config.act_words, self.chunks, address, chunk, data
        )
        self.chosen["load_write"] = (
            {"address": address, "chunk": chunk, "data": data} if active else None
        )

    def sample(self):
        for port, held in (("matrix_read", False), ("vector_read", True), ("store_read", True)):
            self.check_shown(port, held)
        grants = {
            "matrix_read": self.chosen["matrix_read"] is not None,
            "vector_read": self.check_grant("vector_read", ("matrix_read",)),
            "store_read": self.check_grant("store_read", ("matrix_read", "vector_read")),
        }
        for port, granted in grants.items():
            if granted:
                self.shown[port] = self.content[self.chosen[port]["address"]]
        load = self.check_grant("load_write", ("vector_write",))
        if write := self.chosen["vector_write"]:
            size = 8 * self.config.columns
            for group in range(self.groups):
                if write["mask"] >> group & 1:
                    self.put(write["address"], group, size, write["data"] >> group * size)
        if load:
            write = self.chosen["load_write"]
            self.put(write["address"], write["chunk"], 8 * self.config.bus_bytes, write["data"])

    def put(self, address, part, bits, data):
        """Write one part of a word."""
        mask = (1 << bits) - 1
        kept = self.content[address] & ~(mask << part * bits)
        self.content[address] = kept | (data & mask) << part * bits


class AccTraffic(Traffic):
    """The ports of AccMemory."""

    def __init__(self, dut, config, rng):
        super().__init__(
            *(dut, "acc", 2 * config.acc_words, 8 * config.acc_word_bytes),
            *(lambda address: address // config.acc_words, rng),
        )

    def address(self):
        return int(self.rng.integers(4)) + int(self.rng.integers(2)) * (self.words // 2)

    def drive(self):
        self.choose("matrix_read", "enable", address=self.address())
        self.choose("vector_read", "valid", address=self.address())
        self.choose("matrix_write", "enable", address=self.address(), data=self.word())
        self.choose("vector_write", "valid", address=self.address(), data=self.word())

    def sample(self):
        self.check_shown("matrix_read", held=False)
        self.check_shown("vector_read", held=True)
        vector_read = self.check_grant("vector_read", ("matrix_read",))
        vector_write = self.check_grant("vector_write", ("matrix_write",))
        if read := self.chosen["matrix_read"]:
            self.shown["matrix_read"] = self.content[read["address"]]
        if vector_read:
            self.shown["vector_read"] = self.content[self.chosen["vector_read"]["address"]]
        if write := self.chosen["matrix_write"]:
            self.content[write["address"]] = write["data"]
        if vector_write:
            write = self.chosen["vector_write"]
            self.content[write["address"]] = write["data"]


def write_payload(words, chunks, address, chunk, data):
    """Return the bits of one write of a load."""
    address_bits = max(1, (words - 1).bit_length())
    chunk_bits = max(1, (chunks - 1).bit_length())
    return address | chunk << address_bits | data << (address_bits + chunk_bits)


@cocotb.test()
async def banked_memories_grant_and_keep(dut):
    config = configuration()
    rng = np.random.default_rng(parameters()["seed"])
    act, acc = ActTraffic(dut, config, rng), AccTraffic(dut, config, rng)
    for name in ("weight", "param", *(["tables"] if config.tables else [])):
        getattr(dut, f"{name}_load_write__valid").value = 0
    bench = Bench(dut, act, acc)
    await bench.start()
    await bench.step(CYCLES)
    assert act.refused > CYCLES // 50
    assert acc.refused > CYCLES // 50


class Loader:
    """Writes whole words by chunks, with gaps; the port never refuses.

    Parameters
    ----------
    dut, name, rng : as in Traffic
    words, word_bytes, bus_bytes : int
    """

    def __init__(self, dut, name, words, word_bytes, bus_bytes, rng):
        self.rng = rng
        self.valid = getattr(dut, f"{name}_load_write__valid")
        self.ready = getattr(dut, f"{name}_load_write__ready")
        self.payload = getattr(dut, f"{name}_load_write__payload")
        self.content = [rng.bytes(word_bytes) for _ in range(words)]
        chunks = word_bytes // bus_bytes
        self.items = deque(
            write_payload(
                *(words, chunks, int(word), chunk),
                int.from_bytes(self.content[word][chunk * bus_bytes :][:bus_bytes], "little"),
            )
            for word in rng.permutation(words)
            for chunk in range(chunks)
        )
        self.valid.value = 0

    def drive(self):
        active = bool(self.items) and self.rng.random() < 0.7
        self.valid.value = bool(active)
        if active:
            self.payload.value = self.items.popleft()

    def sample(self):
        assert number(self.ready)


async def read_records(dut, bench, config, word, content):
    """Read a param word, the records of one group of columns after those of another."""
    lanes = config.requantize_lanes
    read = dut.param_record_read__enable, dut.param_record_read__advance
    dut.param_record_read__address.value = word
    parts = [content[: 4 * config.columns], content[4 * config.columns : 8 * config.columns]]
    parts.append(content[8 * config.columns :])
    for group in range(config.columns // lanes):
        read[0].value, read[1].value = group == 0, group > 0
        await bench.step()
        dut.param_record_read__address.value = 0
        record = b"".join(
            part[group * lanes * size :][: lanes * size]
            for part, size in zip(parts, (4, 4, 1), strict=True)
        )
        got = number(dut.param_record_read__data).to_bytes(len(record), "little")
        assert got == record, f"{parameters()}: word {word}, group {group}"
    read[0].value, read[1].value = 0, 0


@cocotb.test()
async def wide_memories_give_what_was_loaded(dut):
    config = configuration()
    rng = np.random.default_rng(parameters()["seed"])
    parts = {
        "weight": (config.weight_tiles, config.tile_bytes),
        "param": (config.param_words, config.param_word_bytes),
    }
    if config.tables:
        parts["tables"] = (config.tables, config.table_bytes)
    for name in ("act", "acc"):
        for port, flag in (("matrix_read", "enable"), ("vector_read", "valid")):
            getattr(dut, f"{name}_{port}__{flag}").value = 0
    loaders = {
        name: Loader(dut, name, *shape, config.bus_bytes, rng) for name, shape in parts.items()
    }
    bench = Bench(dut, *loaders.values())
    await bench.start()
    await bench.until(lambda: not any(loader.items for loader in loaders.values()), 5000, "load")
    await bench.step()
    for tile, content in enumerate(loaders["weight"].content):
        dut.weight_matrix_read__enable.value, dut.weight_matrix_read__address.value = 1, tile
        await bench.step()
        assert number(dut.weight_matrix_read__data).to_bytes(len(content), "little") == content
    dut.param_tap_read__enable.value = 0
    for word, content in enumerate(loaders["param"].content):
        await read_records(dut, bench, config, word, content)
    dut.param_record_read__enable.value = 0
    slots = itertools.product(range(2), range(config.param_words))
    for rows, word in slots:
        content = loaders["param"].content[word]
        if config.row_taps == 3:
            dut.param_tap_read__row.value = rows
        for slot in range(config.taps_per_param_word):
            dut.param_tap_read__enable.value, dut.param_tap_read__address.value = (
                1,
                16 * word + slot,
            )
            await bench.step()
            tap = number(dut.param_tap_read__data).to_bytes(config.columns, "little")
            assert tap == content[slot * config.columns :][: config.columns]
            if config.row_taps == 3:
                before = number(dut.param_tap_read__before)
                # Nothing is given where no row is asked for; two slots have none before them.
                if not rows or slot >= 2:
                    start = (slot - 2) * config.columns
                    row = content[start:][: 2 * config.columns] if rows else b""
                    assert before == int.from_bytes(row, "little")
    if config.tables:
        await look_up(dut, bench, config, loaders["tables"].content, rng)


async def look_up(dut, bench, config, content, rng):
    """Read every entry of every table in some lane."""
    for table in range(config.tables):
        for _ in range(300):
            indices = rng.integers(0, 256, config.columns)
            dut.tables_read__enable.value, dut.tables_read__table.value = 1, table
            dut.tables_read__indices.value = int.from_bytes(
                indices.astype(np.uint8).tobytes(), "little"
            )
            await bench.step()
            data = number(dut.tables_read__data).to_bytes(config.columns, "little")
            assert data == bytes(content[table][index] for index in indices), Memory.TABLE
