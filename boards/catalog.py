"""The boards there are."""

from .board import Board
from .errors import UnknownBoard
from .ulx3s import ULX3S_85F

__all__ = ["BOARDS", "find_board"]

BOARDS = {board.name: board for board in (ULX3S_85F,)}


def find_board(name: str) -> Board:
    """Return the board `name`.

    Raises
    ------
    UnknownBoard
        There is no such board.
    """
    if name not in BOARDS:
        raise UnknownBoard(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
