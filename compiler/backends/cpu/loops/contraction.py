"""Emission of a matrix product in a nest by the contraction kernel."""

from ....schedule.expressions import Buffer, Expr
from ....schedule.nodes import For
from ....schedule.products import Product, recognise
from ..builder import element_bytes
from ..formula import Node
from ..kernels import Contraction, Dot
from ..kernels.parts import all_parts
from ..machine import Machine
from ..tiling import choose_tile
from .frame import Frame
from .values import Values

__all__ = ["contraction"]


def contraction(frame: Frame, values: Values, loop: For, machine: Machine) -> None:
    """Write the product that a loop is."""
    product = recognise(loop)
    assert isinstance(product, Product), product
    assert not frame.vector, "a product is no part of a vector loop"

    def address(buffer: Buffer, base: Expr) -> str:
        pointer = frame.places[buffer.name].pointer
        return frame.build.address(pointer, values.index(base), element_bytes(buffer.dtype))

    kernel = _kernel(product, machine)
    pointers = [
        address(product.target, product.target_base),
        address(product.data, product.data_base),
        address(product.weight, product.weight_base),
    ]
    kernel.emit(frame.build, pointers, 0, all_parts(kernel.chunks))


def _kernel(product: Product, machine: Machine) -> Contraction:
    """Return the kernel of a product: one line, whose places are the rows."""
    lanes = machine.vector_bytes // element_bytes(product.dtype)
    dot = Dot(product.data.dtype, product.weight.dtype, product.dtype, "", 1, lanes)
    vectors = max(1, product.columns // lanes)
    return Contraction(
        shape=(1, product.rows, product.columns),
        target_strides=(0, product.target_row, 1),
        data_strides=(0, product.data_row),
        weight_strides=(),
        groups=1,
        group_strides=(0, 0),
        origin=0,
        reduction=product.reduction,
        tile=choose_tile(machine, (1, product.rows), vectors, 1),
        weight_step=product.weight_step,
        columns_outside=False,
        starts=False,
        dot=dot,
        formula=(Node("anchor", product.dtype),),
        vector_bytes=machine.vector_bytes,
    )
