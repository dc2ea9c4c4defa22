"""Recognises matrix products among loops: what a contraction microkernel computes."""

from collections.abc import Mapping
from dataclasses import dataclass

from .expressions import Apply, Buffer, Constant, Expr, Load, Variable
from .functions import offset_of
from .linear import Linear, linear
from .nodes import Allocate, Block, For, Sequence, Statement, Store
from .walk import loads_of, variables_of

__all__ = ["Product", "recognise"]


@dataclass(frozen=True, slots=True)
class Product:
    """``target[i, j] = sum over k of data[i, k] * weight[k, j]``, places as offsets of elements.

    Attributes
    ----------
    rows, columns : int
    target, data, weight : Buffer
    target_base, data_base, weight_base : Expr
        The offset where all indices are 0.
    target_row, data_row : int
        Elements from one row to the next. Columns are neighbours.
    reduction : tuple of (count, data stride)
        The loops over k, outermost first.
    weight_step : int
        Elements of the weights from one step to the next.
    dtype : str
        Of the sums.
    """

    rows: int
    columns: int
    target: Buffer
    data: Buffer
    weight: Buffer
    target_base: Expr
    data_base: Expr
    weight_base: Expr
    target_row: int
    data_row: int
    reduction: tuple[tuple[int, int], ...]
    weight_step: int
    dtype: str


def recognise(loop: For) -> Product | str:
    """Return the product that a loop over rows is, or why it is none.

    ::

        for i: for j:
          allocate t: t = 0; for k: t = t + data[i, k] * weight[k, j]; out[i, j] = t
    """
    inner = loop.body
    if not isinstance(inner, For):
        return "a loop over columns must stand right inside"
    found = _sum_of(inner.body)
    if found is None:
        return (
            "its body must be a local that begins with 0, loops that add products of two elements "
            "to it, and the store of it"
        )
    steps, product, store, dtype = found
    loops = (loop, inner, *steps)
    extents = {one.variable: one.extent for one in loops}
    if any(not isinstance(extent, Constant) or extent.value < 1 for extent in extents.values()):
        return "the extents must be known"
    names = tuple(extents)
    target = _strides(offset_of(store.buffer, store.indices), names)
    places = [_strides(offset_of(load.buffer, load.indices), names) for load in product]
    if target is None or None in places:
        return "the places must be sums of multiples of the loops' indices"
    for order in ((0, 1), (1, 0)):
        data, weight = (places[number] for number in order)
        assert data is not None and weight is not None
        one = _product(loops, target, data, weight)
        if one is not None:
            rows, columns, reduction, step = one
            return Product(
                rows, columns, store.buffer, product[order[0]].buffer, product[order[1]].buffer,
                target[1], data[1], weight[1], target[0][loop.variable], data[0][loop.variable],
                reduction, step, dtype,
            )  # fmt: skip
    return (
        "columns must be neighbours in the result and in one operand, and the other operand must "
        "be the same for all columns"
    )


Places = tuple[Mapping[str, int], Expr]
"""Elements from one iteration of each loop to the next, and the offset of the first."""


def _strides(offset: Expr, names: tuple[str, ...]) -> Places | None:
    form = linear(offset)
    strides = dict.fromkeys(names, 0)
    rest: list[tuple[Expr, int]] = []
    for atom, factor in form.terms:
        if isinstance(atom, Variable) and atom.name in strides:
            strides[atom.name] = factor
        elif variables_of(atom) & set(names) or any(True for _ in loads_of(atom)):
            return None
        else:
            rest.append((atom, factor))
    return strides, Linear(form.constant, tuple(rest)).expr()


def _product(
    loops: tuple[For, ...], target: Places, data: Places, weight: Places
) -> tuple[int, int, tuple[tuple[int, int], ...], int] | None:
    """Return rows, columns, reduction and weight step if the strides are those of a product."""
    row, column, *steps = (loop.variable for loop in loops)
    counts = [int(loop.extent.value) for loop in loops if isinstance(loop.extent, Constant)]
    fits = target[0][column] == weight[0][column] == 1 and data[0][column] == 0
    if not fits or weight[0][row] or any(target[0][step] for step in steps):
        return None
    step = weight[0][steps[-1]]
    expected = step
    for name, count in zip(reversed(steps), reversed(counts[2:]), strict=True):
        if weight[0][name] != expected:
            return None
        expected *= count
    if step < 1:
        return None
    reduction = tuple((n, data[0][name]) for name, n in zip(steps, counts[2:], strict=True))
    return counts[0], counts[1], reduction, step


def _sum_of(
    body: Statement,
) -> tuple[tuple[For, ...], tuple[Load, Load], Store, str] | None:
    """Return the loops of a sum, the factors of its products, and its store."""
    while isinstance(body, Block):
        body = body.body
    match body:
        case Allocate(
            total,
            Sequence((Store(first, _, Constant(start)), For() as loop, Store() as store)),
        ) if first == total and start == 0 and store.value == Load(total, ()):
            pass
        case _:
            return None
    loops: list[For] = []
    current: Statement = loop
    while isinstance(current, For):
        loops.append(current)
        current = current.body
    match current:
        case Store(
            again, (), Apply("add", dtype, (Load(buffer), Apply("multiply", _, (left, right))))
        ) if again == buffer == total:
            factors = _element(left, dtype), _element(right, dtype)
        case _:
            return None
    if factors[0] is None or factors[1] is None:
        return None
    return tuple(loops), (factors[0], factors[1]), store, dtype


def _element(expr: Expr, dtype: str) -> Load | None:
    """Return the plain load that a factor is, perhaps made wider."""
    if isinstance(expr, Apply) and expr.operation == "cast" and expr.dtype == dtype:
        (expr,) = expr.operands
    if isinstance(expr, Load) and expr.where is None and _widens(expr.dtype, dtype):
        return expr
    return None


def _widens(source: str, target: str) -> bool:
    """Return whether a contraction extends `source` to `target` exactly."""
    return source == target or (source in ("int8", "uint8", "int16") and target == "int32")
