"""From a typed module to the object code of its host program."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path

from isa.host import CLOSE_POOL, MAIN, OPEN_POOL, RELEASE
from isa.image import Host
from isa.interface import Interface

from ...errors import Unsupported
from ...ir.module import Module
from ...ops import Mismatch, operators
from ...schedule.operators import DEFINITIONS
from .attention import join_attention
from .chains import put_together
from .entry import is_threaded, lay_out_memory, write_module
from .expansion import expand
from .flow import FlowCode, compile_flow, describe, is_straight
from .formula import FormulaBuilder, row_major
from .fusion import Group, fuse
from .graph import Graph, RegionStep, Step, Tensor, flatten
from .layouts import plan_layouts
from .lowering import ANCHORS, ELEMENTWISE, OTHERS, Context, follow, lower_nest, needs_nest
from .machine import Machine, find_machine
from .objects import assemble_cached
from .placement import place
from .program import Program
from .sinking import sink
from .trace import trace

__all__ = ["compile_host", "lower", "lower_flow", "write_host"]

_EXPORTED = (MAIN, OPEN_POOL, CLOSE_POOL)

Origin = Group | RegionStep | None
"""What an operation is part of; None of the copies that own results need."""


def compile_host(
    module: Module,
    regions: Mapping[str, int],
    *,
    cpu: str | None = None,
    triple: str | None = None,
    cache: Path | None = None,
) -> Host:
    """Return the native program of @main.

    Parameters
    ----------
    module : Module
        Typed.
    regions : Mapping of str to int
        The global functions that the accelerator runs, and their numbers. They are called with
        plain row-major tensors; all other functions become part of the program.
    cpu, triple : str, optional
        See `find_machine`; by default this machine, with all it can do.
    cache : Path, optional
        Folder of object files that were made before.

    Raises
    ------
    Unsupported
        An operator, a construct or a CPU that is not taken; the message names the nearest one.
    """
    machine = find_machine(cpu, triple)
    if not is_straight(module, regions):
        return _write_flow(module, regions, machine, cache)
    program, _ = lower(module, regions, machine)
    return write_host(program, machine, cache)


def write_host(program: Program, machine: Machine, cache: Path | None = None) -> Host:
    """Return the object code of a program, with its constants."""
    layout = lay_out_memory(program)
    text = write_module(program, layout, machine.triple)
    with ThreadPoolExecutor(1) as assembler:
        # LLVM runs beside the packing of weights.
        code = assembler.submit(assemble_cached, text, machine, _EXPORTED, cache)
        constants = layout.constants.collect()
    return Host(
        code=code.result(),
        symbol=MAIN,
        triple=machine.triple,
        cpu=machine.cpu,
        features=machine.features,
        arena_bytes=layout.arena_bytes,
        constants=constants,
        threaded=is_threaded(program, machine.triple),
    )


def lower(
    module: Module, regions: Mapping[str, int], machine: Machine
) -> tuple[Program, tuple[Origin, ...]]:
    """Return the operations of @main, and for each what it is part of.

    Raises
    ------
    Unsupported
        As of `compile_host`.
    """
    return _lower_graph(trace(module, regions), machine)


def lower_flow(
    module: Module,
    regions: Mapping[str, int],
    machine: Machine,
    *,
    embedded: bool = False,
    threads: bool = True,
) -> FlowCode:
    """Return the code of a program with control flow, data, or unknown sizes: see `compile_flow`.

    Raises
    ------
    Unsupported
        As of `compile_host`.
    """

    def lower_one(graph: Graph) -> Program:
        return _lower_graph(graph, machine)[0]

    return compile_flow(
        module, regions, lower_one, machine.triple, embedded=embedded, threads=threads
    )


def _write_flow(
    module: Module, regions: Mapping[str, int], machine: Machine, cache: Path | None
) -> Host:
    """Return the program of @main with control flow, data, or unknown sizes."""
    params, result, forms = describe(module, module["main"])
    flow = lower_flow(module, regions, machine)
    return Host(
        code=assemble_cached(flow.text, machine, (*_EXPORTED, RELEASE), cache),
        symbol=MAIN,
        triple=machine.triple,
        cpu=machine.cpu,
        features=machine.features,
        arena_bytes=flow.arena_bytes,
        constants=flow.constants,
        threaded=flow.threaded,
        interface=Interface(forms, params, result, flow.failures),
    )


def _lower_graph(graph: Graph, machine: Machine) -> tuple[Program, tuple[Origin, ...]]:
    """Return the operations of a graph, and for each what it is part of."""
    context = Context(machine)
    origins: list[Origin] = []
    joined = join_attention(graph, put_together(graph, expand(graph.steps)))
    steps = sink(graph, place(graph, joined))
    _require_half(steps, machine)
    items = fuse(graph, steps)
    plan_layouts(graph, items, machine)
    for item in items:
        if isinstance(item, Group):
            _lower_group(context, item)
        else:
            context.region(item)
        origins += [item] * (len(context.operations) - len(origins))
    outputs = _own_outputs(context, graph)
    origins += [None] * (len(context.operations) - len(origins))
    return Program(graph.inputs, outputs, tuple(context.operations)), tuple(origins)


def _require_half(steps: Iterable[Step | RegionStep], machine: Machine) -> None:
    """Raise Unsupported for float16 on a machine that cannot convert it."""
    for step in steps:
        if machine.has_half or isinstance(step, RegionStep):
            continue
        tensors = (tensor for value in (*step.operands, step.result) for tensor in flatten(value))
        if any(tensor.dtype == "float16" for tensor in tensors):
            raise Unsupported(
                f"{step.name} of float16 needs cpu x86-64-v3 or better, or aarch64; use float32 "
                "instead",
                step.span,
            )


def _lower_group(context: Context, group: Group) -> None:
    """Lower steps that are computed together."""
    anchor = group.anchor
    in_nest = anchor is not None and needs_nest(anchor)
    if group.target_is_tensor and not in_nest:
        context.surround(group.target)
    try:
        if anchor is not None and in_nest:
            lower_nest(context, anchor)
        elif anchor is None:
            build = FormulaBuilder(group.target.shape)
            context.elementwise(build, follow(build, group.steps, {}), group.target)
        elif anchor.name in ANCHORS:

            def finish(build: FormulaBuilder, node: int) -> int:
                assert anchor is not None and isinstance(anchor.result, Tensor)
                return follow(build, group.steps, {anchor.result: node}) if group.steps else node

            ANCHORS[anchor.name](context, anchor, group.target, finish)
        elif anchor.name in OTHERS:
            OTHERS[anchor.name](context, anchor)
        elif anchor.name in DEFINITIONS:
            lower_nest(context, anchor)
        else:
            known = {*ANCHORS, *ELEMENTWISE, *OTHERS, *DEFINITIONS}
            near = get_close_matches(anchor.name, sorted(known & set(operators())), 1, 0)[0]
            raise Unsupported(
                f"operator {anchor.name} is not supported on the CPU; the nearest is {near}",
                anchor.span,
            )
    except Mismatch as error:
        step = group.last
        raise Unsupported(f"{step.name}: {error.problem}; {error.remedy}", step.span) from None


def _own_outputs(context: Context, graph: Graph) -> tuple[Tensor, ...]:
    """Return one written tensor for each result; copy what is an input, a constant or a repeat."""
    taken = {tensor.root for tensor in graph.inputs}
    outputs: list[Tensor] = []
    for tensor in graph.outputs:
        root = tensor.root
        if root in taken or root.is_known or tensor.is_part:
            own = Tensor(tensor.shape, tensor.dtype)
            strides = row_major(tensor.shape)
            context.copy(own, tensor, tensor.shape, strides, strides)
            root = own
        taken.add(root)
        outputs.append(root)
    return tuple(outputs)
