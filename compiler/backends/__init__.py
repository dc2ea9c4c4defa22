"""Backends: typed modules become programs of a machine."""
