"""The table of layers."""

import html
from collections.abc import Sequence

from driver.profile import LayerProfile
from isa.config import Config
from isa.instructions import Engine

from .causes import CAUSES, stacked_bar
from .markup import count, element, percent, table

__all__ = ["layer_table"]

_HEAD = (
    "layer",
    "MACs",
    "cycles",
    "of peak",
    "bound by",
    "matrix busy",
    "busy of peak",
    "DRAM bytes",
    "waits",
)


def layer_table(layers: Sequence[LayerProfile], config: Config) -> str:
    """Return a row a layer, numbered as in the charts, and their sum."""
    rows = [_row(number, layer, config) for number, layer in enumerate(layers, start=1)]
    return table(_HEAD, [*rows, _sum(layers, config)])


def _row(number: int, layer: LayerProfile, config: Config) -> list[str]:
    name = element(
        "span",
        f"{number}\u2002{html.escape(layer.name)}",
        class_="name",
        title=f"{layer.name}: {layer.operator}",
    )
    busy = layer.busy[Engine.MATRIX]
    return [
        name,
        count(layer.macs) if layer.macs else "",
        count(layer.cycles),
        _share(layer.peak_share) if layer.macs else "",
        element("span", layer.bound, class_=f"badge {layer.bound}"),
        count(busy) if busy else "",
        percent(layer.busy_share(config)) if busy else "",
        count(layer.dram_bytes),
        _waits(layer),
    ]


def _sum(layers: Sequence[LayerProfile], config: Config) -> list[str]:
    macs, cycles = sum(layer.macs for layer in layers), sum(layer.cycles for layer in layers)
    cells = [
        "all",
        count(macs),
        count(cycles),
        _share(macs / (cycles * config.macs_per_cycle)) if cycles else "",
        "",
        count(sum(layer.busy[Engine.MATRIX] for layer in layers)),
        "",
        count(sum(layer.dram_bytes for layer in layers)),
        "",
    ]
    return [element("b", cell) if cell else "" for cell in cells]


def _share(share: float) -> str:
    return percent(share) + stacked_bar([("matrix", min(1.0, share))], percent(share))


def _waits(layer: LayerProfile) -> str:
    """Return the largest cause in words, and all of them as a bar beside the layer's cycles."""
    parts = {name: layer.waits[cause] for cause, name in CAUSES.items() if layer.waits[cause]}
    if not parts or layer.engine is None:
        return ""
    engine, largest = layer.engine.name.lower(), max(parts, key=lambda name: parts[name])
    title = f"{engine} waits: " + ", ".join(f"{name} {count(size)}" for name, size in parts.items())
    whole = max(layer.cycles, sum(parts.values()))
    bar = stacked_bar([(name, size / whole) for name, size in parts.items()], title)
    return f"{engine} for {largest} {count(parts[largest])}{bar}"
