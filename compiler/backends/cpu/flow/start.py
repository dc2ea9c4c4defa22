"""Text of the start of a program with control flow: its state, and its stack if it needs one."""

from isa.host import MAIN, MEMBERS, RELEASE, Status

from .code import Function
from .functions import ARGUMENTS
from .runtime import SLOT_COUNT, STACK_BYTES, slot
from .writer import Writer

__all__ = ["RESERVE_BYTES", "state_bytes", "write_begin", "write_start"]

RESERVE_BYTES = 1 << 20
"""Left at the end of the stack for what does not look: kernels, and the system's functions."""

# More than any system's pthread_attr_t; glibc's has 56 bytes on 64-bit machines.
_ATTRIBUTE_BYTES = 256

_RESULT, _STATE, _HEAP_LIMIT = 0, 8, 16
"""Offsets in the list of outputs."""

_THREADS = """
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(i64, ptr)
"""


def state_bytes(spilled: int) -> int:
    """Return the size of the state of a run.

    Parameters
    ----------
    spilled : the most arguments that a function has
    """
    return 8 * (SLOT_COUNT + max(0, spilled - ARGUMENTS))


def write_start(size_bytes: int, own_stack: bool) -> str:
    """Return the entry, and what gives back the memory of a run.

    Parameters
    ----------
    size_bytes : of the state
    own_stack : the program calls itself: it runs on a stack of `STACK_BYTES`
    """
    release = (
        f"define void @{RELEASE}(ptr %state) nounwind {{\n"
        "entry:\n  call void @give_back(ptr %state)\n  ret void\n}\n"
    )
    return "\n".join([*([_THREADS] if own_stack else []), _entry(size_bytes, own_stack), release])


def write_begin(main: Function, name: str, own_stack: bool) -> str:
    """Return the function ``ptr @begin(ptr state)``, which calls @main with the inputs.

    Parameters
    ----------
    main : Function
    name : its LLVM name
    own_stack : it sets how far the stack goes, which is of `STACK_BYTES` and begins here
    """
    write = Writer()
    if own_stack:
        here = write.value(f"ptrtoint ptr {write.allocate(8)} to i64")
        limit = write.value(f"sub i64 {here}, {STACK_BYTES - RESERVE_BYTES}")
        write.store("i64", limit, "%state", slot("stack_limit"))
    arguments = write.load("ptr", "%state", slot("arguments"))
    inputs = write.load("ptr", arguments, 8 * MEMBERS.index("inputs"))
    values = [write.load("ptr", inputs, 8 * place) for place in range(len(main.params))]
    for place, value in enumerate(values[ARGUMENTS:], ARGUMENTS):
        write.store("ptr", value, "%state", 8 * (SLOT_COUNT + place - ARGUMENTS))
    given = [*values[:ARGUMENTS], *["null"] * (ARGUMENTS - len(values))]
    operands = ", ".join(f"ptr {value}" for value in ("%state", "null", *given))
    result = write.value(f"call ptr {name}({operands})")
    write.store("ptr", result, "%state", slot("result"))
    write.do("ret ptr null")
    return f"define internal ptr @begin(ptr %state) nounwind {{\n{write.body()}\n}}\n"


def _entry(size_bytes: int, own_stack: bool) -> str:
    """Return the entry."""
    write = Writer()
    state = write.value(f"call ptr @calloc(i64 1, i64 {size_bytes})")
    none = write.value(f"icmp eq ptr {state}, null")
    write.branch(none, "no_memory", "good")
    write.begin("no_memory")
    write.do(f"ret i32 {Status.HEAP_FULL}")
    write.begin("good")
    outputs = write.load("ptr", "%arguments", 8 * MEMBERS.index("outputs"))
    write.store("ptr", "%arguments", state, slot("arguments"))
    constants = write.load("ptr", "%arguments", 8 * MEMBERS.index("constants"))
    write.store("ptr", constants, state, slot("constants"))
    limit = write.load("i64", outputs, _HEAP_LIMIT)
    write.store("i64", limit, state, slot("heap_limit"))
    if own_stack:
        _run_on_thread(write, state)
    else:
        write.value(f"call ptr @begin(ptr {state})")
    result = write.load("ptr", state, slot("result"))
    failed = write.value(f"icmp eq ptr {result}, null")
    write.branch(failed, "failed", "finished")
    write.begin("finished")
    write.store("ptr", result, outputs, _RESULT)
    write.store("ptr", state, outputs, _STATE)
    write.do("ret i32 0")
    write.begin("failed")
    status = write.value(f"trunc i64 {write.load('i64', state, slot('status'))} to i32")
    write.do(f"call void @give_back(ptr {state})")
    write.do(f"ret i32 {status}")
    head = f"declare ptr @calloc(i64, i64)\n\ndefine i32 @{MAIN}(ptr %arguments) nounwind {{"
    return f"{head}\n{write.body()}\n}}\n"


def _run_on_thread(write: Writer, state: str) -> None:
    """Call the program on a stack of its own, and wait for it."""
    attributes = write.allocate(_ATTRIBUTE_BYTES)
    thread = write.address(state, slot("thread"))
    write.value(f"call i32 @pthread_attr_init(ptr {attributes})")
    write.value(f"call i32 @pthread_attr_setstacksize(ptr {attributes}, i64 {STACK_BYTES})")
    code = write.value(
        f"call i32 @pthread_create(ptr {thread}, ptr {attributes}, ptr @begin, ptr {state})"
    )
    write.value(f"call i32 @pthread_attr_destroy(ptr {attributes})")
    started = write.value(f"icmp eq i32 {code}, 0")
    write.branch(started, "wait", "no_stack")
    write.begin("no_stack")
    write.do(f"call void @give_back(ptr {state})")
    write.do(f"ret i32 {Status.NO_STACK}")
    write.begin("wait")
    number = write.load("i64", thread)
    write.value(f"call i32 @pthread_join(i64 {number}, ptr null)")
