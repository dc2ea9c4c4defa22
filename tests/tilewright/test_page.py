"""The page of a profile: one file, whole, and its numbers are those of the run."""

import re
from dataclasses import replace

import pytest

from isa.config import preset
from isa.instructions import Engine
from tilewright.page import profile_page
from tilewright.page.axes import Axis, round_steps
from tilewright.page.engines import engine_table
from tilewright.page.markup import count, element, percent, short
from tilewright.page.roofline import roofline

SETTINGS = {"config": "tiny", "dram_latency_cycles": 40}


def number(text):
    return int(re.sub(r"\D", "", text))


@pytest.fixture(scope="module")
def page(analysis, read_page):
    return read_page(profile_page("a <small> & network", [analysis], preset("tiny"), SETTINGS))


@pytest.mark.verilator
def test_page_needs_nothing_from_elsewhere(analysis, page):
    text = profile_page("digits", [analysis], preset("tiny"), SETTINGS)
    assert len(text) < 200_000
    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    assert not [item for item in page.elements if {"src", "href", "onclick"} & item.keys()]
    assert not re.search(r"https?:|url\(|@import", text)


@pytest.mark.verilator
def test_names_are_text_not_markup(page):
    assert page.all("h1")[0]["text"] == "a <small> & network"


@pytest.mark.verilator
def test_rows_are_layers_and_add_up(analysis, page):
    rows, cells = page.all("tr"), page.all("td")
    assert rows[0]["text"].startswith("layerMACscyclesof peakbound by")
    table = [cells[start : start + 9] for start in range(0, 9 * (len(analysis.layers) + 1), 9)]
    for layer, row in zip(analysis.layers, table, strict=False):
        assert row[0]["text"].endswith(layer.name)
        assert number(row[2]["text"]) == layer.cycles
        assert row[4]["text"] == layer.bound
    assert sum(number(row[2]["text"]) for row in table[:-1]) == number(table[-1][2]["text"])
    assert number(table[-1][2]["text"]) == analysis.counters["cycles"]
    assert number(table[-1][7]["text"]) == sum(layer.dram_bytes for layer in analysis.layers)


@pytest.mark.verilator
def test_charts(analysis, page):
    titles = [item["aria-label"] for item in page.all("svg")]
    assert [title.split(" ")[0].rstrip(":") for title in titles] == [
        "Roofline",
        "Engines",
        "Live",
        "DRAM",
    ]
    multiplying = [layer for layer in analysis.layers if layer.macs]
    dots = page.all("circle")
    assert len(dots) == len(multiplying)
    for dot in dots:
        assert 0 < float(dot["cx"]) < 1000
        assert 0 < float(dot["cy"]) < 460
    # A band a layer in each chart over time, over its whole width.
    bands = page.all("rect")
    assert len(bands) == 3 * len(analysis.layers)
    widths = [float(band["width"]) for band in bands[: len(analysis.layers)]]
    assert sum(widths) == pytest.approx(1000 - 62 - 12, abs=0.1 * len(widths))
    assert {"load", "matrix", "vector", "store"} <= {item.get("class") for item in page.all("path")}


@pytest.mark.verilator
def test_columns_stay_in_their_track(page):
    for path in page.all("path"):
        if path["class"] in ("grid", "limit", "lead", "roof"):
            continue
        for x, y, width, height in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)H", path["d"]):
            assert float(x) >= 62
            assert float(x) + float(width) <= 988.2
            assert float(height) <= 52
            assert float(y) >= 22


@pytest.mark.verilator
def test_settings_and_guide_are_there(page):
    text = page.all("body")[0]["text"]
    for words in ("How to read this", "dram latency cycles", "scratchpads98 KiB", "bound by"):
        assert words in text
    assert "4 x 4 MACs; config tiny, dram latency cycles 40" in text


@pytest.mark.verilator
def test_engines_table_adds_up(analysis, read_page):
    page = read_page(engine_table(analysis))
    shown = [
        number(item["text"]) for item in page.elements if item["tag"] == "div" and len(item) == 2
    ]
    expected = []
    for engine in Engine:
        row = [*analysis.shares[engine], analysis.counters[f"{engine.name.lower()}_stalled"]]
        assert sum(row[:-1]) == analysis.cycles
        expected += [cycles for cycles in row if cycles]
    assert shown == expected


@pytest.mark.verilator
def test_several_regions(analysis, read_page):
    found = read_page(profile_page("two", [analysis, analysis], preset("tiny"), SETTINGS))
    assert [item["text"] for item in found.all("h2")].count("Region accel_0") == 2
    assert len(found.all("svg")) == 8
    assert number(found.all("b")[0]["text"]) == 2 * analysis.cycles


@pytest.mark.verilator
def test_without_counters_their_columns_are_left_out(analysis, read_page):
    model = replace(analysis, counters={})
    found = read_page(profile_page("model", [model], preset("tiny"), {}))
    assert "stalled inside" not in [item["text"] for item in found.all("th")]
    assert "bytes read, with instructions" not in found.all("body")[0]["text"]


@pytest.mark.verilator
def test_roofline_of_layers_that_do_not_multiply(analysis):
    idle = [layer for layer in analysis.layers if not layer.macs]
    assert roofline(idle, preset("tiny")) == '<p class="soft">No layer multiplies.</p>'


@pytest.mark.verilator
def test_a_layer_without_traffic_stands_at_the_right_edge(analysis, read_page):
    layers = [replace(layer, dram_bytes=0) for layer in analysis.layers if layer.macs]
    page = read_page(roofline(layers, preset("tiny")))
    assert {float(dot["cx"]) for dot in page.all("circle")} == {1000 - 24}


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0, 11589, 8, [0, 2000, 4000, 6000, 8000, 10000]),
        (0, 1, 8, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (3, 17, 8, [4, 6, 8, 10, 12, 14, 16]),
    ],
)
def test_round_steps(low, high, most, expected):
    assert round_steps(low, high, most) == pytest.approx(expected)


def test_axes():
    axis = Axis(1, 16, 0, 100, logarithmic=True)
    assert [axis.place(value) for value in (0.5, 1, 4, 16, 99)] == pytest.approx(
        [0, 0, 50, 100, 100]
    )
    assert Axis(0, 4, 10, 0).place(1) == 7.5


def test_numbers_and_markup():
    assert (count(1234567.4), percent(0.1234), short(1500), short(8_500_000), short(0.25)) == (
        "1\u202f234\u202f567",
        "12.3\u202f%",
        "1.5k",
        "8.5M",
        "0.25",
    )
    assert element("i", "x", class_="a", text_anchor="<end>") == (
        '<i class="a" text-anchor="&lt;end&gt;">x</i>'
    )
