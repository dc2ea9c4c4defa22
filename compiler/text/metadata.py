"""The ``#[metadata]`` section: what has no form in the program's text.

After the marker stands one JSON object, ``{key: [entry, ...]}``; the program refers to entries as
``meta[key][0]``, numbered within their key. Under ``relay.Constant`` stand tensors, ``{"dtype":
"int8", "shape": [2, 3], "data": "<base64 of the bytes, row-major, little-endian>"}``; under
``tir.SizeVar`` and `SIZE_KEY` sizes, see `sizes`; any other entry is kept as it is. The node graph
that TVM writes instead is read as well, see `node_graph`.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.nodes import MetaValue
from ..ir.types import DTYPES
from .node_graph import is_node_graph, read_node_graph

__all__ = ["CONSTANT_KEY", "STRING_KEY", "Metadata", "read_metadata", "write_metadata"]

CONSTANT_KEY = "relay.Constant"
STRING_KEY = "runtime.String"

Tensor = npt.NDArray[Any]
Metadata = Mapping[str, Sequence[object]]
"""Entries by key: arrays under `CONSTANT_KEY`, JSON values (also as `MetaValue`) under others."""


def write_metadata(metadata: Metadata) -> str:
    """Return the JSON text of `metadata`, one entry a line."""
    sections = []
    for key, entries in metadata.items():
        lines = ",\n".join(f"    {json.dumps(_plain(entry))}" for entry in entries)
        sections.append(f"  {json.dumps(key)}: [\n{lines}\n  ]")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def read_metadata(text: str) -> Metadata:
    """Return the entries of a metadata section.

    Raises
    ------
    ValueError
        The text is not as described above; the message says where.
    """
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else "it nests too deeply"
        raise ValueError(f"the metadata is not JSON: {reason}") from None
    if is_node_graph(root):
        return read_node_graph(root)
    if not (isinstance(root, dict) and all(isinstance(found, list) for found in root.values())):
        raise ValueError(f'the metadata must be {{"{CONSTANT_KEY}": [...], ...}}')
    found: dict[str, Sequence[object]] = dict(root)
    if CONSTANT_KEY in found:
        found[CONSTANT_KEY] = [_tensor(*entry) for entry in enumerate(found[CONSTANT_KEY])]
    return found


def _plain(entry: object) -> object:
    """Return one entry as a JSON value."""
    if isinstance(entry, MetaValue):
        return json.loads(entry.text)
    if not isinstance(entry, np.ndarray):
        return entry
    little = np.ascontiguousarray(entry).astype(entry.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": str(entry.dtype), "shape": list(entry.shape), "data": data}


def _tensor(number: int, entry: object) -> Tensor:
    """Return one tensor from JSON; ValueError if it is malformed."""
    where = f"tensor {number} of the metadata"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data"}:
        raise ValueError(f"{where} must have dtype, shape and data")
    dtype, shape, data = entry["dtype"], entry["shape"], entry["data"]
    if dtype not in DTYPES:
        raise ValueError(f"{where} has the unknown dtype {dtype!r}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
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
    try:
        return little.astype(kind, copy=False).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{where} cannot have the shape {shape!r}: {error}") from None
