"""ONNX's own node tests: every case whose operator and data types the importer takes.

What a case feeds as small integers (axes, shapes, lengths) becomes constants of its file, as
exporters write them.
"""

import warnings
from collections import defaultdict

import pytest

# Inputs after the first that are constants in real networks, by operator: all of them.
CONSTANTS = {"DequantizeLinear", "GRU", "LSTM", "OneHot", "QuantizeLinear", "RNN", "Resize"}
# Cases that the importer refuses, with a clear error, by the words of the error.
REFUSED = {
    "ConvTranspose to": 1,
    "Resize by": 9,
    "antialias": 4,
    "attribute layout = 1": 3,
    "block_size": 4,
    "keep_aspect_ratio_policy": 4,
}
# Cases whose meaning is ours, not ONNX's, by the reason.
OTHER = {
    # Shifts by more bits than there are.
    r"test_bitshift_.*(ge_width|negative_shift)",
    # qnn.quantize rounds half away from zero.
}


@pytest.fixture(scope="module")
def cases():
    """Return the cases by the kind of their only operator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        found = defaultdict(list)
        for case in load_model_tests(kind="node"):
            nodes = case.model.graph.node
            if len(nodes) == 1 and "expanded" not in case.name:
                found[nodes[0].op_type].append(case)
    return found
