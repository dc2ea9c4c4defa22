"""How to read the page, in words."""

from .markup import element

__all__ = ["GUIDE"]

_WORDS = {
    "cycles": "Those in which matrix or vector engine computes the layer, half of those in which "
    "the other one computes another layer, and those in which nothing is computed while loads or "
    "stores of the layer are at work. They add up to the whole run.",
    "of peak": "MACs over the cycles in which the engine that computes the layer was busy with it "
    "or waited for it, of rows x columns MACs a cycle.",
    "matrix busy, busy of peak": "Cycles in which the matrix engine worked on the layer, whenever "
    "that was, and MACs over these: less than 100 % where channels do not fill the array.",
    "bound by": "The engine that works longest for the layer, if that is at least half of the "
    "layer's cycles. A load or store counts only the cycles that its bytes need on the bus or its "
    "words on the chip. If none works that long, latency bounds the layer: engines wait for each "
    "other or for DRAM's first answer.",
    "waits": "Cycles between an engine's instructions. Up to the last token that the next one "
    "needed, the cause is the engine that gave it: matrix for load means that operands were not "
    "there yet, load for matrix that their place was still in use, which harms nobody while the "
    "matrix engine is busy. Behind a full queue: an older instruction held up all that follow it. "
    "Fetch: the program itself, and the cycles to pass it on. The table shows the waits of the "
    "engine that computes the layer: the largest cause, and all of them beside the layer's cycles.",
    "stalled inside": "Of the busy cycles those in which the engine waited for the bus or a "
    "memory, as its counter says.",
    "scratchpads": "A word is live from the start of the instruction that wrote it to the end of "
    "the last one that read it.",
    "trace.json": "The same run instruction by instruction, for ui.perfetto.dev; one microsecond "
    "there is one cycle here.",
}

GUIDE = element(
    "details",
    element("summary", "How to read this"),
    element("dl", *(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in _WORDS.items())),
)
