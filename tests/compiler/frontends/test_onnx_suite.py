"""ONNX's own node tests: every case that the importer takes gives what ONNX says.

What a case feeds as small integers (axes, shapes, lengths) becomes constants of its file, as
exporters write them. Cases of more nodes than one are ONNX's definitions of others.
"""

import re
import warnings
from collections import defaultdict

import numpy as np
import onnx
from onnx import numpy_helper

from compiler.errors import CompileError
from compiler.frontends.onnx import onnx_module, parse_onnx
from compiler.interpreter import evaluate
from compiler.ir import Span

# Operators whose inputs after the first are constants in real networks.
CONSTANTS = {"DequantizeLinear", "GRU", "LSTM", "OneHot", "QuantizeLinear", "RNN", "Resize",
             "QLinearConv", "QLinearMatMul"}  # fmt: skip
# Cases whose results differ from ONNX's, with the reason.
OTHER = {
    "shifts by as many bits as there are, or by less than none": r"test_bitshift_.*shift.*",
    "float16 is rounded at other places": r"test_attention_4d_causal_fp16",
    "the order of depth, which Relay has no word for": r"test_spacetodepth_crd_mode_example",
}
LEAST = 900


def _load():
    """Return the cases with one node by its kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        found = defaultdict(list)
        for case in load_model_tests(kind="node"):
            if len(case.model.graph.node) == 1 and len(case.data_sets) == 1:
                found[case.model.graph.node[0].op_type].append(case)
    return found


def _array(value):
    """Return an input or output of a case as an array; a list is of another type."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value if isinstance(value, list) else np.asarray(value)


def _with_constants(case):
    """Return the bytes of a case's network and what is left to feed."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    model.ir_version = max(model.ir_version, 4)
    kind = model.graph.node[0].op_type
    fed, names = [], []
    for number, (given, value) in enumerate(
        zip(case.model.graph.input, case.data_sets[0][0], strict=True)
    ):
        array = _array(value)
        plain = isinstance(array, np.ndarray) and array.dtype != object and array.ndim <= 1
        if number and plain and (array.dtype == np.int64 or array.size <= 8 or kind in CONSTANTS):
            model.graph.initializer.append(numpy_helper.from_array(array, given.name))
        else:
            fed.append(array)
            names.append(given)
    del model.graph.input[:]
    model.graph.input.extend(names)
    return model.SerializeToString(), fed


def _passes(case):
    """Return whether the importer takes a case; what it takes must be right."""
    data, fed = _with_constants(case)
    try:
        module = onnx_module(parse_onnx(data, Span(case.name)))
    except CompileError as error:
        assert str(error).startswith(case.name), case.name
        return False
    results = evaluate(module, *fed)
    results = results if isinstance(results, tuple) else (results,)
    for result, expected in zip(results, case.data_sets[0][1], strict=True):
        right = _array(expected)
        assert (result.shape, result.dtype) == (right.shape, right.dtype), case.name
        np.testing.assert_allclose(
            result, right, max(case.rtol, 1e-3), max(case.atol, 1e-5), err_msg=case.name
        )
    return True


def test_node_tests_of_onnx():
    """One test: loading the cases takes longer than running them."""
    passed = {}
    for kind, cases in sorted(_load().items()):
        tried = [
            case
            for case in cases
            if not any(re.fullmatch(pattern, case.name) for pattern in OTHER.values())
        ]
        with np.errstate(all="ignore"):
            passed[kind] = sum(map(_passes, tried))
    assert sum(passed.values()) >= LEAST, passed
    # One of each family of operators that networks are made of.
    for kind in KINDS:
        assert passed[kind], kind


KINDS = (
    "Add", "ArgMax", "Attention", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat",
    "Conv", "ConvTranspose", "CumSum", "DepthToSpace", "Div", "Einsum", "Erf", "Expand", "GRU",
    "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GroupNormalization",
    "InstanceNormalization", "LRN", "LSTM", "LayerNormalization", "MatMul", "MaxPool", "OneHot",
    "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "RMSNormalization", "RNN", "ReduceMean",
    "Reshape", "Resize", "RotaryEmbedding", "ScatterElements", "ScatterND", "Slice", "Softmax",
    "Split", "Squeeze", "SwiGLU", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where",
)  # fmt: skip
