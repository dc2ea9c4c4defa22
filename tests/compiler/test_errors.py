"""The tree of errors and the form of their messages."""

import pytest

from compiler import errors
from compiler.ir import Span


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "CompileError"])
def test_every_error_can_be_caught_as_one(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.CompileError)
    assert name in errors.__doc__, "the tree in the docstring names every error"


def test_the_message_begins_with_the_place():
    error = errors.ParseError("write this", Span("net.relay", 3, 8), "    line\n    ^")
    assert str(error) == "net.relay:3:8: write this\n    line\n    ^"
    assert error.problem == "write this" and error.span == Span("net.relay", 3, 8)
    network = errors.Unsupported("no", Span("net.tflite", name="CONV_2D #3 'conv1'"))
    assert str(network) == "net.tflite: CONV_2D #3 'conv1': no"
    assert str(errors.TooLarge("too large")) == "too large"
