"""Networks by short name."""

import re

import pytest

from benchmarks import models
from benchmarks.models import find_models
from benchmarks.networks import write_network


def test_builds_a_network_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    first = find_models("tiny-autoencoder")["tiny-autoencoder"]
    assert first.is_relative_to(tmp_path)
    write_network("tiny-autoencoder", tmp_path / "again.onnx")
    assert first.read_bytes() == (tmp_path / "again.onnx").read_bytes()
    # What is there is taken as it is.
    first.write_bytes(b"kept")
    assert find_models("tiny-autoencoder") == {"tiny-autoencoder": first}
    assert first.read_bytes() == b"kept"


def test_the_default_has_two_large_networks(monkeypatch):
    monkeypatch.setattr(models, "network_file", lambda name: f"{name}.onnx")
    found = find_models(None)
    assert found["resnet18"] == "resnet18.onnx"
    assert found["mobilenetv2"] == "mobilenetv2.onnx"
    assert found["digits"].name == "digits.onnx"
    assert "vgg16" not in found


def test_a_file_goes_by_its_stem(tmp_path):
    path = tmp_path / "own.onnx"
    path.touch()
    assert find_models(str(path)) == {"own": path}


def test_unknown_network():
    message = (
        "nothing: no such network; give a file, or one of resnet8, dscnn, mobilenet, autoencoder, "
        "wakeword, digits, resnet18, resnet34, resnet50, mobilenetv1, mobilenetv2, vgg16, "
        "tiny-resnet8, tiny-dscnn, tiny-mobilenetv1, tiny-autoencoder, resnet18-fp32, "
        "mobilenetv2-fp32, lstm, bert-mini-fp32, bert-mini-int8"
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        find_models("nothing")
