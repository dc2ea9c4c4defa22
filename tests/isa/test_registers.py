"""The register map: no two registers share a byte, and all lie within the bus's address."""

from isa.instructions import Engine
from isa.registers import COUNTERS, IDENTITY, VERSION, Access, register_map


def test_registers_do_not_overlap(config):
    table = register_map(config)
    taken = {}
    for register in table.registers:
        assert register.offset % 4 == 0 and register.words in (1, 2)
        for word in range(register.words):
            offset = register.offset + 4 * word
            assert offset not in taken, f"{register.name} and {taken[offset]} share {offset:#x}"
            taken[offset] = register.name
    assert max(taken) < 1 << table.address_bits


def test_rows_are_in_the_order_of_their_offsets(config):
    offsets = [register.offset for register in register_map(config).registers]
    assert offsets == sorted(offsets)


def test_names_are_unique(config):
    table = register_map(config)
    names = [register.name for register in table.registers]
    assert len(set(names)) == len(names)
    for register in table.registers:
        assert table[register.name] is register
        assert register.meaning and Access(register.access) is register.access


def test_unknown_name(config):
    try:
        register_map(config)["volume"]
    except KeyError as error:
        assert error.args == ("volume",)
    else:
        raise AssertionError("a register that does not exist was found")


def test_windows(config):
    """One group of address, size and access for each window, and no more."""
    names = {register.name for register in register_map(config).registers}
    for index in range(16):
        for part in ("address", "bytes", "access"):
            assert (f"window{index}_{part}" in names) == (index < config.windows)


def test_counters_are_64_bits_wide_and_read_only(config):
    table = register_map(config)
    for counter in COUNTERS:
        register = table[counter.name]
        assert (register.words, register.access) == (2, Access.READ_ONLY)


def test_counters_name_every_pair_of_engines():
    waits = {counter.name for counter in COUNTERS if "_waits_" in counter.name}
    assert waits == {
        f"{one.name}_waits_{other.name}".lower()
        for one in Engine
        for other in Engine
        if one != other
    }
    assert len(COUNTERS) == 4 + len(Engine) * 5


def test_identity():
    assert IDENTITY.to_bytes(4, "little") == b"TWR1"
    assert VERSION >> 16 == 1
