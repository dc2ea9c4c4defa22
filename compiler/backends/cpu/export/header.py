"""The C header of an exported network."""

from math import prod

from isa.host import ALIGNMENT, MOST_THREADS, POOL_BYTES, Status
from isa.image import Tensor

from .interface import Interface, Parameter

__all__ = ["write_header"]

_TYPES = {"bool": "uint8_t", "float16": "uint16_t", "float32": "float", "float64": "double"}
_NOTES = {"bool": ", each 0 or 1", "float16": ", the bits of IEEE 754 binary16"}

_STATUSES = {
    Status.DONE: "the outputs are written",
    Status.NULL: "a pointer is null",
    Status.MISALIGNED: "a pointer is not a multiple of its alignment",
}
_THREAD_STATUSES = {
    Status.FORKED: "the pool was opened before this process was forked",
    Status.THREADS: f"threads is not in 1..{MOST_THREADS}",
}


def write_header(interface: Interface) -> str:
    """Return the text of the header."""
    name, upper = interface.name, interface.name.upper()
    statuses = _STATUSES | (_THREAD_STATUSES if interface.threaded else {})
    codes = [
        f"#define {upper}_{status.name} ({status:d}) /* {words} */"
        for status, words in statuses.items()
    ]
    lines = [
        f"/* The network {name}, compiled by Tilewright.",
        " *",
        f" * Runs on {interface.target}.",
        " */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        "/* What the functions return. */",
        *codes,
        "",
        "/* Memory that a call computes in, and what its address must be a multiple of. */",
        f"#define {upper}_WORKSPACE_BYTES {max(interface.workspace_bytes, ALIGNMENT)}",
        f"#define {upper}_ALIGNMENT {ALIGNMENT}",
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


def _tensor(upper: str, parameter: Parameter) -> list[str]:
    """Return what the header says of one tensor."""
    tensor = parameter.tensor
    kind = "Output" if parameter.is_output else "Input"
    shape = "".join(f"[{size}]" for size in tensor.shape)
    words = f"{kind} {parameter.name}: {c_type(tensor)}{shape}{_NOTES.get(tensor.dtype, '')}"
    return [
        f"/* {words}{_scale(tensor)}. */",
        f"#define {upper}_{parameter.name.upper()}_ELEMENTS {prod(tensor.shape)}",
        "",
    ]


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
    parts = [
        f"{'' if row.is_output else 'const '}{c_type(row.tensor)} *{row.name}"
        for row in interface.parameters
    ]
    return ", ".join([*parts, "void *workspace"])


def _run(interface: Interface) -> list[str]:
    return [
        "/* Computes the outputs from the inputs.",
        " *",
        " * Tensors are row-major, without gaps, aligned as their elements are, and overlap",
        " * neither each other nor the workspace. The workspace holds nothing between calls.",
        " * Nothing is allocated, no state is kept: any threads may call at once, each with its",
        " * own workspace.",
        " */",
        f"int32_t {interface.name}_run({_arguments(interface)});",
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
