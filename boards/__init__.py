"""Boards: pins, clocks, host links and bitstreams. None is supported yet."""
