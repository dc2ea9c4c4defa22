"""What one core can do at most, measured by loops of our own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compiler.backends.cpu.machine import Machine, assemble
from driver.host import HostProgram
from isa.image import Host

__all__ = ["Peak", "measure_peak"]

# Independent sums hide the latency: four cycles by two units, and as many again.
_SUMS = 16
_TURNS = 1 << 18
_ROUNDS = 15
_SYMBOL = "peak"


@dataclass(frozen=True)
class Peak:
    """Operations in a second of one core; a multiplication with its addition is two.

    Attributes
    ----------
    float32 : float
    int8 : float or None, where there is no instruction that sums products of int8
    """

    float32: float
    int8: float | None


def measure_peak(machine: Machine) -> Peak:
    """Return the peak of the core that this runs on."""
    lanes = machine.vector_bytes // 4
    vector = f"<{lanes} x float>"
    has_fma = "+fma" in machine.features or not machine.triple.startswith("x86_64")
    multiply = f"llvm.fma.v{lanes}f32"
    if has_fma:
        body = f"call {vector} @{multiply}({vector} %x, {vector} %y, {vector} {{total}})"
        declaration = f"declare {vector} @{multiply}({vector}, {vector}, {vector})"
        float32 = _measure(machine, vector, body, declaration, 2 * lanes)
    else:
        # Without one instruction for both, a sum and a product side by side are the most.
        body, declaration = f"fmul {vector} {{total}}, %y", ""
        float32 = 2 * _measure(machine, vector, body, declaration, lanes)
    int8 = None
    if machine.has_dot_product:
        words, data = f"<{lanes} x i32>", f"<{4 * lanes} x i8>"
        name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
        body = f"call {words} @{name}({words} {{total}}, {data} %x, {data} %y)"
        declaration = f"declare {words} @{name}({words}, {data}, {data})"
        int8 = _measure(machine, words, body, declaration, 8 * lanes, data)
    return Peak(float32, int8)


def _measure(
    machine: Machine,
    kind: str,
    body: str,
    declaration: str,
    operations: int,
    operand: str | None = None,
) -> float:
    """Return operations a second of a loop of `body`, which updates one of the sums {total}."""
    text = "\n".join(_loop(kind, operand or kind, body, declaration))
    code = assemble(text, machine)
    host = Host(code, _SYMBOL, machine.triple, machine.cpu, machine.features, 64, b"", False)
    run = HostProgram(host).bind([], [])
    best = min(_seconds(run) for _ in range(_ROUNDS))
    return operations * _SUMS * _TURNS / best


def _seconds(run: Callable[[], object]) -> float:
    begin = time.thread_time()
    run()
    return time.thread_time() - begin


def _loop(kind: str, operand: str, body: str, declaration: str) -> Iterator[str]:
    """Yield the text of a program that turns _TURNS times; all of it could be seen outside."""
    yield declaration
    yield f"define i32 @{_SYMBOL}(ptr %arguments) nounwind {{"
    yield "entry:"
    yield "  %at = getelementptr i8, ptr %arguments, i64 16"
    yield "  %arena = load ptr, ptr %at"
    # Zeros that LLVM does not know of: numbers near 0 may be slow.
    yield f"  store volatile {operand} zeroinitializer, ptr %arena, align 1"
    yield f"  %x = load volatile {operand}, ptr %arena, align 1"
    yield f"  %y = load volatile {operand}, ptr %arena, align 1"
    yield "  br label %turn"
    yield "turn:"
    yield "  %n = phi i64 [0, %entry], [%next, %turn]"
    for number in range(_SUMS):
        yield f"  %t{number} = phi {kind} [zeroinitializer, %entry], [%u{number}, %turn]"
    for number in range(_SUMS):
        yield f"  %u{number} = {body.format(total=f'%t{number}')}"
    yield "  %next = add i64 %n, 1"
    yield f"  %more = icmp ult i64 %next, {_TURNS}"
    yield "  br i1 %more, label %turn, label %done"
    yield "done:"
    for number in range(_SUMS):
        yield f"  store volatile {kind} %u{number}, ptr %arena, align 1"
    yield "  ret i32 0"
    yield "}"
