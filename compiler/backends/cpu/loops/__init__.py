"""The generic generator: any nest of `compiler.schedule` as an LLVM function.

A vector loop runs several iterations at once, one a lane, in the way of a GPU: what depends on the
loop's index is a vector, what does not stays a scalar, and an `If` that lanes answer differently
becomes a mask.
"""

from .kernel import NestKernel

__all__ = ["NestKernel"]
