"""Importers: networks in files, as Relay modules."""

from .common import Network, TensorInfo
from .model import import_model, import_network, tensor_info
from .onnx import import_onnx
from .tflite import import_tflite

__all__ = [
    "Network",
    "TensorInfo",
    "import_model",
    "import_network",
    "import_onnx",
    "import_tflite",
    "tensor_info",
]
