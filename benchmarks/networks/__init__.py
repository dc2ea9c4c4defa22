"""Int8 networks of published shape with weights from a seed, as ONNX files in QDQ form."""

from .catalogue import NETWORKS, network_file, write_network

__all__ = ["NETWORKS", "network_file", "write_network"]
