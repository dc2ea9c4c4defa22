"""What runs on the CPU: a typed module to one native function, through kernels and LLVM."""

from .compile import compile_host, lower

__all__ = ["compile_host", "lower"]
