"""Metadata as TVM writes it: a graph of numbered nodes, and tensors as base64.

::

    {"root": 1, "nodes": [{"type_key": ""},
                          {"type_key": "Map", "keys": ["relay.Constant"], "data": [2]},
                          {"type_key": "Array", "data": [3]},
                          {"type_key": "relay.Constant", "attrs": {"data": "0", ...}}],
     "b64ndarrays": ["..."], "attrs": {"tvm_version": ...}}

The root maps keys to lists of entries. Attributes are strings; whether one is a number or the
number of another node only the type says.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import DTYPES

__all__ = ["is_node_graph", "read_node_graph"]

# src/runtime/ndarray.cc, SaveDLTensor: magic, reserved, device type and number, axes, then the
# data type as code, bits, lanes; sizes and the number of bytes follow.
_HEADER = struct.Struct("<QQiiiBBH")
_MAGIC = 0xDD5E40F096B4A13F
_CODES = {0: "int", 1: "uint", 2: "float", 6: "bool"}
_MOST_AXES = 32


def is_node_graph(root: object) -> bool:
    """Return whether a JSON value is metadata of this form."""
    return isinstance(root, dict) and "root" in root and isinstance(root.get("nodes"), list)


def read_node_graph(root: dict[str, Any]) -> dict[str, Sequence[object]]:
    """Return the entries by key: arrays, symbols by name, all others as the nodes they reach.

    Raises
    ------
    ValueError
        The graph is damaged; the message says where.
    """
    graph = _Graph(root)
    found: dict[str, Sequence[object]] = {}
    top = graph.node(root["root"])
    keys, values = top.get("keys", []), top.get("data", [])
    if not (isinstance(keys, list) and isinstance(values, list) and len(keys) == len(values)):
        raise ValueError("the root of the metadata must be a Map with a value for each key")
    for key, value in zip(keys, values, strict=True):
        entries = graph.node(value).get("data", [])
        if not isinstance(key, str) or not isinstance(entries, list):
            raise ValueError("the root of the metadata must map names to arrays of nodes")
        found[key] = [graph.entry(number) for number in entries]
    return found


class _Graph:
    """The nodes of a section, looked up with checks."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.nodes = root["nodes"]
        self.tensors = root.get("b64ndarrays", [])

    def node(self, number: object) -> dict[str, Any]:
        """Return a node by its number."""
        place = int(number) if isinstance(number, str) and _is_number(number) else number
        if type(place) is not int or not 0 <= place < len(self.nodes):
            raise ValueError(f"the metadata has {len(self.nodes)} nodes, so none is {number!r}")
        found = self.nodes[place]
        if not isinstance(found, dict):
            raise ValueError(f"node {place} of the metadata must be an object")
        return found

    def entry(self, number: object) -> object:
        """Return what a reference from the program's text stands for."""
        node = self.node(number)
        kind, attrs = node.get("type_key"), node.get("attrs", {})
        if not isinstance(attrs, dict):
            raise ValueError(f"the attributes of node {number} of the metadata must be an object")
        if kind == "relay.Constant":
            return self._tensor(attrs.get("data"))
        if kind in ("tir.Var", "tir.SizeVar"):
            return {"name": self._string(attrs.get("name", attrs.get("name_hint")))}
        if kind == "runtime.String":
            return node.get("repr_str", "")
        return {"root": number, "nodes": self._reachable(number)}

    def _string(self, value: object) -> object:
        """Return a string that stands in an attribute, or in the node that it names."""
        if isinstance(value, str) and _is_number(value):
            return self.node(value).get("repr_str", "")
        return value

    def _reachable(self, number: object) -> dict[str, object]:
        """Return all nodes that a node may mention, by number."""
        found: dict[str, object] = {}
        pending = [number]
        while pending:
            here = pending.pop()
            node = self.node(here)
            if str(here) in found:
                continue
            found[str(here)] = node
            attrs = node.get("attrs")
            mentioned = [*attrs.values()] if isinstance(attrs, dict) else []
            mentioned += node["data"] if isinstance(node.get("data"), list) else []
            pending += [
                item
                for item in mentioned
                if (_is_number(item) if isinstance(item, str) else type(item) is int)
                and 0 < int(item) < len(self.nodes)
            ]
        return found

    def _tensor(self, number: object) -> npt.NDArray[Any]:
        """Return a tensor by its number."""
        where = f"tensor {number} of the metadata"
        tensors = self.tensors
        place = int(number) if isinstance(number, str) and _is_number(number) else -1
        if not isinstance(tensors, list) or not 0 <= place < len(tensors):
            raise ValueError(f"there is no {where}")
        try:
            raw = base64.b64decode(tensors[place], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError(f"the data of {where} is not base64") from None
        if len(raw) < _HEADER.size:
            raise ValueError(f"{where} is too short")
        magic, _, _, _, axes, code, bits, lanes = _HEADER.unpack_from(raw)
        if magic != _MAGIC or not 0 <= axes <= _MOST_AXES:
            raise ValueError(f"{where} does not begin as a tensor does")
        kind = _CODES.get(code, "?")
        # A bool is an unsigned integer of one bit here, and takes a byte.
        dtype = "bool" if (code, bits) in ((1, 1), (6, 8)) else f"{kind}{bits}"
        if dtype not in DTYPES or lanes != 1:
            raise ValueError(f"{where} has the unknown dtype {dtype} of {lanes} lanes")
        return _elements(raw, axes, np.dtype(dtype), where)


def _elements(raw: bytes, axes: int, dtype: np.dtype[Any], where: str) -> npt.NDArray[Any]:
    """Return the array that follows a header."""
    sizes = struct.Struct(f"<{axes + 1}q")
    start = _HEADER.size + sizes.size
    if len(raw) < start:
        raise ValueError(f"{where} is too short")
    *shape, length = sizes.unpack_from(raw, _HEADER.size)
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if min(shape, default=0) < 0 or length != wanted or len(raw) != start + wanted:
        raise ValueError(f"{where} does not have the bytes for its shape {shape}")
    little = np.frombuffer(raw[start:], dtype.newbyteorder("<"))
    try:
        return little.astype(dtype, copy=False).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{where} cannot have the shape {shape}: {error}") from None


def _is_number(text: str) -> bool:
    """Return whether an attribute may be the number of a node."""
    return text.isascii() and text.isdigit() and len(text) < 10
