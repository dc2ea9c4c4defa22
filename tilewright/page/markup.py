"""Pieces of HTML and SVG as text, and numbers as people read them."""

import html
from collections.abc import Iterable, Sequence

__all__ = ["count", "element", "line", "percent", "short", "table", "text"]


def element(tag: str, *children: str, **attributes: object) -> str:
    """Return an element; children are markup, `_` at an attribute's end is dropped, `_` is `-`."""
    words = [tag]
    for name, value in attributes.items():
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        words.append(f'{name.rstrip("_").replace("_", "-")}="{html.escape(shown)}"')
    return f"<{' '.join(words)}>{''.join(children)}</{tag}>"


def text(x: float, y: float, content: str, **attributes: object) -> str:
    """Return SVG text at a point; `content` is plain text."""
    return element("text", html.escape(content), x=float(x), y=float(y), **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """Return an SVG line."""
    return element("path", d=f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", class_=class_)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], narrow: bool = False) -> str:
    """Return a table of markup: the first column words, the others numbers.

    A narrow one is as wide as its cells need, others as the page.
    """

    def row(tag: str, cells: Sequence[str]) -> str:
        return element(
            "tr",
            *(element(tag, cell, class_="n" if place else "w") for place, cell in enumerate(cells)),
        )

    body = "\n".join(row("td", cells) for cells in rows)
    content = element("thead", row("th", head)) + element("tbody", body)
    return element("div", element("table", content), class_="scroll fit" if narrow else "scroll")


def count(value: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{round(value):,}".replace(",", "\u202f")


def percent(share: float) -> str:
    """Return a share of one as per cent."""
    return f"{100 * share:.1f}\u202f%"


def short(value: float) -> str:
    """Return a number for the end of an axis: 1500 is 1.5k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"
