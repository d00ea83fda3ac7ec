"""tools/python_range.py: the one reader of the supported Python range."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tools import python_range

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "python_range.py"
RANGE = 'requires-python = ">=3.11,<3.14"\n'


def run(*arguments, script=SCRIPT):
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True
    )


def copy_with_range(folder, line):
    """A copy of the script beside a pyproject.toml that holds this line only."""
    (folder / "tools").mkdir()
    script = folder / "tools" / "python_range.py"
    script.write_bytes(SCRIPT.read_bytes())
    (folder / "pyproject.toml").write_text(line, encoding="utf-8")
    return script


def test_this_python_is_taken_in_silence():
    done = run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ends_are_those_of_pyproject():
    done = run("--ends")
    oldest, newest = json.loads(done.stdout)
    with (ROOT / "pyproject.toml").open("rb") as file:
        stated = SpecifierSet(tomllib.load(file)["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(100) if f"3.{minor}" in stated]
    assert done.returncode == 0
    assert [oldest, newest] == [minors[0], minors[-1]]


@pytest.mark.parametrize(
    "version", [(3, 11, 0), (3, 11, 7), (3, 12, 1), (3, 13, 0), (3, 13, 99)]
)
def test_versions_inside(version):
    assert python_range.refusal(RANGE, version) is None


@pytest.mark.parametrize(
    "version", [(2, 7, 18), (3, 6, 15), (3, 9, 18), (3, 10, 99), (3, 14, 0), (4, 12, 0)]
)
def test_versions_outside(version):
    assert python_range.refusal(RANGE, version) == (
        f"lstmbook needs Python >=3.11,<3.14; this is {'.'.join(map(str, version))} "
        "(choose another with: make PYTHON=python3.13 ...)"
    )


@pytest.mark.parametrize("stated", [">=3.1,<3.5", ">=3.98,<3.99"])
def test_another_python_is_refused_in_one_line(tmp_path, stated):
    done = run(script=copy_with_range(tmp_path, f'requires-python = "{stated}"\n'))
    this = ".".join(map(str, sys.version_info[:3]))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"needs Python {stated}; this is {this} (" in done.stderr


def test_an_unreadable_range_is_named(tmp_path):
    done = run(script=copy_with_range(tmp_path, 'requires-python = "~=3.11"\n'))
    assert done.returncode != 0
    assert "no line requires-python" in done.stderr


def test_unknown_arguments_get_the_usage():
    done = run("--starts")
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
