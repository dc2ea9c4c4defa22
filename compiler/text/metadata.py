"""The ``#[metadata]`` section: tensors that have no form in the program's text.

After the marker stands one JSON object, ``{"relay.Constant": [tensor, ...]}``; a tensor is
``{"dtype": "int8", "shape": [2, 3], "data": "<base64 of the bytes, row-major, little-endian>"}``.
The program refers to them as ``meta[relay.Constant][0]``, in order.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import DTYPES

__all__ = ["CONSTANT_KEY", "decode_constants", "encode_constants"]

CONSTANT_KEY = "relay.Constant"

Tensor = npt.NDArray[Any]


def encode_constants(values: Sequence[Tensor]) -> str:
    """Return the JSON text of `values`, one tensor a line."""
    lines = ",\n".join("    " + json.dumps(_encode(value)) for value in values)
    return f'{{\n  "{CONSTANT_KEY}": [\n{lines}\n  ]\n}}\n'


def decode_constants(text: str) -> list[Tensor]:
    """Return the tensors of a metadata section.

    Raises
    ------
    ValueError
        The text is not as described above; the message says where.
    """
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the metadata is not JSON: {error}") from None
    if not isinstance(root, dict) or not isinstance(root.get(CONSTANT_KEY, []), list):
        raise ValueError(f'the metadata must be {{"{CONSTANT_KEY}": [...]}}')
    unknown = [key for key in root if key != CONSTANT_KEY]
    if unknown:
        raise ValueError(f"the metadata may only have {CONSTANT_KEY}, not {', '.join(unknown)}")
    return [_decode(number, entry) for number, entry in enumerate(root.get(CONSTANT_KEY, []))]


def _encode(value: Tensor) -> dict[str, object]:
    """Return one tensor as JSON."""
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}


def _decode(number: int, entry: object) -> Tensor:
    """Return one tensor from JSON; ValueError if it is malformed."""
    where = f"tensor {number} of the metadata"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data"}:
        raise ValueError(f"{where} must have dtype, shape and data")
    dtype, shape, data = entry["dtype"], entry["shape"], entry["data"]
    if dtype not in DTYPES:
        raise ValueError(f"{where} has the unknown dtype {dtype!r}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{where} has the malformed shape {shape!r}")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError(f"the data of {where} is not base64") from None
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=object)) * kind.itemsize
    if len(raw) != size:
        raise ValueError(f"{where} needs {size} bytes for its shape, not {len(raw)}")
    little = np.frombuffer(raw, kind.newbyteorder("<"))
    return little.astype(kind, copy=False).reshape(shape)
