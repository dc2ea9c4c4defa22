"""How far results are off: floats from a float64 evaluation, integers from the interpreter."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Call, Constant, Expr, Function, Module, Op, TensorType, Var
from compiler.ir.visitor import post_order, rewrite

__all__ = ["Reference", "find_reference"]

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Reference:
    """What a network should give.

    Attributes
    ----------
    exact : bool
        Its integers must be these, bit for bit; floats in float64 otherwise.
    outputs : list of arrays
    """

    exact: bool
    outputs: list[Array]

    def error(self, outputs: list[Array]) -> float:
        """Return the largest difference of any element."""
        return max(
            float(np.max(np.abs(given.astype(np.float64) - right.astype(np.float64)), initial=0.0))
            for given, right in zip(outputs, self.outputs, strict=True)
        )


def find_reference(module: Module, inputs: list[Array]) -> Reference:
    """Return what the network of a typed module gives for `inputs`, by the interpreter."""
    exact = any(
        isinstance(node, Call) and isinstance(node.op, Op) and node.op.name.startswith("qnn.")
        for node in post_order(module["main"].body)
    )
    if not exact:
        module = _in_float64(module)
        inputs = [_wide(value) for value in inputs]
    result = evaluate(module, *inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    return Reference(exact, [np.asarray(value) for value in outputs])


def _in_float64(module: Module) -> Module:
    """Return a module whose @main computes with float64 where it did with float32."""
    main = module["main"]
    params = {id(param): _wide_param(param) for param in main.params}

    def widen(node: Expr) -> Expr:
        if isinstance(node, Constant):
            return Constant(_wide(node.value), span=node.span)
        if isinstance(node, Call):
            attrs = {
                name: "float64" if value == "float32" else value
                for name, value in node.attrs.items()
            }
            return replace(node, attrs=attrs)
        return params.get(id(node), node)

    body = rewrite(main.body, widen)
    return infer(Module({"main": Function(tuple(params.values()), body)}))


def _wide_param(param: Var) -> Var:
    kind = param.type or param.annotation
    assert isinstance(kind, TensorType)
    dtype = "float64" if kind.dtype == "float32" else kind.dtype
    return Var(param.name, TensorType(kind.shape, dtype))


def _wide(value: Array) -> Array:
    return value.astype(np.float64) if value.dtype == np.float32 else value
