"""Boards as data, and what does not fit them."""

import pytest

from boards.catalog import BOARDS, find_board
from boards.device import Device, Resources, require_fit
from boards.errors import DoesNotFit, UnknownBoard

SMALL = Device("SMALL", "25k", "CABGA256", 6, Resources(lut=100, ff=50, dsp=4, bram=2))


def test_unknown_board():
    message = "^board must be one of ulx3s-85f, not 'ulx3s-12f'$"
    with pytest.raises(UnknownBoard, match=message):
        find_board("ulx3s-12f")


def test_budget_is_part_of_the_device():
    for board in BOARDS.values():
        require_fit(board.name, board.budget, board.device)


def test_all_of_it_fits():
    require_fit("all", SMALL.resources, SMALL)


@pytest.mark.parametrize(
    "needed, short",
    [
        (Resources(101, 50, 4, 2), r"101 look-up tables \(lut\), it has 100"),
        (Resources(100, 51, 4, 2), r"51 flip-flops \(ff\), it has 50"),
        (
            Resources(100, 50, 5, 3),
            r"5 multipliers of 18 x 18 bits \(dsp\), it has 4; "
            r"3 block memories of 18 kbit \(bram\), it has 2",
        ),
    ],
)
def test_short_resources_are_named(needed, short):
    message = (
        f"^design does not fit SMALL: it needs at least {short}. "
        "Take a smaller configuration, or a larger board$"
    )
    with pytest.raises(DoesNotFit, match=message):
        require_fit("design", needed, SMALL)
