"""Which steps become one kernel."""

import numpy as np

from compiler.backends.cpu.expansion import expand
from compiler.backends.cpu.fusion import Group, fuse
from compiler.backends.cpu.trace import trace
from compiler.infer import infer
from compiler.ir import Call, Function, GlobalVar, Module, Tuple
from compiler.ops import call


def groups(module, regions=None):
    """Return the names of the operators in each kernel, in order; regions by number."""
    graph = trace(module, regions or {})
    found = []
    for item in fuse(graph, expand(graph.steps)):
        if isinstance(item, Group):
            anchor = [item.anchor.name] if item.anchor else []
            found.append([*anchor, *(step.name for step in item.steps)])
        else:
            found.append(item.region)
    return found


def test_layer_is_one_kernel(variable, constant, main):
    data = variable("x", (1, 4, 4, 3), "int8")
    zero, scale = constant(0, "int32"), constant(0.1, "float32")
    kernel = constant(np.ones((1, 1, 3, 8)), "int8")
    layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
    total = call(
        "qnn.conv2d", data, kernel, zero, zero, scale, scale, kernel_size=1, channels=8, **layouts
    )
    biased = call("nn.bias_add", total, constant(np.ones(8), "int32"), axis=3)
    moved = call("qnn.requantize", biased, scale, zero, scale, zero)
    layer = call("clip", moved, a_min=0.0, a_max=5.0)
    names = ["qnn.conv2d", "nn.bias_add", "qnn.requantize", "clip"]
    assert groups(main([data], layer)) == [names]


def test_what_is_used_twice_is_taken_in_with_all_that_use_it(variable, main):
    data = variable("x", (4,))
    shared = call("exp", data)
    both = call("add", call("sqrt", shared), call("log", shared))
    assert groups(main([data], both)) == [["exp", "log", "sqrt", "add"]]


def test_gelu_follows_the_product_that_it_uses_twice(variable, constant, main):
    data = variable("x", (4, 8))
    weight, bias = constant(np.ones((6, 8)), "float32"), constant(np.ones(6), "float32")
    x = call("add", bias, call("nn.dense", data, weight))
    root, one, half = (constant(value, "float32") for value in (1.41, 1.0, 0.5))
    part = call("add", call("erf", call("divide", x, root)), one)
    gelu = call("multiply", call("multiply", x, part), half)
    names = ["nn.dense", "add", "divide", "erf", "add", "multiply", "multiply"]
    assert groups(main([data], gelu)) == [names]


def test_what_is_used_outside_as_well_is_kept(variable, main):
    data = variable("x", (4,))
    shared = call("exp", data)
    both = call("add", call("sqrt", shared), call("log", shared))
    summed = call("sum", shared)
    found = groups(main([data], [both, summed]))
    assert found == [["exp"], ["log", "sqrt", "add"], ["sum"]]


def test_square_of_a_sum_is_one_kernel(variable, main):
    data = variable("x", (4,))
    total = call("add", data, data)
    assert groups(main([data], call("multiply", total, total))) == [["add", "multiply"]]


def test_results_are_kept(variable, main):
    data = variable("x", (4,))
    first = call("exp", data)
    assert groups(main([data], [first, call("sqrt", first)])) == [["exp"], ["sqrt"]]


def test_stretched_operand_is_kept(variable, main):
    data, row = variable("x", (3, 4)), variable("y", (4,))
    total = call("add", data, call("exp", row))
    assert groups(main([data, row], total)) == [["exp"], ["add"]]


def test_one_anchor_in_a_kernel(variable, main):
    data = variable("x", (1, 4, 4, 2))
    pools = [call("nn.max_pool2d", data, pool_size=size, layout="NHWC") for size in (2, 2)]
    total = call("add", *pools)
    assert groups(main([data], total)) == [["nn.max_pool2d"], ["nn.max_pool2d", "add"]]


def test_regions_stay_in_their_place(variable):
    data, inner = variable("x", (4,)), variable("y", (4,))
    result = Call(GlobalVar("region"), (call("exp", data),))
    functions = {
        "main": Function((data,), Tuple((call("sqrt", result), data))),
        "region": Function((inner,), call("negative", inner)),
    }
    assert groups(infer(Module(functions)), {"region": 4}) == [["exp"], 4, ["sqrt"]]


def test_normalisation_is_expanded(variable, main):
    data = variable("x", (3, 4))
    normal = call("nn.l2_normalize", data, eps=1e-3, axis=(1,))
    assert groups(main([data], normal)) == [
        ["multiply"],
        ["sum", "maximum", "sqrt"],
        ["divide"],
    ]
