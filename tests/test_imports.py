"""Which module may import which, and what ``import lstmbook`` costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lstmbook"

#: Imports point left only; the leaves may import these, and nothing imports a leaf.
CHAIN = [
    "checks",
    "ops",
    "tree",
    "parameters",
    "recurrence",
    "linear",
    "cells",
    "initialisation",
    "layers",
    "data",
    "losses",
    "model",
    "optim",
    "train",
]
LEAVES = {
    "tasks",
    "gradcheck",
    "diagnostics",
    "doctor",
    "interop",
    "pytorch",
    "plots",
    "course",
}


def unit(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source):
    """First-level modules of lstmbook that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            # A relative import would slip through by name: none is used here.
            assert node.level == 0, "imports are absolute in this package"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        else:
            continue
        for name in full:
            parts = name.split(".")
            if parts[0] == "lstmbook" and parts[1] in {*CHAIN, *LEAVES}:
                yield parts[1]


def violations(name, source):
    """Modules that ``name`` imports and must not."""
    if name == "course":  # it uses all the rest
        allowed = {*CHAIN, *LEAVES}
    elif name in LEAVES:
        allowed = {*CHAIN, name} | ({"tasks"} if name == "plots" else set())
    else:
        allowed = set(CHAIN[: CHAIN.index(name)]) | ({name} & {"cells"})
    return set(imported(source)) - allowed


MODULES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_left(path):
    assert not violations(unit(path), path.read_text())


def test_a_wrong_import_is_seen():
    assert violations("ops", "from lstmbook import tree") == {"tree"}
    assert violations("cells", "import lstmbook.plots.style") == {"plots"}
    assert violations("tasks", "from lstmbook.plots import LOOKS") == {"plots"}


def test_every_module_has_its_place():
    assert {unit(path) for path in MODULES} == {*CHAIN, *LEAVES}


def test_import_costs_numpy_and_nothing_else():
    heavy = "torch", "keras", "onnx", "matplotlib", "sklearn", "scipy", "tqdm"
    code = f"import sys, lstmbook; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
