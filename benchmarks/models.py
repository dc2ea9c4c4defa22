"""The networks that are measured: files, by short name."""

from pathlib import Path

from .networks import FLOAT_NETWORKS, NETWORKS, network_file

__all__ = ["find_models"]

_ROOT = Path(__file__).resolve().parent.parent
# The MLPerf Tiny reference networks, where that folder stands beside the repository.
_TINY = _ROOT.parent / "shared" / "models"
_FILES = {
    "resnet8": _TINY / "pretrainedResnet_quant.tflite",
    "dscnn": _TINY / "kws_ref_model.tflite",
    "mobilenet": _TINY / "vww_96_int8.tflite",
    "autoencoder": _TINY / "ad01_int8.tflite",
    "wakeword": _TINY / "str_ww_ref_model.tflite",
    "digits": _ROOT / "examples" / "digits" / "digits.onnx",
}
# Measured unless other networks are asked for, besides the files that are here.
_BUILT = ("resnet18", "mobilenetv2")


def find_models(names: str | None) -> dict[str, Path]:
    """Return the files of the networks `names`, by comma; short names or paths.

    Parameters
    ----------
    names : None stands for every known network whose file is here, ResNet-18 and MobileNetV2

    Raises
    ------
    FileNotFoundError
        A network that was asked for is not here.
    """
    if names is None:
        here = {name: path for name, path in _FILES.items() if path.exists()}
        return here | {name: network_file(name) for name in _BUILT}
    found = {}
    for name in names.split(","):
        if name in NETWORKS or name in FLOAT_NETWORKS:
            found[name] = network_file(name)
            continue
        path = _FILES.get(name, Path(name))
        if not path.exists():
            known = ", ".join((*_FILES, *NETWORKS, *FLOAT_NETWORKS))
            raise FileNotFoundError(f"{name}: no such network; give a file, or one of {known}")
        found[name if name in _FILES else path.stem] = path
    return found
