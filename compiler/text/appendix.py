"""What a printed program cannot say in its text, and so refers to in its metadata."""

from ..ir.dims import Dim, Size
from ..ir.nodes import Constant, MetaValue
from .metadata import CONSTANT_KEY, STRING_KEY, write_metadata
from .sizes import write_size

__all__ = ["Appendix"]


class Appendix:
    """Collects the entries of a metadata section, each once.

    Parameters
    ----------
    written : bool
        The section will be written. Otherwise sizes are shown as people write them.
    """

    def __init__(self, written: bool) -> None:
        self.written = written
        self._entries: dict[str, list[object]] = {}
        self._known: dict[object, str] = {}
        self._kept: list[Constant] = []

    def text(self) -> str:
        """Return the section with its marker; empty if nothing needs it."""
        if not self.written or not self._entries:
            return ""
        return "\n#[metadata]\n" + write_metadata(self._entries)

    def constant(self, node: Constant) -> str:
        """Return the reference to a tensor; a node that is used twice is one entry."""
        if id(node) not in self._known:
            self._kept.append(node)
        return self._refer(id(node), CONSTANT_KEY, node.value)

    def value(self, value: MetaValue) -> str:
        """Return the reference to an object of another system."""
        return self._refer(value, value.key, value)

    def string(self, value: str) -> str:
        """Return the reference to a string that has no literal."""
        return self._refer((STRING_KEY, value), STRING_KEY, value)

    def size(self, size: Dim) -> str:
        """Return the size of an axis."""
        if not isinstance(size, Size) or not self.written:
            return str(size)
        return self._refer(size, *write_size(size))

    def _refer(self, identity: object, key: str, entry: object) -> str:
        """Return the reference to an entry, adding it if it is new."""
        found = self._known.get(identity)
        if found is None:
            entries = self._entries.setdefault(key, [])
            found = self._known[identity] = f"meta[{key}][{len(entries)}]"
            entries.append(entry)
        return found
