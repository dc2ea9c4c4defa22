"""random.*: numbers that follow from a key alone, so that a program stays a function.

A key is uint64[10]: words 0..3 the key of a generator, 4..7 its path, 8 how many blocks were drawn,
9 unused. Each draw gives the key of the next one beside its numbers. A block is Threefry-4x64 with
20 rounds.

Source
------
Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 2 and
table 2.
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.types import FuncType, TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Value, from_tensors
from .shapes import (
    require_equal,
    require_float,
    require_rank,
    require_scalar,
    require_sizes,
    same_dtype,
)
from .windows import ints

__all__ = ["PARITY", "ROTATIONS", "ROWS", "threefry"]

Words = npt.NDArray[np.uint64]

PARITY = 0x1BD11BDAA9FC1A22
ROTATIONS = ((14, 16), (52, 57), (23, 40), (5, 37), (25, 33), (46, 12), (58, 22), (32, 32))
_KEY = TensorType((10,), "uint64")


def threefry(key: Words, counters: Words) -> Words:
    """Return one block of four words for each counter.

    Parameters
    ----------
    key : uint64[4]
    counters : uint64[n, 4]

    Returns
    -------
    uint64[n, 4]
    """
    schedule = [*key, np.bitwise_xor.reduce(key) ^ np.uint64(PARITY)]
    x = [np.asarray(counters[:, word] + schedule[word]) for word in range(4)]
    for number in range(20):
        first, second = ROTATIONS[number % 8]
        x[0] = x[0] + x[1]
        x[1] = _rotate(x[1], first) ^ x[0]
        x[2] = x[2] + x[3]
        x[3] = _rotate(x[3], second) ^ x[2]
        x[1], x[3] = x[3], x[1]
        if number % 4 == 3:
            step = number // 4 + 1
            x = [part + schedule[(step + word) % 5] for word, part in enumerate(x)]
            x[3] = x[3] + np.uint64(step)
    return np.stack(x, 1)


def _rotate(x: Words, count: int) -> Words:
    """Return words rotated left."""
    return np.asarray(x << np.uint64(count) | x >> np.uint64(64 - count))


def _blocks(key: Words, count: int, purpose: int) -> Words:
    """Return `count` blocks of a key for one purpose: 0 numbers, 1 and 2 split keys."""
    (own,) = threefry(key[:4], key[None, 4:8])
    counters = np.zeros((count, 4), np.uint64)
    counters[:, 0] = key[8] + np.arange(count, dtype=np.uint64)
    counters[:, 1] = purpose
    return threefry(own, counters)


def _draw(key: Words, count: int) -> tuple[Words, Words]:
    """Return the next key and `count` words."""
    blocks = -(-count // 4)
    following = key.copy()
    following[8] += np.uint64(blocks)
    return following, _blocks(key, blocks, 0).reshape(-1)[:count]


def _uniform_words(words: Words) -> npt.NDArray[np.float64]:
    """Return words as numbers of 0..1, without 1."""
    # The upper 53 bits fill a float64's mantissa.
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def _require_key(key: TensorType) -> None:
    """Raise Mismatch unless `key` is one."""
    require_rank("key", key, 1)
    require_equal("the length of key", key.shape[0], 10, "a key", "start from ten words")
    if key.dtype != "uint64":
        raise Mismatch(f"key must be uint64, not {key.dtype}", "cast it")


def _shape(attrs: Attributes) -> tuple[int, ...]:
    """Return the shape of what is drawn."""
    shape = ints(attrs, "out_shape")
    require_sizes("out_shape", shape)
    return shape


def _generate_type(attrs: Attributes, key: TensorType) -> Type:
    _require_key(key)
    return TupleType((_KEY, TensorType(_shape(attrs), "uint64")))


def _generate(attrs: Attributes, key: Array) -> Value:
    shape = _shape(attrs)
    following, words = _draw(key, int(np.prod(shape, dtype=np.int64)))
    return following, words.reshape(shape)


def _split_type(attrs: Attributes, key: TensorType) -> Type:
    _require_key(key)
    return TupleType((_KEY, _KEY))


def _split(attrs: Attributes, key: Array) -> Value:
    halves: list[Array] = []
    for purpose in (1, 2):
        half = np.zeros(10, np.uint64)
        half[:4] = _blocks(key, 1, purpose)[0]
        halves.append(half)
    return tuple(halves)


def _spread_type(attrs: Attributes, key: TensorType, low: TensorType, high: TensorType) -> Type:
    _require_key(key)
    require_scalar(low, "argument 2")
    require_scalar(high, "argument 3")
    require_float(low, "argument 2")
    dtype = same_dtype(("argument 2", "argument 3"), low, high)
    result = TensorType(_shape(attrs), str(attrs["out_dtype"]) or dtype)
    require_float(result, "out_dtype")
    return TupleType((_KEY, result))


def _uniform(attrs: Attributes, key: Array, low: Array, high: Array) -> Value:
    shape, dtype = _shape(attrs), str(attrs["out_dtype"]) or str(low.dtype)
    following, words = _draw(key, int(np.prod(shape, dtype=np.int64)))
    wide = low.astype(np.float64) + _uniform_words(words) * (high.astype(np.float64) - low)
    # Rounding to fewer bits may reach the upper end.
    result = np.minimum(wide.astype(dtype), np.nextafter(high.astype(dtype), low.astype(dtype)))
    return following, np.asarray(result, dtype).reshape(shape)


def _normal(attrs: Attributes, key: Array, mean: Array, scale: Array) -> Value:
    shape, dtype = _shape(attrs), str(attrs["out_dtype"]) or str(mean.dtype)
    count = int(np.prod(shape, dtype=np.int64))
    following, words = _draw(key, 2 * count)
    first, second = _uniform_words(words).reshape(2, count)
    # Box and Muller; 1 - u is never 0.
    unit = np.sqrt(-2.0 * np.log(1.0 - first)) * np.cos(2.0 * np.pi * second)
    return following, np.asarray(mean + scale * unit).astype(dtype).reshape(shape)


def _multinomial_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    def result(attrs: Attributes, key: TensorType, probs: TensorType) -> Type:
        _require_key(key)
        require_float(probs, "probs")
        count = cast(int, attrs["num_samples"])
        if not probs.shape or probs.shape[-1] == 0 or count < 1:
            raise Mismatch(
                f"probs must have a last axis of 1 or more and num_samples be >= 1, not {probs} "
                f"and {count}",
                "give one weight for each case",
            )
        return TupleType((_KEY, TensorType((*probs.shape[:-1], count), "int32")))

    return from_tensors(result)(types, attrs)


def _multinomial(attrs: Attributes, key: Array, probs: Array) -> Value:
    count = cast(int, attrs["num_samples"])
    shape = (*probs.shape[:-1], count)
    following, words = _draw(key, int(np.prod(shape, dtype=np.int64)))
    total = np.cumsum(probs.astype(np.float64), -1)
    if not ((probs >= 0).all() and (total[..., -1] > 0).all() and np.isfinite(total).all()):
        raise Mismatch("probs must be >= 0, finite, and not all 0", "check them")
    places = _uniform_words(words).reshape(shape) * total[..., -1:]
    found = (places[..., None] >= total[..., None, :]).sum(-1)
    return following, np.minimum(found, probs.shape[-1] - 1).astype(np.int32)


_OUT = {"out_shape": Attribute("ints", required=True)}
_TYPED = {**_OUT, "out_dtype": Attribute("dtype", "")}

ROWS = (
    Operator(
        "random.threefry_generate",
        ("key",),
        from_tensors(_generate_type),
        _generate,
        Kind.OPAQUE,
        _OUT,
    ),
    Operator("random.threefry_split", ("key",), from_tensors(_split_type), _split, Kind.OPAQUE),
    Operator(
        "random.uniform",
        ("key", "low", "high"),
        from_tensors(_spread_type),
        _uniform,
        Kind.OPAQUE,
        _TYPED,
    ),
    Operator(
        "random.normal",
        ("key", "mean", "scale"),
        from_tensors(_spread_type),
        _normal,
        Kind.OPAQUE,
        _TYPED,
    ),
    Operator(
        "random.multinomial",
        ("key", "probs"),
        _multinomial_relation,
        _multinomial,
        Kind.OPAQUE,
        {"num_samples": Attribute("int", 1)},
    ),
)
