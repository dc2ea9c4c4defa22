"""Cuts a nest whose body is a sequence into nests that run one after the other."""

from collections.abc import Iterator

from .expressions import Buffer
from .nodes import Nest, Sequence, Statement
from .regions import accesses_of

__all__ = ["phases"]


def phases(nest: Nest) -> tuple[Nest, ...]:
    """Return the nests that do what `nest` does, in order; each can be shared among threads.

    ::

        nest (x) -> (t, y) { A(x, t); B(t, y) }   ->   nest (x) -> (t) { A }, nest (t) -> (y) { B }

    An output that no part touches belongs to the first.
    """
    parts = [part for part in _parts(nest.body) if _touched(part)[1]] or [nest.body]
    touched = [_touched(part) for part in parts]
    found: list[Nest] = []
    for number, (part, (reads, writes)) in enumerate(zip(parts, touched, strict=True)):
        idle = [one for one in nest.outputs if not any(one in uses[1] for uses in touched)]
        outputs = [one for one in nest.outputs if one in writes or (number == 0 and one in idle)]
        inputs = [one for one in (*nest.inputs, *nest.outputs) if one in reads - set(outputs)]
        found.append(Nest(nest.name, tuple(inputs), tuple(outputs), nest.symbols, part))
    return tuple(found)


def _parts(body: Statement) -> Iterator[Statement]:
    """Yield the statements of a sequence, those of sequences in it too."""
    if isinstance(body, Sequence) and body.parts:
        for part in body.parts:
            yield from _parts(part)
    else:
        yield body


def _touched(statement: Statement) -> tuple[set[Buffer], set[Buffer]]:
    """Return the buffers that a statement reads and writes."""
    accesses = accesses_of(statement)
    reads = {buffer for buffer, _, writing, _ in accesses if not writing}
    return reads, {buffer for buffer, _, writing, _ in accesses if writing}
