"""The whole page."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from driver.analysis import Analysis
from isa.config import Config
from isa.instructions import Engine

from .causes import key
from .engines import engine_chart, engine_table
from .guide import GUIDE
from .layers import layer_table
from .markup import count, element, percent, table
from .memories import occupancy_chart, traffic_chart
from .roofline import roofline
from .style import STYLE

__all__ = ["profile_page"]

# Columns of a chart over time; several regions share them, so that the page stays small.
_COLUMNS, _FEWEST_COLUMNS = 600, 60


def profile_page(
    title: str, analyses: Sequence[Analysis], config: Config, settings: Mapping[str, Any]
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    title : str, name of the network
    analyses : the regions that ran, in order; at least one
    config : Config, the machine's
    settings : what cycle counts depend on
    """
    columns = max(_FEWEST_COLUMNS, _COLUMNS // len(analyses))
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}: profile</title><style>{STYLE}</style>"
    )
    body = [
        element("h1", html.escape(title)),
        element("p", _subtitle(config, settings), class_="soft"),
        _cards(analyses, config),
        GUIDE,
    ]
    for analysis in analyses:
        if len(analyses) > 1:
            body.append(element("h2", f"Region {html.escape(analysis.timeline.region.name)}"))
            body.append(_cards([analysis], config))
        body += _region(analysis, config, columns)
    body += [element("h2", "Machine"), _machine(config, settings)]
    page = element("html", element("head", head), element("body", *body), lang="en")
    return f"<!doctype html>\n{page}\n"


def _region(analysis: Analysis, config: Config, columns: int) -> list[str]:
    return [
        element("h2", "Roofline"),
        element(
            "p",
            "A dot a layer, as large as its share of the cycles, in the colour of what bounds it. "
            "Under the slope DRAM limits, under the flat part the matrix engine. A layer whose "
            "operands came while another layer computed may stand above the slope.",
            class_="soft",
        ),
        roofline(analysis.layers, config),
        element("h2", "Layers"),
        layer_table(analysis.layers, config),
        element("h2", "Engines over time"),
        key(),
        engine_chart(analysis, columns),
        element("h3", "Where each engine's cycles went"),
        engine_table(analysis),
        element("h2", "Scratchpads over time"),
        element(
            "p",
            "Words that hold something still to be read, of all there are (dashed); on the left "
            "the name and the most at any time.",
            class_="soft",
        ),
        occupancy_chart(analysis, columns),
        element("h2", "DRAM over time"),
        element(
            "p",
            "Bytes of loads and stores, of what the bus can carry (dashed); on the left the mean.",
            class_="soft",
        ),
        traffic_chart(analysis, columns),
    ]


def _subtitle(config: Config, settings: Mapping[str, Any]) -> str:
    named = [f"{name.replace('_', ' ')} {value}" for name, value in settings.items()]
    return html.escape(f"{config.rows} x {config.columns} MACs; " + ", ".join(named))


def _cards(analyses: Sequence[Analysis], config: Config) -> str:
    cycles = sum(analysis.cycles for analysis in analyses)
    layers = [layer for analysis in analyses for layer in analysis.layers]
    macs = sum(layer.macs for layer in layers)
    busy = sum(layer.busy[Engine.MATRIX] for layer in layers)
    cards = [
        (count(cycles), "cycles"),
        (count(macs), "MACs"),
        (percent(macs / (cycles * config.macs_per_cycle)) if cycles else "", "of peak"),
        (percent(busy / cycles) if cycles else "", "matrix busy"),
        (count(sum(layer.dram_bytes for layer in layers)), "bytes loaded and stored"),
        (count(sum(len(item.timeline.instructions) for item in analyses)), "instructions"),
    ]
    for name, label in (
        ("read_bytes", "bytes read, with instructions"),
        ("write_bytes", "bytes written"),
    ):
        if all(analysis.counters for analysis in analyses):
            cards.append((count(sum(item.counters[name] for item in analyses)), label))
    return element(
        "div",
        *(
            element("div", element("b", value), element("span", label), class_="card")
            for value, label in cards
        ),
        class_="cards",
    )


def _machine(config: Config, settings: Mapping[str, Any]) -> str:
    rows = [(name.replace("_", " "), str(value)) for name, value in settings.items()]
    for item in fields(config):
        if item.name != "name":
            rows.append((item.name.replace("_", " "), str(getattr(config, item.name))))
    rows.append(("scratchpads", f"{config.scratchpad_bytes / 1024:.0f} KiB"))
    cells = [[html.escape(cell) for cell in row] for row in rows]
    return table(("setting", "value"), cells, narrow=True)
