"""A profiled run of a small network, and a page that is taken apart."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

import tilewright as tw
from driver.analysis import analyse
from tilewright.running import random_inputs

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx"
# Elements that HTML does not close.
VOID = ("meta",)


@pytest.fixture(scope="session")
def digits_path() -> Path:
    """The file of the example network."""
    return DIGITS


@pytest.fixture(scope="session")
def digits_run():
    """Image and result of the example network on the Verilated machine."""
    image = tw.compile(DIGITS, "tiny")
    with tw.open_device("verilator") as device:
        return image, device.run(image, random_inputs(image.inputs, seed=0))


@pytest.fixture(scope="session")
def analysis(digits_run):
    """What the machine did with the example network."""
    _, result = digits_run
    (run,) = result.regions
    return analyse(run.region, run.trace, run.counters)


class Page(HTMLParser):
    """Elements of a page: tag, attributes and the text inside; checks that all are closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, tag, **attributes):
        """Return the elements of a tag with these attributes, `class_` for class."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element["tag"] == tag and wanted.items() <= element.items()
        ]


@pytest.fixture(scope="session")
def read_page():
    """Return a function that takes a page apart."""
    return Page
