"""Room in act: what is alive at the same time never overlaps, and nothing reaches over the end."""

import random

import pytest

from compiler.backends.accel.layers import Tensor
from compiler.backends.accel.placement import Border, Placement, Request, allocate, pixel_words
from isa.config import preset

TINY = preset("tiny")


@pytest.mark.parametrize("seed", range(60))
def test_allocate(seed):
    draw = random.Random(seed)
    requests = []
    for number in range(draw.randint(1, 25)):
        first = draw.randint(0, 10)
        requests.append(
            Request(("tensor", number), draw.randint(1, 60), first, first + draw.randint(0, 4))
        )
    words = draw.choice([60, 120, 250])
    found = allocate(requests, words)
    crowd = {
        layer: sum(item.words for item in requests if item.first <= layer <= item.last)
        for layer in range(16)
    }
    if isinstance(found, Request):
        assert found in requests
        reach = sum(
            item.words for item in requests if item.first <= found.last and found.first <= item.last
        )
        assert reach > words, f"seed {seed}: {found} has room"
        return
    assert max(crowd.values()) <= words
    assert found.keys() == {item.key for item in requests}
    for item in requests:
        assert 0 <= found[item.key] <= words - item.words
        for other in requests:
            apart = other.first > item.last or item.first > other.last or other is item
            ends = found[item.key] + item.words, found[other.key] + other.words
            below = ends[0] <= found[other.key] or ends[1] <= found[item.key]
            assert apart or below, f"seed {seed}: {item.key} and {other.key} overlap"


def test_allocate_fills_gaps():
    """What is over makes room for what comes."""
    requests = [
        Request(("tensor", 0), 6, 0, 1),
        Request(("tensor", 1), 4, 0, 3),
        Request(("tensor", 2), 6, 2, 3),
    ]
    assert allocate(requests, 10) == {("tensor", 0): 0, ("tensor", 2): 0, ("tensor", 1): 6}
    assert allocate(requests, 9) == requests[1]


def test_words_of_a_placement():
    """Two words a pixel, one border pixel left, two right, one line above."""
    tensor = Tensor(0, height=3, width=4, channels=5)
    assert pixel_words(5, TINY) == 2
    placement = Placement.whole(100, tensor, Border(1, 1, 0, 2), TINY)
    assert placement.pitch == 14
    assert placement.word(-1, -1) == 100
    assert placement.word(0, 0) == 100 + 14 + 2
    assert placement.word(2, 5) == 100 + 3 * 14 + 6 * 2
    rows = placement.lines(0, 2)
    assert (rows.memory, rows.start, rows.stop) == ("act", 114, 142)


@pytest.mark.parametrize("channels", range(1, 40))
def test_a_spread_place_visits_all_banks(channels):
    """Two pixels, or two lines, that follow each other never stand in the same bank."""
    tensor = Tensor(0, height=3, width=6, channels=channels)
    place = Placement.whole(7, tensor, Border(1, 1, 1, 1), TINY).spread()
    assert place.pixel % 2 == place.pitch % 2 == 1
    assert place.pixel >= pixel_words(channels, TINY)
    assert place.pitch >= 8 * place.pixel
    banks = TINY.act_banks
    for step in (place.pixel, place.pitch):
        assert len({index * step % banks for index in range(banks)}) == banks


@pytest.mark.parametrize("width", range(1, 6))
def test_lines_of_an_interleaved_place_follow_each_other(width):
    tensor = Tensor(0, height=3, width=9, channels=4)
    place = Placement.whole(0, tensor, Border(), TINY).interleaved(width, TINY.act_banks)
    assert place.pitch >= 9
    walk = [place.word(line, pixel) for line in range(3) for pixel in range(width)]
    first, banks = walk[0], TINY.act_banks
    assert [(word - first) % banks for word in walk] == [i % banks for i in range(3 * width)]


def test_joined_pixels_are_the_same_words():
    tensor = Tensor(0, height=4, width=6, channels=4)
    place = Placement.whole(30, tensor, Border(1, 1, 0, 1), TINY).spread()
    joined = place.joined(3)
    for line in range(4):
        assert [joined.word(line, pixel) for pixel in range(2)] == [
            place.word(line, pixel) for pixel in (0, 3)
        ]
