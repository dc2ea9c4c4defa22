"""How many multiplications operators make, by the numbers they multiply."""

from collections.abc import Mapping
from math import prod

from compiler.ir import Call, Constant, Expr, Module, Op, TensorType
from compiler.ir.visitor import post_order

__all__ = ["module_macs", "operator_macs"]

Shape = tuple[int, ...]


def operator_macs(
    name: str, attrs: Mapping[str, object], shapes: list[Shape], result: Shape
) -> int:
    """Return the multiplications of a convolution or a matrix product; 0 of everything else.

    Parameters
    ----------
    shapes : of data and weights
    """
    kind = name.removeprefix("qnn.").removeprefix("nn.")
    if kind.startswith(("conv1d", "conv2d", "conv3d")) and "transpose" not in kind:
        channels = int(str(attrs["channels"])) if attrs.get("channels") else 0
        layout = str(attrs["kernel_layout"])
        channels = channels or shapes[1][layout.index("O")]
        return prod(result) * prod(shapes[1]) // channels
    if kind == "conv2d_transpose":
        return prod(shapes[0]) * prod(shapes[1]) // shapes[0][str(attrs["data_layout"]).index("C")]
    if kind in ("dense", "contrib_dense_pack", "matmul"):
        return prod(result) * shapes[0][-1]
    if kind == "batch_matmul":
        return prod(result) * shapes[0][-2 if attrs.get("transpose_a") else -1]
    return 0


def module_macs(module: Module) -> dict[str, int]:
    """Return the multiplications of a typed @main in all, by the data type that they take."""
    found: dict[str, int] = {}
    for node in post_order(module["main"].body):
        if not isinstance(node, Call) or not isinstance(node.op, Op) or len(node.args) < 2:
            continue
        if not isinstance(node.type, TensorType):
            continue
        shapes = [_shape(argument) for argument in node.args[:2]]
        macs = operator_macs(node.op.name, node.attrs, shapes, _shape(node))
        if macs:
            dtype = _tensor(node.args[0]).dtype
            found[dtype] = found.get(dtype, 0) + macs
    return found


def _tensor(node: Expr) -> TensorType:
    if isinstance(node, Constant):
        return TensorType(node.value.shape, str(node.value.dtype))
    assert isinstance(node.type, TensorType), "module_macs needs a typed module"
    return node.type


def _shape(node: Expr) -> Shape:
    return (
        tuple(size if isinstance(size, int) else 1 for size in _tensor(node).shape)
        if (isinstance(node, Constant) or isinstance(node.type, TensorType))
        else ()
    )
