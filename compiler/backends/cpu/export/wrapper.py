"""LLVM text of the C functions, around the entry of a host program."""

from isa.host import ALIGNMENT, CLOSE_POOL, MAIN, MEMBERS, MOST_THREADS, OPEN_POOL, Status

from ..builder import element_bytes
from .interface import Interface
from .objects import write_object_run, write_workspace_used

__all__ = ["SECTION", "exported", "write_wrapper"]

SECTION = ".rodata.tilewright"
"""Of the constants, whose bytes are put in when the object file is made."""

_POINTER_BYTES = 8


def exported(interface: Interface) -> tuple[str, ...]:
    """Return the symbols that the object file defines."""
    names = ["run"] if interface.objects is None else ["run", "workspace_used"]
    if interface.threaded:
        names += ["open_pool", "run_pool", "close_pool"]
    return tuple(f"{interface.name}_{name}" for name in names)


def write_wrapper(interface: Interface, constant_bytes: int) -> str:
    """Return the functions.

    The constants are weak, so that nothing is concluded from the zeros that stand there for now.
    """
    name = interface.name
    constants = (
        f"@{name}_constants = weak hidden constant [{constant_bytes} x i8] zeroinitializer, "
        f'section "{SECTION}", align {ALIGNMENT}'
    )
    parts = [constants, _run(interface, f"{name}_run", False)]
    if interface.threaded:
        parts += [_run(interface, f"{name}_run_pool", True), _open(name), _close(name)]
    if interface.objects is not None:
        parts.append(write_workspace_used(f"{name}_workspace_used"))
    return "\n".join(parts)


def _run(interface: Interface, symbol: str, pooled: bool) -> str:
    """Return a function that runs the network."""
    if interface.objects is None:
        return _run_straight(interface, symbol, pooled)
    return write_object_run(interface, interface.objects, symbol, pooled)


def _run_straight(interface: Interface, symbol: str, pooled: bool) -> str:
    """Return a function that checks its pointers and calls the entry."""
    rows = interface.parameters
    pointers = [(f"%p{number}", element_bytes(row.tensor.dtype)) for number, row in enumerate(rows)]
    pointers.append(("%workspace", ALIGNMENT))
    if pooled:
        pointers.append(("%pool", ALIGNMENT))
    inputs = [number for number, row in enumerate(rows) if not row.is_output]
    outputs = [number for number, row in enumerate(rows) if row.is_output]
    lines = [
        f"define i32 @{symbol}({', '.join(f'ptr {name}' for name, _ in pointers)}) nounwind {{"
    ]
    lines.append("entry:")
    for name, numbers in (("inputs", inputs), ("outputs", outputs)):
        lines.append(f"  %{name} = alloca [{len(numbers) + 1} x ptr], align 8")
    lines.append(f"  %arguments = alloca [{len(MEMBERS)} x ptr], align 8")
    lines += _checks(pointers)
    for name, numbers in (("inputs", inputs), ("outputs", outputs)):
        lines += _fill(name, [f"%p{number}" for number in numbers])
    values = {
        "inputs": "%inputs",
        "outputs": "%outputs",
        "arena": "%workspace",
        "constants": f"@{interface.name}_constants",
        "pool": "%pool" if pooled else "null",
    }
    lines += _fill("arguments", [values.get(member, "null") for member in MEMBERS])
    lines += [f"  %status = call i32 @{MAIN}(ptr %arguments)", "  ret i32 %status", "}", ""]
    return "\n".join(lines)


def _checks(pointers: list[tuple[str, int]]) -> list[str]:
    """Return instructions that return an error for a pointer that is null or not aligned."""
    lines = []
    for number, (pointer, alignment) in enumerate(pointers):
        lines += [
            f"  %z{number} = icmp eq ptr {pointer}, null",
            f"  br i1 %z{number}, label %null, label %there{number}",
            f"there{number}:",
            f"  %a{number} = ptrtoint ptr {pointer} to i64",
            f"  %m{number} = and i64 %a{number}, {alignment - 1}",
            f"  %b{number} = icmp ne i64 %m{number}, 0",
            f"  br i1 %b{number}, label %misaligned, label %good{number}",
            f"good{number}:",
        ]
    return [
        *lines,
        "  br label %checked",
        "null:",
        f"  ret i32 {Status.NULL}",
        "misaligned:",
        f"  ret i32 {Status.MISALIGNED}",
        "checked:",
    ]


def _fill(name: str, values: list[str]) -> list[str]:
    """Return instructions that store pointers in a list."""
    lines = []
    for place, value in enumerate(values):
        offset = place * _POINTER_BYTES
        lines += [
            f"  %{name}{place} = getelementptr i8, ptr %{name}, i64 {offset}",
            f"  store ptr {value}, ptr %{name}{place}, align {_POINTER_BYTES}",
        ]
    return lines


def _open(name: str) -> str:
    checks = "\n".join(_checks([("%pool", ALIGNMENT)]))
    return f"""
define i32 @{name}_open_pool(ptr %pool, i32 %threads) nounwind {{
entry:
{checks}
  %others = sub i32 %threads, 1
  %few = icmp ult i32 %others, {MOST_THREADS}
  br i1 %few, label %open, label %refused
open:
  %status = call i32 @{OPEN_POOL}(ptr %pool, i32 %threads)
  ret i32 %status
refused:
  ret i32 {Status.THREADS}
}}"""


def _close(name: str) -> str:
    return f"""
define void @{name}_close_pool(ptr %pool) nounwind {{
  call void @{CLOSE_POOL}(ptr %pool)
  ret void
}}"""
