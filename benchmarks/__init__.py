"""Measurements: `python -m benchmarks.machine`; each prints a table and writes JSON on request."""
