"""Room in a memory that is taken and given back."""

import random

import pytest

from compiler.backends.accel.pool import Pool


def test_room_is_found_taken_and_given_back():
    pool = Pool(10)
    assert pool.find(10, 0) == (0, 0)
    pool.take(0, 6)
    assert pool.find(5, 0) is None
    assert pool.find(4, 0) == (6, 0)
    pool.give(0, 6, 100)
    assert pool.find(10, 0) == (0, 100)


def test_the_room_that_is_free_earliest_comes_first():
    pool = Pool(9)
    pool.take(0, 9)
    for start, cycle in ((0, 30), (3, 20), (6, 10)):
        pool.give(start, 3, cycle)
    assert pool.find(3, 0) == (6, 10)
    assert pool.find(6, 0) == (3, 20)
    assert pool.find(9, 0) == (0, 30)
    assert pool.find(3, 25) == (3, 25)


def test_nothing_takes_no_room():
    pool = Pool(2)
    pool.take(0, 2)
    assert pool.find(0, 7) == (0, 7)
    pool.take(0, 0)
    pool.give(1, 0, 5)
    assert pool.find(1, 7) is None


@pytest.mark.parametrize("seed", range(30))
def test_random_pieces_never_overlap(seed):
    draw, pool, now = random.Random(seed), Pool(40), 0
    held: list[tuple[int, int]] = []
    free_from = [0] * 40
    for _ in range(200):
        now += draw.randint(0, 3)
        count = draw.randint(1, 12)
        found = pool.find(count, now)
        taken = {word for start, size in held for word in range(start, start + size)}
        if found is None or draw.random() < 0.3:
            gaps = "".join("x" if word in taken else " " for word in range(40))
            assert found is not None or " " * count not in gaps, f"seed {seed}"
            if held:
                start, size = held.pop(draw.randrange(len(held)))
                end = now + draw.randint(0, 9)
                pool.give(start, size, end)
                free_from[start : start + size] = [end] * size
            continue
        start, cycle = found
        words = range(start, start + count)
        assert words.stop <= 40, f"seed {seed}"
        assert taken.isdisjoint(words), f"seed {seed}"
        assert cycle >= max(free_from[word] for word in words), f"seed {seed}"
        pool.take(start, count)
        held.append((start, count))
