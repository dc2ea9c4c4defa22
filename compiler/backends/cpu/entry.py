"""Text of the LLVM module: one function for each kernel, and the entry that calls them.

`isa/host.py` says how it is called. A kernel of several parts is called through the pool, which
hands them out.
"""

from collections.abc import Iterable, Sequence
from itertools import count

from isa.host import MAIN, MEMBERS, Status

from ...ir.dims import Dim, Symbol
from .builder import Builder, Index
from .graph import Tensor
from .inheritance import touched_by
from .kernels import Kernel
from .kernels.parts import OpenParts
from .memory import Layout, lay_out_memory
from .pool import has_pool, write_pool
from .program import KernelCall, Operation, Program, RegionCall
from .sizes import index_of, symbol_value, symbols_of

__all__ = ["Kernels", "Layout", "is_threaded", "lay_out_memory", "write_entry", "write_module"]

_POINTER_BYTES = 8


def is_threaded(program: Program, triple: str) -> bool:
    """Return whether the module of `program` carries a pool of threads."""
    return has_pool(triple) and any(
        isinstance(operation, KernelCall) and operation.kernel.chunks != 1
        for operation in program.operations
    )


def write_module(program: Program, layout: Layout, triple: str, *, threads: bool = True) -> str:
    """Return the text of the LLVM module of `program`, with a pool if it has use for `threads`."""
    kernels = Kernels(triple, pooled=threads and has_pool(triple))
    entry = write_entry(program, layout, kernels, MAIN)
    return "\n".join([kernels.text(), entry])


def write_entry(
    program: Program, layout: Layout, kernels: "Kernels", symbol: str, linkage: str = ""
) -> str:
    """Return the text of the function that runs `program`; its kernels enter `kernels`.

    One of scalars alone shall stand where it is called.
    """
    inlined = "alwaysinline " if linkage and all(map(is_of_scalars, program.operations)) else ""
    return _Entry(program, layout, kernels).text(symbol, linkage, f"{inlined}nounwind")


def is_of_scalars(operation: Operation) -> bool:
    """Return whether an operation computes scalars of scalars."""
    return isinstance(operation, KernelCall) and not any(
        tensor.root.shape for tensor in touched_by(operation)
    )


class Kernels:
    """The kernels of a module: one function for each that differs.

    Attributes
    ----------
    triple : str
    pooled : bool
        Kernels of several parts go through a pool of threads.
    inlined : bool
        Kernels of scalars shall stand where they are called.
    threaded : bool
        There are such: the module carries a pool of threads.
    """

    def __init__(self, triple: str, *, pooled: bool, inlined: bool = False) -> None:
        self.triple, self.pooled, self.inlined = triple, pooled, inlined
        self.threaded = False
        self._functions: dict[tuple[Kernel, tuple[int, ...]], str] = {}
        self._texts: list[str] = []
        self._declarations: set[str] = set()

    def name(self, call: KernelCall, over: tuple[int, ...] = ()) -> str:
        """Return the function of a call's kernel, which is written if it has not been.

        Of a kernel of several parts it is the one that takes a list, where there is a pool.

        Parameters
        ----------
        over : tuple of int
            Reads of the call that lie where its target does.
        """
        kernel, key = call.kernel, (call.kernel, over)
        if key not in self._functions:
            number = len(self._functions)
            self._functions[key] = f"@kernel{number}"
            inlined = self.inlined and is_of_scalars(call)
            text, needed = _function(f"@kernel{number}", call, over, inlined)
            self._texts.append(text)
            self._declarations |= needed
            if kernel.chunks != 1 and self.pooled:
                self.threaded = True
                self._functions[key] = f"@parts{number}"
                kinds = ["ptr"] * len(touched_by(call)) + ["i64"] * len(symbols_of(kernel))
                self._texts.append(_parts(number, kinds))
        return self._functions[key]

    def text(self, others: Iterable[str] = ()) -> str:
        """Return declarations, `others` among them, and functions."""
        texts, declarations = list(self._texts), self._declarations | set(others)
        if self.threaded:
            pool, needed = write_pool(self.triple)
            texts.append(pool)
            declarations |= needed
        return "\n".join([*sorted(declarations), "", *texts])


def _function(
    name: str, call: KernelCall, over: tuple[int, ...], inlined: bool
) -> tuple[str, set[str]]:
    """Return the function of the kernel of `call`, and the declarations that it needs.

    What lies where the target does is reached through the target's pointer alone, so that LLVM
    knows which loads must come before which stores.
    """
    kernel = call.kernel
    sizes = {symbol: f"%size{number}" for number, symbol in enumerate(symbols_of(kernel))}
    build = Builder(sizes)
    targets = 1 + len(call.others)
    pointers = [f"%p{number}" for number in range(targets + len(call.reads))]
    parameters = [
        f"ptr {'noalias ' if number < targets else 'readonly '}{pointer}"
        for number, pointer in enumerate(pointers)
    ]
    for number in over:
        pointers[targets + number] = pointers[0]
    if kernel.chunks == 1:
        kernel.emit(build, pointers, 0, 1)
    else:
        kernel.emit(build, pointers, "%first", "%last")
        parameters += ["i64 %first", "i64 %last"]
    parameters += [f"i64 {name}" for name in sizes.values()]
    attributes = f"{'alwaysinline' if inlined else 'noinline'} nounwind"
    head = f"define internal void {name}({', '.join(parameters)}) {attributes} {{"
    return f"{head}\n{build.body()}\n}}\n", build.declarations


def _parts(number: int, kinds: Sequence[str]) -> str:
    """Return the function that runs some parts of a kernel, pointers and sizes in a list.

    Parameters
    ----------
    kinds : LLVM types of what is in the list, pointers first
    """
    lines = [f"define internal void @parts{number}(ptr %pointers, i64 %first, i64 %last) {{"]
    for place, kind in enumerate(kinds):
        offset = place * _POINTER_BYTES
        lines += [
            f"  %a{place} = getelementptr i8, ptr %pointers, i64 {offset}",
            f"  %p{place} = load {kind}, ptr %a{place}, align {_POINTER_BYTES}",
        ]
    given = [f"{kind} %p{place}" for place, kind in enumerate(kinds)]
    given.insert(kinds.count("ptr"), "i64 %first, i64 %last")
    call = f"  call void @kernel{number}({', '.join(given)})"
    return "\n".join([*lines, call, "  ret void", "}", ""])


class _Entry:
    """Writes the entry function."""

    def __init__(self, program: Program, layout: Layout, kernels: Kernels) -> None:
        self._program, self._layout, self._kernels = program, layout, kernels
        self._threaded = kernels.pooled and is_threaded(program, kernels.triple)
        self._frame: list[str] = []
        self._lines: list[str] = []
        self._numbers = count()
        self._pointers: dict[tuple[Tensor, int], str] = {}
        self._sizes: dict[Symbol, str] = {}

    def text(self, symbol: str, linkage: str, attributes: str) -> str:
        """Return the function."""
        self._members = {
            name: self._load("%arguments", number) for number, name in enumerate(MEMBERS)
        }
        if self._threaded:
            self._refuse_fork()
        sizes = self._layout.symbols
        if sizes:
            values = self._load("%arguments", len(MEMBERS))
            self._sizes = {
                symbol: self._load(values, place, "i64") for place, symbol in enumerate(sizes)
            }
        for operation in self._program.operations:
            if isinstance(operation, KernelCall):
                self._kernel(operation)
            else:
                self._region(operation)
        head = f"define {linkage}i32 @{symbol}(ptr %arguments) {attributes} {{"
        return "\n".join([head, "entry:", *self._frame, *self._lines, "  ret i32 0", "}", ""])

    def _refuse_fork(self) -> None:
        """Return at once if the threads of the pool are those of another process."""
        forked = self._value(f"call i1 @is_forked(ptr {self._members['pool']})")
        self._lines += [
            f"  br i1 {forked}, label %forked, label %begin",
            "forked:",
            f"  ret i32 {Status.FORKED}",
            "begin:",
        ]

    def _kernel(self, call: KernelCall) -> None:
        """Call a kernel, for all of its parts."""
        target = self._place(call.target)
        over = tuple(n for n, read in enumerate(call.reads) if self._place(read) == target)
        function, chunks = self._kernels.name(call, over), call.kernel.chunks
        sizes = [
            symbol_value(symbol, self._sizes, self._value) for symbol in symbols_of(call.kernel)
        ]
        count = self._size(chunks.count) if isinstance(chunks, OpenParts) else chunks
        if chunks != 1 and self._threaded:
            pool = self._members["pool"]
            if isinstance(chunks, OpenParts):
                small = self._value(f"icmp slt i64 {self._size(chunks.work)}, {chunks.least_work}")
                pool = self._value(f"select i1 {small}, ptr null, ptr {pool}")
            pointers = self._list(touched_by(call), sizes)
            arguments = f"ptr {pool}, ptr {function}, ptr {pointers}, i64 {count}"
            self._lines.append(f"  call void @parallel({arguments})")
            return
        arguments = ", ".join(f"ptr {self._pointer(tensor)}" for tensor in touched_by(call))
        if chunks != 1:
            arguments += f", i64 0, i64 {count}"
        arguments += "".join(f", i64 {size}" for size in sizes)
        self._lines.append(f"  call void {function}({arguments})")

    def _size(self, size: Dim) -> Index:
        """Return the value of a size."""
        return index_of(size, self._sizes, self._value)

    def _place(self, tensor: Tensor) -> tuple[str, int, int]:
        """Return where the first element of a tensor that is no border lies."""
        return *self._layout.places[tensor.root], tensor.start_bytes

    def _value(self, text: str) -> str:
        """Add an instruction; return the name of its result."""
        name = f"%v{next(self._numbers)}"
        self._lines.append(f"  {name} = {text}")
        return name

    def _load(self, pointers: str, number: int, kind: str = "ptr") -> str:
        """Return element `number` of a list of pointers, or of 64-bit numbers."""
        offset = number * _POINTER_BYTES
        address = self._value(f"getelementptr i8, ptr {pointers}, i64 {offset}")
        return self._value(f"load {kind}, ptr {address}, align {_POINTER_BYTES}")

    def _pointer(self, tensor: Tensor) -> str:
        """Return the address of the first element of a tensor that is no border."""
        root, start = tensor.root, tensor.start_bytes
        if (root, start) not in self._pointers:
            segment, offset = self._layout.places[root]
            member = self._members[segment]
            if segment in ("inputs", "outputs"):
                member, offset = self._load(member, offset), 0
            place = self._value(f"getelementptr i8, ptr {member}, i64 {offset + start}")
            self._pointers[root, start] = place
        return self._pointers[root, start]

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

    def _list(self, tensors: tuple[Tensor, ...], sizes: Sequence[Index] = ()) -> str:
        """Return the address of a list of tensors' addresses, then sizes, then a null pointer."""
        name = f"%list{next(self._numbers)}"
        values = [f"ptr {self._pointer(tensor)}" for tensor in tensors]
        values += [*(f"i64 {size}" for size in sizes), "ptr null"]
        self._frame.append(f"  {name} = alloca [{len(values)} x ptr], align 8")
        for number, value in enumerate(values):
            offset = number * _POINTER_BYTES
            address = self._value(f"getelementptr i8, ptr {name}, i64 {offset}")
            self._lines.append(f"  store {value}, ptr {address}, align {_POINTER_BYTES}")
        return name
