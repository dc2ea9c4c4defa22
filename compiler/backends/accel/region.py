"""Compiles a graph of layers to a region of an image: plan act, emit every step, pack constants."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from isa.config import Config
from isa.image import Layer as LayerRow
from isa.image import Region, Slot

from .borders import fill_border
from .builder import Builder
from .context import Constants, Context, Step, Unit
from .convolution import convolution_groups, convolution_steps
from .elementwise import vector_groups, vector_steps
from .layers import Convolution, Graph, Layer, Tensor, Window, macs
from .placement import Border, Placement, Request, allocate
from .schedule import Schedule, schedule, window_of

__all__ = ["compile_region", "require_fit"]

_ALIGNMENT = 64


def compile_region(graph: Graph, config: Config) -> Region:
    """Return the region that computes `graph` on the machine `config`.

    Raises
    ------
    TooLarge
        A layer does not fit the memories; the message names the memory and what is needed.
    """
    plan = _plan(graph, config)
    slots, data_bytes = _slots(graph, plan)
    builder = Builder(config)
    context = Context(config, builder, Constants(), plan.placements, slots, plan.staging)
    _emit(context, _steps(context, graph, plan), plan)
    program, instruction_layers = builder.finish()
    return Region(
        name=graph.name,
        program=program,
        constants=bytes(context.constants.data),
        data_bytes=data_bytes,
        inputs=tuple(slots[tensor.index] for tensor in graph.inputs),
        outputs=tuple(slots[tensor.index] for tensor in graph.outputs),
        layers=tuple(LayerRow(item.name, item.operator, macs(item)) for item in graph.layers),
        instruction_layers=instruction_layers,
    )


def require_fit(layer: Layer, config: Config) -> None:
    """Check that the machine can compute `layer` with every operand in DRAM.

    Raises
    ------
    TooLarge
        It cannot; the message names the memory and what is needed.
    """
    _schedule(layer, set(), config)


@dataclass(frozen=True)
class _Plan:
    """Where everything stands in act.

    Attributes
    ----------
    schedules : one for each layer
    placements, borders : of the resident tensors, by index
    fills : value of the border, by index
    staging : base of each staged operand
    late : layers whose operands are loaded only when the layer before is done
    """

    schedules: tuple[Schedule, ...]
    placements: dict[int, Placement]
    borders: dict[int, Border]
    fills: dict[int, int]
    staging: dict[tuple[str, int], int]
    late: frozenset[int]


@dataclass(frozen=True)
class _Life:
    """A tensor from the layer that makes it to the last that reads it."""

    tensor: Tensor
    first: int
    last: int
    border: Border
    fill: int
    words: int


def _plan(graph: Graph, config: Config) -> _Plan:
    """Keep every tensor in act; while that does not fit, move the largest one out to DRAM.

    Where no tensor is left, operands of two layers meet: the later layer's are loaded later. An
    operand of a layer by itself always finds room, `schedule` sees to that.
    """
    lives = {life.tensor.index: life for life in _lives(graph, config)}
    late: set[int] = set()
    while True:
        schedules = _schedules(graph, set(lives), config)
        requests = [
            Request(("tensor", index), life.words, life.first, life.last)
            for index, life in lives.items()
        ]
        result = allocate([*requests, *_staging_requests(schedules, late)], config.act_words)
        if not isinstance(result, Request):
            break
        crowd = [
            life
            for life in lives.values()
            if life.first <= result.last and result.first <= life.last
        ]
        if crowd:
            del lives[max(crowd, key=lambda life: life.words).tensor.index]
        else:
            late |= {result.first, result.last, result.last + 1}
    placements = {
        index: Placement.whole(result["tensor", index], life.tensor, life.border, config)
        for index, life in lives.items()
    }
    borders = {index: life.border for index, life in lives.items()}
    fills = {index: life.fill for index, life in lives.items()}
    return _Plan(schedules, placements, borders, fills, result, frozenset(late))


def _lives(graph: Graph, config: Config) -> Iterator[_Life]:
    """Yield the tensors that may stay in act: made by a layer, read by layers."""
    for number, layer in enumerate(graph.layers):
        tensor = layer.target
        readers = [
            (index, reader)
            for index, reader in enumerate(graph.layers)
            if any(source.index == tensor.index for source in reader.sources)
        ]
        windows = [window_of(reader) for _, reader in readers]
        fills = {window.fill for window in windows if window.padded}
        if not readers or len(fills) > 1:
            continue
        border = _border(windows)
        whole = Placement.whole(0, tensor, border, config)
        words = (border.top + tensor.height + border.bottom) * whole.pitch
        last = max(index for index, _ in readers)
        yield _Life(tensor, number, last, border, next(iter(fills), 0), words)


def _border(windows: Sequence[Window]) -> Border:
    """Return the border that serves every window."""
    return Border(
        max(window.top for window in windows),
        max(window.left for window in windows),
        max(window.bottom for window in windows),
        max(window.right for window in windows),
    )


def _schedules(graph: Graph, resident: set[int], config: Config) -> tuple[Schedule, ...]:
    return tuple(_schedule(layer, resident, config) for layer in graph.layers)


def _schedule(layer: Layer, resident: set[int], config: Config) -> Schedule:
    if isinstance(layer, Convolution):
        groups = convolution_groups(layer, config)
    else:
        groups = vector_groups(layer, config)
    sources = [source.index in resident for source in layer.sources]
    return schedule(layer, sources, layer.target.index in resident, groups, config)


def _staging_requests(schedules: Sequence[Schedule], late: Set[int]) -> Iterator[Request]:
    """Yield the staged operands; unless late, they are loaded while the layer before computes."""
    for number, plan in enumerate(schedules):
        first = number if number in late else max(0, number - 1)
        for place, source in enumerate(plan.sources):
            if source.half:
                key = ("source", 2 * number + place)
                yield Request(key, 2 * source.half, first, number)
        if plan.target_half:
            yield Request(("target", number), 2 * plan.target_half, number, number)


def _slots(graph: Graph, plan: _Plan) -> tuple[dict[int, Slot], int]:
    """Return a place in DRAM for inputs, outputs and tensors not in act, and the total size."""
    tensors = [*graph.inputs, *graph.outputs]
    tensors += [layer.target for layer in graph.layers if layer.target.index not in plan.placements]
    slots: dict[int, Slot] = {}
    position = 0
    for tensor in tensors:
        if tensor.index not in slots:
            slots[tensor.index] = Slot(position, tensor.bytes)
            position += -(-tensor.bytes // _ALIGNMENT) * _ALIGNMENT
    return slots, position


def _steps(context: Context, graph: Graph, plan: _Plan) -> list[Step]:
    steps: list[Step] = []
    made_by = {layer.target.index: number for number, layer in enumerate(graph.layers)}
    for number, item in enumerate(plan.schedules):
        staged = [source.tensor.index for source in item.sources if source.half]
        early = number not in plan.late and all(
            made_by.get(index, -1) < number - 1 for index in staged
        )
        make = convolution_steps if isinstance(item.layer, Convolution) else vector_steps
        steps += make(context, item, number, early)
    return steps


def _emit(context: Context, steps: Sequence[Step], plan: _Plan) -> None:
    """Emit every step: loads one step and one block ahead of the computation."""
    units = [(step, unit) for step in steps for unit in step.units]
    loaded: set[int] = set()
    begun: set[int] = set()

    def load_step(index: int) -> None:
        if index < len(steps):
            context.builder.layer = steps[index].layer
            steps[index].load()

    def load_unit(step: Step, unit: Unit) -> None:
        if id(unit) not in loaded:
            context.builder.layer = step.layer
            unit.load()
            loaded.add(id(unit))

    load_step(0)
    position = 0
    for index, step in enumerate(steps):
        load_step(index + 1)
        for unit in step.units:
            load_unit(step, unit)
            position += 1
            if position < len(units) and units[position][1].early:
                load_unit(*units[position])
            context.builder.layer = step.layer
            if step.layer not in begun:
                begun.add(step.layer)
                _begin(context, plan, step.layer)
            unit.compute()


def _begin(context: Context, plan: _Plan, number: int) -> None:
    """Fill the border of what layer `number` writes, where it stays in act."""
    tensor = plan.schedules[number].layer.target
    if tensor.index in plan.placements:
        index = tensor.index
        fill_border(context, tensor, plan.placements[index], plan.borders[index], plan.fills[index])
