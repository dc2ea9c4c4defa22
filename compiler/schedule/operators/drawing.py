"""random.*: Threefry, block by block, and the numbers that are made of its words."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...ir.dims import Dim
from ...ops.operator import Attributes
from ...ops.random import PARITY, ROTATIONS
from ..expressions import Buffer, Constant, Expr, Load
from ..functions import call, cast, clamp, either, equal, minimum, select, unequal
from .axes import Define, element, fixed, flat_index, widened
from .definition import Definition

__all__ = ["ROWS"]


def _word(value: int) -> Expr:
    return Constant(value, "uint64")


def _xor(left: Expr, right: Expr) -> Expr:
    return call("bitwise_xor", left, right)


def _threefry(nest: Definition, key: Sequence[Expr], counter: Sequence[Expr]) -> Buffer:
    """Return one block of four words."""
    schedule, x = nest.scratch("uint64", 5), nest.scratch("uint64", 4)
    mixed: Expr = _word(PARITY)
    for word, part in enumerate(key):
        nest.store(schedule[word], part)
        nest.store(x[word], counter[word] + part)
        mixed = _xor(mixed, part)
    nest.store(schedule[4], mixed)
    counts = nest.table(ROTATIONS, "uint64")
    with nest.loop(20) as turn:
        for side, (left, right) in enumerate(((0, 1), (2, 3))):
            count = counts[turn % 8, side]
            nest.store(x[left], x[left] + x[right])
            high = call("left_shift", x[right], count)
            low = call("right_shift", x[right], _word(64) - count)
            nest.store(x[right], _xor(call("bitwise_or", high, low), x[left]))
        kept = nest.local("uint64", x[1])
        nest.store(x[1], x[3])
        nest.store(x[3], kept)
        with nest.when(equal(turn % 4, 3)):
            step = turn // 4 + 1
            for word in range(4):
                nest.store(x[word], x[word] + schedule[(step + word) % 5])
            nest.store(x[3], x[3] + cast(step, "uint64"))
    return x


def _own_key(nest: Definition, key: Buffer) -> list[Load]:
    """Return the key of a generator: its path, encrypted."""
    own = _threefry(nest, [key[word] for word in range(4)], [key[word] for word in range(4, 8)])
    return [own[word] for word in range(4)]


def _block(nest: Definition, own: Sequence[Expr], first: Expr, purpose: int) -> Buffer:
    """Return the block of a number."""
    return _threefry(nest, own, [first, _word(purpose), _word(0), _word(0)])


def _draw(nest: Definition, key: Buffer, following: Buffer, count: int) -> Buffer:
    """Return `count` words, and write the key of the next draw."""
    blocks = -(-count // 4)
    for word in range(10):
        added = key[word] + _word(blocks) if word == 8 else key[word]
        nest.store(following[word], added)
    words = nest.scratch("uint64", 4 * blocks)
    own = _own_key(nest, key)
    with nest.loop(blocks) as place:
        made = _block(nest, own, key[8] + cast(place, "uint64"), 0)
        with nest.loop(4) as part:
            nest.store(words[place * 4 + part], made[part])
    return words


def _count(shape: Sequence[Dim]) -> int:
    return math.prod(fixed(size) for size in shape)


def _share(word: Expr) -> Expr:
    """Return a word as a number of 0..1, without 1: its upper 53 bits."""
    return cast(call("right_shift", word, _word(11)), "float64") * 2.0**-53


def _generate(nest: Definition, attrs: Attributes) -> None:
    (key,), (following, out) = nest.inputs, nest.outputs
    words = _draw(nest, key, following, _count(out.shape))
    with nest.loops(*out.shape) as at:
        nest.store(out[at], words[flat_index(at, out.shape)])


def _split(nest: Definition, attrs: Attributes) -> None:
    (key,) = nest.inputs
    own = _own_key(nest, key)
    for purpose, out in enumerate(nest.outputs, 1):
        made = _block(nest, own, key[8], purpose)
        for word in range(10):
            nest.store(out[word], made[word] if word < 4 else _word(0))


def _below(high: Expr, low: Expr) -> Expr:
    """Return the number next to `high` towards `low`."""
    bits = {"float16": "int16", "float32": "int32", "float64": "int64"}[high.dtype]
    up = low > high
    raw = call("reinterpret", high, dtype=bits)
    one, minus = element(1, bits), element(-1, bits)
    grows = equal(cast(high > 0.0, bits), cast(up, bits))
    moved = call("reinterpret", raw + select(grows, one, minus), dtype=high.dtype)
    tiny = call("reinterpret", one, dtype=high.dtype)
    beside = select(equal(high, 0.0), select(up, tiny, -tiny), moved)
    same = either(equal(high, low), unequal(high, high))
    return select(same, low, beside)


def _uniform(nest: Definition, attrs: Attributes) -> None:
    (key, low, high), (following, out) = nest.inputs, nest.outputs
    words = _draw(nest, key, following, _count(out.shape))
    last = nest.local(out.dtype, _below(cast(high[()], out.dtype), cast(low[()], out.dtype)))
    with nest.loops(*out.shape) as at:
        share = _share(words[flat_index(at, out.shape)])
        wide = widened(low[()]) + share * (widened(high[()]) - widened(low[()]))
        nest.store(out[at], minimum(cast(wide, out.dtype), last))


def _normal(nest: Definition, attrs: Attributes) -> None:
    """Box and Muller, of two words a number."""
    (key, mean, scale), (following, out) = nest.inputs, nest.outputs
    count = _count(out.shape)
    words = _draw(nest, key, following, 2 * count)
    with nest.loops(*out.shape) as at:
        place = flat_index(at, out.shape)
        first, second = (_share(words[place + part * count]) for part in range(2))
        size = call("sqrt", call("log", 1.0 - first) * -2.0)
        unit = size * call("cos", second * (2.0 * math.pi))
        nest.store(out[at], cast(widened(mean[()]) + widened(scale[()]) * unit, out.dtype))


def _multinomial(nest: Definition, attrs: Attributes) -> None:
    (key, probs), (following, out) = nest.inputs, nest.outputs
    cases = fixed(probs.shape[-1])
    words = _draw(nest, key, following, _count(out.shape))
    with nest.loops(*out.shape) as at:
        whole = nest.local("float64", 0.0)
        with nest.loop(cases) as case:
            nest.store(whole, whole + widened(probs[(*at[:-1], case)]))
        place = nest.local("float64", _share(words[flat_index(at, out.shape)]) * whole)
        total, found = nest.local("float64", 0.0), nest.local("int64", 0)
        with nest.loop(cases) as case:
            nest.store(total, total + widened(probs[(*at[:-1], case)]))
            nest.store(found, found + cast(place >= total, "int64"))
        nest.store(out[at], cast(clamp(found, 0, cases - 1), out.dtype))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "random.multinomial": _multinomial,
        "random.normal": _normal,
        "random.threefry_generate": _generate,
        "random.threefry_split": _split,
        "random.uniform": _uniform,
    }
)
