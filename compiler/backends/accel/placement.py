"""Where tensors stand in act, and the allocator that finds room for them over time."""

from dataclasses import dataclass, replace

from isa.config import Config

from .layers import Tensor
from .ranges import Range

__all__ = ["Border", "Placement", "Request", "allocate", "pixel_words"]


def pixel_words(channels: int, config: Config) -> int:
    """Return the act words that a pixel of `channels` int8 takes."""
    return -(-channels // config.act_word_bytes)


@dataclass(frozen=True)
class Border:
    """Pixels kept around a tensor in act for windows that reach over its edge."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


@dataclass(frozen=True)
class Placement:
    """Lines of a tensor in act.

    Attributes
    ----------
    base : int, act word of pixel (first_line, -left)
    pixel : int, words of a pixel
    pitch : int, words from a line to the next
    left : int, border pixels before the first
    first_line : int, the line that stands at `base`; negative where that is border
    first_group : int, the group of columns that stands first in a pixel
    """

    base: int
    pixel: int
    pitch: int
    left: int = 0
    first_line: int = 0
    first_group: int = 0

    def word(self, line: int, pixel: int) -> int:
        """Return the act word where pixel `pixel` of line `line` begins."""
        return self.base + (line - self.first_line) * self.pitch + (pixel + self.left) * self.pixel

    def vector(self, line: int, pixel: int, group: int, per_word: int) -> int:
        """Return the address of a group of columns, in vectors, `per_word` to an act word."""
        return self.word(line, pixel) * per_word + group - self.first_group

    def lines(self, start: int, stop: int) -> Range:
        """Return the range of act that holds lines start..stop - 1, borders included."""
        first = self.base + (start - self.first_line) * self.pitch
        return Range("act", first, first + (stop - start) * self.pitch)

    def joined(self, count: int) -> "Placement":
        """Return the same place seen as pixels that are `count` pixels each."""
        base = self.base + self.left * self.pixel
        return replace(self, base=base, pixel=count * self.pixel, left=0)

    def spread(self) -> "Placement":
        """Return a place where a walk over pixels or over lines visits all banks of act."""
        pixel = self.pixel | 1
        return replace(self, pixel=pixel, pitch=self.pitch // self.pixel * pixel | 1)

    def interleaved(self, width: int, banks: int) -> "Placement":
        """Return a place where the lines of a window `width` pixels wide follow each other's bank.

        So a walk over the window visits all banks of act in turn.
        """
        return replace(self, pitch=self.pitch + (width * self.pixel - self.pitch) % banks)

    @staticmethod
    def whole(base: int, tensor: Tensor, border: Border, config: Config) -> "Placement":
        """Return the placement of a whole tensor with its border at act word `base`."""
        pixel = pixel_words(tensor.channels, config)
        pitch = (border.left + tensor.width + border.right) * pixel
        return Placement(base, pixel, pitch, border.left, -border.top)


@dataclass(frozen=True)
class Request:
    """`words` of act, from time `first` to time `last`, both included."""

    key: tuple[str, int]
    words: int
    first: int
    last: int

    def overlaps(self, other: "Request") -> bool:
        """Return whether both are needed at some time."""
        return self.first <= other.last and other.first <= self.last


def allocate(requests: list[Request], words: int) -> dict[tuple[str, int], int] | Request:
    """Return the base of each request, first fit, the largest first; or one that finds no room."""
    placed: list[tuple[int, Request]] = []
    for request in sorted(requests, key=lambda item: (-item.words, item.first)):
        busy = sorted(
            (base, base + other.words) for base, other in placed if other.overlaps(request)
        )
        position = 0
        for start, stop in busy:
            if start - position >= request.words:
                break
            position = max(position, stop)
        if position + request.words > words:
            return request
        placed.append((position, request))
    return {request.key: base for base, request in placed}
