"""Fixtures: build modules of a few calls, run them natively and by the interpreter."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.compile import write_host
from compiler.backends.cpu.graph import Tensor
from compiler.backends.cpu.loops import NestKernel
from compiler.backends.cpu.machine import find_machine
from compiler.backends.cpu.program import KernelCall, Program
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Expr, Function, Module, TensorType, Tuple, TupleType, Var
from compiler.schedule.nodes import Nest
from driver.host import HostProgram
from driver.native import Memory

Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def dirty_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What programs compute in holds large numbers at first: none may be read."""

    class Dirty(Memory):
        def __init__(self, size_bytes: int) -> None:
            super().__init__(size_bytes)
            self.array[:] = 0x7B

    monkeypatch.setattr("driver.host.Memory", Dirty)


@pytest.fixture
def variable() -> Callable[..., Var]:
    """Return a function that makes a parameter: variable(name, shape, dtype)."""

    def make(name: str, shape: Sequence[int], dtype: str = "float32") -> Var:
        return Var(name, TensorType(tuple(int(size) for size in shape), dtype))

    return make


@pytest.fixture
def constant() -> Callable[..., Constant]:
    """Return a function that makes a constant: constant(value, dtype)."""
    return lambda value, dtype=None: Constant(np.asarray(value, dtype))


@pytest.fixture
def main() -> Callable[[Sequence[Var], Expr | Sequence[Expr]], Module]:
    """Return a function that makes a typed module: main(parameters, result or results)."""

    def make(params: Sequence[Var], body: Expr | Sequence[Expr]) -> Module:
        whole = body if isinstance(body, Expr) else Tuple(tuple(body))
        return infer(Module({"main": Function(tuple(params), whole)}))

    return make


@pytest.fixture
def execute() -> Callable[..., tuple[Array, ...]]:
    """Return a function that compiles a module and runs it: execute(module, inputs, ...)."""

    def run(
        module: Module, inputs: Sequence[Array], cpu: str | None = None, **others: Any
    ) -> tuple[Array, ...]:
        kind = module["main"].body.type
        types = kind.fields if isinstance(kind, TupleType) else (kind,)
        outputs = [np.full(one.shape, 85).astype(one.dtype) for one in types]
        program = HostProgram(compile_host(module, others.pop("regions", {}), cpu=cpu))
        assert program.run([np.ascontiguousarray(one) for one in inputs], outputs, **others) == 0
        return tuple(outputs)

    return run


@pytest.fixture
def check(execute: Callable[..., tuple[Array, ...]]) -> Callable[..., None]:
    """Return a function that compares native code with the interpreter.

    ``check(module, inputs, cpu=None, rtol=0, atol=0)``: integers are equal bit for bit, floats
    within the tolerances.
    """

    def compare(
        module: Module,
        inputs: Sequence[Array],
        cpu: str | None = None,
        rtol: float = 0.0,
        atol: float = 0.0,
        labels: Sequence[str] = (),
    ) -> None:
        expected = evaluate(module, *inputs)
        results = expected if isinstance(expected, tuple) else (expected,)
        found = execute(module, inputs, cpu)
        assert len(found) == len(results)
        for number, (have, want) in enumerate(zip(found, results, strict=True)):
            where = labels[number] if labels else f"result {number}"
            if want.dtype.kind == "f":
                np.testing.assert_allclose(have, want, rtol, atol, err_msg=where)
            else:
                np.testing.assert_array_equal(have, want, err_msg=where)

    return compare


@pytest.fixture(params=[None, "x86-64-v3", "x86-64"], ids=["host", "v3", "v1"])
def cpu(request: pytest.FixtureRequest) -> str | None:
    """Name a CPU that this machine can run, from its own to the plainest."""
    name: str | None = request.param
    return name


@pytest.fixture
def run_nest() -> Callable[..., tuple[Array, ...]]:
    """Return a function that compiles a nest and runs it: run_nest(nest, inputs, cpu, threads)."""

    def run(
        nest: Nest, inputs: Sequence[Array], cpu: str | None = None, threads: int = 1
    ) -> tuple[Array, ...]:
        machine = find_machine(cpu)
        reads = tuple(Tensor(one.shape, one.dtype) for one in nest.inputs)
        target, *others = (Tensor(one.shape, one.dtype) for one in nest.outputs)
        kernel = NestKernel(nest, machine)
        program = Program(
            reads, (target, *others), (KernelCall(kernel, target, reads, tuple(others)),)
        )
        host = write_host(program, machine)
        outputs = [np.full(one.shape, 85).astype(one.dtype) for one in nest.outputs]
        given = [np.ascontiguousarray(one) for one in inputs]
        assert HostProgram(host, threads=threads).run(given, outputs) == 0
        return tuple(outputs)

    return run
