"""Fixtures for the simulators: a driver's view of a device."""

import pytest

from isa.registers import Control, register_map

READ_WRITE = 3


@pytest.fixture
def set_register():
    """Return a function that writes a register, both words of a pair, by name."""

    def put(device, name, value):
        register = register_map(device.config)[name]
        for word in range(register.words):
            device.write_register(register.offset + 4 * word, value >> 32 * word & 0xFFFFFFFF)

    return put


@pytest.fixture
def get_register():
    """Return a function that reads a register, both words of a pair, by name."""

    def get(device, name):
        register = register_map(device.config)[name]
        words = [device.read_register(register.offset + 4 * word) for word in range(register.words)]
        return sum(word << 32 * index for index, word in enumerate(words))

    return get


@pytest.fixture
def start_program(set_register):
    """Return a function that puts a program into a device, opens windows, starts it and waits."""

    def start(device, words, address=0, windows=None, watchdog=100_000, length=None):
        device.write(address, words)
        windows = windows or [(0, device.memory_bytes, READ_WRITE)]
        for index in range(device.config.windows):
            window = windows[index] if index < len(windows) else (0, 0, 0)
            for part, value in zip(("address", "bytes", "access"), window, strict=True):
                set_register(device, f"window{index}_{part}", value)
        set_register(device, "program_address", address)
        set_register(device, "program_length", len(words) // 64 if length is None else length)
        set_register(device, "watchdog", watchdog)
        set_register(device, "control", Control.START)
        device.wait(10_000_000)

    return start
