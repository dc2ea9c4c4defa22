"""The timing model: when each instruction starts and ends, without data and without the RTL.

An instruction's own cycles follow from its fields. Queues, tokens, the decoder and the engines are
followed from event to event; where two share a memory or the bus, each is slowed down as a whole.
All files but constants, calibration, model and prediction are compiled: see simulator.native.
"""

from .constants import HARDWARE, Hardware
from .prediction import Memory, Prediction, cycles, predict

__all__ = ["HARDWARE", "Hardware", "Memory", "Prediction", "cycles", "predict"]
