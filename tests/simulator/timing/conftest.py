"""Fixtures for the timing model: it as plain Python objects."""

import pytest

from isa.assembler import assemble
from simulator.timing import HARDWARE
from simulator.timing.model import prepare_model


@pytest.fixture
def plain_model():
    """Return a function that gives the model of a program's text as plain Python."""

    def prepare(text, config, latency=40):
        return prepare_model(assemble(text, config).words, config, latency, HARDWARE).plain()

    return prepare
