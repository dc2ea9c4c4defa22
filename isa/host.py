"""The contract between a host program's native code and whoever calls it.

::

    int32 tilewright_main(arguments *)
    arguments = { ptr *inputs; ptr *outputs; ptr arena; ptr constants;
                  int32 (*run)(ptr context, int32 region, ptr *inputs, ptr *outputs); ptr context;
                  ptr pool }

All members are pointers, in this order. `arena` and `constants` begin at a multiple of `ALIGNMENT`.
`run` starts a region of the accelerator; its lists end with a null pointer, its result is 0 or ends
the program at once, which returns it. `pool` is null, or the place of a pool of threads that help::

    int32 tilewright_open_pool(ptr pool, int32 threads)
    void tilewright_close_pool(ptr pool)

`pool` is `POOL_BYTES` of memory that begins at a multiple of `ALIGNMENT` and stays where it is;
`threads`, 1 to `MOST_THREADS`, counts the caller. The result is 0, or the error number of
pthread_create; then nothing is open. One pool may serve any calls at the same time: whoever finds
it at work computes alone. Closing waits until all its threads have ended. In a process that was
forked after a pool was opened, its threads do not exist: a call with it returns `Status.FORKED`,
and closing does nothing.

A program that has an interface (`isa.image.Interface`) takes and gives objects: values with control
flow, data and sizes of their own::

    inputs  = { ptr object, ... }                one for each parameter
    outputs = { ptr result; ptr state; int64 heap_bytes }
    object  = { int64 references; int32 tag; int32 size; ptr extra; int64 class; ... }

* A tensor has tag -1; `size` axes (int64) follow, `extra` is the address of its elements.
* Everything else has a tag >= 0, the number of its constructor; `size` addresses of its fields
  follow.

Objects with -1 references are never freed: the caller makes its inputs so. `heap_bytes` is the most
memory that objects may take. After a result of 0 `result` and all that it refers to exist until
``void tilewright_release(ptr state)``; after any other there is nothing to release.
"""

from enum import IntEnum

__all__ = [
    "ALIGNMENT",
    "CLOSE_POOL",
    "MAIN",
    "MEMBERS",
    "MOST_THREADS",
    "OBJECT_BYTES",
    "OPEN_POOL",
    "POOL_BYTES",
    "RELEASE",
    "TENSOR_TAG",
    "Status",
]

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""

MAIN = "tilewright_main"
OPEN_POOL = "tilewright_open_pool"
CLOSE_POOL = "tilewright_close_pool"

RELEASE = "tilewright_release"

MEMBERS = ("inputs", "outputs", "arena", "constants", "run", "context", "pool")
"""Of the argument block, in order."""

OBJECT_BYTES = 32
"""Of an object, before its axes or fields."""
TENSOR_TAG = -1

MOST_THREADS = 64
POOL_BYTES = 832


class Status(IntEnum):
    """What the program itself returns; a region may return anything else.

    The functions of an exported network return these too, RAISED and NO_STACK excepted, and only
    they SIZES and ROOM. ``FAILED - n`` stands for the failure number n of the program's interface.
    """

    DONE = 0
    RAISED = -1
    FORKED = -2
    NULL = -3
    MISALIGNED = -4
    THREADS = -5
    HEAP_FULL = -6
    STACK_FULL = -7
    NO_STACK = -8
    SIZES = -9
    ROOM = -10
    FAILED = -16
