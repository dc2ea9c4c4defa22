"""Mathematical functions need no library."""

import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.functions import FUNCTIONS
from compiler.infer import infer
from compiler.ir import Function, Module, TensorType, Tuple, Var
from compiler.ops import call

ROUNDING = ("ceil", "floor", "round", "trunc", "sqrt", "rsqrt")


@pytest.mark.parametrize(
    ("dtype", "cpu"),
    [
        *(("float16", cpu) for cpu in (None, "x86-64-v3")),
        *(("float32", cpu) for cpu in (None, "x86-64-v3", "x86-64")),
        *(("float64", cpu) for cpu in (None, "x86-64-v3", "x86-64")),
    ],
)
def test_functions_need_no_library(dtype, cpu, symbols):
    x, y = (Var(name, TensorType((5, 37), dtype)) for name in ("x", "y"))
    unary = [name for name in FUNCTIONS if name != "power"]
    results = [call(name, x) for name in (*unary, *ROUNDING)]
    binary = ("power", "mod", "floor_mod", "trunc_mod", "floor_divide")
    results += [*(call(name, x, y) for name in binary), call("nn.softmax", x)]
    module = infer(Module({"main": Function((x, y), Tuple(tuple(results)))}))
    assert symbols(compile_host(module, {}, cpu=cpu).code)[1] == set()
