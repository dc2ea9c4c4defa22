"""The order of all work: complete, fit for every memory, and overlapping."""

import itertools

import pytest

from compiler.backends.accel import compile_region, extract
from compiler.backends.accel.layers import Convolution
from compiler.backends.accel.plan import make_plan
from compiler.backends.accel.progress import Kind
from isa.config import preset
from isa.instructions import Opcode
from simulator.timing import cycles, predict


@pytest.fixture(params=range(300, 324))
def planned(request, configs, random_network):
    """A configuration and the plan of a random network; the seed is in the name of the test."""
    config = configs[list(configs)[request.param % len(configs)]]
    graph = extract("net", random_network(request.param, layers=6)["main"])
    return config, make_plan(graph, config, ahead=request.param % 2 == 0)


def test_every_unit_is_emitted_once_in_order(planned):
    _, plan = planned
    for number, work in enumerate(plan.works):
        mine = [action for action in plan.actions if action.layer == number]
        vectors = [action.index for action in mine if action.kind is Kind.VECTOR]
        ends = [index for index, unit in enumerate(work.units) if unit.part.last]
        assert vectors == ends
        kinds = [action.kind for action in mine]
        assert Kind.BORDER not in kinds or kinds.index(Kind.BORDER) < min(
            kinds.index(kind) for kind in (Kind.MATRIX, Kind.VECTOR) if kind in kinds
        )
        assert kinds.count(Kind.BORDER) <= 1
        products = [action.index for action in mine if action.kind is Kind.MATRIX]
        multiplies = isinstance(work.layer, Convolution)
        assert products == (list(range(len(work.units))) if multiplies else [])
        for (index, step), (kind, size) in itertools.product(
            enumerate(work.steps), ((Kind.WEIGHTS, "tiles"), (Kind.PARAMS, "params"))
        ):
            pieces = [
                (action.first, action.stop)
                for action in mine
                if action.kind is kind and action.index == index
            ]
            ends = [0, *(stop for _, stop in pieces)]
            assert [first for first, _ in pieces] == ends[:-1]
            assert ends[-1] == getattr(step, size)


def test_parameters_stand_still_while_they_are_used(planned):
    """From the first load of a step to its last use, nothing else is loaded to its words."""
    config, plan = planned
    for memory, size, loader, user in (
        ("weight", "tiles", Kind.WEIGHTS, Kind.MATRIX),
        ("param", "params", Kind.PARAMS, Kind.VECTOR),
    ):
        lives = []
        for number, work in enumerate(plan.works):
            for index, step in enumerate(work.steps):
                count = getattr(step, size)
                uses = [
                    (position, action)
                    for position, action in enumerate(plan.actions)
                    if action.layer == number
                    and action.kind in (loader, user)
                    and _step_of(work, action) == index
                ]
                if count:
                    start = getattr(uses[0][1], memory)
                    lives.append((uses[0][0], uses[-1][0], start, start + count))
        for one, two in itertools.combinations(lives, 2):
            apart = one[1] < two[0] or two[1] < one[0]
            assert apart or one[3] <= two[2] or two[3] <= one[2], (config.name, memory, one, two)


def test_borders_are_filled_while_nothing_else_is_to_do(network_maker):
    maker, config = network_maker(1), preset("vta")
    window = {"padding": (1, 1, 1, 1), "strides": (1, 1), "dilation": (1, 1)}
    value = maker.input(16, 16, 16)
    for _ in range(9):
        value = maker.convolution(value, 16, (3, 3), **window)
    graph = extract("net", maker.module()["main"])
    late, early = (make_plan(graph, config, ahead=ahead).actions for ahead in (False, True))
    place = {ahead: _places(actions) for ahead, actions in ((False, late), (True, early))}
    # The last layer is further from the first one than layers at work together.
    assert place[False][7] > len(late) // 2
    assert place[True][7] < len(early) // 4


def _places(actions):
    """Return where in the order each layer's border is filled."""
    return {
        action.layer: place for place, action in enumerate(actions) if action.kind is Kind.BORDER
    }


def test_where_act_has_no_room_borders_wait(network_maker):
    maker, config = network_maker(1), preset("vta")
    window = {"padding": (1, 1, 1, 1), "strides": (1, 1), "dilation": (1, 1)}
    value = maker.input(56, 56, 32)
    for _ in range(6):
        value = maker.convolution(value, 32, (3, 3), **window)
    actions = make_plan(extract("net", maker.module()["main"]), config, ahead=True).actions
    place = _places(actions)
    # Act holds two tensors.
    assert place[1] < 10
    assert place[4] > len(actions) // 2


def _step_of(work, action):
    """Return the step that an action loads or uses."""
    loads = action.kind in (Kind.WEIGHTS, Kind.PARAMS)
    return action.index if loads else work.units[action.index].step


def test_an_addition_runs_beside_products(network_maker):
    """The sum of a residual block is made while the matrix engine is at the next convolution."""
    maker, window = network_maker(7), {"padding": (1, 1, 1, 1), "strides": (1, 1)}
    first = maker.convolution(maker.input(16, 16, 32), 32, (3, 3), dilation=(1, 1), **window)
    second = maker.convolution(first, 32, (3, 3), dilation=(1, 1), **window)
    total = maker.add(first, second)
    maker.convolution(total, 32, (3, 3), dilation=(1, 1), **window)
    config = preset("vta")
    region = compile_region(extract("net", maker.module()["main"]), config)
    trace = predict(region.program.words, config).instruction_trace
    ends = {int(row["index"]): int(row["end_cycle"]) for row in trace}
    starts = {int(row["index"]): int(row["start_cycle"]) for row in trace}
    rows = list(enumerate(region.program.instructions()))
    layers = region.instruction_layers
    products = [index for index, row in rows if row.opcode == Opcode.MATRIX]
    sums = [
        index
        for index, row in rows
        if row.opcode == Opcode.VECTOR and "Add" in _name(region, index)
    ]
    assert sums, [layer.name for layer in region.layers]
    last = [index for index in products if layers[index] == layers[products[-1]]]
    assert starts[last[0]] < max(ends[index] for index in sums)
    busy = sum(ends[index] - starts[index] for index in products)
    assert busy > 0.85 * max(ends.values())


def _name(region, index):
    layer = region.layers[region.instruction_layers[index]]
    return "Add" if layer.operator == "add" else layer.operator


@pytest.mark.parametrize("seed", range(400, 404))
def test_the_model_of_cycles_chooses_the_fastest_cut(seed, random_network):
    graph, config = extract("net", random_network(seed, layers=5)["main"]), preset("vta")
    seen = []

    def model(program):
        seen.append(cycles(program))
        return seen[-1]

    region = compile_region(graph, config, model)
    assert len(seen) >= 2, f"seed {seed}"
    assert cycles(region.program) == min(seen), f"seed {seed}"
