"""What every test may use: golden files, mutants, MLPerf Tiny networks, hypothesis's settings."""

import difflib
import importlib.util
import re
import types
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
NETWORKS = (
    "ad01_int8",
    "kws_ref_model",
    "pretrainedResnet_quant",
    "str_ww_ref_model",
    "vww_96_int8",
)

# A failing example is printed and found again by the next run; nothing depends on the clock.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="accept what tests give as their golden text"
    )


def pytest_collection_modifyitems(config, items):
    """Leave out exhaustive tests unless -m names them; mark what uses the networks for -m."""
    if not re.search(r"\bexhaustive\b", config.option.markexpr):
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        items[:] = [item for item in items if item not in left_out]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
    for item in items:
        if "models" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.models)


@pytest.fixture
def golden(request):
    """`golden(text)` compares with tests/golden/<test file>/<test>.txt."""

    def compare(text):
        file = request.path.relative_to(TESTS).with_suffix("")
        test = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
        path = TESTS / "golden" / file / f"{test}.txt"
        if request.config.getoption("update_golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        place = path.relative_to(TESTS.parent)
        if not path.exists():
            pytest.fail(f"{place} does not exist; accept with --update-golden", pytrace=False)
        if path.read_text() != text:
            lines = path.read_text().splitlines(), text.splitlines()
            diff = difflib.unified_diff(*lines, str(place), "found", lineterm="")
            pytest.fail("\n".join([*diff, "accept with --update-golden"]), pytrace=False)

    return compare


@pytest.fixture
def mutant():
    """Return the function that makes a module of the hardware with one place of its text changed.

    mutant(name, old, new) returns the module `name` as it would be with `new` for `old`, which
    must stand in it once. The module itself stays as it is.
    """

    def make(name, old, new):
        source = Path(importlib.util.find_spec(name).origin).read_text()
        assert source.count(old) == 1, f"{name} must hold {old!r} once, not {source.count(old)}x"
        module = types.ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
        exec(compile(source.replace(old, new), f"{name} (mutant)", "exec"), vars(module))
        return module

    return make


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of the MLPerf Tiny networks; skips where there is none."""
    folder = TESTS.parents[1] / "shared" / "models"
    if not folder.is_dir():
        pytest.skip(f"the MLPerf Tiny networks are not in {folder}")
    return folder


@pytest.fixture(params=NETWORKS)
def network_path(request, models) -> Path:
    """The file of each of the five int8 networks of MLPerf Tiny."""
    return models / f"{request.param}.tflite"
