"""The pass manager: which passes run, what instruments see, and how mistakes are refused."""

import re

import numpy as np
import pytest

from compiler.errors import InvalidModule, Unsupported
from compiler.ir import Call, Constant, Function, FuncType, Module, TensorType, Var
from compiler.ops import call
from compiler.passes import bisect as bisecting
from compiler.passes import manager
from compiler.passes.bisect import bisect, random_inputs
from compiler.passes.instruments import Dump, MemoryPeak, Timer, Verify
from compiler.passes.manager import PassContext, run_passes, selected
from compiler.passes.registry import Pass, find_pass, passes
from compiler.text import parse, to_text


@pytest.fixture
def module():
    """max(x + 1, 0) of four floats."""
    x = Var("x", TensorType((4,)))
    one = Constant(np.float32(1))
    return Module({"main": Function((x,), call("nn.relu", call("add", x, one)))})


@pytest.fixture
def with_passes(monkeypatch):
    """`with_passes(rows)` makes the manager and bisect know passes of these rows as well."""

    def add(*rows):
        table = {**passes(), **{row.name: row for row in rows}}
        for place in (manager, bisecting):
            monkeypatch.setattr(place, "find_pass", table.__getitem__)

    return add


def double(module):
    """Wrong on purpose: doubles the result."""
    main = module["main"]
    return module.replace(main=Function(main.params, call("add", main.body, main.body)))


def test_every_pass_has_a_level_and_says_what_it_does():
    for name, row in passes().items():
        assert row.name == name
        assert row.level in range(5)
        assert re.fullmatch(r"[A-Z][^\n]*\.", row.summary), name


def test_levels_required_and_disabled_decide():
    names = ("simplify", "fold_constants", "convert_layout")
    assert selected(names, PassContext()) == ("simplify", "fold_constants")
    assert selected(names, PassContext(level=0)) == ("simplify",)
    assert selected(names, PassContext(0, required=("convert_layout",))) == (
        "simplify",
        "convert_layout",
    )
    assert selected(names, PassContext(4, disabled=("simplify",))) == names[1:]


def test_what_a_pass_requires_runs_before_it(with_passes):
    with_passes(Pass(0, double, ("simplify",)))
    assert selected(("double",), PassContext()) == ("simplify", "double")
    assert selected(("simplify", "double"), PassContext()) == ("simplify", "double")
    with pytest.raises(Unsupported, match="^pass double requires simplify, which is disabled$"):
        selected(("double",), PassContext(disabled=("simplify",)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": 5}, r"level must be in 0\.\.4, not 5"),
        (
            {"disabled": ("fold_constant",)},
            r"there is no pass 'fold_constant'; did you mean fold_constants.*\?",
        ),
        (
            {"required": ("simplify",), "disabled": ("simplify",)},
            "pass simplify is both required and disabled; choose one",
        ),
    ],
)
def test_a_wrong_context_is_refused(settings, message):
    with pytest.raises(Unsupported, match=f"^{message}$"):
        PassContext(**settings)


def test_a_pass_that_nothing_resembles_is_refused():
    with pytest.raises(
        Unsupported, match="^there is no pass 'qqq'; `tilewright passes` lists them$"
    ):
        find_pass("qqq")


def test_instruments_see_every_pass(module, tmp_path):
    timer, peak = Timer(), MemoryPeak()
    context = PassContext(instruments=(Dump(tmp_path), Verify(), peak, timer))
    result = run_passes(module, ("simplify", "fold_constants"), context)
    assert [name for name, _ in timer.seconds] == ["simplify", "fold_constants"]
    assert [name for name, _ in peak.size_bytes] == ["simplify", "fold_constants"]
    assert all(size > 0 for _, size in peak.size_bytes)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00_simplify_after.relay",
        "00_simplify_before.relay",
        "01_fold_constants_after.relay",
        "01_fold_constants_before.relay",
    ]
    assert (tmp_path / "01_fold_constants_after.relay").read_text() == to_text(result)


def test_a_module_that_a_pass_breaks_is_refused(module, with_passes):
    def unbind(module):
        """Use a variable that nothing binds."""
        return module.replace(main=Function(module["main"].params, Var("lost")))

    with_passes(Pass(0, unbind))
    with pytest.raises(InvalidModule, match=r"^after pass unbind: %lost is used where .*$"):
        run_passes(module, ("unbind",), PassContext(instruments=(Verify(),)))


def test_bisect_finds_the_first_pass_that_changes_the_result(module, with_passes):
    assert bisect(module, ("simplify", "fold_constants")) is None
    with_passes(Pass(0, double))
    for seed in (0, 7):
        change = bisect(module, ("simplify", "double", "fold_constants"), seed=seed)
        (x,) = random_inputs(module, seed)
        assert (change.name, change.seed) == ("double", seed)
        assert change.difference == pytest.approx(np.maximum(x + 1, 0).max())
        assert change.reason == f"results differ by up to {change.difference:.6g}"


def test_bisect_reports_another_type_and_a_failure(module, with_passes):
    def narrow(module):
        """Give the result in another data type."""
        main = module["main"]
        body = call("cast", main.body, dtype="int8")
        return module.replace(main=Function(main.params, body))

    def fail(module):
        """Refuse every module."""
        raise Unsupported("no")

    with_passes(Pass(0, narrow), Pass(0, fail))
    change = bisect(module, ("narrow",))
    assert change.reason == "it gives Tensor[(4,), int8] instead of Tensor[(4,), float32]"
    assert change.difference == np.inf
    assert bisect(module, ("fail",)).reason == "it fails: no"


def test_random_inputs_are_seeded_and_of_their_types():
    text = (
        '#[version = "0.0.5"]\n'
        "def @main(%a: Tensor[(2, ?), float32], %b: (Tensor[(3,), int8], bool), %c: int32)"
        " { (%a, %b, %c) }"
    )
    module = parse(text)
    a, (b, flag), c = random_inputs(module, 3)
    assert a.dtype == np.float32 and a.shape[0] == 2 and np.abs(a).max() <= 1
    assert b.dtype == np.int8 and b.shape == (3,) and flag.dtype == np.bool_
    assert c.dtype == np.int32 and abs(int(c)) <= 100
    again = random_inputs(module, 3)
    np.testing.assert_array_equal(again[0], a)
    np.testing.assert_array_equal(again[1][0], b)


def test_random_inputs_of_functions_are_refused():
    f = Var("f", FuncType((TensorType((), "int32"),), TensorType((), "int32")))
    module = Module({"main": Function((f,), Call(f, (Constant(np.int32(1)),)))})
    message = r"^random inputs are tensors or tuples of them, not fn \(int32\) -> int32 \(%f\)$"
    with pytest.raises(Unsupported, match=message):
        random_inputs(module, 0)
