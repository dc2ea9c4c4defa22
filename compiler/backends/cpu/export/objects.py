"""LLVM text of the C functions of a program with control flow: values in, values out.

The workspace begins with the state of the run; the arena of the graphs follows, then the heap.
Inputs become objects of the stack frame that refer to the caller's tensors, so they are not copied;
what the program gives is copied out once all of it is known to fit.
"""

from collections.abc import Iterator
from math import prod

from isa.host import ALIGNMENT, MEMBERS, TENSOR_TAG, Status

from ..builder import element_bytes
from ..flow.runtime import CODE_OFFSET, FIELDS_OFFSET, slot
from ..flow.start import RESERVE_BYTES
from ..flow.values import head_of
from ..flow.writer import Writer
from .interface import Interface, Objects, Parameter
from .signature import Leaf, Part

__all__ = ["declarations", "write_object_run", "write_workspace_used"]

_INTRINSICS = (
    "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    "declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)",
    "declare i64 @llvm.umax.i64(i64, i64)",
    "declare i64 @llvm.usub.sat.i64(i64, i64)",
)

# No process has more: what is said of an input that has more bytes is wrong.
_MOST_BYTES = 1 << 47
# References of an object that the program does not free.
_KEPT = -1

_WORD = 8


def write_object_run(interface: Interface, objects: Objects, symbol: str, pooled: bool) -> str:
    """Return the function `symbol`."""
    write = Writer()
    parameters = interface.parameters
    pointers = [(f"%p{n}", element_bytes(one.tensor.dtype)) for n, one in enumerate(parameters)]
    outputs = [one for one in enumerate(parameters) if one[1].is_output]
    pointers += [(f"%p{number}.sizes", _WORD) for number, one in outputs if one.open_axes]
    pointers += [("%workspace", ALIGNMENT), *([("%pool", ALIGNMENT)] if pooled else [])]
    for pointer, alignment in pointers:
        _check_pointer(write, pointer, alignment)
    for number, one in enumerate(parameters):
        if one.open_axes and not one.is_output:
            _check_sizes(write, number, one)
    least = interface.workspace_bytes
    _refuse(write, f"icmp ult i64 %workspace_bytes, {least}", Status.HEAP_FULL)
    _begin(write, interface, objects, "%pool" if pooled else "null")
    result = write.load("ptr", "%workspace", slot("result"))
    failed, wrong, good = write.value(f"icmp eq ptr {result}, null"), "failed", "finished"
    write.branch(failed, wrong, good)
    write.begin(wrong)
    status = write.value(f"trunc i64 {write.load('i64', '%workspace', slot('status'))} to i32")
    write.do(f"ret i32 {status}")
    write.begin(good)
    _give(write, list(_tensors(write, result, objects.result)), outputs)
    write.do(f"ret i32 {Status.DONE}")
    head = ", ".join(_declared(interface, objects, pooled))
    return f"define signext i32 @{symbol}({head}) nounwind {{\n{write.body()}\n}}\n"


def write_workspace_used(symbol: str) -> str:
    """Return the function `symbol`, which says how much of its workspace the last call took."""
    write = Writer()
    end = write.load("i64", "%workspace", slot("bump"))
    start = write.value("ptrtoint ptr %workspace to i64")
    write.do(f"ret i64 {write.value(f'sub i64 {end}, {start}')}")
    return f"define i64 @{symbol}(ptr %workspace) nounwind {{\n{write.body()}\n}}\n"


def declarations(text: str) -> str:
    """Return what the functions need that a module does not declare."""
    return "\n".join(one for one in _INTRINSICS if f"{one.split('(')[0]}(" not in text)


def _declared(interface: Interface, objects: Objects, pooled: bool) -> Iterator[str]:
    """Yield the parameters, in the order of the header."""
    for number, one in enumerate(interface.parameters):
        yield f"ptr %p{number}"
        if one.open_axes and one.is_output:
            yield from (f"i64 %p{number}.room", f"ptr %p{number}.sizes")
        elif one.open_axes:
            yield from (f"i64 %p{number}.{axis}" for axis in one.open_axes)
    yield from ("ptr %workspace", "i64 %workspace_bytes")
    if objects.recursive:
        yield "i64 %stack_bytes"
    if pooled:
        yield "ptr %pool"


def _refuse(write: Writer, wrong: str, status: Status) -> None:
    """Return a status if something holds."""
    holds, refused, good = write.value(wrong), write.fresh("refused"), write.fresh("good")
    write.branch(holds, refused, good)
    write.begin(refused)
    write.do(f"ret i32 {status}")
    write.begin(good)


def _check_pointer(write: Writer, pointer: str, alignment: int) -> None:
    """Return an error if a pointer is null or not aligned."""
    _refuse(write, f"icmp eq ptr {pointer}, null", Status.NULL)
    if alignment > 1:
        address = write.value(f"ptrtoint ptr {pointer} to i64")
        rest = write.value(f"and i64 {address}, {alignment - 1}")
        _refuse(write, f"icmp ne i64 {rest}, 0", Status.MISALIGNED)


def _check_sizes(write: Writer, number: int, parameter: Parameter) -> None:
    """Return an error if the sizes of an input cannot be such."""
    known = [max(size, 1) for size in parameter.tensor.shape]
    total = str(prod(known) * element_bytes(parameter.tensor.dtype))
    for axis in parameter.open_axes:
        size = f"%p{number}.{axis}"
        _refuse(write, f"icmp slt i64 {size}, 0", Status.SIZES)
        least = write.value(f"call i64 @llvm.umax.i64(i64 {size}, i64 1)")
        product = write.value(
            f"call {{ i64, i1 }} @llvm.umul.with.overflow.i64(i64 {total}, i64 {least})"
        )
        _refuse(write, f"extractvalue {{ i64, i1 }} {product}, 1", Status.SIZES)
        total = write.value(f"extractvalue {{ i64, i1 }} {product}, 0")
    _refuse(write, f"icmp ugt i64 {total}, {_MOST_BYTES}", Status.SIZES)


def _begin(write: Writer, interface: Interface, objects: Objects, pool: str) -> None:
    """Set up the state, and call the program."""
    size = objects.state_bytes
    write.do(f"call void @llvm.memset.p0.i64(ptr %workspace, i8 0, i64 {size}, i1 false)")
    constants = f"@{interface.name}_constants"
    inputs = _objects(write, interface, objects)
    arena = write.address("%workspace", size)
    arguments = write.allocate(_WORD * len(MEMBERS))
    given = {"inputs": inputs, "arena": arena, "constants": constants, "pool": pool}
    for place, member in enumerate(MEMBERS):
        write.store("ptr", given.get(member, "null"), arguments, _WORD * place)
    start = write.value("ptrtoint ptr %workspace to i64")
    state = {
        "arguments": ("ptr", arguments),
        "constants": ("ptr", constants),
        "heap_limit": ("i64", "%workspace_bytes"),
        "bump": ("i64", write.value(f"add i64 {start}, {interface.workspace_bytes}")),
        "bump_end": ("i64", write.value(f"add i64 {start}, %workspace_bytes")),
    }
    if objects.recursive:
        here = write.value(f"ptrtoint ptr {write.allocate(_WORD)} to i64")
        saturate = "call i64 @llvm.usub.sat.i64"
        usable = write.value(f"{saturate}(i64 %stack_bytes, i64 {RESERVE_BYTES})")
        limit = write.value(f"{saturate}(i64 {here}, i64 {usable})")
        state["stack_limit"] = ("i64", limit)
    for name, (kind, value) in state.items():
        write.store(kind, value, "%workspace", slot(name))
    write.value("call ptr @begin(ptr %workspace)")


def _objects(write: Writer, interface: Interface, objects: Objects) -> str:
    """Return the address of the list of objects of @main's parameters."""
    rows = enumerate(interface.parameters)

    def made(part: Part) -> str:
        if isinstance(part, Leaf):
            number, one = next(rows)
            sizes = [
                str(size) if size >= 0 else f"%p{number}.{axis}"
                for axis, size in enumerate(one.tensor.shape)
            ]
            return _object(write, TENSOR_TAG, [("i64", size) for size in sizes], f"%p{number}")
        return _object(write, 0, [("ptr", made(field)) for field in part], "null")

    addresses = [made(part) for part in objects.inputs]
    listed = write.allocate(_WORD * max(1, len(addresses)))
    for place, address in enumerate(addresses):
        write.store("ptr", address, listed, _WORD * place)
    return listed


def _object(write: Writer, tag: int, words: list[tuple[str, str]], extra: str) -> str:
    """Return a new object of the stack frame."""
    address = write.allocate(FIELDS_OFFSET + _WORD * len(words))
    write.store("i64", str(_KEPT), address)
    write.store("i64", str(head_of(tag, len(words))), address, _WORD)
    write.store("ptr", extra, address, CODE_OFFSET)
    for place, (kind, word) in enumerate(words):
        write.store(kind, word, address, FIELDS_OFFSET + _WORD * place)
    return address


def _tensors(write: Writer, address: str, part: Part) -> Iterator[str]:
    """Yield the tensors that an object is made of."""
    if isinstance(part, Leaf):
        yield address
        return
    for place, field in enumerate(part):
        inside = write.load("ptr", address, FIELDS_OFFSET + _WORD * place)
        yield from _tensors(write, inside, field)


def _give(write: Writer, tensors: list[str], outputs: list[tuple[int, Parameter]]) -> None:
    """Copy tensors to the outputs, once all sizes are told and all of it fits."""
    counts = []
    for tensor, (number, one) in zip(tensors, outputs, strict=True):
        total = "1"
        for axis in range(len(one.tensor.shape)):
            size = write.load("i64", tensor, FIELDS_OFFSET + _WORD * axis)
            if one.open_axes:
                write.store("i64", size, f"%p{number}.sizes", _WORD * axis)
            total = write.value(f"mul i64 {total}, {size}")
        counts.append(total)
    for total, (number, one) in zip(counts, outputs, strict=True):
        room = f"%p{number}.room" if one.open_axes else str(prod(one.tensor.shape))
        _refuse(write, f"icmp sgt i64 {total}, {room}", Status.ROOM)
    for tensor, total, (number, one) in zip(tensors, counts, outputs, strict=True):
        data = write.load("ptr", tensor, CODE_OFFSET)
        size = write.value(f"mul i64 {total}, {element_bytes(one.tensor.dtype)}")
        write.do(
            f"call void @llvm.memcpy.p0.p0.i64(ptr %p{number}, ptr {data}, i64 {size}, i1 false)"
        )
