"""Why a program comes to a stand: for each engine that is stuck, what it waits for and why in vain.

The reason that is at the root comes first: a token that nobody gives. Where every token has its
giver, engines wait for each other in a ring, or an instruction stands behind a full queue.
"""

from collections.abc import Iterator, Sequence

from .findings import Finding, Kind, Writer
from .tokens import MOST_TOKENS, Order, Stuck, Tokens

__all__ = ["deadlocks"]


def deadlocks(writer: Writer, tokens: Sequence[Tokens], order: Order) -> Iterator[Finding]:
    """Yield what stands still at the end of the run, the roots first."""
    explained = [_explain(writer, tokens, order, stuck) for stuck in order.stuck]
    roots = [finding for finding in explained if len(finding.instructions) == 1]
    yield from sorted(roots, key=lambda finding: finding.instructions)
    rest = [finding for finding in explained if len(finding.instructions) > 1]
    yield from sorted(rest, key=lambda finding: finding.instructions)


def _explain(writer: Writer, tokens: Sequence[Tokens], order: Order, stuck: Stuck) -> Finding:
    engine, other = tokens[stuck.index].engine, stuck.other
    name, ours, theirs = writer.name(stuck.index), engine.name.lower(), other.name.lower()
    partner = _partner(tokens, order, stuck)
    if stuck.full:
        begin = f"{name} cannot give {theirs} a token, {MOST_TOKENS} are there"
        if partner is None:
            text = f"{begin} and no instruction takes one; signal {theirs} less often"
            return Finding(Kind.DEADLOCK, (stuck.index,), text)
        verb = "takes"
    else:
        begin = f"{name} waits for a token of {theirs}"
        if partner is None:
            text = (
                f"{begin} that no instruction gives; let an earlier instruction of {theirs} signal "
                f"{ours}, or drop the wait"
            )
            return Finding(Kind.DEADLOCK, (stuck.index,), text)
        verb = "gives"
    text = f"{begin}; the next one that {verb} one is {writer.name(partner)}, "
    return _blocked(writer, tokens, order, stuck, (partner, text))


def _blocked(
    writer: Writer, tokens: Sequence[Tokens], order: Order, stuck: Stuck, waited: tuple[int, str]
) -> Finding:
    """Say what keeps the instruction that would help."""
    partner, text = waited
    heads = {tokens[item.index].engine: item.index for item in order.stuck}
    head = heads.get(stuck.other)
    indices = (stuck.index, partner)
    if head == partner:
        text += "which waits in its turn"
    elif head is not None:
        text += f"which comes behind {writer.name(head)}, and that one waits too"
    else:
        head = min(heads.values())
        text += f"which is not queued: {writer.name(head)} and those behind it fill a queue"
    advice = "move the one that helps before the one that waits, or drop one of the waits"
    return Finding(Kind.DEADLOCK, indices, f"{text}; {advice}")


def _partner(tokens: Sequence[Tokens], order: Order, stuck: Stuck) -> int | None:
    """Return the next instruction that gives, or takes, the token which is missing."""
    engine = tokens[stuck.index].engine
    # What has started has taken its tokens, but has not given them if it cannot finish.
    held = set() if stuck.full else {item.index for item in order.stuck if item.full}
    through = set(order.sequence) - held
    for index, item in enumerate(tokens):
        if item.engine == stuck.other and index not in through:
            mask = item.wait if stuck.full else item.signal
            if mask >> engine & 1:
                return index
    return None
