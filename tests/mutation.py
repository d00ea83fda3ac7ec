"""Run tests with one piece of the package's code broken, in fresh processes."""

import contextlib
import importlib.machinery
import io
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tools.kernels import forking

#: Plugins that take longer than the tests of a mutation.
NOT_NEEDED = ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]


class Mutation(NamedTuple):
    """A piece of code and its broken form."""

    file: Path
    code: str
    broken: str


def processes():
    """Start processes that run one task each; this is cheap if the system can fork."""
    return ProcessPoolExecutor(1, mp_context=forking(), max_tasks_per_child=1)


def run_tests(root, tests, mutation=None):
    """Run tests, all or with a mutation, in a process that has not imported them.

    Parameters
    ----------
    root : Path
        The project.
    tests : list of str
        As pytest names them.
    mutation : Mutation, optional
        What to break.

    Returns
    -------
    code : int
        pytest's exit code.
    output : str
        What it printed.
    """
    os.chdir(root)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if mutation:
        _break(mutation)
    arguments = ["-q", "-x", "--tb=native", *NOT_NEEDED, *tests]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = pytest.main(arguments)
    return int(code), printed.getvalue()


def _break(mutation):
    """Let the import system compile a broken copy of one source."""
    get_code = importlib.machinery.SourceFileLoader.get_code
    source = mutation.file.read_text(encoding="utf-8")
    broken = source.replace(mutation.code, mutation.broken)

    def get_broken_code(loader, name):
        if Path(loader.path) == mutation.file:
            return compile(broken, loader.path, "exec")
        return get_code(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_broken_code
