"""What C passes for the values that @main takes and gives: their tensors, one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isa.image import Tensor

from ....errors import Unsupported
from ....ir.dims import Dim
from ....ir.module import Module
from ....ir.types import TensorType, TupleType, Type

__all__ = ["Leaf", "Part", "leaves", "read_signature"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor of a parameter or of the result.

    Attributes
    ----------
    tensor : Tensor
        With -1 for each size that is not known.
    sizes : tuple of Dim
        What inference says of them.
    """

    tensor: Tensor
    sizes: tuple[Dim, ...]


Part = Leaf | tuple["Part", ...]
"""A tensor, or a tuple of parts."""


def read_signature(
    module: Module, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> tuple[tuple[Part, ...], Part]:
    """Return the parts of each parameter of @main, and those of its result.

    Parameters
    ----------
    module : Module
        Typed.
    inputs, outputs : sequences of Tensor
        As the network's: one for each parameter, and for each field of the result.

    Raises
    ------
    Unsupported
        A value is neither a tensor nor a tuple of such.
    """
    main = module["main"]
    params = tuple(
        _part(param.type, row, f"%{param.name}")
        for param, row in zip(main.params, inputs, strict=True)
    )
    kind = main.body.type
    if not isinstance(kind, TupleType):
        return params, _part(kind, outputs[0], "the result")
    pairs = enumerate(zip(kind.fields, outputs, strict=True))
    return params, tuple(_part(one, row, f"result {n}") for n, (one, row) in pairs)


def _part(kind: Type | None, row: Tensor, what: str) -> Part:
    """Return the parts of a value of some type; `row` has the name."""
    match kind:
        case TensorType(shape, dtype):
            known = tuple(size if isinstance(size, int) else -1 for size in shape)
            return Leaf(replace(row, shape=known, dtype=dtype), shape)
        case TupleType(fields):
            names = (f"{row.name}_{number}" for number in range(len(fields)))
            rows = (replace(row, name=name) for name in names)
            return tuple(_part(one, each, what) for one, each in zip(fields, rows, strict=True))
        case _:
            raise Unsupported(
                f"{what} of @main holds {kind}, which C programs cannot pass: take and give "
                "tensors and tuples of them, and keep other values inside"
            )


def leaves(part: Part) -> Iterator[Leaf]:
    """Yield the tensors of a part, in order."""
    if isinstance(part, Leaf):
        yield part
        return
    for one in part:
        yield from leaves(one)
