"""Importing a network whatever its format is."""

from os import PathLike
from pathlib import Path

from ..errors import ImportFailed
from ..infer import infer
from ..ir import Module, TensorType, TupleType
from ..text import parse
from .common import TensorInfo, read_file
from .onnx import import_onnx, onnx_tensor_info
from .tflite import import_tflite, tflite_tensor_info

__all__ = ["import_model", "tensor_info"]


def import_model(path: str | PathLike[str]) -> Module:
    """Return the network in a file as a typed module.

    A name that ends in ".relay" is text; otherwise the content decides: TFLite bears its
    identifier, and everything else is taken for ONNX.

    Raises
    ------
    ImportFailed
        The file is missing or no network.
    ParseError, TypeInferenceError, Unsupported
        What it holds is wrong, or not supported.
    """
    kind = _format(path)
    if kind == "relay":
        return infer(_relay(path))
    return import_tflite(path) if kind == "tflite" else import_onnx(path)


def tensor_info(
    path: str | PathLike[str],
) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Return the inputs and the outputs of a network as its file describes them.

    Raises
    ------
    ImportFailed, ParseError, TypeInferenceError, Unsupported
        As of `import_model`.
    """
    kind = _format(path)
    if kind == "relay":
        return _relay_tensor_info(path)
    return tflite_tensor_info(path) if kind == "tflite" else onnx_tensor_info(path)


def _format(path: str | PathLike[str]) -> str:
    """Return relay, tflite or onnx."""
    data, span = read_file(path)
    if Path(path).suffix == ".relay":
        return "relay"
    if data[4:8] == b"TFL3":
        return "tflite"
    # An ONNX file begins with field 1 of ModelProto, its format's version: tag 8, a small number.
    if data[0] != 8:
        raise ImportFailed(
            "neither a TFLite nor an ONNX file by its content, nor named *.relay; "
            "name a network's file",
            span,
        )
    return "onnx"


def _relay(path: str | PathLike[str]) -> Module:
    """Return the program in a text file."""
    data, span = read_file(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportFailed(f"the text must be UTF-8, not byte {error.start}", span) from None
    return parse(text, path=str(path))


def _relay_tensor_info(
    path: str | PathLike[str],
) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Return the parameters and results of @main."""
    module = infer(_relay(path))
    _, span = read_file(path)
    if "main" not in module:
        raise ImportFailed("the module must have a function @main", span)
    main = module["main"]
    kind = main.body.type
    results = kind.fields if isinstance(kind, TupleType) else (kind,)
    tensors = [(param.name, param.type) for param in main.params]
    tensors += [(f"output{number}", result) for number, result in enumerate(results)]
    described = []
    for name, given in tensors:
        if not isinstance(given, TensorType) or not all(isinstance(d, int) for d in given.shape):
            raise ImportFailed(
                f"{name} of @main must be a tensor of known shape, not {given}", span
            )
        shape = tuple(size for size in given.shape if isinstance(size, int))
        described.append(TensorInfo(name, shape, given.dtype))
    count = len(main.params)
    return tuple(described[:count]), tuple(described[count:])
