"""Boards: the FPGA of each, and the machine placed and routed alone for it."""
