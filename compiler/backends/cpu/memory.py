"""Where every tensor of a program lies: planned before it runs, by when it is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...ir.dims import Dim, Symbol
from .arena import Lifetime, plan
from .constants import ConstantBlock
from .graph import Tensor
from .inheritance import Span, blocks_of, find_heirs, touched_by
from .program import KernelCall, Program
from .sizes import parts_of, symbols_of

__all__ = ["Layout", "lay_out_memory"]

# Part of the arena that results in place have to save: a kernel that is used both ways is two
# functions, and an LSTM, of which they save 1/170, took 9 % longer.
_LEAST_SAVING = 1 / 32


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """Where every tensor of a program lies.

    Attributes
    ----------
    places : Mapping of Tensor to (segment, offset)
        By root. Segments are members of the argument block: "inputs" and "outputs" (offset is the
        number), "arena" and "constants".
    arena_bytes : int
    constants : ConstantBlock
        Yet to be collected.
    symbols : tuple of Symbol
        Of sizes that each run has its own of. The argument block then has one more member, the
        address of their values (i64).
    workspace : tuple of Dim
        Bytes of further outputs, for tensors in between whose sizes are such.
    """

    places: Mapping[Tensor, tuple[str, int]]
    arena_bytes: int
    constants: ConstantBlock
    symbols: tuple[Symbol, ...] = ()
    workspace: tuple[Dim, ...] = ()


def lay_out_memory(program: Program, *, least_saving: float = _LEAST_SAVING) -> Layout:
    """Return the places of all tensors of `program`.

    Parameters
    ----------
    least_saving : float
        Results lie where operands did that are needed no more, as kernels allow it, if that saves
        this part of the arena, or some bytes whose number is known only at run time. More than 1 is
        never, minus infinity always.
    """
    places: dict[Tensor, tuple[str, int]] = {}
    for segment, tensors in (("inputs", program.inputs), ("outputs", program.outputs)):
        places |= {tensor.root: (segment, number) for number, tensor in enumerate(tensors)}
    spans: dict[Tensor, Span] = {}
    known = ConstantBlock()
    for number, operation in enumerate(program.operations):
        for tensor in touched_by(operation):
            root = tensor.root
            if root in places:
                continue
            if not root.is_known:
                spans[root] = spans.get(root, (number, number))[0], number
                continue
            places[root] = "constants", known.place(root)
    open_ = {root: span for root, span in spans.items() if not isinstance(root.size_bytes, int)}
    closed = {root: span for root, span in spans.items() if root not in open_}
    heirs = find_heirs(program.operations, spans) if least_saving <= 1 else {}
    workspace: list[Dim] = []
    for place, block in enumerate(_share(open_, heirs), len(program.outputs)):
        places |= dict.fromkeys(block, ("outputs", place))
        workspace.append(block[0].size_bytes)
    offsets, arena_bytes = _place(closed, heirs, least_saving)
    places |= {root: ("arena", offset) for root, offset in offsets.items()}
    return Layout(places, arena_bytes, known, _symbols(program), tuple(workspace))


def _symbols(program: Program) -> tuple[Symbol, ...]:
    """Return the symbols that a program's kernels need, those of derived ones instead of them."""
    found: set[Symbol] = set()
    pending = [
        symbol
        for operation in program.operations
        if isinstance(operation, KernelCall)
        for symbol in symbols_of(operation.kernel)
    ]
    while pending:
        symbol = pending.pop()
        if type(symbol) is Symbol:
            found.add(symbol)
        else:
            pending.extend(symbols_of(parts_of(symbol)))
    return tuple(sorted(found, key=str))


def _place(
    spans: Mapping[Tensor, Span], heirs: Mapping[Tensor, Tensor], least_saving: float
) -> tuple[dict[Tensor, int], int]:
    """Return the offsets of tensors in the arena, and its size: with heirs if that is worth it.

    Parameters
    ----------
    heirs : as of `find_heirs`, for all tensors
    """
    given = {target: source for target, source in heirs.items() if target in spans}
    alone, size_bytes = _plan_blocks(spans, {})
    together, less_bytes = _plan_blocks(spans, given)
    if size_bytes - less_bytes < size_bytes * least_saving:
        return alone, size_bytes
    return together, less_bytes


def _plan_blocks(
    spans: Mapping[Tensor, Span], heirs: Mapping[Tensor, Tensor]
) -> tuple[dict[Tensor, int], int]:
    """Return the offsets of tensors in the arena, and its size, with heirs where they inherit."""
    blocks = blocks_of(spans, heirs)
    offsets, size_bytes = plan([_lifetime(block, spans) for block in blocks])
    pairs = zip(blocks, offsets, strict=True)
    return {tensor: offset for block, offset in pairs for tensor in block}, size_bytes


def _lifetime(block: Sequence[Tensor], spans: Mapping[Tensor, Span]) -> Lifetime:
    """Return when the memory is needed that some tensors have one after the other."""
    first, last = spans[block[0]][0], spans[block[-1]][1]
    return Lifetime(max(tensor.size_bytes for tensor in block), first, last)


def _share(spans: Mapping[Tensor, Span], heirs: Mapping[Tensor, Tensor]) -> list[list[Tensor]]:
    """Return blocks of tensors that have one memory, each of one size."""
    found: list[list[Tensor]] = []
    for block in blocks_of(spans, {one: heirs[one] for one in spans if one in heirs}):
        free = (
            earlier
            for earlier in found
            if earlier[0].size_bytes == block[0].size_bytes
            and spans[earlier[-1]][1] < spans[block[0]][0]
        )
        earlier = next(free, [])
        if not earlier:
            found.append(earlier)
        earlier += block
    return found
