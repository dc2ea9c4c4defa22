"""Takes large weights out of an ONNX file before it is parsed: as views of its bytes, no copies.

Parsing, checking and shape inference each copy a model whole, and need none of these values.

Source
------
Protocol Buffers, Encoding; onnx.proto3: ModelProto.graph = 7, GraphProto.initializer = 5,
TensorProto.raw_data = 9.
"""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError

__all__ = ["LargeTensor", "take_large"]

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Sizes that shape inference computes with are far smaller, weights of any cost larger.
_LARGE_BYTES = 1 << 14

LargeTensor = tuple[onnx.TensorProto, memoryview]
"""A tensor without its value, and the bytes of that."""


def take_large(data: bytes | memoryview) -> tuple[bytes, list[LargeTensor]]:
    """Return a model's bytes without its large constants, and those.

    What cannot be read is left as it is: the parser says what is wrong with it.
    """
    view = memoryview(data)
    large: list[LargeTensor] = []
    try:
        kept = [
            piece
            for number, start, begin, end in _fields(view)
            for piece in (_graph(view[begin:end], large) if number == _GRAPH else [view[start:end]])
        ]
    except (ValueError, DecodeError):
        return bytes(data), []
    return (b"".join(kept), large) if large else (bytes(data), [])


def _graph(view: memoryview, large: list[LargeTensor]) -> list[memoryview | bytes]:
    """Return the pieces of a graph's field without the constants that are added to `large`."""
    pieces: list[memoryview | bytes] = []
    for number, start, begin, end in _fields(view):
        found = None
        if number == _INITIALIZER and end - begin > _LARGE_BYTES:
            found = _tensor(view[begin:end])
        if found is None:
            pieces.append(view[start:end])
        else:
            large.append(found)
    size = sum(len(piece) for piece in pieces)
    return [_varint(_GRAPH << 3 | _BYTES), _varint(size), *pieces]


def _tensor(view: memoryview) -> LargeTensor | None:
    """Return a tensor apart from its raw data, None if it holds its value otherwise."""
    rest: list[memoryview] = []
    raw: memoryview | None = None
    for number, start, begin, end in _fields(view):
        if number == _RAW_DATA:
            raw = view[begin:end]
        else:
            rest.append(view[start:end])
    if raw is None or len(raw) <= _LARGE_BYTES:
        return None
    return onnx.TensorProto.FromString(b"".join(rest)), raw


def _fields(view: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yield each field of a message: its number, its start, and its value's begin and end."""
    place = 0
    while place < len(view):
        start = place
        key, place = _read_varint(view, place)
        kind = key & 7
        if kind == _VARINT:
            begin = place
            _, place = _read_varint(view, place)
        elif kind == _BYTES:
            size, begin = _read_varint(view, place)
            place = begin + size
        elif kind in (_FIXED64, _FIXED32):
            begin = place
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("no wire type")
        if place > len(view):
            raise ValueError("a field ends beyond its message")
        yield key >> 3, start, begin, place


def _read_varint(view: memoryview, place: int) -> tuple[int, int]:
    """Return a number and the place after it."""
    value = shift = 0
    while place < len(view) and shift < 70:
        byte = view[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("a number does not end")


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)
