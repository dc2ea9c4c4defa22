"""Decides what stays in act, in which order all work is done, and where everything stands."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from isa.config import Config
from isa.instructions import MAX_COUNT

from ...errors import TooLarge
from .convolution import convolution_groups, convolution_work
from .cycles import plan_load_cycles
from .elementwise import vector_groups, vector_work
from .layers import Convolution, Depthwise, Graph, Layer, Tensor, Window
from .order import REACH, order
from .placement import Border, Placement, Request, allocate
from .progress import Action, Kind
from .schedule import USUAL, Cut, Schedule, evenly, schedule, window_of
from .work import Work

__all__ = ["Plan", "make_plan", "make_schedule"]


# Layers before one that shall find room beside it.
_BESIDE = 2
# First and last time of a layer's work.
Spans = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Plan:
    """How a region is computed.

    Attributes
    ----------
    works : one for each layer
    actions : everything that is emitted, in order
    tensors, placements, borders : of the tensors that stay in act, by index
    fills : value of the border, by index
    staging : act word where a staged operand begins, by ("source", 2 * layer + place) and
        ("target", layer)
    """

    works: tuple[Work, ...]
    actions: tuple[Action, ...]
    tensors: dict[int, Tensor]
    placements: dict[int, Placement]
    borders: dict[int, Border]
    fills: dict[int, int]
    staging: dict[tuple[str, int], int]


@dataclass(frozen=True)
class _Life:
    """A tensor from the layer that makes it to the last that reads it."""

    tensor: Tensor
    first: int
    readers: tuple[int, ...]
    border: Border
    fill: int
    place: Placement
    words: int
    border_words: int


def make_plan(graph: Graph, config: Config, cut: Cut = USUAL, ahead: bool = False) -> Plan:
    """Keep every tensor in act; while that does not fit, move the largest one out to DRAM.

    Parameters
    ----------
    cut : how finely layers are cut
    ahead : whether borders are filled long before, as in `order`, if act has room

    Raises
    ------
    TooLarge
        A layer does not fit, even with every operand in DRAM.
    """
    lives = {life.tensor.index: life for life in _lives(graph, config)}
    _thin_out(graph, lives, config, cut)
    reach: dict[int, int] = {}
    while True:
        works = _works(graph, lives.keys(), config, cut)
        resident = {index: life.words for index, life in lives.items()}
        borders = {index: life.border_words for index, life in lives.items()}
        actions = order(works, resident, config, borders, reach, ahead)
        requests = _requests(lives, works, actions)
        result = allocate(requests, config.act_words)
        if not isinstance(result, Request):
            break
        if ahead:
            ahead = False
        elif not _evict(lives, works, requests, result):
            _hold_back(reach, requests, result)
    placements = {
        index: replace(life.place, base=result["tensor", index]) for index, life in lives.items()
    }
    return Plan(
        works,
        actions,
        {index: life.tensor for index, life in lives.items()},
        placements,
        borders={index: life.border for index, life in lives.items()},
        fills={index: life.fill for index, life in lives.items()},
        staging=result,
    )


def _thin_out(graph: Graph, lives: dict[int, _Life], config: Config, cut: Cut) -> None:
    """Evict what cannot stay in act even if the layers run one after the other."""
    while True:
        works = _works(graph, lives.keys(), config, cut)
        spans = {number: (number - _BESIDE, number) for number in range(len(works))}
        requests = [
            Request(("tensor", index), life.words, life.first, max(life.readers))
            for index, life in lives.items()
        ]
        requests += _staging_requests(works, spans, spans)
        result = allocate(requests, config.act_words)
        if not isinstance(result, Request) or not _evict(lives, works, requests, result):
            return


def _evict(
    lives: dict[int, _Life], works: Sequence[Work], requests: Sequence[Request], failed: Request
) -> bool:
    """Evict one of the tensors that are there at the time of `failed`; return whether one is.

    It is the one that gives most room for a transfer: it is stored once, and loaded for every step
    of its readers.
    """
    crowd = [
        request.key[1]
        for request in requests
        if request.key[0] == "tensor" and request.overlaps(failed)
    ]
    if not crowd:
        return False

    def worth(index: int) -> float:
        loads = sum(len(works[reader].steps) for reader in lives[index].readers)
        return lives[index].words / (1 + loads)

    del lives[max(crowd, key=worth)]
    return True


def _hold_back(reach: dict[int, int], requests: Sequence[Request], failed: Request) -> None:
    """Let the last of the layers whose operands meet begin later."""
    layers = [_layer(request) for request in requests if request.overlaps(failed)]
    last = max(number for number in layers if reach.get(number, REACH) > 0)
    reach[last] = reach.get(last, REACH) // 2


def _layer(request: Request) -> int:
    """Return the layer whose operand or result `request` holds."""
    kind, number = request.key
    return number // 2 if kind == "source" else number


def make_schedule(
    layer: Layer,
    resident: Set[int],
    config: Config,
    groups: int = MAX_COUNT,
    cut: Cut = USUAL,
) -> Schedule:
    """Return the schedule of `layer` where the tensors `resident` stay in act.

    Parameters
    ----------
    groups : int, groups of columns that the layer before it makes at once
    cut : how finely the layer is cut

    Raises
    ------
    TooLarge
        It does not fit.
    """
    sources = [source.index in resident for source in layer.sources]
    target = layer.target.index in resident
    if isinstance(layer, Convolution):
        groups = convolution_groups(layer, config)
        return schedule(layer, sources, target, (groups, groups), config, cut)
    groups = min(groups, vector_groups(layer, config))
    if all(sources):
        return schedule(layer, sources, target, (groups, groups), config, cut)
    unit = config.act_word_bytes // config.columns
    found, refused = [], None
    for size in sorted({evenly(groups // unit, parts) * unit for parts in range(1, groups + 1)}):
        try:
            found.append(schedule(layer, sources, target, (groups, size), config, cut))
        except TooLarge as error:
            refused = refused or error
    if not found:
        assert refused is not None
        raise refused
    return min(found, key=lambda plan: (plan_load_cycles(plan, config), -plan.groups))


def _works(graph: Graph, resident: Set[int], config: Config, cut: Cut) -> tuple[Work, ...]:
    """Return the work of every layer; one of the vector engine follows its source group by group.

    So it can work on the first groups while the matrix engine makes the next ones.
    """
    works: list[Work] = []
    groups: dict[int, int] = {}
    for layer in graph.layers:
        most = min(groups.get(source.index, MAX_COUNT) for source in layer.sources)
        plan = make_schedule(layer, resident, config, most, cut)
        if isinstance(layer, Convolution):
            works.append(convolution_work(plan, config))
        else:
            works.append(vector_work(plan, config))
        groups[layer.target.index] = plan.step_groups
    return tuple(works)


def _lives(graph: Graph, config: Config) -> Iterator[_Life]:
    """Yield the tensors that may stay in act: made by a layer, read by layers."""
    for number, layer in enumerate(graph.layers):
        reads = {
            index: source
            for index, reader in enumerate(graph.layers)
            for source in reader.sources
            if source.index == layer.target.index
        }
        readers = tuple(reads)
        windows = [window_of(graph.layers[index]) for index in readers]
        fills = {window.fill for window in windows if window.padded}
        if not readers or len(fills) > 1:
            continue
        border, tensor = _border(windows), reads[readers[0]]
        place = Placement.whole(0, tensor, border, config)
        if any(isinstance(graph.layers[index], Depthwise) for index in readers):
            place = place.spread()
        elif max(window.kernel[0] for window in windows) > 1:
            place = place.interleaved(max(window.kernel[1] for window in windows), config.act_banks)
        words = (border.top + tensor.height + border.bottom) * place.pitch
        inside = tensor.height * tensor.width * place.pixel
        empty = words - inside if border != Border() else 0
        yield _Life(tensor, number, readers, border, next(iter(fills), 0), place, words, empty)


def _border(windows: Sequence[Window]) -> Border:
    """Return the border that serves every window."""
    return Border(
        max(window.top for window in windows),
        max(window.left for window in windows),
        max(window.bottom for window in windows),
        max(window.right for window in windows),
    )


def _spans(actions: Sequence[Action], kinds: Set[Kind]) -> Spans:
    """Return the first and the last position of the actions of `kinds`, by layer."""
    spans: Spans = {}
    for position, action in enumerate(actions):
        if action.kind in kinds:
            first, _ = spans.get(action.layer, (position, position))
            spans[action.layer] = first, position
    return spans


def _requests(
    lives: dict[int, _Life], works: Sequence[Work], actions: Sequence[Action]
) -> list[Request]:
    """Return the room that is needed in act, in positions of the order."""
    makes = _spans(actions, {Kind.BORDER, Kind.VECTOR})
    reads = _spans(actions, {Kind.MATRIX, Kind.VECTOR})
    stages = _spans(actions, {Kind.SOURCE, Kind.MATRIX, Kind.VECTOR})
    tensors = [
        Request(
            ("tensor", index),
            life.words,
            makes[life.first][0],
            max(reads[reader][1] for reader in life.readers),
        )
        for index, life in lives.items()
    ]
    return [*tensors, *_staging_requests(works, stages, makes)]


def _staging_requests(works: Sequence[Work], stages: Spans, makes: Spans) -> Iterator[Request]:
    """Yield the room of the staged operands and results, two halves each."""
    for number, work in enumerate(works):
        for place, source in enumerate(work.plan.sources):
            if source.half:
                yield Request(("source", 2 * number + place), 2 * source.half, *stages[number])
        if work.plan.target_half:
            yield Request(("target", number), 2 * work.plan.target_half, *makes[number])
