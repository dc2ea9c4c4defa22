"""The CPU: LLVM makes one native program of everything that no accelerator takes."""

from .compile import compile_host

__all__ = ["compile_host"]
