"""Importing a network whatever its format is; a file is read and parsed once."""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ImportFailed
from ..infer import infer
from ..ir import Module, Span, TensorType, TupleType
from ..ir.types import Type
from ..prelude import parse_with_prelude
from .common import Network, Signature, TensorInfo, read_file, view_file
from .onnx import onnx_module, onnx_tensors, parse_onnx
from .tflite import tflite_module, tflite_tensors
from .tflite_file import read_tflite

__all__ = ["import_model", "import_network", "tensor_info"]


class _Format(NamedTuple):
    """How to parse a format, and what to take from the outcome: the module, the tensors."""

    parse: Callable[[Any, Span], Any]
    module: Callable[[Any], Module]
    tensors: Callable[[Any], Signature]


def import_network(path: str | PathLike[str], *, mapped: bool = False) -> Network:
    """Return the network in a file: its module, and its inputs and outputs.

    A name that ends in ".relay" is text; otherwise the content decides: TFLite bears its
    identifier, and everything else is taken for ONNX.

    Parameters
    ----------
    mapped : bool
        Large constants may lie in the file itself, which must not change while the module is used.

    Raises
    ------
    ImportFailed
        The file is missing or no network.
    ParseError, TypeInferenceError, Unsupported
        What it holds is wrong, or not supported.
    """
    form, parsed = _parsed(path, mapped)
    module = form.module(parsed)
    inputs, outputs = form.tensors(parsed)
    return Network(module, inputs, _refined(outputs, module))


def import_model(path: str | PathLike[str]) -> Module:
    """Return the network in a file as a typed module.

    Raises
    ------
    ImportFailed, ParseError, TypeInferenceError, Unsupported
        As of `import_network`.
    """
    form, parsed = _parsed(path)
    return form.module(parsed)


def tensor_info(path: str | PathLike[str]) -> Signature:
    """Return the inputs and the outputs of a network as its file describes them.

    Raises
    ------
    ImportFailed, ParseError, TypeInferenceError, Unsupported
        As of `import_network`.
    """
    form, parsed = _parsed(path)
    return form.tensors(parsed)


def _parsed(path: str | PathLike[str], mapped: bool = False) -> tuple[_Format, Any]:
    """Return the format of a file, and its content parsed."""
    data, span = view_file(path) if mapped else read_file(path)
    form = _format(path, data, span)
    # Only weights of ONNX files are large.
    return form, form.parse(data if form.parse is parse_onnx else bytes(data), span)


def _format(path: str | PathLike[str], data: bytes | memoryview, span: Span) -> _Format:
    if Path(path).suffix == ".relay":
        return _Format(_relay, lambda text: text.module, _relay_tensors)
    if data[4:8] == b"TFL3":
        return _Format(read_tflite, tflite_module, tflite_tensors)
    # An ONNX file begins with field 1 of ModelProto, its format's version: tag 8, a small number.
    if data[0] != 8:
        raise ImportFailed(
            "neither a TFLite nor an ONNX file by its content, nor named *.relay; "
            "name a network's file",
            span,
        )
    return _Format(parse_onnx, onnx_module, onnx_tensors)


class _Text(NamedTuple):
    """A program in a text file: typed, and the file."""

    module: Module
    span: Span


def _relay(data: bytes, span: Span) -> _Text:
    """Return the program in a text file."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportFailed(f"the text must be UTF-8, not byte {error.start}", span) from None
    return _Text(infer(parse_with_prelude(text, span.path)), span)


def _relay_tensors(text: _Text) -> Signature:
    """Return the parameters and results of @main."""
    if "main" not in text.module:
        raise ImportFailed("the module must have a function @main", text.span)
    main = text.module["main"]
    kind = main.body.type
    results = kind.fields if isinstance(kind, TupleType) else (kind,)
    tensors = [(param.name, param.type) for param in main.params]
    tensors += [(f"output{number}", result) for number, result in enumerate(results)]
    described = [_described(name, given) for name, given in tensors]
    count = len(main.params)
    return tuple(described[:count]), tuple(described[count:])


def _refined(outputs: tuple[TensorInfo, ...], module: Module) -> tuple[TensorInfo, ...]:
    """Return the outputs with sizes that the file leaves open as inference found them."""
    if not any(-1 in row.shape for row in outputs):
        return outputs
    kind = module["main"].body.type
    results = kind.fields if isinstance(kind, TupleType) else (kind,)
    return tuple(
        replace(row, shape=_described(row.name, result).shape)
        for row, result in zip(outputs, results, strict=True)
    )


def _described(name: str, kind: Type | None) -> TensorInfo:
    """Return what is said of a parameter or a result; of one that is no tensor, its name."""
    if not isinstance(kind, TensorType):
        return TensorInfo(name, (), "")
    shape = tuple(size if isinstance(size, int) else -1 for size in kind.shape)
    return TensorInfo(name, shape, kind.dtype)
