"""Networks of published shape, weights from a seed, as ONNX files: float32, or int8 as QDQ."""

from .catalogue import FLOAT_NETWORKS, NETWORKS, network_file, write_network

__all__ = ["FLOAT_NETWORKS", "NETWORKS", "network_file", "write_network"]
