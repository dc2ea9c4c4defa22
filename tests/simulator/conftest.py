"""Fixtures for the simulators: programs on devices, and oracles that loop over every iteration."""

import pytest

from isa.registers import Control, register_map

WINDOW_ALL = 3


@pytest.fixture
def start_program():
    """Return a function that loads a program into a device, opens windows and runs it."""

    def start(device, words, address=0, windows=None, watchdog=1_000_000, wait=100_000_000):
        table = register_map(device.config)

        def put(name, value):
            register = table[name]
            for word in range(register.words):
                device.write_register(register.offset + 4 * word, value >> 32 * word & 0xFFFFFFFF)

        device.write(address, words)
        for index in range(device.config.windows):
            window = (windows or [(0, device.memory_bytes, WINDOW_ALL)])[index : index + 1]
            base, size, access = window[0] if window else (0, 0, 0)
            put(f"window{index}_address", base)
            put(f"window{index}_bytes", size)
            put(f"window{index}_access", access)
        put("program_address", address)
        put("program_length", len(words) // 64)
        put("watchdog", watchdog)
        put("control", Control.START)
        device.wait(wait)

    return start


@pytest.fixture
def get_register():
    """Return a function that reads a register, both words of a pair, by name."""

    def get(device, name):
        register = register_map(device.config)[name]
        words = [device.read_register(register.offset + 4 * word) for word in range(register.words)]
        return sum(word << 32 * index for index, word in enumerate(words))

    return get
