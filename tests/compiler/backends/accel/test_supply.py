"""Parameters on their way to a memory: in order, as early as there is room, in pieces."""

import pytest

from compiler.backends.accel.supply import Piece, Supply


@pytest.fixture
def supply():
    """Eight words, three at once; layer 1 has a step without any."""
    return Supply(8, 3, [[5], [0, 2], [4]])


def test_steps_come_in_pieces(supply):
    assert (supply.head, supply.words, supply.ready(7)) == ((0, 0), 5, 7)
    assert supply.take(0) == Piece(0, 0, 0, 3, last=False)
    assert supply.head == (0, 0)
    assert supply.loaded(0, 0) is None
    piece = supply.take(10)
    assert piece == Piece(0, 0, 3, 5, last=True)
    supply.arrive(piece, 40)
    assert supply.loaded(0, 0) == 40
    assert supply.head == (1, 1)


def test_a_step_without_words_is_always_there(supply):
    assert supply.loaded(1, 0) == 0
    assert supply.place(1, 0) == 0


def test_a_step_waits_for_room(supply):
    while supply.head != (2, 0):
        supply.arrive(supply.take(0), 20)
    assert (supply.place(0, 0), supply.place(1, 1)) == (0, 5)
    assert supply.ready(30) is None
    supply.give(0, 0, 90)
    assert supply.ready(30) == 90
    assert supply.take(90) == Piece(2, 0, 0, 3, last=False)
    assert supply.place(2, 0) == 0
    assert supply.take(95) == Piece(2, 0, 3, 4, last=True)
    assert supply.head is None
