"""Targets: which operators each takes, and what they cost there."""

from .accel import AccelTarget
from .target import Match, Target

__all__ = ["AccelTarget", "Match", "Target"]
