"""The heap of a running program, in LLVM: objects, their counts, and how memory is found again.

::

    object = { i64 references; i32 tag; i32 size; ptr extra; i64 class; ... }
        a record or a cell: `size` fields follow, `tag` is the number of its constructor
        a closure:          the same, `extra` is its code
        a tensor:           tag -1; `size` axes (i64) follow, `extra` is the address of its elements

An object whose count is negative is never freed: inputs are such, and constants. Memory comes in
blocks of 64 bytes times a power of two, `class`, out of chunks from malloc, or all of it out of
memory that the caller gives. What is freed is kept for the next object of its class, so a loop
needs no more than its widest round. All chunks go back at the end of the run: what cells hold in a
circle with it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from isa.host import OBJECT_BYTES, TENSOR_TAG, Status

__all__ = [
    "CODE_OFFSET",
    "FIELDS_OFFSET",
    "SLOTS",
    "SLOT_COUNT",
    "STACK_BYTES",
    "slot",
    "write_heap",
]

SIZE_OFFSET, CODE_OFFSET, FIELDS_OFFSET = 12, 16, OBJECT_BYTES

STACK_BYTES = 1 << 29
"""Of the stack of a program that calls itself. It is address space: only what is used is memory."""

SLOTS: Mapping[str, int] = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ("arguments", "constants", "arena", "status", "expected", "found", "stack_limit",
             "heap_limit", "heap_used", "chunks", "bump", "bump_end", "result", "thread",
             "value")
        )
    }
)  # fmt: skip
"""Members of the state of a run, each of eight bytes; free lists follow, then spilled arguments."""

_FREE_LISTS, _CLASSES = 16, 48
_SPILLED = _FREE_LISTS + _CLASSES
SLOT_COUNT = _SPILLED


def slot(name: str) -> int:
    """Return the offset in bytes of a member of the state."""
    return 8 * SLOTS[name]


# A chunk holds its link, and what brings blocks to a multiple of 64.
_CHUNK_BYTES, _CHUNK_EXTRA = 1 << 18, 128


def write_heap(*, grows: bool) -> str:
    """Return the functions of the heap.

    Parameters
    ----------
    grows : bool
        Memory comes from malloc, and @give_back frees it; else there is only what lies between the
        members `bump` and `bump_end` of the state at first.
    """
    if not grows:
        return "\n".join([_take("grow:\n  br label %full\n", ""), _OBJECTS])
    more = ", [%start_block, %got], [%start_block, %begin]"
    declared = "\ndeclare ptr @malloc(i64)\ndeclare void @free(ptr)"
    return "\n".join([declared, _take(_GROW, more), _OBJECTS, _GIVE_BACK])


def _take(grow: str, more: str) -> str:
    """Return the function that takes a block.

    Parameters
    ----------
    grow : what is done where there is no memory left
    more : where else a block comes from
    """
    return f"""
declare i64 @llvm.ctlz.i64(i64, i1)

define internal ptr @take(ptr %state, i64 %bytes) noinline nounwind {{
entry:
  %most_at = getelementptr i8, ptr %state, i64 {slot("heap_limit")}
  %most = load i64, ptr %most_at
  %huge = icmp ugt i64 %bytes, %most
  br i1 %huge, label %full, label %fitting
fitting:
  %less = sub i64 %bytes, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %less, i1 false)
  %log = sub i64 58, %zeros
  %small = icmp slt i64 %log, 0
  %class = select i1 %small, i64 0, i64 %log
  %place = add i64 %class, {_FREE_LISTS}
  %list = getelementptr i64, ptr %state, i64 %place
  %first = load ptr, ptr %list
  %none = icmp eq ptr %first, null
  br i1 %none, label %fresh, label %again
again:
  %next = load ptr, ptr %first
  store ptr %next, ptr %list
  br label %done
fresh:
  %size = shl i64 64, %class
  %bump_at = getelementptr i8, ptr %state, i64 {slot("bump")}
  %end_at = getelementptr i8, ptr %state, i64 {slot("bump_end")}
  %bump = load i64, ptr %bump_at
  %end = load i64, ptr %end_at
  %after = add i64 %bump, %size
  %fits = icmp ule i64 %after, %end
  br i1 %fits, label %cut, label %grow
cut:
  store i64 %after, ptr %bump_at
  %cut_block = inttoptr i64 %bump to ptr
  br label %done
full:
  %status_at = getelementptr i8, ptr %state, i64 {slot("status")}
  store i64 {Status.HEAP_FULL}, ptr %status_at
  ret ptr null
{grow}done:
  %block = phi ptr [%first, %again], [%cut_block, %cut]{more}
  store i64 1, ptr %block
  %class_at = getelementptr i8, ptr %block, i64 24
  store i64 %class, ptr %class_at
  ret ptr %block
}}
"""


_GROW = f"""\
grow:
  %large = icmp ugt i64 %size, {_CHUNK_BYTES // 8}
  %wanted = select i1 %large, i64 %size, i64 {_CHUNK_BYTES}
  %whole = add i64 %wanted, {_CHUNK_EXTRA}
  %used_at = getelementptr i8, ptr %state, i64 {slot("heap_used")}
  %used = load i64, ptr %used_at
  %total = add i64 %used, %whole
  %over = icmp ugt i64 %total, %most
  br i1 %over, label %full, label %ask
ask:
  %chunk = call ptr @malloc(i64 %whole)
  %refused = icmp eq ptr %chunk, null
  br i1 %refused, label %full, label %got
got:
  store i64 %total, ptr %used_at
  %chunks_at = getelementptr i8, ptr %state, i64 {slot("chunks")}
  %chunks = load ptr, ptr %chunks_at
  store ptr %chunks, ptr %chunk
  store ptr %chunk, ptr %chunks_at
  %address = ptrtoint ptr %chunk to i64
  %beyond = add i64 %address, 71
  %start = and i64 %beyond, -64
  %start_block = inttoptr i64 %start to ptr
  br i1 %large, label %done, label %begin
begin:
  %rest = add i64 %start, %size
  %stop = add i64 %start, {_CHUNK_BYTES}
  store i64 %rest, ptr %bump_at
  store i64 %stop, ptr %end_at
  br label %done
"""

_OBJECTS = f"""
define internal ptr @take_record(ptr %state, i64 %head, i64 %bytes, ptr %extra) nounwind {{
entry:
  %block = call ptr @take(ptr %state, i64 %bytes)
  %none = icmp eq ptr %block, null
  br i1 %none, label %failed, label %good
failed:
  ret ptr null
good:
  %head_at = getelementptr i8, ptr %block, i64 8
  store i64 %head, ptr %head_at
  %extra_at = getelementptr i8, ptr %block, i64 {CODE_OFFSET}
  store ptr %extra, ptr %extra_at
  ret ptr %block
}}

define internal ptr @take_tensor(ptr %state, i64 %head, i64 %start, i64 %bytes) nounwind {{
entry:
  %whole = add i64 %start, %bytes
  %block = call ptr @take(ptr %state, i64 %whole)
  %none = icmp eq ptr %block, null
  br i1 %none, label %failed, label %good
failed:
  ret ptr null
good:
  %head_at = getelementptr i8, ptr %block, i64 8
  store i64 %head, ptr %head_at
  %data = getelementptr i8, ptr %block, i64 %start
  %extra_at = getelementptr i8, ptr %block, i64 {CODE_OFFSET}
  store ptr %data, ptr %extra_at
  ret ptr %block
}}

define internal void @duplicate(ptr %object) alwaysinline nounwind {{
entry:
  %count = load i64, ptr %object
  %kept = icmp slt i64 %count, 0
  %more = add i64 %count, 1
  %next = select i1 %kept, i64 %count, i64 %more
  br i1 %kept, label %done, label %write
write:
  store i64 %next, ptr %object
  br label %done
done:
  ret void
}}

define internal void @drop(ptr %state, ptr %object) noinline nounwind {{
entry:
  %count = load i64, ptr %object
  %kept = icmp slt i64 %count, 0
  br i1 %kept, label %done, label %counted
counted:
  %less = sub i64 %count, 1
  %dead = icmp eq i64 %less, 0
  br i1 %dead, label %first, label %alive
alive:
  store i64 %less, ptr %object
  ret void
first:
  store ptr null, ptr %object
  br label %round
round:
  %one = phi ptr [%object, %first], [%last, %return]
  %others = load ptr, ptr %one
  %tag_at = getelementptr i8, ptr %one, i64 8
  %tag = load i32, ptr %tag_at
  %size_at = getelementptr i8, ptr %one, i64 {SIZE_OFFSET}
  %size = load i32, ptr %size_at
  %plain = icmp eq i32 %tag, {TENSOR_TAG}
  %fields = select i1 %plain, i32 0, i32 %size
  br label %fields_head
fields_head:
  %place = phi i32 [0, %round], [%following, %field_done]
  %pending = phi ptr [%others, %round], [%pending_next, %field_done]
  %more = icmp slt i32 %place, %fields
  br i1 %more, label %field, label %return
field:
  %wide = zext i32 %place to i64
  %slots = getelementptr i8, ptr %one, i64 {FIELDS_OFFSET}
  %part_at = getelementptr ptr, ptr %slots, i64 %wide
  %part = load ptr, ptr %part_at
  %part_count = load i64, ptr %part
  %part_kept = icmp slt i64 %part_count, 0
  br i1 %part_kept, label %field_done, label %part_counted
part_counted:
  %part_less = sub i64 %part_count, 1
  %part_dead = icmp eq i64 %part_less, 0
  br i1 %part_dead, label %part_free, label %part_alive
part_alive:
  store i64 %part_less, ptr %part
  br label %field_done
part_free:
  store ptr %pending, ptr %part
  br label %field_done
field_done:
  %pending_next = phi ptr [%pending, %field], [%pending, %part_alive], [%part, %part_free]
  %following = add i32 %place, 1
  br label %fields_head
return:
  %last = phi ptr [%pending, %fields_head]
  %class_at = getelementptr i8, ptr %one, i64 24
  %class = load i64, ptr %class_at
  %list_place = add i64 %class, {_FREE_LISTS}
  %list = getelementptr i64, ptr %state, i64 %list_place
  %free = load ptr, ptr %list
  store ptr %free, ptr %one
  store ptr %one, ptr %list
  %finished = icmp eq ptr %last, null
  br i1 %finished, label %done, label %round
done:
  ret void
}}
"""

_GIVE_BACK = f"""
define internal void @give_back(ptr %state) nounwind {{
entry:
  %chunks_at = getelementptr i8, ptr %state, i64 {slot("chunks")}
  %first = load ptr, ptr %chunks_at
  br label %head
head:
  %chunk = phi ptr [%first, %entry], [%next, %body]
  %none = icmp eq ptr %chunk, null
  br i1 %none, label %done, label %body
body:
  %next = load ptr, ptr %chunk
  call void @free(ptr %chunk)
  br label %head
done:
  call void @free(ptr %state)
  ret void
}}
"""
