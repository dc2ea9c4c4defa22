"""Writes an ONNX graph node by node: what all builders of networks share."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Writer"]

_OPSET, _IR_VERSION = 17, 8


class Writer:
    """A graph under construction.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Write a node; return its result's name."""
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, array: Any) -> str:
        """Write a constant; return its name, `name` and a number."""
        full = f"{name}_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), full))
        return full

    def scalar(self, name: str, value: float) -> str:
        """Return the float32 constant `name`, written once."""
        if not any(constant.name == name for constant in self._constants):
            self._constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def model(
        self,
        given: tuple[str, tuple[int, ...]],
        made: tuple[str, tuple[int, ...]],
    ) -> onnx.ModelProto:
        """Return the network from the float32 input `given` to the last node, called `made`."""
        self._nodes[-1].output[0] = made[0]
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (given, made)
        ]
        graph = helper.make_graph(self._nodes, self._name, ends[:1], ends[1:], self._constants)
        opset = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(
            graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="tilewright"
        )
