"""Compiles a graph of layers to a region of an image: plan, order, emit, pack constants."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from isa.config import Config
from isa.image import Layer as LayerRow
from isa.image import Region, Slot
from isa.program import Program

from ...errors import TooLarge
from .borders import fill_border
from .builder import Builder
from .context import Constants, Context
from .convolution import ConvolutionEmitter
from .elementwise import VectorEmitter
from .fold_lines import fold_lines
from .layers import Convolution, Graph, Layer, macs
from .pack_pixels import pack_pixels
from .plan import Plan, make_plan, make_schedule
from .progress import Action, Kind
from .schedule import USUAL, Cut, Mode
from .windows import run_lane

__all__ = ["CycleModel", "compile_region", "require_fit"]

_ALIGNMENT = 64
# No further way is tried when so many instructions have been made.
_MOST_INSTRUCTIONS = 8000


class _Way(NamedTuple):
    """One way to compile: how finely layers are cut, whether borders are filled ahead."""

    cut: Cut = USUAL
    ahead: bool = False


# The most likely first.
_WAYS = (_Way(), _Way(Cut(2)), _Way(Cut(10)), _Way(Cut(16, 72), ahead=True))

# About how many cycles a program takes.
CycleModel = Callable[[Program], int]


def compile_region(graph: Graph, config: Config, cycles: CycleModel | None = None) -> Region:
    """Return the region that computes `graph` on the machine `config`.

    Parameters
    ----------
    cycles : returns about how many cycles a program takes; with it several ways to cut the layers,
        and to compute them, are compiled, and the fastest is taken

    Raises
    ------
    TooLarge
        A layer does not fit the memories; the message names the memory and what is needed.
    """
    folded, origins = fold_lines(graph, config)
    rows = tuple(LayerRow(item.name, item.operator, macs(item)) for item in graph.layers)
    if cycles is None:
        return _compile(folded, rows, origins, config, _Way())
    ways = [(folded, way) for way in _WAYS]
    packed = pack_pixels(folded, config)
    if packed is not folded and _fits(packed, config):
        ways = [*((packed, way) for way in _WAYS), (folded, _Way())]
    regions: list[Region] = []
    made = 0
    for variant, way in ways:
        if made < _MOST_INSTRUCTIONS:
            regions.append(_compile(variant, rows, origins, config, way))
            made += len(regions[-1].instruction_layers)
    return min(regions, key=lambda region: cycles(region.program))


def _compile(
    graph: Graph,
    rows: tuple[LayerRow, ...],
    origins: Sequence[int],
    config: Config,
    way: _Way,
) -> Region:
    """Return the region as `way` makes it.

    Parameters
    ----------
    rows : what the region says of its layers
    origins : for each layer of `graph`, its number in `rows`
    """
    plan = make_plan(graph, config, way.cut, way.ahead)
    slots, data_bytes = _slots(graph, plan, config)
    builder = Builder(config)
    context = Context(
        config, builder, Constants(), plan.tensors, plan.placements, slots, plan.staging
    )
    _emit(context, plan, origins)
    program, instruction_layers = builder.finish()
    return Region(
        name=graph.name,
        program=program,
        constants=bytes(context.constants.data),
        data_bytes=data_bytes,
        inputs=tuple(slots[tensor.index] for tensor in graph.inputs),
        outputs=tuple(slots[tensor.index] for tensor in graph.outputs),
        layers=rows,
        instruction_layers=instruction_layers,
    )


def require_fit(layer: Layer, config: Config) -> None:
    """Check that the machine can compute `layer` with every operand in DRAM.

    Raises
    ------
    TooLarge
        It cannot; the message names the memory and what is needed.
    """
    make_schedule(layer, frozenset(), config)


def _fits(graph: Graph, config: Config) -> bool:
    """Return whether the machine can compute every layer of `graph`."""
    try:
        for layer in graph.layers:
            require_fit(layer, config)
    except TooLarge:
        return False
    return True


def _slots(graph: Graph, plan: Plan, config: Config) -> tuple[dict[int, Slot], int]:
    """Return a place in DRAM for inputs, outputs and tensors not in act, and the total size."""
    lanes = _lanes(graph, plan, config)
    tensors = [*graph.inputs, *graph.outputs]
    tensors += [layer.target for layer in graph.layers if layer.target.index not in plan.placements]
    slots: dict[int, Slot] = {}
    position = 0
    for tensor in tensors:
        if tensor.index not in slots:
            lane = lanes.get(tensor.index, 0)
            slots[tensor.index] = Slot(position + lane, tensor.bytes)
            position += -(-(lane + tensor.bytes) // _ALIGNMENT) * _ALIGNMENT
    return slots, position


def _lanes(graph: Graph, plan: Plan, config: Config) -> dict[int, int]:
    """Return the lane of the bus in which inputs begin that are loaded as windows, by index."""
    inputs = {tensor.index for tensor in graph.inputs}
    return {
        source.tensor.index: run_lane(work.layer, source.together, config)
        for work in plan.works
        for source in work.plan.sources
        if isinstance(work.layer, Convolution)
        and source.mode is Mode.WINDOWS
        and source.tensor.index in inputs
    }


def _emit(context: Context, plan: Plan, origins: Sequence[int]) -> None:
    """Emit every action in its order."""
    emitters: dict[int, ConvolutionEmitter | VectorEmitter] = {}
    for action in plan.actions:
        number = action.layer
        context.builder.layer = origins[number]
        if number not in emitters:
            emitters[number] = _emitter(context, plan, number)
        emitter = emitters[number]
        if action.kind is Kind.BORDER:
            _fill_border(context, plan, action)
        elif action.kind is Kind.SOURCE:
            emitter.load_sources(action)
        elif action.kind is Kind.PARAMS:
            emitter.load_params(action)
        elif action.kind is Kind.VECTOR:
            emitter.vector(action.index, action.param, action.acc)
        else:
            assert isinstance(emitter, ConvolutionEmitter)
            if action.kind is Kind.WEIGHTS:
                emitter.load_weights(action)
            else:
                emitter.matrix(action.index, action.weight, action.acc)


def _emitter(context: Context, plan: Plan, number: int) -> ConvolutionEmitter | VectorEmitter:
    work = plan.works[number]
    if isinstance(work.layer, Convolution):
        return ConvolutionEmitter(context, work, number)
    return VectorEmitter(context, work, number)


def _fill_border(context: Context, plan: Plan, action: Action) -> None:
    """Fill the border of what a layer writes."""
    tensor = plan.tensors[plan.works[action.layer].layer.target.index]
    place, border = plan.placements[tensor.index], plan.borders[tensor.index]
    fill_border(context, action.engine, tensor, place, border, plan.fills[tensor.index])
