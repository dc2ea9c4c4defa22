"""Importers: networks in files, as Relay modules."""

from .common import TensorInfo
from .model import import_model, tensor_info
from .onnx import import_onnx
from .tflite import import_tflite

__all__ = ["TensorInfo", "import_model", "import_onnx", "import_tflite", "tensor_info"]
