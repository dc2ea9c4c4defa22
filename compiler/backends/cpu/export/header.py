"""The C header of an exported network."""

from collections.abc import Iterator
from math import prod

from isa.host import ALIGNMENT, MOST_THREADS, POOL_BYTES, Status
from isa.image import Tensor

from ..flow.start import RESERVE_BYTES
from .interface import Interface, Parameter

__all__ = ["write_header"]

_TYPES = {"bool": "uint8_t", "float16": "uint16_t", "float32": "float", "float64": "double"}
_NOTES = {"bool": ", each 0 or 1", "float16": ", the bits of IEEE 754 binary16"}

_STATUSES = {
    Status.DONE: "the outputs are written",
    Status.NULL: "a pointer is null",
    Status.MISALIGNED: "a pointer is not a multiple of its alignment",
}
_OBJECT_STATUSES = {
    Status.HEAP_FULL: "the workspace is too small",
    Status.SIZES: "a size of an input is negative or too large",
    Status.ROOM: "an output has no room; its sizes are written, nothing else",
}
_STACK_STATUSES = {Status.STACK_FULL: "the program calls itself too deeply for stack_bytes"}
_THREAD_STATUSES = {
    Status.FORKED: "the pool was opened before this process was forked",
    Status.THREADS: f"threads is not in 1..{MOST_THREADS}",
}


def write_header(interface: Interface) -> str:
    """Return the text of the header."""
    name, upper = interface.name, interface.name.upper()
    lines = [
        f"/* The network {name}, compiled by Tilewright.",
        " *",
        f" * Runs on {interface.target}.",
        " */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        *(["#include <stddef.h>"] if interface.objects is not None else []),
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        "/* What the functions return. */",
        *_statuses(interface),
        "",
        *_memory(interface),
        "",
        *(line for row in interface.parameters for line in _tensor(upper, row)),
        *_run(interface),
        *(_threads(interface) if interface.threaded else ()),
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        f"#endif /* {upper}_H */",
        "",
    ]
    return "\n".join(lines)


def _statuses(interface: Interface) -> Iterator[str]:
    """Yield the definitions of what the functions return."""
    upper, objects = interface.name.upper(), interface.objects
    statuses = dict(_STATUSES)
    if objects is not None:
        statuses |= _OBJECT_STATUSES | (_STACK_STATUSES if objects.recursive else {})
    statuses |= _THREAD_STATUSES if interface.threaded else {}
    for status, words in statuses.items():
        yield f"#define {upper}_{status.name} ({status:d}) /* {words} */"
    for number, words in enumerate(() if objects is None else objects.failures):
        said = words.replace("*/", "* /")
        yield f"#define {upper}_FAILED_{number} ({Status.FAILED - number:d}) /* {said} */"


def _memory(interface: Interface) -> list[str]:
    """Return what the header says of the memory that calls need."""
    upper, objects = interface.name.upper(), interface.objects
    alignment = f"#define {upper}_ALIGNMENT {ALIGNMENT}"
    if objects is None:
        return [
            "/* Memory that a call computes in, and what its address must be a multiple of. */",
            f"#define {upper}_WORKSPACE_BYTES {max(interface.workspace_bytes, ALIGNMENT)}",
            alignment,
        ]
    lines = [
        "/* Memory that a call computes in takes this and what its values need, which depends on",
        " * the inputs. Its address must be a multiple of the alignment.",
        " */",
        f"#define {upper}_LEAST_WORKSPACE_BYTES {interface.workspace_bytes}",
        alignment,
    ]
    if objects.recursive:
        lines += [
            "",
            "/* Of the stack, a call takes this and what functions that call themselves need. */",
            f"#define {upper}_LEAST_STACK_BYTES {RESERVE_BYTES}",
        ]
    return lines


def _tensor(upper: str, parameter: Parameter) -> list[str]:
    """Return what the header says of one tensor."""
    tensor = parameter.tensor
    kind = "Output" if parameter.is_output else "Input"
    shape = "".join(f"[{extent}]" for extent in parameter.extents)
    words = f"{kind} {parameter.name}: {c_type(tensor)}{shape}{_NOTES.get(tensor.dtype, '')}"
    prefix = f"#define {upper}_{parameter.name.upper()}"
    lines = [f"/* {words}{_scale(tensor)}. */"]
    if not parameter.open_axes:
        lines.append(f"{prefix}_ELEMENTS {prod(tensor.shape)}")
    elif parameter.is_output:
        lines.append(f"{prefix}_RANK {len(tensor.shape)}")
    return [*lines, ""]


def _scale(tensor: Tensor) -> str:
    """Return what an element means, if it is quantised."""
    if tensor.scale is None:
        return ""
    point = tensor.zero_point or 0
    offset = "" if point == 0 else f" - {point}" if point > 0 else f" + {-point}"
    return f", an element q stands for {tensor.scale!r} * (q{offset})"


def c_type(tensor: Tensor) -> str:
    """Return the type of one element."""
    return _TYPES.get(tensor.dtype, f"{tensor.dtype}_t")


def _arguments(interface: Interface) -> str:
    """Return the declarations of the tensors and the workspace."""
    parts = []
    for row in interface.parameters:
        parts.append(f"{'' if row.is_output else 'const '}{c_type(row.tensor)} *{row.name}")
        if row.open_axes and row.is_output:
            parts += [f"int64_t {row.room_name}", f"int64_t *{row.sizes_name}"]
        else:
            parts += [f"int64_t {row.extents[axis]}" for axis in row.open_axes]
    parts.append("void *workspace")
    if interface.objects is not None:
        parts.append("size_t workspace_bytes")
        parts += ["size_t stack_bytes"] if interface.objects.recursive else []
    return ", ".join(parts)


def _run(interface: Interface) -> list[str]:
    """Return the declaration of the function that computes."""
    name, objects = interface.name, interface.objects
    lines = [
        "/* Computes the outputs from the inputs.",
        " *",
        " * Tensors are row-major, without gaps, aligned as their elements are, and overlap",
        " * neither each other nor the workspace. The workspace holds nothing between calls.",
        " * Nothing is allocated, no state is kept: any threads may call at once, each with its",
        " * own workspace.",
    ]
    declaration = f"int32_t {name}_run({_arguments(interface)});"
    if objects is None:
        return [*lines, " */", declaration]
    lines.append(" * Unless the result is DONE, no output is written.")
    if any(row.open_axes and row.is_output for row in interface.parameters):
        lines += [
            " *",
            " * An output whose sizes are not known has room for NAME_room elements; its sizes,",
            " * RANK of them, are written to NAME_sizes.",
        ]
    if objects.recursive:
        lines += [
            " *",
            " * stack_bytes is how much of the caller's stack the call may use.",
        ]
    return [*lines, " */", declaration, "", *_used(name)]


def _used(name: str) -> list[str]:
    """Return the declaration of the function that says what a call took."""
    return [
        "/* Returns how much of a workspace the last call with it took, if the result was DONE. */",
        f"uint64_t {name}_workspace_used(const void *workspace);",
    ]


def _threads(interface: Interface) -> list[str]:
    name, upper = interface.name, interface.name.upper()
    return [
        "",
        "/* Memory of a pool of threads; its address must be a multiple of the alignment. */",
        f"#define {upper}_POOL_BYTES {POOL_BYTES}",
        "",
        "/* Starts threads - 1 threads, which sleep between calls. Returns 0, one of the above, or",
        " * the error number of pthread_create; then no thread was started.",
        " */",
        f"int32_t {name}_open_pool(void *pool, int32_t threads);",
        "",
        "/* The same with the help of a pool. Of several calls at once one has it, the others",
        " * compute alone; results do not depend on it.",
        " */",
        f"int32_t {name}_run_pool({_arguments(interface)}, void *pool);",
        "",
        "/* Ends the threads of a pool that no call uses any more. */",
        f"void {name}_close_pool(void *pool);",
    ]
