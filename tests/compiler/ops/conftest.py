"""Running one operator the way a program does: inferred, then evaluated."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Function, Module, TensorType, Tuple, Var
from compiler.ops import call
from tests.compiler.ops.samples.table import case


def as_vars(value, made):
    if isinstance(value, tuple):
        return Tuple(tuple(as_vars(part, made) for part in value))
    array = np.asarray(value)
    made.append((Var(f"x{len(made)}", TensorType(array.shape, str(array.dtype))), array))
    return made[-1][0]


@pytest.fixture
def apply():
    """A function from an operator's name, arguments and attributes to its result."""

    def run(name, *args, **attrs):
        made = []
        body = call(name, *(as_vars(arg, made) for arg in args), **attrs)
        module = Module({"main": Function(tuple(var for var, _ in made), body)})
        return evaluate(infer(module), *(array for _, array in made))

    return run


@pytest.fixture
def infer_type():
    """A function from an operator's name, argument types and attributes to the result's type."""

    def run(name, *types, **attrs):
        params = tuple(Var(f"x{number}", kind) for number, kind in enumerate(types))
        module = infer(Module({"main": Function(params, call(name, *params, **attrs))}))
        return module["main"].body.type

    return run


@pytest.fixture(scope="session")
def onnx_run():
    """A function from an ONNX operator, its inputs and attributes to onnxruntime's results."""
    import onnxruntime  # Half a second, and only some of the tests need it.
    from onnx import TensorProto, helper

    def run(name, inputs, outputs=1, version=21, **attrs):
        arrays = {
            f"x{number}": np.asarray(value)
            for number, value in enumerate(inputs)
            if value is not None
        }
        made = [f"y{number}" for number in range(outputs)]
        given = [f"x{n}" if f"x{n}" in arrays else "" for n in range(len(inputs))]
        node = helper.make_node(name, given, made, **attrs)
        graph = helper.make_graph(
            [node],
            "one",
            [
                helper.make_tensor_value_info(
                    place, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
                )
                for place, value in arrays.items()
            ],
            [helper.make_tensor_value_info(place, TensorProto.UNDEFINED, None) for place in made],
        )
        for output in graph.output:
            output.ClearField("type")
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found = session.run(None, arrays)
        return found[0] if outputs == 1 else tuple(found)

    return run


@pytest.fixture(scope="session")
def sample():
    """A function from an operator's name and a seed to its row, arguments and attributes."""
    return case
