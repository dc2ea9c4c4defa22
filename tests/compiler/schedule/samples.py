"""Nests to rewrite, and random rewrites of them."""

from collections.abc import Callable

from compiler.errors import InvalidSchedule
from compiler.schedule.expressions import Buffer
from compiler.schedule.functions import inside, maximum
from compiler.schedule.nodes import Allocate, For, Nest
from compiler.schedule.primitives import (
    cache_read,
    cache_write,
    compute_at,
    fuse,
    parallelise,
    reorder,
    split,
    split_reduction,
    tensorise,
    tile,
    unroll,
    vectorise,
)
from compiler.schedule.verify import verify
from compiler.schedule.walk import statements_of
from compiler.schedule.writer import Writer


def loops(nest):
    return [one.variable for one in statements_of(nest.body) if isinstance(one, For)]


def locals_of(nest):
    return {
        one.buffer.name: one.buffer.shape
        for one in statements_of(nest.body)
        if isinstance(one, Allocate)
    }


def _product(nest: Writer) -> None:
    (a, b), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as (i, j), nest.block("product"):
        total = nest.local("int32", 0)
        with nest.loop(a.shape[1]) as k:
            nest.store(total, total + a[i, k] * b[k, j])
        nest.store(out[i, j], total)


def _pair(nest: Writer) -> None:
    """A buffer of the nest's own between two loop nests."""
    (data,), (out,) = nest.inputs, nest.outputs
    between = nest.scratch("int32", out.shape[0] + 2, out.shape[1])
    with nest.loops(*between.shape) as (i, j), nest.block("first"):
        nest.store(between[i, j], inside(data, (i - 1, j)) * 3)
    with nest.loops(*out.shape) as (i, j), nest.block("second"):
        nest.store(out[i, j], between[i, j] + between[i + 1, j] - between[i + 2, j])


def _sweep(nest: Writer) -> None:
    """A recurrence down the lines: their order is part of the meaning."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[1]) as j, nest.block("start"):
        nest.store(out[0, j], data[0, j])
    with nest.loops(out.shape[0] - 1, out.shape[1]) as (i, j), nest.block("step"):
        nest.store(out[i + 1, j], maximum(out[i, j] * 2 - data[i + 1, j], data[i, j]))


_SHAPES: dict[str, tuple[Callable[[Writer], None], list[tuple[int, ...]], tuple[int, ...]]] = {
    "product": (_product, [(5, 7), (7, 6)], (5, 6)),
    "pair": (_pair, [(6, 8)], (6, 8)),
    "sweep": (_sweep, [(5, 9)], (5, 9)),
}


def make_nest(name: str) -> Nest:
    """Return a nest: product, pair or sweep."""
    define, inputs, output = _SHAPES[name]
    buffers = [Buffer(f"x{number}", shape, "int32") for number, shape in enumerate(inputs)]
    writer = Writer(name, buffers, [Buffer("y", output, "int32")])
    define(writer)
    nest = writer.finish()
    verify(nest)
    return nest


def any_rewrite(nest, choice):
    """Return a random rewrite of a nest, and what it is called."""
    names = loops(nest)
    first, second = choice.choice(names), choice.choice(names)
    block = choice.choice(["first", "second", "product", "step"])
    buffer = choice.choice(["x0", "x1", "y", *locals_of(nest)])
    factor = choice.randint(1, 6)
    return choice.choice(
        [
            (f"split {first} {factor}", lambda: split(nest, first, factor)),
            (f"fuse {first} {second}", lambda: fuse(nest, first, second)),
            (f"reorder {second} {first}", lambda: reorder(nest, second, first)),
            (f"tile {first} {second}", lambda: tile(nest, first, second, factor, 3)),
            (f"split_reduction {first}", lambda: split_reduction(nest, first, factor)),
            (f"tensorise {first}", lambda: tensorise(nest, first)),
            (f"parallelise {first}", lambda: parallelise(nest, first)),
            (f"vectorise {first}", lambda: vectorise(nest, first)),
            (f"unroll {first}", lambda: unroll(nest, first)),
            (f"compute_at {block} {first}", lambda: compute_at(nest, block, first)),
            (f"cache_read {first} {buffer}", lambda: cache_read(nest, first, buffer)),
            (f"cache_write {first} {buffer}", lambda: cache_write(nest, first, buffer)),
        ]
    )


def random_schedule(choice):
    """Return a random nest, the same after some random rewrites, and what these were."""
    nest = start = make_nest(choice.choice(["product", "pair", "sweep"]))
    done = []
    for _ in range(40):
        name, rewrite = any_rewrite(nest, choice)
        try:
            nest = rewrite()
        except InvalidSchedule:
            continue
        done.append(name)
        if len(done) == 5:
            break
    return start, nest, done
