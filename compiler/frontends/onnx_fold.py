"""Known values of an ONNX model as constants, before it is read.

::

    a = Shape(x)        ->  a = a constant, where the shape of x is known
    b = Gather(a, 0)    ->  b = a constant, computed by onnx's reference
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from .common import Array

__all__ = ["fold_known"]

# Sizes and masks are smaller; what is larger is left to the compiler's own folding.
_SMALL_BYTES = 1 << 14
# Their values are what the importer looks for; or they are different each time.
_KEPT = frozenset({"Constant", "DequantizeLinear", "QuantizeLinear", "If", "Loop", "Scan"})
_RANDOM = ("Random", "Bernoulli", "Multinomial")


def fold_known(model: Any) -> bool:
    """Replace nodes whose results can be computed by constants; return whether there were any."""
    graph = model.graph
    shapes = _shapes(graph)
    known: dict[str, Array] = {}
    for tensor in graph.initializer:
        known |= _small(tensor.name, tensor)
    kept = []
    for node in graph.node:
        results = _results(model, node, known, shapes)
        if results is None:
            kept.append(node)
            if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
                known |= _constant(node)
            continue
        for name, value in results.items():
            known[name] = value
            graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    if len(kept) == len(graph.node):
        return False
    del graph.node[:]
    graph.node.extend(kept)
    return True


def _shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes that are known."""
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if value.type.HasField("tensor_type") and kind.HasField("shape"):
            sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim]
            if min(sizes, default=0) >= 0:
                found[value.name] = tuple(sizes)
    return found


def _small(name: str, tensor: Any) -> dict[str, Array]:
    """Return the value of a tensor by its name, nothing if it is large or cannot be read."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.ByteSize() > _SMALL_BYTES:
        return {}
    try:
        return {name: onnx.numpy_helper.to_array(tensor)}
    except (ValueError, KeyError, TypeError):
        # Damaged: the reader says so.
        return {}


def _constant(node: Any) -> dict[str, Array]:
    """Return the value of a Constant, if it is a small tensor or numbers."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if "value" in attributes:
        return _small(node.output[0], attributes["value"])
    for name, dtype in (("value_int", np.int64), ("value_ints", np.int64)):
        if name in attributes:
            return {node.output[0]: np.asarray(attributes[name], dtype)}
    for name in ("value_float", "value_floats"):
        if name in attributes:
            return {node.output[0]: np.asarray(attributes[name], np.float32)}
    return {}


def _results(
    model: Any, node: Any, known: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Array] | None:
    """Return what a node makes, None if that is not known or not small."""
    own = node.domain in ("", "ai.onnx")
    if not own or node.op_type in _KEPT or node.op_type.startswith(_RANDOM):
        return None
    if node.op_type in ("Shape", "Size") and node.input[0] in shapes:
        return {node.output[0]: _extent(node, shapes[node.input[0]])}
    inputs = [name for name in node.input if name]
    if not all(name in known for name in inputs) or not node.output:
        return None
    sizes = [int(np.prod(shapes[name])) for name in node.output if name in shapes]
    if len(sizes) != len(node.output) or 8 * max(sizes) > _SMALL_BYTES:
        return None
    return _computed(model, node, {name: known[name] for name in inputs})


def _extent(node: Any, shape: tuple[int, ...]) -> Array:
    if node.op_type == "Size":
        return np.array(int(np.prod(shape)), np.int64)
    ends = {a.name: a.i for a in node.attribute}
    return np.array(shape, np.int64)[slice(ends.get("start", 0), ends.get("end"))]


def _computed(model: Any, node: Any, inputs: dict[str, Array]) -> dict[str, Array] | None:
    """Return the results by onnx's reference, None where it cannot compute them."""
    given = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in inputs.items()
    ]
    names = [name for name in node.output if name]
    made = [onnx.ValueInfoProto(name=name) for name in names]
    graph = onnx.helper.make_graph([node], "known", given, made)
    # All of its operators are loaded with it: 12 MB that most networks have no use for.
    from onnx.reference import ReferenceEvaluator

    single = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    try:
        values = ReferenceEvaluator(single).run(None, inputs)
    except (ValueError, TypeError, IndexError, NotImplementedError, RuntimeError):
        return None
    if not all(isinstance(value, (np.ndarray, np.generic)) for value in values):
        return None
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
