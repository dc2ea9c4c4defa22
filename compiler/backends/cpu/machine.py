"""The CPU that code is made for, and LLVM's part: text of a module to an object file."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import llvmlite.binding as llvm

from ...errors import Unsupported
from .cpus import ARCHITECTURES, CPUS, Architecture, cpus_of
from .rounding import define_rounding

__all__ = ["Machine", "assemble", "find_machine"]

# Of the features of an x86 host, those that change the code made here. Others (such as sgx) would
# only tie an image to the machine that compiled it.
_USEFUL = frozenset(name for cpu in cpus_of("x86_64") for name in cpu.features) | {"avx512vbmi"}


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
        """Whether vpdpbusd exists in all sizes: four products of bytes into each int32 lane."""
        names = self._names()
        return {"avx512vnni", "avx512vl"} <= names or {"avxvnni", "avx2"} <= names

    @property
    def has_signed_dot_product(self) -> bool:
        """Whether sdot exists: four int8 products into each int32 lane."""
        return self.triple.startswith("aarch64") and "dotprod" in self._names()

    @property
    def has_pair_product(self) -> bool:
        """Whether pmaddwd exists in all sizes: two int16 products into each int32 lane."""
        return self.triple.startswith("x86_64")

    @property
    def has_half(self) -> bool:
        """Whether there are instructions that convert float16."""
        return self.triple.startswith("aarch64") or "f16c" in self._names()

    @property
    def has_rounding(self) -> bool:
        """Whether floats are rounded to integers without a call of the C library."""
        return not self.triple.startswith("x86_64") or "sse4.1" in self._names()

    def _names(self) -> frozenset[str]:
        return frozenset(name[1:] for name in self.features.split(",") if name.startswith("+"))


def find_machine(cpu: str | None = None, triple: str | None = None) -> Machine:
    """Return the machine called `cpu`.

    Parameters
    ----------
    cpu : str, optional
        A name of `CPUS`; by default what every machine of the triple's architecture runs, and
        without a triple the machine that this runs on, with all it can do.
    triple : str, optional
        LLVM's notation: architecture, vendor if any, system; by default of this machine.

    Raises
    ------
    Unsupported
        There is no such name, or its architecture is not that of the triple; or LLVM does not know
        the triple, or it is none of a supported architecture and an ELF system.
    """
    if triple is None and cpu is None:
        return _host()
    known = {row.name: row for row in CPUS}
    if cpu is not None and cpu not in known:
        near = get_close_matches(cpu, known, 1, 0)[0]
        raise Unsupported(f"cpu must be one of {', '.join(known)}, not {cpu!r}: is it {near}?")
    system = llvm.get_process_triple() if triple is None else triple
    architecture = _architecture(system)
    row = cpus_of(architecture.name)[0] if cpu is None else known[cpu]
    if row.architecture != architecture.name:
        example = ARCHITECTURES[row.architecture].example
        raise Unsupported(
            f"cpu {row.name} is of {row.architecture}, but the code is for {system}: give a triple "
            f"such as {example}, or a cpu of {architecture.name} "
            f"({', '.join(other.name for other in cpus_of(architecture.name))})"
        )
    features = ",".join(f"+{name}" for name in row.features)
    return Machine(system, architecture.llvm_cpu, features)


def _host() -> Machine:
    """Return this machine, with all it can do."""
    triple = llvm.get_process_triple()
    architecture = _architecture(triple)
    present = {name for name, there in llvm.get_host_cpu_features().items() if there}
    if architecture.name == "x86_64":
        present &= _USEFUL
    features = ",".join(f"+{name}" for name in sorted(present))
    return Machine(triple, architecture.llvm_cpu, features)


def _architecture(triple: str) -> Architecture:
    """Return the architecture of a triple.

    Raises
    ------
    Unsupported
        As of `find_machine`.
    """
    llvm.initialize_all_targets()
    examples = ", ".join(row.example for row in ARCHITECTURES.values())
    try:
        llvm.Target.from_triple(triple)
    except RuntimeError:
        raise Unsupported(
            f"triple must be one that LLVM knows, such as {examples}, not {triple!r}"
        ) from None
    parts = llvm.get_triple_parts(triple)
    if parts.Arch not in ARCHITECTURES or parts.ObjectFormat != "ELF" or "32" in parts.Env:
        raise Unsupported(
            f"triple must be of {', '.join(ARCHITECTURES)}, 64 bits, little-endian and ELF, such "
            f"as {examples}, not {triple!r}"
        )
    return ARCHITECTURES[parts.Arch]


def assemble(text: str, machine: Machine, exported: Sequence[str] | None = None) -> bytes:
    """Return the object file of an LLVM module, its symbols `exported`, by default as they are.

    What shall be inlined is, and four clean-up passes run. The whole of -O1 or -O2 takes as long
    again as making the code and does not make it faster, measured on the networks of MLPerf Tiny:
    kernels already say which vector instructions they want.
    """
    architecture = _architecture(machine.triple)
    llvm.initialize_all_asmprinters()
    target_machine = llvm.Target.from_triple(machine.triple).create_target_machine(
        cpu=machine.cpu,
        features=",".join([*(f"+{name}" for name in architecture.features), machine.features]),
        opt=2,
        reloc="pic",
        codemodel="default",
        abiname=architecture.abi,
    )
    module = llvm.parse_assembly(text if machine.has_rounding else define_rounding(text))
    module.triple = machine.triple
    module.data_layout = str(target_machine.target_data)
    module.verify()
    for function in module.functions:
        if not (exported is None or function.is_declaration or function.name in exported):
            function.linkage = "internal"
    builder = llvm.create_pass_builder(
        target_machine, llvm.create_pipeline_tuning_options(speed_level=1)
    )
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_loop_rotate_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)
    return bytes(target_machine.emit_object(module))
