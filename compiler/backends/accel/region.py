"""Compiles a graph of layers to a region of an image: plan, order, emit, pack constants."""

from collections.abc import Callable, Sequence

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
from .schedule import BLOCKS

__all__ = ["CycleModel", "compile_region", "require_fit"]

_ALIGNMENT = 64
# Least numbers of blocks that are tried, the most likely first; no further one is tried when so
# many instructions have been made.
_CUTS = (BLOCKS, 2, 10)
_MOST_INSTRUCTIONS = 8000

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
        return _compile(folded, rows, origins, config, BLOCKS)
    ways = [(folded, blocks) for blocks in _CUTS]
    packed = pack_pixels(folded, config)
    if packed is not folded and _fits(packed, config):
        ways = [*((packed, blocks) for blocks in _CUTS), (folded, BLOCKS)]
    regions: list[Region] = []
    made = 0
    for variant, blocks in ways:
        if made < _MOST_INSTRUCTIONS:
            regions.append(_compile(variant, rows, origins, config, blocks))
            made += len(regions[-1].instruction_layers)
    return min(regions, key=lambda region: cycles(region.program))


def _compile(
    graph: Graph,
    rows: tuple[LayerRow, ...],
    origins: Sequence[int],
    config: Config,
    blocks: int,
) -> Region:
    """Return the region whose layers are cut into at least `blocks` blocks.

    Parameters
    ----------
    rows : what the region says of its layers
    origins : for each layer of `graph`, its number in `rows`
    """
    plan = make_plan(graph, config, blocks)
    slots, data_bytes = _slots(graph, plan)
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


def _slots(graph: Graph, plan: Plan) -> tuple[dict[int, Slot], int]:
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
