"""The networks by name: built on first use, and kept as files in the cache folder."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import onnx

from isa.cache import cache_folder, cached

from . import mobilenet, recurrent, resnet, tiny, transformer, vgg

__all__ = ["FLOAT_NETWORKS", "NETWORKS", "network_file", "write_network"]

_Build = Callable[..., tuple[onnx.ModelProto, int]]

NETWORKS: Mapping[str, _Build] = {
    "resnet18": resnet.resnet18,
    "resnet34": resnet.resnet34,
    "resnet50": resnet.resnet50,
    "mobilenetv1": mobilenet.mobilenetv1,
    "mobilenetv2": mobilenet.mobilenetv2,
    "vgg16": vgg.vgg16,
    "tiny-resnet8": tiny.resnet8,
    "tiny-dscnn": tiny.dscnn,
    "tiny-mobilenetv1": tiny.mobilenetv1_quarter,
    "tiny-autoencoder": tiny.autoencoder,
}
"""In int8: all of it can go to the accelerator."""

FLOAT_NETWORKS: Mapping[str, _Build] = {
    "resnet18-fp32": resnet.resnet18_float,
    "mobilenetv2-fp32": mobilenet.mobilenetv2_float,
    "lstm": recurrent.lstm,
    "bert-mini-fp32": transformer.bert_mini,
    "bert-mini-int8": transformer.bert_mini_int8,
}
"""In float32, or in int8 with floats in between: for the CPU."""

_SEED = 0


def network_file(name: str) -> Path:
    """Return the file of the network `name`, at its published size; built if it is not there yet.

    Raises
    ------
    KeyError
        There is no network of that name.
    """
    digest = hashlib.sha256(onnx.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    entry = cache_folder() / "networks" / f"{name}-{digest.hexdigest()[:16]}"
    file = f"{name}.onnx"

    def make(folder: Path) -> None:
        write_network(name, folder / file)

    return cached(entry, make) / file


def write_network(name: str, path: Path, seed: int = _SEED, size: int | None = None) -> int:
    """Write the network `name` to `path`; return its MACs.

    Parameters
    ----------
    seed : int, of weights, sample images and the channels' deviations
    size : int or None
        Height and width of the image (the frames of tiny-dscnn, the values of tiny-autoencoder);
        the published size by default

    Raises
    ------
    KeyError
        There is no network of that name.
    """
    build = {**NETWORKS, **FLOAT_NETWORKS}[name]
    model, macs = build(seed) if size is None else build(seed, size)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return macs
