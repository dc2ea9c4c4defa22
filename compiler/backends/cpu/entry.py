"""Text of the LLVM module: one function for each kernel, and the entry that calls them.

::

    int32 tilewright_main(arguments *)
    arguments = { ptr *inputs; ptr *outputs; ptr arena; ptr constants;
                  int32 (*run)(ptr context, int32 region, ptr *inputs, ptr *outputs); ptr context }

All members are pointers, in this order. The lists of a region end with a null pointer. The entry
returns 0, or at once the first result of `run` that is not 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from .arena import ALIGNMENT, Lifetime, plan
from .builder import Builder
from .graph import Tensor
from .kernels import Kernel
from .program import KernelCall, Operation, Program, RegionCall

__all__ = ["SYMBOL", "Layout", "lay_out_memory", "write_module"]

SYMBOL = "tilewright_main"

_POINTER_BYTES = 8

_MEMBERS = ("input", "output", "arena", "constant", "run", "context")
"""Of the argument block, in order; the first four are also the segments of a layout."""


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """Where every tensor of a program lies.

    Attributes
    ----------
    places : Mapping of Tensor to (segment, offset)
        By root. Segments are "input" and "output" (offset is the number), "arena" and "constant".
    arena_bytes : int
    constants : bytes
    """

    places: Mapping[Tensor, tuple[str, int]]
    arena_bytes: int
    constants: bytes


def lay_out_memory(program: Program) -> Layout:
    """Return the places of all tensors of `program`."""
    places: dict[Tensor, tuple[str, int]] = {}
    for segment, tensors in (("input", program.inputs), ("output", program.outputs)):
        places |= {tensor.root: (segment, number) for number, tensor in enumerate(tensors)}
    spans: dict[Tensor, list[int]] = {}
    constants = bytearray()
    known: dict[bytes, int] = {}
    for number, operation in enumerate(program.operations):
        for tensor in _tensors(operation):
            root = tensor.root
            if root in places:
                continue
            if root.constant is None:
                spans.setdefault(root, [number, number])[1] = number
                continue
            data = np.ascontiguousarray(root.constant).tobytes()
            if data not in known:
                known[data] = len(constants)
                constants += data + bytes(-len(data) % ALIGNMENT)
            places[root] = "constant", known[data]
    lifetimes = [Lifetime(root.size_bytes, *span) for root, span in spans.items()]
    offsets, arena_bytes = plan(lifetimes)
    places |= {root: ("arena", offset) for root, offset in zip(spans, offsets, strict=True)}
    return Layout(places, arena_bytes, bytes(constants))


def _tensors(operation: Operation) -> tuple[Tensor, ...]:
    """Return what an operation uses."""
    if isinstance(operation, KernelCall):
        return (operation.target, *operation.reads)
    return (*operation.targets, *operation.reads)


def write_module(program: Program, layout: Layout) -> str:
    """Return the text of the LLVM module of `program`."""
    declarations: set[str] = set()
    functions: dict[Kernel, str] = {}
    texts: list[str] = []
    for operation in program.operations:
        if isinstance(operation, KernelCall) and operation.kernel not in functions:
            name = f"@kernel{len(functions)}"
            functions[operation.kernel] = name
            text, needed = _function(name, operation)
            texts.append(text)
            declarations |= needed
    entry = _Entry(program, layout, functions).text()
    return "\n".join([*sorted(declarations), "", *texts, entry])


def _function(name: str, call: KernelCall) -> tuple[str, set[str]]:
    """Return the function of the kernel of `call`, and the declarations that it needs."""
    build, kernel = Builder(), call.kernel
    pointers = [f"%p{number}" for number in range(1 + len(call.reads))]
    parameters = [
        f"ptr {'noalias ' if number == 0 else 'readonly '}{pointer}"
        for number, pointer in enumerate(pointers)
    ]
    if kernel.chunks == 1:
        kernel.emit(build, pointers, 0, 1)
    else:
        kernel.emit(build, pointers, "%first", "%last")
        parameters += ["i64 %first", "i64 %last"]
    head = f"define internal void {name}({', '.join(parameters)}) noinline nounwind {{"
    return f"{head}\n{build.body()}\n}}\n", build.declarations


class _Entry:
    """Writes the entry function."""

    def __init__(self, program: Program, layout: Layout, functions: Mapping[Kernel, str]) -> None:
        self._program, self._layout, self._functions = program, layout, functions
        self._frame: list[str] = []
        self._lines: list[str] = []
        self._numbers = count()
        self._pointers: dict[Tensor, str] = {}

    def text(self) -> str:
        """Return the function."""
        self._members = {
            name: self._load("%arguments", number) for number, name in enumerate(_MEMBERS)
        }
        for operation in self._program.operations:
            if isinstance(operation, KernelCall):
                self._kernel(operation)
            else:
                self._region(operation)
        head = f"define i32 @{SYMBOL}(ptr %arguments) nounwind {{"
        return "\n".join([head, "entry:", *self._frame, *self._lines, "  ret i32 0", "}", ""])

    def _kernel(self, call: KernelCall) -> None:
        """Call a kernel, for all of its parts."""
        arguments = [f"ptr {self._pointer(tensor)}" for tensor in _tensors(call)]
        if call.kernel.chunks > 1:
            arguments += ["i64 0", f"i64 {call.kernel.chunks}"]
        function = self._functions[call.kernel]
        self._lines.append(f"  call void {function}({', '.join(arguments)})")

    def _value(self, text: str) -> str:
        """Add an instruction; return the name of its result."""
        name = f"%v{next(self._numbers)}"
        self._lines.append(f"  {name} = {text}")
        return name

    def _load(self, pointers: str, number: int) -> str:
        """Return element `number` of a list of pointers."""
        offset = number * _POINTER_BYTES
        address = self._value(f"getelementptr i8, ptr {pointers}, i64 {offset}")
        return self._value(f"load ptr, ptr {address}, align {_POINTER_BYTES}")

    def _pointer(self, tensor: Tensor) -> str:
        """Return the address of the first element of a tensor that is no border."""
        root = tensor.root
        if root not in self._pointers:
            segment, offset = self._layout.places[root]
            member = self._members[segment]
            if segment in ("input", "output"):
                self._pointers[root] = self._load(member, offset)
            else:
                place = offset + root.start_bytes
                address = f"getelementptr i8, ptr {member}, i64 {place}"
                self._pointers[root] = self._value(address)
        return self._pointers[root]

    def _region(self, call: RegionCall) -> None:
        """Call a region; return its result if that is not 0."""
        inputs, outputs = self._list(call.reads), self._list(call.targets)
        run, context = self._members["run"], self._members["context"]
        status = self._value(
            f"call i32 {run}(ptr {context}, i32 {call.region}, ptr {inputs}, ptr {outputs})"
        )
        good = self._value(f"icmp eq i32 {status}, 0")
        number = next(self._numbers)
        self._lines += [
            f"  br i1 {good}, label %next{number}, label %failed{number}",
            f"failed{number}:",
            f"  ret i32 {status}",
            f"next{number}:",
        ]

    def _list(self, tensors: tuple[Tensor, ...]) -> str:
        """Return the address of a list of tensors' addresses, with a null pointer at its end."""
        name = f"%list{next(self._numbers)}"
        self._frame.append(f"  {name} = alloca [{len(tensors) + 1} x ptr], align 8")
        for number, value in enumerate([*map(self._pointer, tensors), "null"]):
            offset = number * _POINTER_BYTES
            address = self._value(f"getelementptr i8, ptr {name}, i64 {offset}")
            self._lines.append(f"  store ptr {value}, ptr {address}, align {_POINTER_BYTES}")
        return name
