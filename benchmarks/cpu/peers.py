"""The runtimes that are measured, ours among them, each as a call that computes one inference.

Arrays are bound before, so that a call is the inference alone, as far as each runtime allows.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from driver.host import HostProgram
from isa.image import Image

__all__ = ["OURS", "PEERS", "Runner", "is_installed", "open_ours", "open_peer"]

Array = npt.NDArray[np.generic]

OURS = "tilewright"

PEERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "onnxruntime": ("onnxruntime", (".onnx",)),
    "openvino": ("openvino", (".onnx", ".tflite")),
    "litert": ("ai_edge_litert", (".tflite",)),
}
"""By name: the module to import, and the files that it reads."""


@dataclass(frozen=True)
class Runner:
    """A network in a runtime.

    Attributes
    ----------
    name : str
    run : computes one inference
    outputs : returns what the last inference made
    """

    name: str
    run: Callable[[], object]
    outputs: Callable[[], list[Array]]


def is_installed(peer: str) -> bool:
    """Return whether the package of `peer` is here."""
    return find_spec(PEERS[peer][0]) is not None


def open_ours(image: Image, inputs: Sequence[Array], threads: int = 1) -> Runner:
    """Return our own program of a network, compiled for the CPU alone."""
    outputs: list[Array] = [np.empty(tensor.shape, tensor.dtype) for tensor in image.outputs]
    binding = HostProgram(image.host, threads=threads).bind(inputs, outputs)
    return Runner(OURS, binding, lambda: [output.copy() for output in outputs])


def open_peer(
    peer: str, path: Path, names: Sequence[str], inputs: Sequence[Array], threads: int
) -> Runner:
    """Return the network in `path` loaded by `peer`, which must be installed.

    Parameters
    ----------
    names : of the inputs in the file, in their order
    threads : int, that it may compute with
    """
    return _OPEN[peer](path, names, inputs, threads)


def _open_onnxruntime(
    path: Path, names: Sequence[str], inputs: Sequence[Array], threads: int
) -> Runner:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Warnings about the machine (no GPU) are none of the measurement.
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, value in zip(names, inputs, strict=True):
        binding.bind_cpu_input(name, value)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return Runner(
        "onnxruntime",
        lambda: session.run_with_iobinding(binding),
        binding.copy_outputs_to_cpu,
    )


def _open_openvino(
    path: Path, names: Sequence[str], inputs: Sequence[Array], threads: int
) -> Runner:
    runtime = importlib.import_module("openvino")
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = runtime.Core().compile_model(str(path), "CPU", settings)
    request = compiled.create_infer_request()
    for number, value in enumerate(inputs):
        request.set_input_tensor(number, runtime.Tensor(value, shared_memory=True))
    count = len(compiled.outputs)
    return Runner(
        "openvino",
        request.infer,
        lambda: [np.array(request.get_output_tensor(n).data) for n in range(count)],
    )


def _open_litert(path: Path, names: Sequence[str], inputs: Sequence[Array], threads: int) -> Runner:
    runtime: Any = importlib.import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    results = [detail["index"] for detail in interpreter.get_output_details()]
    return Runner(
        "litert",
        interpreter.invoke,
        lambda: [np.array(interpreter.get_tensor(number)) for number in results],
    )


_OPEN = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
    "litert": _open_litert,
}
