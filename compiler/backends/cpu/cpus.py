"""The CPUs that have names here, and what of their instructions the code uses."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ARCHITECTURES", "CPUS", "Architecture", "Cpu", "cpus_of", "order_cpus"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of CPUs; all are little-endian and have pointers of 64 bits.

    Attributes
    ----------
    name : str
        As in a triple.
    llvm_cpu : str
        LLVM's name of a CPU without extensions.
    features : tuple of str
        What all of them have although LLVM does not take it for granted.
    abi : str
        LLVM's name of the calling convention, "" where there is one only.
    example : str
        A triple.
    """

    name: str
    llvm_cpu: str
    features: tuple[str, ...]
    abi: str
    example: str


# Of 64-bit RISC-V, what Linux's distributions are made for.
_G = ("a", "c", "d", "f", "m")

ARCHITECTURES = {
    row.name: row
    for row in (
        Architecture("x86_64", "x86-64", (), "", "x86_64-linux-gnu"),
        Architecture("aarch64", "generic", (), "", "aarch64-linux-gnu"),
        Architecture("riscv64", "generic-rv64", _G, "lp64d", "riscv64-linux-gnu"),
    )
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU by name.

    Attributes
    ----------
    name, architecture : str
    features : tuple of str
        What it has beyond its architecture, LLVM's names.
    """

    name: str
    architecture: str
    features: tuple[str, ...]


_V2 = ("cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")

CPUS = (
    Cpu("x86-64", "x86_64", ()),
    Cpu("x86-64-v2", "x86_64", _V2),
    Cpu("x86-64-v3", "x86_64", _V3),
    Cpu("x86-64-v3-vnni", "x86_64", (*_V3, "avxvnni")),
    Cpu("x86-64-v4", "x86_64", _V4),
    Cpu("x86-64-v4-vnni", "x86_64", (*_V4, "avx512vnni")),
    Cpu("armv8-a", "aarch64", ()),
    Cpu("armv8.2-a-dotprod", "aarch64", ("dotprod",)),
    Cpu("rv64gc", "riscv64", ()),
    Cpu("rv64gcv", "riscv64", ("v",)),
)
"""Of each architecture from the least to the most able; the first is what every one of it runs.

Source: System V psABI for x86-64, section 3.1.1, table 3.1, for the levels; Arm ARM DDI 0487,
section A2.2; the RISC-V Instruction Set Manual, volume I, chapter "RV32/64G".
"""


def cpus_of(architecture: str) -> Sequence[Cpu]:
    """Return the CPUs of an architecture, the least able first."""
    return [cpu for cpu in CPUS if cpu.architecture == architecture]


def order_cpus(names: Sequence[str]) -> list[str]:
    """Return names, each once, the most able first."""
    places = {cpu.name: number for number, cpu in enumerate(CPUS)}
    return sorted(dict.fromkeys(names), key=lambda name: -places.get(name, 0))
