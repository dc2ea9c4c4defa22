"""What causes of waits are called and how they look."""

from collections.abc import Sequence

from driver.waits import Cause
from isa.instructions import Engine

from .markup import element

__all__ = ["CAUSES", "key", "stacked_bar"]

# Classes of the style sheet; a wait for an engine has its colour, paler.
CAUSES = {
    Cause.LOAD: "load",
    Cause.MATRIX: "matrix",
    Cause.VECTOR: "vector",
    Cause.STORE: "store",
    Cause.QUEUE: "queue",
    Cause.FETCH: "fetch",
}


def key() -> str:
    """Return what each colour of an engine's track means."""
    parts = [_entry(engine.name.lower(), "", f"{engine.name.lower()} busy") for engine in Engine]
    for cause, name in CAUSES.items():
        if cause < len(Engine):
            parts.append(_entry(name, "waits", f"waits for {name}"))
    parts.append(_entry("queue", "waits", "behind a full queue"))
    parts.append(_entry("fetch", "waits", "fetch"))
    return element("div", *parts, class_="key")


def stacked_bar(parts: Sequence[tuple[str, float]], title: str) -> str:
    """Return a small bar of (class, share) parts; the shares sum to at most one."""
    pieces = [
        element("i", class_=name, style=f"width:{100 * share:.1f}%")
        for name, share in parts
        if share >= 0.005
    ]
    return element("span", *pieces, class_="bar", title=title)


def _entry(name: str, more: str, label: str) -> str:
    return element("span", element("i", class_=f"{name} {more}".strip()), label)
