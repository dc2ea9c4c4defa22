"""Kernels that work line by line, in parts on several threads."""

import numpy as np

from compiler.backends.cpu import compile_host
from compiler.ops import call
from driver.host import HostProgram

THREADS = (1, 2, 3)


def test_parts_give_what_the_whole_gives(variable, constant, main):
    seed = 21
    rng = np.random.default_rng(seed)
    x, q = variable("x", (3, 70, 700)), variable("q", (5, 90, 64), "int8")
    vectors = [constant(rng.normal(size=700), "float32") for _ in range(2)]
    columns = [constant(rng.normal(size=70), "float32") for _ in range(2)]
    points, scales = [constant(3, "int32")] * 2, [constant(0.1, "float32")] * 2
    results = [
        call("nn.softmax", x),
        call("nn.log_softmax", x, axis=1),
        call("nn.layer_norm", x, *vectors),
        call("nn.layer_norm", x, *columns, axis=1),
        call("transpose", x, axes=(2, 0, 1)),
        call("transpose", x, axes=(0, 2, 1)),
        call("sum", x, axis=(2,)),
        call("max", x, axis=(1,)),
        call("nn.batch_matmul", x, x, transpose_b=True),
        call("qnn.batch_matmul", q, q, *points, *scales, transpose_b=True),
    ]
    module = main([x, q], results)
    data = [
        rng.normal(size=(3, 70, 700)).astype(np.float32),
        rng.integers(-128, 128, (5, 90, 64)).astype(np.int8),
    ]
    host = compile_host(module, {})
    assert host.threaded
    found = []
    for threads in THREADS:
        outputs = [np.full(one.type.shape, 7, one.type.dtype) for one in module["main"].body.fields]
        assert HostProgram(host, threads=threads).run(data, outputs) == 0
        found.append(outputs)
    for outputs in found[1:]:
        for number, (have, want) in enumerate(zip(outputs, found[0], strict=True)):
            np.testing.assert_array_equal(have, want, err_msg=f"result {number}, seed {seed}")
