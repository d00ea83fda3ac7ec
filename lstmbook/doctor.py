"""Tell whether this machine can run the package, the notebooks, the whole project.

``python -m lstmbook.doctor`` looks at everything and prints each problem with its cure.
It exits with 0 if the whole project can run; with ``--for notebooks`` or
``--for package`` if that much can.

:data:`AILMENTS` holds every message. The page Troubleshooting is written from it.
"""

import argparse
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmbook import LSTM, __version__

__all__ = ["AILMENTS", "PURPOSES", "Ailment", "Finding", "chromium", "examine", "main"]

#: What a machine may be for, each including those before it.
PURPOSES = {
    "package": "the package alone",
    "notebooks": "the notebooks",
    "project": "the whole project",
}
GIGABYTE = 1e9
REPOSITORY = "https://github.com/lstmbook/lstmbook"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
INSTALL_ALL = 'python -m pip install -c constraints.txt -e ".[book,test]"'


class Ailment(NamedTuple):
    """A known problem; the values in braces are filled in when it is found."""

    about: str  #: heading under which the page Troubleshooting lists it
    problem: str
    cure: str
    example: dict[str, object]  #: values, for that page
    stops: bool = True  #: False for a hint: things run, though slowly or in part


class Finding(NamedTuple):
    """An ailment that this machine has."""

    name: str  #: key of :data:`AILMENTS`
    values: dict[str, object] = {}  # noqa: RUF012  (never changed)

    @property
    def problem(self) -> str:
        """What is wrong here."""
        return AILMENTS[self.name].problem.format(**self.values)

    @property
    def cure(self) -> str:
        """What to do, in one command where one will do."""
        return AILMENTS[self.name].cure.format(**self.values)

    @property
    def stops(self) -> bool:
        """Whether it must be cured before anything runs."""
        return AILMENTS[self.name].stops


AILMENTS = {
    "python": Ailment(
        "Python and its packages",
        "This is Python {found}; lstmbook needs {wanted}.",
        "Install such a Python. In the project, make the environment anew with it: "
        "`make clean`, then `make book PYTHON=python3.12`.",
        {"found": "3.9.2", "wanted": ">=3.11,<3.15"},
    ),
    "missing": Ailment(
        "Python and its packages",
        "{name} is not installed.",
        "`python -m pip install '{requirement}'`",
        {"name": "matplotlib", "requirement": "matplotlib>=3.9"},
    ),
    "version": Ailment(
        "Python and its packages",
        "{name} {found} is installed; lstmbook needs {wanted}.",
        "`python -m pip install --upgrade '{requirement}'`",
        {
            "name": "numpy",
            "found": "1.26.4",
            "wanted": ">=2.0",
            "requirement": "numpy>=2.0",
        },
    ),
    "gradient": Ailment(
        "Python and its packages",
        "NumPy {found} computes wrongly: the gradient of a small LSTM is off by "
        "{error:.0e}.",
        "`python -m pip install --force-reinstall numpy`",
        {"found": "2.4.6", "error": 0.3},
    ),
    "torch-missing": Ailment(
        "PyTorch",
        "PyTorch is not installed.",
        f"`python -m pip install --extra-index-url {TORCH_INDEX} '{{requirement}}'` "
        "installs its build for the CPU.",
        {"requirement": "torch>=2.13"},
    ),
    "torch-intel-mac": Ailment(
        "PyTorch",
        "PyTorch is not installed, and there is no current build of it for Macs with "
        "Intel processors.",
        "Run the notebooks in Colab, by the button at the top of each page. The "
        "package works here without PyTorch.",
        {},
    ),
    "torch-broken": Ailment(
        "PyTorch",
        "PyTorch is installed but cannot be imported: {error}.",
        f"`python -m pip install --force-reinstall --extra-index-url {TORCH_INDEX} "
        "torch`. On Windows, install Microsoft's Visual C++ Redistributable first.",
        {"error": "DLL load failed while importing _C"},
    ),
    "torch-disagrees": Ailment(
        "PyTorch",
        "PyTorch {found} and NumPy disagree on a small LSTM by {error:.0e}.",
        f"`python -m pip install --force-reinstall --extra-index-url {TORCH_INDEX} "
        "torch numpy`",
        {"found": "2.13.0", "error": 0.3},
    ),
    "backend": Ailment(
        "Notebooks",
        "The variable MPLBACKEND is {found!r}: notebooks would show no figures.",
        "`unset MPLBACKEND` (in PowerShell `Remove-Item Env:MPLBACKEND`)",
        {"found": "agg"},
    ),
    "font": Ailment(
        "Notebooks",
        "Matplotlib does not find its own font, {font}: figures would look different.",
        "`python -m pip install --force-reinstall matplotlib`, and delete the folder "
        "{cache}, where it remembers the fonts.",
        {"font": "DejaVu Sans", "cache": "~/.cache/matplotlib"},
        stops=False,
    ),
    "threads": Ailment(
        "Notebooks",
        "OMP_NUM_THREADS is {found}: with several threads small recurrent nets run up "
        "to ten times slower, and last digits change.",
        "`export OMP_NUM_THREADS=1` (in PowerShell `$env:OMP_NUM_THREADS = 1`); make "
        "sets it by itself.",
        {"found": "not set"},
        stops=False,
    ),
    "no-kernel": Ailment(
        "Notebooks",
        "Jupyter has no kernel called python3.",
        "`python -m ipykernel install --sys-prefix`",
        {},
    ),
    "other-kernel": Ailment(
        "Notebooks",
        "Jupyter's kernel python3 runs {found}, another Python than this one: packages "
        "installed here would be missing in notebooks.",
        "`python -m ipykernel install --sys-prefix`",
        {"found": "/usr/bin/python3"},
    ),
    "memory": Ailment(
        "Notebooks",
        "Only {found:.1f} GB of memory are free; a notebook with PyTorch takes about "
        "{wanted:.1f} GB.",
        "Close other programs, and run one notebook at a time.",
        {"found": 0.4, "wanted": 0.6},
        stops=False,
    ),
    "colab": Ailment(
        "Notebooks",
        "This is Google Colab. It runs the notebooks; the whole project needs a "
        "machine of your own.",
        "Begin the commands given here with an exclamation mark, as in "
        "`!python -m pip …`.",
        {},
        stops=False,
    ),
    "no-checkout": Ailment(
        "The project",
        "The folder {folder} does not hold the project.",
        f"`git clone {REPOSITORY}`, then `cd lstmbook`",
        {"folder": "/home/me"},
    ),
    "other-package": Ailment(
        "The project",
        "`import lstmbook` takes the package from {found}, not from this folder.",
        "`python -m pip install -e .`",
        {"found": "/home/me/old/lstmbook"},
    ),
    "jupyter-book-2": Ailment(
        "The project",
        "Jupyter Book {found} is another program than the version 1 that builds this "
        "book.",
        "`python -m pip install '{requirement}'`",
        {"found": "2.1.0", "requirement": "jupyter-book==1.0.4.post1"},
    ),
    "pins": Ailment(
        "The project",
        "Versions that differ from constraints.txt: {names}. Printed digits and "
        "figures may differ from the book's.",
        f"`{INSTALL_ALL}`",
        {"names": "numpy 2.3.1, not 2.4.6; torch 2.13.1, not 2.13.0"},
        stops=False,
    ),
    "make": Ailment(
        "The project",
        "The program make is not installed.",
        "`sudo apt install make`; on a Mac `xcode-select --install`. The README gives "
        "the commands without make.",
        {},
        stops=False,
    ),
    "chromium": Ailment(
        "The project",
        "No Chromium or Chrome is found{where}: `make pdf` cannot run, and the tests "
        "in a browser are skipped.",
        "`sudo apt install chromium`, or name yours: `export CHROMIUM=/path/to/chrome`",
        {"where": ""},
        stops=False,
    ),
    "disk": Ailment(
        "The project",
        "Only {found:.1f} GB are free on the disk of {folder}; {wanted:.1f} GB are "
        "needed.",
        "Free some space, or move the project to another disk.",
        {"found": 0.9, "wanted": 3.0, "folder": "/home/me/lstmbook"},
    ),
    "read-only": Ailment(
        "The project",
        "The folder {folder} cannot be written to.",
        "Copy the project to a folder of your own, or `chmod -R u+w {folder}`",
        {"folder": "/opt/lstmbook"},
    ),
}


# --- versions


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, as in (2, 13) of 2.13.0+cpu."""
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def satisfies(version: str, wanted: str) -> bool:
    """Tell whether a version is one of those wanted.

    Parameters
    ----------
    version : str
        Such as ``"2.13.0+cpu"``.
    wanted : str
        Clauses with ``>=``, ``<`` or ``==``, such as ``">=3.11,<3.15"``.

    Returns
    -------
    bool
    """
    found = _release(version)
    compare: dict[str, Callable[[tuple, tuple], bool]] = {
        ">=": lambda a, b: a >= b,
        "<": lambda a, b: a < b,
        "==": lambda a, b: a == b,
    }
    return all(
        compare[sign](found, _release(number))
        for sign, number in re.findall(r"(>=|<|==)\s*([^,\s]+)", wanted)
    )


def _requirements(*extras: str) -> dict[str, str]:
    """Return {package: versions} of some extras, ``""`` for what all need."""
    found = {}
    for line in metadata.requires("lstmbook") or []:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        name = re.match(r"[\w.-]+", requirement)
        if name and name[0] != "lstmbook" and (extra[1] if extra else "") in extras:
            wanted = requirement.removeprefix(name[0]).strip(" ()")
            found[name[0]] = wanted
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _check_packages(requirements: dict[str, str]) -> Iterator[Finding]:
    for name, wanted in requirements.items():
        values: dict[str, object] = {"name": name, "wanted": wanted}
        values["requirement"] = f"{name}{wanted}"
        found = _installed(name)
        if found is None:
            yield _missing(values)
        elif not satisfies(found, wanted):
            two = name == "jupyter-book" and _release(found) >= (2,)
            kind = "jupyter-book-2" if two else "version"
            yield Finding(kind, {**values, "found": found})


def _missing(values: dict[str, object]) -> Finding:
    if values["name"] != "torch":
        return Finding("missing", values)
    intel_mac = sys.platform == "darwin" and platform.machine() == "x86_64"
    return Finding("torch-intel-mac" if intel_mac else "torch-missing", values)


# --- the package alone


def check_python() -> Iterator[Finding]:
    """Compare Python's version with the package's metadata."""
    wanted = metadata.metadata("lstmbook")["Requires-Python"]
    if not satisfies(platform.python_version(), wanted):
        found = platform.python_version()
        yield Finding("python", {"found": found, "wanted": wanted})


def check_numpy() -> Iterator[Finding]:
    """Compare NumPy's version, and a gradient with a central difference."""
    yield from _check_packages(_requirements(""))
    cell, xs, d_hs = _small_case()
    _, trace = cell.forward(xs)
    analytic = cell.backward(trace, d_hs).xs[0, 0, 0]
    losses, step = [], 1e-5
    for sign in (1, -1):
        moved = xs.copy()
        moved[0, 0, 0] += sign * step
        losses.append((cell.forward(moved)[0] * d_hs).sum())
    error = abs((losses[0] - losses[1]) / (2 * step) - analytic)
    if not error < 1e-8:  # NaN too
        yield Finding("gradient", {"found": np.__version__, "error": error})


def _small_case() -> tuple[LSTM, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    cell = LSTM.init(rng, input_size=4, hidden_size=2)
    return cell, rng.standard_normal((5, 3, 4)), rng.standard_normal((5, 3, 2))


# --- the notebooks


def check_notebook_packages() -> Iterator[Finding]:
    """Compare what notebooks import, and the kernel, with the package's metadata."""
    needed = _requirements("torch", "data", "plots", "progress", "frameworks")
    needed["ipykernel"] = _requirements("book")["ipykernel"]
    yield from _check_packages(needed)


def check_torch() -> Iterator[Finding]:
    """Run a small LSTM, forward and backward, in PyTorch and in NumPy."""
    if _installed("torch") is None:
        return
    try:
        import torch
    except (ImportError, OSError) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        yield Finding("torch-broken", {"error": first})
        return
    cell, xs, d_hs = _small_case()
    hs, trace = cell.forward(xs)
    grads = cell.backward(trace, d_hs)
    weights = {
        "weight_ih_l0": cell.W_x.T,
        "weight_hh_l0": cell.W_h.T,
        "bias_ih_l0": cell.b,
        "bias_hh_l0": np.zeros_like(cell.b),
    }
    theirs = torch.nn.LSTM(4, 2).to(torch.float64)
    theirs.load_state_dict(
        {name: torch.from_numpy(np.ascontiguousarray(w)) for name, w in weights.items()}
    )
    inputs = torch.from_numpy(xs).requires_grad_()
    outputs, _ = theirs(inputs)
    (d_inputs,) = torch.autograd.grad(outputs, inputs, torch.from_numpy(d_hs))
    pairs = [(outputs.detach(), hs), (d_inputs, grads.xs)]
    apart = max(abs(found.numpy() - ours).max() for found, ours in pairs)
    if not apart < 1e-10:
        yield Finding("torch-disagrees", {"found": torch.__version__, "error": apart})


def check_figures() -> Iterator[Finding]:
    """Look whether notebooks can draw."""
    backend = os.environ.get("MPLBACKEND", "")
    if backend and "inline" not in backend:
        yield Finding("backend", {"found": backend})
    if _installed("matplotlib") is None:
        return
    import matplotlib
    from matplotlib import font_manager

    font = "DejaVu Sans"
    try:
        font_manager.findfont(font, fallback_to_default=False)
    except ValueError:
        yield Finding("font", {"font": font, "cache": matplotlib.get_cachedir()})


def check_threads() -> Iterator[Finding]:
    """Look whether arithmetic runs in one thread."""
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    if threads != "1" and (os.cpu_count() or 1) > 1:
        yield Finding("threads", {"found": threads})


def check_kernel() -> Iterator[Finding]:
    """Look whether the kernel python3 is this Python."""
    if _installed("ipykernel") is None:
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        yield Finding("no-kernel")
        return
    # A bare name is found on the path; Jupyter itself puts this Python in its place.
    if Path(program).is_absolute() and not _same_python(program):
        yield Finding("other-kernel", {"found": program})


def _same_python(program: str) -> bool:
    # Links are not followed: those of two environments lead to one Python.
    return Path(program).parent == Path(sys.executable).parent


def check_memory(wanted: float = 0.6) -> Iterator[Finding]:
    """Look whether a notebook fits in the memory."""
    free = _free_memory()
    if free is not None and free < wanted * GIGABYTE:
        yield Finding("memory", {"found": free / GIGABYTE, "wanted": wanted})


def _free_memory() -> float | None:
    """Return the free bytes, or None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return None
    available = re.search(r"MemAvailable:\s*(\d+) kB", lines)
    return int(available[1]) * 1024 if available else None


def on_colab() -> bool:
    """Tell whether this is Google Colab."""
    return "COLAB_RELEASE_TAG" in os.environ


def check_colab() -> Iterator[Finding]:
    """Say what Colab is good for."""
    if on_colab():
        yield Finding("colab")


# --- the whole project


def _is_project(folder: Path) -> bool:
    return (folder / "_toc.yml").is_file() and (folder / "lstmbook").is_dir()


def check_folder() -> Iterator[Finding]:
    """Look whether the project is here, can be written to, and is what is imported."""
    folder = Path.cwd()
    if not _is_project(folder):
        yield Finding("no-checkout", {"folder": folder})
        return
    package = Path(__file__).parent
    if package != folder / "lstmbook":
        yield Finding("other-package", {"found": package})
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        yield Finding("read-only", {"folder": folder})


def check_project_packages() -> Iterator[Finding]:
    """Compare what builds and tests the book with the package's metadata."""
    yield from _check_packages(_requirements("book", "test", "cluster"))
    constraints = Path("constraints.txt")
    if not constraints.is_file():
        return
    pins = re.findall(
        r"^([\w.-]+)==(\S+)", constraints.read_text(encoding="utf-8"), re.MULTILINE
    )
    installed = ((name, pin, _installed(name)) for name, pin in pins)
    differ = [
        f"{name} {found}, not {pin}"
        for name, pin, found in installed
        if found is not None and found.partition("+")[0] != pin
    ]
    if differ:
        more = f"; and {len(differ) - 3} more" if len(differ) > 3 else ""
        shown = "; ".join(differ[:3]) + more
        yield Finding("pins", {"names": shown})


def check_programs() -> Iterator[Finding]:
    """Look for make and for a browser."""
    if shutil.which("make") is None:
        yield Finding("make")
    if chromium() is None:
        asked = os.environ.get("CHROMIUM")
        where = f" where the variable CHROMIUM says, {asked}" if asked else ""
        yield Finding("chromium", {"where": where})


def chromium() -> str | None:
    """Find Chromium, or Chrome.

    Returns
    -------
    str or None
        Its path: what the variable CHROMIUM names, else the system's; None if there
        is none.
    """
    places = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ]
    if asked := os.environ.get("CHROMIUM"):
        places = [asked]
    found = (shutil.which(place) for place in places)
    return next((path for path in found if path), None)


def check_disk() -> Iterator[Finding]:
    """Look whether the environment, still to be installed, and the site have room."""
    complete = not list(_check_packages(_requirements("book", "test")))
    wanted = 0.5 if complete else 3.0
    free = shutil.disk_usage(Path.cwd()).free
    if free < wanted * GIGABYTE:
        values = {"found": free / GIGABYTE, "wanted": wanted, "folder": Path.cwd()}
        yield Finding("disk", values)


#: Purpose to {what is looked at: the check}.
CHECKS: dict[str, dict[str, Callable[[], Iterator[Finding]]]] = {
    "package": {
        "Python": check_python,
        "NumPy, and a gradient": check_numpy,
    },
    "notebooks": {
        "packages": check_notebook_packages,
        "PyTorch against NumPy": check_torch,
        "figures": check_figures,
        "threads": check_threads,
        "kernel": check_kernel,
        "memory": check_memory,
        "Colab": check_colab,
    },
    "project": {
        "folder": check_folder,
        "packages": check_project_packages,
        "programs": check_programs,
        "disk": check_disk,
    },
}


def examine(purpose: str) -> dict[str, list[Finding]]:
    """Look at all that one purpose needs on top of the one before.

    Parameters
    ----------
    purpose : str
        ``"package"``, ``"notebooks"`` or ``"project"``.

    Returns
    -------
    dict of str to list of Finding
        What was looked at, and what was found; an empty list is good.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"purpose is {purpose!r}; expected one of {list(PURPOSES)}")
    return {what: list(check()) for what, check in CHECKS[purpose].items()}


def main(arguments: list[str] | None = None) -> int:
    """Print what was found, each problem with its cure.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the command line.

    Returns
    -------
    int
        0 if nothing stops what was asked for, else 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lstmbook.doctor",
        description="Tell whether this machine can run the LSTM Book.",
    )
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=PURPOSES,
        default="project",
        help="what it must be able to run (default: project)",
    )
    asked = parser.parse_args(arguments).purpose
    print(f"lstmbook {__version__}, Python {platform.python_version()}")
    wanted = list(PURPOSES)[: list(PURPOSES).index(asked) + 1]
    healthy = [_report(purpose) for purpose in wanted]
    able = healthy.index(False) if False in healthy else len(wanted)
    if able:
        print(f"\nThis machine can run {PURPOSES[wanted[able - 1]]}.")
    if able < len(wanted):
        print(f"\nThis machine cannot run {PURPOSES[wanted[able]]} yet.")
    return int(able < len(wanted))


def _report(purpose: str) -> bool:
    print(f"\n{PURPOSES[purpose].capitalize()}")
    healthy = True
    for what, findings in examine(purpose).items():
        for finding in findings:
            mark = "stop" if finding.stops else "note"
            print(f"  {mark}  {finding.problem}\n        Cure: {finding.cure}")
            healthy = healthy and not finding.stops
        if not findings:
            print(f"  ok    {what}")
    return healthy


if __name__ == "__main__":
    sys.exit(main())
