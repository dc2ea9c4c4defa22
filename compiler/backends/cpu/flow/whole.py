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

from ....ir.dims import Size
from ....ir.module import Module
from ....passes.to_a_normal_form import to_a_normal_form
from ..arena import ALIGNMENT
from ..entry import Kernels, is_threaded, lay_out_memory, write_entry
from ..graph import Graph
from ..pool import has_pool
from ..program import Program, RegionCall
from .code import Compute
from .convert import convert
from .functions import Objects, write_function
from .measures import Sizes
from .ownership import own
from .passing import is_scalar, passings
from .recursion import checked_functions
from .runtime import CODE_OFFSET, slot, write_heap
from .segments import gather, has_open_sizes
from .start import state_bytes, write_begin, write_start
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
    functions = convert(to_a_normal_form(module), regions)
    is_open = has_open_sizes(functions)
    owned = [own(gather(function, is_open)) for function in functions]
    names = {one.name: f"@f{number}" for number, one in enumerate(owned)}
    writer = _Module(
        lower, names, Kernels(triple, pooled=threads and has_pool(triple), inlined=True)
    )
    checked = checked_functions(owned)
    objects = Objects(writer.names, passings(owned), writer.constant, writer.compute, writer.fail)
    texts = [write_function(one, objects, one.name in checked) for one in owned]
    size_bytes = state_bytes(max(len(one.params) for one in owned))
    recursive = bool(checked)
    parts = [writer.kernels.text(), write_heap(grows=not embedded), objects.static_text()]
    parts += [*writer.graphs, *texts]
    parts.append(write_begin(owned[0], writer.names["main"], recursive and not embedded))
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
        program = self.lower(compute.graph)
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
                values.bind(target, sizes.tensor(shown.shape, owner.size_bytes))
        between = [sizes.block(size) for size in layout.workspace]
        inputs = _list_of(write, list(map(values.data, compute.reads)))
        written = [write.load("ptr", one, CODE_OFFSET) for one in between]
        targets = _list_of(write, [*map(values.data, compute.targets), *written])
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
        status = write.value(f"call i32 @{symbol}(ptr {_list_of(write, given)})")
        calls = any(isinstance(operation, RegionCall) for operation in program.operations)
        if calls or is_threaded(program, self.kernels.triple):
            _require_success(write, status)
        for one in between:
            write.do(f"call void @drop(ptr %state, ptr {one})")


def _require_success(write: Writer, status: str) -> None:
    """Leave the function if a region ended with an error."""
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
