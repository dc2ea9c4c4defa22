"""The repository's own rules: which folder may import which, and how modules import each other."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Section 1 of the design: an import may only go down.
LAYERS = {
    "isa": (),
    "compiler": ("isa",),
    "hardware": ("isa",),
    "simulator": ("isa",),
    "boards": ("isa", "hardware"),
    "driver": ("isa", "simulator", "boards"),
    "tilewright": ("isa", "compiler", "hardware", "simulator", "boards", "driver"),
}
ANYTHING = ("benchmarks", "examples")
FOLDERS = (*LAYERS, *ANYTHING)
# Folders that may import one more.
ALSO = {"simulator/verilator": ("hardware",)}
# Imported inside functions: what an installation may lack, or what takes seconds to import.
HEAVY = (
    "amaranth", "boards", "cocotb", "cocotb_tools", "hardware", "onnx.reference", "onnxruntime",
    "simulator.verilator", "sklearn", "tflite_micro", "verilator",
)  # fmt: skip
INIT_LINES = 40


def violations(root):
    """Return a line for each rule broken by a file of the tree at `root`."""
    found = []
    for path in sources(root):
        tree = ast.parse(path.read_text())
        for node, in_function in imports(tree, False):
            problems = list(check_import(root, path, node, in_function))
            place = path.relative_to(root)
            found += [f"{place}:{node.lineno}: {problem}" for problem in problems]
        if path.name == "__init__.py" and len(path.read_text().splitlines()) >= INIT_LINES:
            found.append(f"{path.relative_to(root)}: must have fewer than {INIT_LINES} lines")
    return found


def imports(node, in_function):
    """Yield every import statement below `node`, and whether it stands in a function."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, in_function
    in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, ast.expr):
            yield from imports(part, in_function)


def sources(root):
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))


def check_import(root, path, node, in_function):
    """Yield what is wrong with one import statement."""
    folder = path.relative_to(root).parts[0]
    if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        yield f"from {'.' * node.level}{node.module or ''} import * is not allowed"
    relative = isinstance(node, ast.ImportFrom) and node.level > 0
    for name in [node.module] if isinstance(node, ast.ImportFrom) else names_of(node):
        if not relative:
            yield from check_layer(root, path, folder, name)
        heavy = not relative and any(f"{name}.".startswith(f"{item}.") for item in HEAVY)
        if in_function and not heavy:
            yield f"{name or '.'} must be imported at the top of the file"
    for module in imported_files(root, path, node):
        if module.parent != path.parent and not has_all(module):
            yield f"{module.relative_to(root)} must have __all__, it is imported from here"


def names_of(node):
    return [alias.name for alias in node.names]


def check_layer(root, path, folder, name):
    """Yield whether an absolute import of `name` breaks a layer."""
    top, place = name.split(".")[0], path.relative_to(root).as_posix()
    if top == folder:
        yield f"{name} must be imported relatively inside {folder}"
    elif top in FOLDERS and folder not in ANYTHING:
        also = [extra for start, extra in ALSO.items() if place.startswith(f"{start}/")]
        if top not in (*LAYERS[folder], *sum(also, ())):
            yield f"{folder} must not import {name}"
    elif folder == "isa" and top != "numpy" and top not in sys.stdlib_module_names:
        yield f"isa must import nothing but numpy, not {name}"


def imported_files(root, path, node):
    """Yield the files of the tree that the statement imports."""
    if isinstance(node, ast.Import):
        stems = [root.joinpath(*name.split(".")) for name in names_of(node)]
    else:
        start = path.parents[node.level - 1] if node.level else root
        base = start.joinpath(*(node.module or "").split("."))
        modules = [base / alias.name for alias in node.names]
        stems = [stem if is_module(stem) else base for stem in modules]
    for stem in dict.fromkeys(stems):
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.exists() and file.relative_to(root).parts[0] in FOLDERS:
                yield file


def is_module(stem):
    return stem.with_suffix(".py").exists() or (stem / "__init__.py").exists()


@cache
def has_all(module):
    """Return whether `module` has __all__, or is a package with nothing but a docstring."""
    body = ast.parse(module.read_text()).body
    only_words = all(isinstance(item, ast.Expr) for item in body)
    names = [
        target.id
        for item in body
        if isinstance(item, ast.Assign)
        for target in item.targets
        if isinstance(target, ast.Name)
    ]
    return "__all__" in names or (module.name == "__init__.py" and only_words)


def test_repository():
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_walks_every_folder():
    """The rules above look at real files: every folder of the table holds some."""
    assert {path.relative_to(ROOT).parts[0] for path in sources(ROOT)} == set(FOLDERS)


@pytest.fixture
def tree(tmp_path):
    """`tree(path, text)` adds a file to a small tree that breaks no rule; gives its root."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text('"""A folder."""\n')
        (tmp_path / folder / "thing.py").write_text('"""A thing."""\n\n__all__ = ["thing"]\n')

    def add(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    return add


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("isa/a.py", "from compiler.thing import thing", "isa must not import compiler.thing"),
        ("isa/a.py", "import scipy.stats", "isa must import nothing but numpy, not scipy.stats"),
        ("compiler/a.py", "import hardware.thing", "compiler must not import hardware.thing"),
        ("compiler/a.py", "\n\nfrom driver import thing", "compiler must not import driver"),
        ("simulator/a.py", "from hardware import thing", "simulator must not import hardware"),
        ("simulator/verilator/a.py", "import compiler", "simulator must not import compiler"),
        ("hardware/b/a.py", "import simulator", "hardware must not import simulator"),
        ("driver/a.py", "from compiler.thing import x", "driver must not import compiler.thing"),
        ("boards/a.py", "import tilewright", "boards must not import tilewright"),
        ("isa/a.py", "from isa.thing import x", "isa.thing must be imported relatively inside isa"),
        ("driver/a.py", "from isa.thing import *", "from isa.thing import * is not allowed"),
        ("driver/a.py", "def f():\n    import os", "os must be imported at the top of the file"),
        (
            "driver/a.py",
            "def f():\n    from .thing import x",
            "thing must be imported at the top of the file",
        ),
    ],
)
def test_import_is_refused(tree, path, text, problem):
    """Each rule names the file, the line and the import that breaks it."""
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "import" in row)
    assert violations(tree(path, text)) == [f"{path}:{line}: {problem}"]


def test_module_without_all_is_refused(tree):
    tree("isa/bare.py", "x = 1\n")
    root = tree("compiler/a.py", "from isa.bare import x\nfrom isa import bare\n")
    problem = "isa/bare.py must have __all__, it is imported from here"
    assert violations(root) == [f"compiler/a.py:{line}: {problem}" for line in (1, 2)]


def test_module_without_all_is_refused_across_subfolders(tree):
    tree("compiler/bare.py", "x = 1\n")
    root = tree("compiler/deep/a.py", "from ..bare import x\n")
    problem = "compiler/bare.py must have __all__, it is imported from here"
    assert violations(root) == [f"compiler/deep/a.py:1: {problem}"]


def test_long_init_is_refused(tree):
    root = tree("isa/__init__.py", "\n" * INIT_LINES)
    assert violations(root) == [f"isa/__init__.py: must have fewer than {INIT_LINES} lines"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("isa/a.py", "import json\n\nimport numpy as np\n\nfrom .thing import thing"),
        ("compiler/a.py", "from isa import thing\nfrom isa.thing import thing as other"),
        ("simulator/verilator/a.py", "from hardware.thing import thing"),
        ("tilewright/a.py", "def f():\n    import hardware.thing"),
        ("examples/a.py", "import tilewright\nfrom driver.thing import thing"),
        ("benchmarks/deep/a.py", "from ..thing import thing\nimport compiler"),
    ],
)
def test_import_is_allowed(tree, path, text):
    assert violations(tree(path, text)) == []
