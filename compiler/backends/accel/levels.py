"""Loop levels as fields of an instruction."""

from collections.abc import Sequence

__all__ = ["level_fields"]


def level_fields(streams: Sequence[str], *levels: Sequence[int]) -> dict[str, int]:
    """Return the fields of the levels, the outermost first.

    Parameters
    ----------
    streams : names of the address streams
    levels : for each level its count, then its step for each stream
    """
    fields = {}
    for index, (count, *steps) in enumerate(levels):
        fields[f"count{index}"] = count
        for stream, step in zip(streams, steps, strict=True):
            fields[f"{stream}{index}"] = step if count > 1 else 0
    return fields
