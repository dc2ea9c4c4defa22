"""Rewrites of nests: what they make, what they refuse, and that the meaning stays."""

import random
import re

import pytest

from compiler.errors import InvalidSchedule
from compiler.schedule.parser import parse
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
from compiler.schedule.printer import to_text
from tests.compiler.schedule.samples import locals_of, loops, random_schedule


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 8])
def test_split(make, same, factor):
    nest = make("product")
    i, j, _ = loops(nest)
    made = split(split(nest, i, factor), j, factor)
    assert loops(made)[:2] == [f"{i}_outer", f"{i}_inner"]
    same(nest, made)


def test_fuse(make, same):
    nest = make("product")
    i, j, _ = loops(nest)
    made = fuse(nest, i, j)
    assert loops(made)[0] == f"{i}_{j}"
    same(nest, made)


def test_splitting_a_fused_loop_gives_back_the_indices(make, same):
    nest = make("product")
    i, j, _ = loops(nest)
    made = split(fuse(nest, i, j), f"{i}_{j}", 6)
    same(nest, made)
    assert "floor" not in repr(made)


def test_tile(make, same):
    nest = make("product")
    i, j, k = loops(nest)
    made = tile(nest, i, j, 2, 3)
    assert loops(made) == [f"{i}_outer", f"{j}_outer", f"{i}_inner", f"{j}_inner", k]
    same(nest, made)


def test_reorder(make, same):
    nest = make("pair")
    i, j, k, m = loops(nest)
    made = reorder(reorder(nest, j, i), m, k)
    assert loops(made) == [j, i, m, k]
    same(nest, made)


def test_a_loop_that_carries_a_dependence_may_move_inside(make, same):
    nest = make("sweep")
    _, i, j = loops(nest)
    same(nest, parallelise(reorder(nest, j, i), j))


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_split_reduction(make, same, lanes):
    nest = make("product")
    made = split_reduction(nest, loops(nest)[2], lanes)
    assert (lanes,) in locals_of(made).values()
    same(nest, made)


def test_tensorise(make, same):
    nest = make("product")
    made = tensorise(split(nest, loops(nest)[0], 5), "i0_inner")
    assert parse(to_text(made)) == made
    same(nest, made)


def test_kinds(make, same):
    nest = make("product")
    i, j, k = loops(nest)
    same(nest, unroll(vectorise(parallelise(nest, i), j), k))


def test_compute_at_the_outer_loop(make, same):
    nest = make("pair")
    *_, i, j = loops(nest)
    made = compute_at(nest, "first", i)
    assert [shape for name, shape in locals_of(made).items() if "part" in name] == [(3, 8)]
    same(nest, made)
    same(nest, compute_at(nest, "first", j))


def test_compute_at_a_tile(make, same):
    nest = make("pair")
    *_, i, j = loops(nest)
    made = compute_at(tile(nest, i, j, 4, 4), "first", f"{j}_outer")
    assert (6, 4) in locals_of(made).values()
    same(nest, made)


def test_cache_read(make, same):
    nest = make("product")
    i, j, _ = loops(nest)
    made = cache_read(cache_read(nest, i, "x0"), j, "x1")
    assert locals_of(made)["x0_cache"] == (1, 7)
    assert locals_of(made)["x1_cache"] == (7, 1)
    same(nest, made)


def test_cache_write(make, same):
    nest = make("product")
    i, j, _ = loops(nest)
    made = cache_write(nest, i, "y")
    assert locals_of(made)["y_cache"] == (1, 6)
    same(nest, made)
    same(nest, cache_write(split(nest, j, 3), f"{j}_outer", "y"))


REFUSED = [
    ("product", lambda nest, i, j, k: split(nest, "z", 2),
     "split of loop z: there is no such loop, only i0, i1, i3"),
    ("product", lambda nest, i, j, k: split(nest, i, 0),
     "split of loop i0: factor must be at least 1, not 0"),
    ("product", lambda nest, i, j, k: fuse(nest, i, k),
     "fuse of loops i0, i3: loop i3 does not stand right inside loop i1"),
    ("product", lambda nest, i, j, k: fuse(nest, j, i),
     "fuse of loops i1 and i0: loop i0 must stand right inside loop i1"),
    ("product", lambda nest, i, j, k: vectorise(nest, k),
     "vectorise of loop i3: iterations of i3 may write the same elements of t2, or read what "
     "another one writes"),
    ("product", lambda nest, i, j, k: tensorise(nest, j),
     "tensorise of loop i1: a loop over columns must stand right inside"),
    ("sweep", lambda nest, h, i, j: tensorise(nest, i),
     "tensorise of loop i1: its body must be a local that begins with 0, loops that add products "
     "of two elements to it, and the store of it"),
    ("product", lambda nest, i, j, k: unroll(tensorise(nest, i), k),
     "unroll of loop i3: it is part of a contraction: rewrite before"),
    ("sweep", lambda nest, h, i, j: split_reduction(nest, i, 4),
     "split_reduction of loop i1: its body must be stores t = t + value, or *, minimum, maximum, "
     "where t is the same in every iteration"),
    ("sweep", lambda nest, h, i, j: parallelise(nest, i),
     "parallelise of loop i1: iterations of i1 may write the same elements of y, or read what "
     "another one writes"),
    ("pair", lambda nest, *names: cache_write(nest, names[0], "x0"),
     "cache_write of x0 in loop i1: it does not write x0"),
    ("pair", lambda nest, *names: cache_read(nest, names[0], "z"),
     "cache_read of buffer z: there is no such buffer, only x0, y, t0"),
    ("sweep", lambda nest, h, i, j: cache_read(nest, i, "y"),
     "cache_read of y in loop i1: the loop writes it"),
    ("pair", lambda nest, *names: compute_at(nest, "third", names[2]),
     "compute_at of block third: there is no such block, only first, second"),
    ("pair", lambda nest, *names: compute_at(nest, "second", names[0]),
     "compute_at of block second: it must fill a buffer of the nest's own, one element for each "
     "iteration of the loops right around it, one loop an axis"),
    ("pair", lambda nest, *names: compute_at(nest, "first", names[0]),
     "compute_at of block first at loop i1: the loop does not come after block first"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rewrite", "message"), REFUSED)
def test_what_a_rewrite_refuses(make, name, rewrite, message):
    nest = make(name)
    with pytest.raises(InvalidSchedule, match=f"^{re.escape(f'nest {name}: {message}')}$"):
        rewrite(nest, *loops(nest))


def test_long_loops_are_not_written_out(make):
    nest = make("product")
    i, j, _ = loops(nest)
    fused = fuse(nest, i, j)
    twice = split(fused, f"{i}_{j}", 100)
    message = (
        "nest product: unroll of loop i0_i1_inner: the extent must be known and at most 64, not "
        "100: split it before"
    )
    with pytest.raises(InvalidSchedule, match=f"^{re.escape(message)}$"):
        unroll(twice, f"{i}_{j}_inner")


@pytest.mark.parametrize("seed", range(30))
def test_random_schedules_keep_the_meaning(same, seed):
    start, nest, done = random_schedule(random.Random(seed))
    same(start, nest, done)
