"""Emission of a formula at one place of the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes
from ..formula import Formula, Node
from ..operations import OPERATIONS
from ..site import Site, literal

__all__ = ["Evaluator", "Origin", "lanes_of", "open_pieces", "pieces"]


def lanes_of(
    formula: Formula, axis: int, target_stride: int, extent: int, vector_bytes: int
) -> int:
    """Return how many neighbours along `axis` a formula is computed for at once.

    A power of two; 1 where the tensors are not contiguous along the axis.
    """
    loads = [node for node in formula if node.operation == "load"]
    if target_stride != 1 or any(node.strides[axis] not in (0, 1) for node in loads):
        return 1
    widest = max(element_bytes(node.dtype) for node in formula)
    if not isinstance(extent, int):
        return vector_bytes // widest
    full = min(vector_bytes // widest, 1 << (extent.bit_length() - 1))
    # Somewhat shorter vectors are better than a remainder.
    exact = (lanes for lanes in (full, full // 2, full // 4) if lanes and extent % lanes == 0)
    return next(exact, full)


def pieces(extent: int, lanes: int) -> list[tuple[int, int, int]]:
    """Return (start, stop, lanes) that cover `extent`: whole vectors, then single elements."""
    if not isinstance(extent, int):
        return open_pieces(extent, lanes)
    whole = extent - extent % lanes
    parts = ((0, whole, lanes), (whole, extent, 1))
    return [(start, stop, width) for start, stop, width in parts if start < stop]


def open_pieces(extent: int, lanes: int) -> list[tuple[int, int, int]]:
    """Return (start, stop, lanes) for an extent that is not known yet: ever shorter vectors."""
    found, start = [], 0
    while lanes:
        stop = extent // lanes * lanes
        found.append((start, stop, lanes))
        # Up to three of each shorter kind: fewer kinds make less code.
        start, lanes = stop, max(lanes // 4, 1) if lanes > 1 else 0
    return found


Columns = dict[tuple[int, int, int], str]
"""Loaded values by node, place along the last axis, and lanes."""


class Evaluator:
    """Emits one formula, any number of times.

    Parameters
    ----------
    builder : Builder
        Still at the function's entry: what is the same everywhere is loaded there.
    formula : Formula
    pointers : sequence of str
        Addresses of the tensors that its loads read.
    """

    def __init__(self, builder: Builder, formula: Formula, pointers: Sequence[str]) -> None:
        self._builder = builder
        self._formula = formula
        self._pointers = pointers
        self._scalars = {
            number: builder.load(node.dtype, pointers[node.argument])
            for number, node in enumerate(formula)
            if node.operation == "load" and not any(node.strides)
        }

    def emit(
        self,
        indices: Sequence[Index],
        lanes: int,
        anchor: str = "",
        shared: "Columns | None" = None,
    ) -> str:
        """Return the value at `indices` and its `lanes - 1` neighbours along the last axis.

        Parameters
        ----------
        anchor : str
            What the kernel computed there.
        shared : Columns, optional
            What `shared` returned for the same place along the last axis.
        """
        return self.emit_near(self.origin(indices, shared), (), lanes, anchor)

    def shared(self, indices: Sequence[Index], lanes: int) -> "Columns":
        """Return what depends on the last of `indices` alone."""
        origin = self.origin(indices)
        for number in origin.places:
            node = self._formula[number]
            if node.strides[-1] and not any(node.strides[:-1]):
                self._load(number, node, origin, (), lanes)
        return origin.columns

    def origin(self, indices: Sequence[Index], shared: "Columns | None" = None) -> "Origin":
        """Return a place from which others can be reached by known steps."""
        build, places = self._builder, {}
        have = {key[0] for key in shared or ()}
        for number, node in enumerate(self._formula):
            if node.operation == "load" and number not in self._scalars and number not in have:
                offset = build.offset(indices, node.strides)
                size = element_bytes(node.dtype)
                places[number] = build.address(self._pointers[node.argument], offset, size)
        return Origin(places, {} if shared is None else shared)

    def emit_near(
        self, origin: "Origin", shift: Sequence[int], lanes: int, anchor: str = ""
    ) -> str:
        """Return the value `shift` away from `origin` (by axis), and its neighbours.

        What depends on the last axis alone is loaded once for each place along it: the builder
        must be in the block in which it was at the first such call, or in one that follows it.
        """
        values: list[str] = []
        for number, node in enumerate(self._formula):
            values.append(self._node(number, node, values, (origin, shift), lanes, anchor))
        return values[-1]

    def _node(
        self,
        number: int,
        node: Node,
        values: list[str],
        place: "tuple[Origin, Sequence[int]]",
        lanes: int,
        anchor: str,
    ) -> str:
        """Return the value of one node."""
        build = self._builder
        match node.operation:
            case "anchor":
                return anchor
            case "immediate":
                assert isinstance(node.value, int | float)
                return build.splat(node.dtype, literal(node.value, node.dtype), lanes)
            case "load":
                if number in self._scalars:
                    return build.splat(node.dtype, self._scalars[number], lanes)
                return self._load(number, node, *place, lanes)
            case operation:
                dtypes = tuple(self._formula[operand].dtype for operand in node.operands)
                names = tuple(values[operand] for operand in node.operands)
                return OPERATIONS[operation](Site(build, node, dtypes, names, lanes))

    def _load(
        self, number: int, node: Node, origin: "Origin", shift: Sequence[int], lanes: int
    ) -> str:
        """Return elements of a tensor."""
        build = self._builder
        key = number, shift[-1] if shift else 0, lanes
        if key in origin.columns:
            return origin.columns[key]
        offset = sum(step * stride for step, stride in zip(shift, node.strides, strict=False))
        address = build.address(origin.places[number], offset, element_bytes(node.dtype))
        if node.strides[-1] == 0:
            return build.splat(node.dtype, build.load(node.dtype, address), lanes)
        value = build.load(node.dtype, address, lanes)
        if not any(node.strides[:-1]):
            origin.columns[key] = value
        return value


@dataclass(frozen=True, eq=False, slots=True)
class Origin:
    """A place of the result.

    Attributes
    ----------
    places : Mapping of int to str
        Addresses of what loads read there, by node.
    columns : Columns
        Values that depend on the last axis alone.
    """

    places: Mapping[int, str]
    columns: Columns
