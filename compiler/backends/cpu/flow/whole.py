"""The LLVM module of a program with control flow: its functions, graphs, heap and entry.

::

    int32 tilewright_main(arguments *)      inputs: an object for each parameter of @main;
                                            outputs: { result, state, bytes that the heap may take }
    void tilewright_release(state)

The result and all that it refers to exist until the state is released. After an error, nothing
is left to release. A program that shall compute in its caller's memory ends with `@begin` instead
(`start`), for whoever writes its entry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isa.host import MEMBERS, Status

from ....ir.dims import Dim, Size
from ....ir.module import Module
from ....passes.to_a_normal_form import to_a_normal_form
from ..arena import ALIGNMENT
from ..entry import Kernels, is_threaded, lay_out_memory, write_entry
from ..graph import Graph
from ..pool import has_pool
from ..program import Program, RegionCall
from .code import Compute
from .convert import convert
from .functions import write_function
from .items import Items
from .measures import Sizes
from .outline import outline
from .ownership import own
from .passing import find_calls, is_scalar
from .recursion import checked_functions
from .runtime import slot, write_heap
from .segments import gather, has_open_sizes
from .shared import Objects
from .start import STACK_DECLARATIONS, state_bytes, write_begin, write_start
from .values import Values
from .writer import Writer

__all__ = ["FlowCode", "compile_flow"]


@dataclass(frozen=True, slots=True)
class FlowCode:
    """A program ready to be assembled.

    Attributes
    ----------
    text : str
        Of the LLVM module.
    arena_bytes : int
    constants : bytes
    failures : tuple of str
        What the status ``Status.FAILED - n`` of the program means.
    threaded : bool
        The module carries a pool of threads.
    state_bytes : int
        Of the state of a run.
    recursive : bool
        Functions look whether the stack has room: the state must say how far it goes.
    """

    text: str
    arena_bytes: int
    constants: bytes
    failures: tuple[str, ...]
    threaded: bool
    state_bytes: int
    recursive: bool


def compile_flow(
    module: Module,
    regions: Mapping[str, int],
    lower: Callable[[Graph], Program],
    triple: str,
    *,
    embedded: bool = False,
    threads: bool = True,
) -> FlowCode:
    """Return the code of a program.

    Parameters
    ----------
    module : Module
        Typed.
    regions : as in `compile_host`
    lower : returns the operations of a graph
    triple : of the machine
    embedded : no memory is taken from the system, and there is no entry
    threads : kernels may share their work among threads

    Raises
    ------
    Unsupported
        An operator that is not taken, or a size that must be known.
    """
    functions = outline(convert(to_a_normal_form(module), regions))
    is_open = has_open_sizes(functions)
    owned = [own(gather(function, is_open)) for function in functions]
    names = {one.name: f"@f{number}" for number, one in enumerate(owned)}
    writer = _Module(
        lower, names, Kernels(triple, pooled=threads and has_pool(triple), inlined=True)
    )
    checked = checked_functions(owned)
    objects = Objects(writer.names, find_calls(owned), writer.constant, writer.compute, writer.fail)
    texts = [write_function(one, objects, one.name in checked) for one in owned]
    size_bytes = state_bytes(max(len(one.params) for one in owned))
    recursive = bool(checked)
    own_stack = recursive and not embedded
    parts = [writer.kernels.text(STACK_DECLARATIONS if own_stack else ())]
    parts += [write_heap(grows=not embedded), objects.static_text(), *writer.graphs, *texts]
    parts.append(write_begin(owned[0], writer.names["main"], own_stack))
    if not embedded:
        parts.append(write_start(size_bytes, recursive))
    return FlowCode(
        "\n".join(parts),
        writer.arena_bytes,
        bytes(writer.constants),
        tuple(writer.failures),
        writer.kernels.threaded,
        size_bytes,
        recursive,
    )


@dataclass(slots=True)
class _Module:
    """What is collected while functions are written."""

    lower: Callable[[Graph], Program]
    names: Mapping[str, str]
    kernels: Kernels
    graphs: list[str] = field(default_factory=list)
    constants: bytearray = field(default_factory=bytearray)
    known: dict[bytes, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    arena_bytes: int = 0

    def constant(self, value: np.ndarray) -> int:
        """Return the offset of a constant among all."""
        return self._keep(np.ascontiguousarray(value).tobytes())

    def fail(self, message: str) -> int:
        """Return the status that a message has."""
        if message not in self.failures:
            self.failures.append(message)
        return Status.FAILED - self.failures.index(message)

    def _keep(self, data: bytes) -> int:
        """Return where some bytes stand among all constants."""
        if data not in self.known:
            self.known[data] = len(self.constants)
            self.constants += data + bytes(-len(data) % ALIGNMENT)
        return self.known[data]

    def compute(self, write: Writer, compute: Compute, values: Values) -> None:
        """Write the call of a graph, and give its targets values."""
        items = compute.items
        program = self.lower(compute.graph if items is None else items.graph)
        layout = lay_out_memory(program)
        self.arena_bytes = max(self.arena_bytes, layout.arena_bytes)
        symbol = f"graph{len(self.graphs)}"
        self.graphs.append(write_entry(program, layout, self.kernels, symbol, "internal "))
        sizes = Sizes(write, values, self.fail)
        sizes.take(compute)
        for target, shown, owner in zip(
            compute.targets, compute.graph.outputs, program.outputs, strict=True
        ):
            if is_scalar(target.type):
                values.bind_plain(target, write.allocate(max(8, owner.size_bytes)))
            else:
                size_bytes: Dim = owner.size_bytes
                if items is not None:
                    size_bytes = size_bytes * items.count
                values.bind(target, sizes.tensor(shown.shape, size_bytes))
        workspace, between = sizes.workspace(layout.workspace)
        inputs = _list_of(write, list(map(values.data, compute.reads)))
        targets = _list_of(write, [*map(values.data, compute.targets), *between])
        constants = write.load("ptr", "%state", slot("constants"))
        replaced = {
            "inputs": inputs,
            "outputs": targets,
            "constants": write.address(constants, self._keep(bytes(layout.constants.collect()))),
        }
        arguments = write.load("ptr", "%state", slot("arguments"))
        given = [
            replaced[name] if name in replaced else write.load("ptr", arguments, 8 * place)
            for place, name in enumerate(MEMBERS)
        ]
        if layout.symbols:
            numbers = [sizes.value(Size((((one,), 1),))) for one in layout.symbols]
            given.append(_list_of(write, numbers, "i64"))
        call = f"call i32 @{symbol}(ptr {_list_of(write, given)})"
        calls = any(isinstance(operation, RegionCall) for operation in program.operations)
        may_fail = calls or is_threaded(program, self.kernels.triple)
        if items is None:
            _run(write, call, may_fail)
        else:
            moves = _moves(program, items, inputs, targets)
            _repeat(write, sizes.value(items.count), moves, lambda: _run(write, call, may_fail))
        for one in workspace:
            write.do(f"call void @drop(ptr %state, ptr {one})")


Move = tuple[str, int, int]
"""An address in a list (its address and number) that goes on by so many bytes each time."""


def _moves(program: Program, items: Items, inputs: str, targets: str) -> list[Move]:
    """Return what goes on from one item to the next: addresses in the lists of a graph's call."""
    tensors = *program.inputs, *program.outputs
    places = [(inputs, number) for number in range(len(program.inputs))]
    places += [(targets, number) for number in range(len(program.outputs))]
    return [
        (*place, tensor.size_bytes)
        for place, tensor, is_item in zip(places, tensors, items.is_item, strict=True)
        if is_item
    ]


def _repeat(write: Writer, count: str, moves: Sequence[Move], body: Callable[[], None]) -> None:
    """Write a body that runs `count` times."""
    head, inside, after = (write.fresh(stem) for stem in ("items", "item", "after"))
    left = write.allocate(8)
    write.store("i64", count, left)
    write.do(f"br label %{head}")
    write.begin(head)
    more = write.value(f"icmp sgt i64 {write.load('i64', left)}, 0")
    write.branch(more, inside, after)
    write.begin(inside)
    body()
    for addresses, number, size_bytes in moves:
        here = write.load("ptr", addresses, 8 * number)
        write.store("ptr", write.address(here, size_bytes), addresses, 8 * number)
    write.store("i64", write.value(f"sub i64 {write.load('i64', left)}, 1"), left)
    write.do(f"br label %{head}")
    write.begin(after)


def _run(write: Writer, call: str, may_fail: bool) -> None:
    """Write a call; leave the function if it ends with an error."""
    status = write.value(call)
    if not may_fail:
        return
    failed, stopped, good = (
        write.value(f"icmp ne i32 {status}, 0"),
        write.fresh("stopped"),
        write.fresh("good"),
    )
    write.branch(failed, stopped, good)
    write.begin(stopped)
    wide = write.value(f"sext i32 {status} to i64")
    write.store("i64", wide, "%state", slot("status"))
    write.do("ret ptr null")
    write.begin(good)


def _list_of(write: Writer, values: Sequence[str], kind: str = "ptr") -> str:
    """Return the address of a list of pointers, or of 64-bit numbers, on the stack."""
    found = write.allocate(8 * max(1, len(values)))
    for place, value in enumerate(values):
        write.store(kind, value, found, 8 * place)
    return found
