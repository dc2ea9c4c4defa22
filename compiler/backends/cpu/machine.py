"""The CPU that code is made for, and LLVM's part: text of a module to an object file."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

import llvmlite.binding as llvm

from ...errors import Unsupported

__all__ = ["Machine", "assemble", "find_machine"]

_V2 = ("cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")

_LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"x86-64": (), "x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4}
)
"""What the levels add to x86-64. Source: System V psABI for x86-64, section 3.1.1, table 3.1."""

# Of the features of an x86 host, those that change the code made here. Others (such as sgx) would
# only tie an image to the machine that compiled it.
_USEFUL = frozenset({*_V4, "avx512vnni"})


@dataclass(frozen=True, slots=True)
class Machine:
    """A CPU.

    Attributes
    ----------
    triple, cpu : str
        LLVM's names.
    features : str
        LLVM's notation, "+avx2,+fma".
    """

    triple: str
    cpu: str
    features: str

    @property
    def vector_bytes(self) -> int:
        """Size of the widest vector register."""
        names = self._names()
        return 64 if "avx512bw" in names else 32 if "avx2" in names else 16

    @property
    def registers(self) -> int:
        """Vector registers."""
        return 32 if self.vector_bytes == 64 or not self.triple.startswith("x86_64") else 16

    @property
    def has_fused_product(self) -> bool:
        """Whether one instruction multiplies floats and adds."""
        return not self.triple.startswith("x86_64") or "fma" in self._names()

    @property
    def has_dot_product(self) -> bool:
        """Whether vpdpbusd exists in all sizes: four int8 products into each int32 lane."""
        return {"avx512vnni", "avx512vl"} <= self._names()

    @property
    def has_pair_product(self) -> bool:
        """Whether pmaddwd exists in all sizes: two int16 products into each int32 lane."""
        return self.triple.startswith("x86_64")

    @property
    def has_half(self) -> bool:
        """Whether there are instructions that convert float16."""
        return not self.triple.startswith("x86_64") or "f16c" in self._names()

    def _names(self) -> frozenset[str]:
        return frozenset(name[1:] for name in self.features.split(",") if name.startswith("+"))


def find_machine(cpu: str | None = None) -> Machine:
    """Return the machine called `cpu`, by default the one that this runs on.

    Raises
    ------
    Unsupported
        There is no such name.
    """
    triple = llvm.get_process_triple()
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    if cpu is None:
        host = llvm.get_host_cpu_features()
        present = sorted(name for name, there in host.items() if there)
        if is_x86:
            present = [name for name in present if name in _USEFUL]
        base = "x86-64" if is_x86 else "generic"
        return Machine(triple, base, ",".join(f"+{name}" for name in present))
    if not is_x86 or cpu not in _LEVELS:
        near = get_close_matches(cpu, _LEVELS, 1, 0.3)
        names = ", ".join(_LEVELS)
        hint = f"did you mean {near[0]}?" if near and is_x86 else "leave cpu out for this machine"
        raise Unsupported(f"cpu must be one of {names}, not {cpu!r}; {hint}")
    return Machine(triple, "x86-64", ",".join(f"+{name}" for name in _LEVELS[cpu]))


def assemble(text: str, machine: Machine) -> bytes:
    """Return the object file of an LLVM module.

    Four clean-up passes run. The whole of -O1 or -O2 takes as long again as making the code and
    does not make it faster, measured on the networks of MLPerf Tiny: kernels already say which
    vector instructions they want.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(machine.triple)
    target_machine = target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=2, reloc="pic", codemodel="default"
    )
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(target_machine.target_data)
    module.verify()
    builder = llvm.create_pass_builder(
        target_machine, llvm.create_pipeline_tuning_options(speed_level=1)
    )
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_loop_rotate_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return bytes(target_machine.emit_object(module))
