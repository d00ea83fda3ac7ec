"""Each ailment of the doctor is planted in turn, and its message read."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lstmbook import LSTM, doctor
from lstmbook.doctor import AILMENTS, CHECKS, PURPOSES, examine, main, satisfies
from tools import troubleshooting

ROOT = Path(__file__).parents[1]
REQUIREMENTS = [
    "numpy>=2.0",
    'torch>=2.13; extra == "torch"',
    'matplotlib>=3.9; extra == "plots"',
    "jupyter-book==1.0.4.post1; extra == 'book'",
    "ipykernel>=6.29; extra == 'book'",
    'lstmbook[plots,torch]; extra == "book"',
    'pytest>=8.2; extra == "test"',
]
HEALTHY = {
    "numpy": "2.4.6",
    "torch": "2.13.0+cpu",
    "matplotlib": "3.11.1",
    "jupyter-book": "1.0.4.post1",
    "ipykernel": "7.3.0",
    "pytest": "9.1.0",
}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A healthy machine, whatever the real one is: a project folder, all installed."""
    installed = dict(HEALTHY)
    (tmp_path / "lstmbook").mkdir()
    (tmp_path / "_toc.yml").touch()
    pins = "\n".join(f"{name}=={v.partition('+')[0]}" for name, v in HEALTHY.items())
    (tmp_path / "constraints.txt").write_text(f"# exact\n{pins}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "lstmbook" / "doctor.py"))
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: REQUIREMENTS)
    monkeypatch.setattr(
        doctor.metadata, "metadata", lambda _: {"Requires-Python": ">=3.11,<3.15"}
    )
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.12.1")
    monkeypatch.setattr(doctor, "_installed", installed.get)
    monkeypatch.setattr(doctor, "_free_memory", lambda: 8e9)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Disk(9e9))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("MPLBACKEND", "COLAB_RELEASE_TAG", "CHROMIUM"):
        monkeypatch.delenv(name, raising=False)
    return installed


class Disk:
    def __init__(self, free):
        self.free = free


def findings():
    """Everything that the doctor finds: {ailment: (problem, cure)}."""
    return {
        finding.name: (finding.problem, finding.cure)
        for purpose in PURPOSES
        for found in examine(purpose).values()
        for finding in found
    }


# --- one plant for each ailment: it returns what problem and cure must hold


def plant_python(machine, patch):
    patch.setattr(doctor.platform, "python_version", lambda: "3.15.0")
    return "This is Python 3.15.0; lstmbook needs >=3.11,<3.15", "PYTHON=python3.12"


def plant_missing(machine, patch):
    del machine["pytest"]
    return "pytest is not installed", "`python -m pip install 'pytest>=8.2'`"


def plant_version(machine, patch):
    machine["matplotlib"] = "3.8.4"
    return (
        "matplotlib 3.8.4 is installed; lstmbook needs >=3.9",
        "`python -m pip install --upgrade 'matplotlib>=3.9'`",
    )


def plant_gradient(machine, patch):
    backward = LSTM.backward

    def wrong(self, trace, d_hs):
        grads = backward(self, trace, d_hs)
        grads.xs[:] *= 1.001
        return grads

    patch.setattr(LSTM, "backward", wrong)
    return "the gradient of a small LSTM is off by ", "--force-reinstall numpy`"


def plant_torch_missing(machine, patch):
    del machine["torch"]
    patch.setattr(doctor.sys, "platform", "linux")
    return "PyTorch is not installed.", "whl/cpu 'torch>=2.13'` installs its build"


def plant_torch_intel_mac(machine, patch):
    del machine["torch"]
    patch.setattr(doctor.sys, "platform", "darwin")
    patch.setattr(doctor.platform, "machine", lambda: "x86_64")
    return "no current build of it for Macs with Intel processors", "in Colab"


def plant_torch_broken(machine, patch):
    patch.setitem(sys.modules, "torch", None)
    return "PyTorch is installed but cannot be imported: ", "--force-reinstall"


def plant_torch_disagrees(machine, patch):
    torch = pytest.importorskip("torch")
    patch.setattr(torch, "from_numpy", lambda a, real=torch.from_numpy: real(a + 1e-6))
    return "and NumPy disagree on a small LSTM by ", "torch numpy`"


def plant_backend(machine, patch):
    patch.setenv("MPLBACKEND", "agg")
    return "The variable MPLBACKEND is 'agg'", "`unset MPLBACKEND`"


def plant_font(machine, patch):
    manager = pytest.importorskip("matplotlib.font_manager")

    def findfont(name, fallback_to_default):
        raise ValueError(f"no {name}")

    patch.setattr(manager, "findfont", findfont)
    return "does not find its own font, DejaVu Sans", "--force-reinstall matplotlib`"


def plant_threads(machine, patch):
    patch.setenv("OMP_NUM_THREADS", "4")
    return "OMP_NUM_THREADS is 4: ", "`export OMP_NUM_THREADS=1`"


def plant_no_kernel(machine, patch):
    kernelspec = pytest.importorskip("jupyter_client.kernelspec")

    def get_kernel_spec(self, name):
        raise kernelspec.NoSuchKernel(name)

    patch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", get_kernel_spec)
    return "no kernel called python3", "`python -m ipykernel install --sys-prefix`"


def plant_other_kernel(machine, patch):
    kernelspec = pytest.importorskip("jupyter_client.kernelspec")
    spec = kernelspec.KernelSpec(argv=[str(Path("/elsewhere/python").absolute())])
    patch.setattr(
        kernelspec.KernelSpecManager, "get_kernel_spec", lambda self, name: spec
    )
    return "kernel python3 runs ", "`python -m ipykernel install --sys-prefix`"


def plant_memory(machine, patch):
    patch.setattr(doctor, "_free_memory", lambda: 3.04e8)
    return "Only 0.3 GB of memory are free", "one notebook at a time"


def plant_colab(machine, patch):
    patch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101")
    return "This is Google Colab. It runs the notebooks", "`!python -m pip …`"


def plant_no_checkout(machine, patch):
    (Path.cwd() / "_toc.yml").unlink()
    return "does not hold the project", f"`git clone {doctor.REPOSITORY}`"


def plant_other_package(machine, patch):
    patch.setattr(doctor, "__file__", "/elsewhere/lstmbook/doctor.py")
    return "takes the package from", "`python -m pip install -e .`"


def plant_jupyter_book_2(machine, patch):
    machine["jupyter-book"] = "2.1.0"
    return (
        "Jupyter Book 2.1.0 is another program",
        "`python -m pip install 'jupyter-book==1.0.4.post1'`",
    )


def plant_pins(machine, patch):
    machine["numpy"] = "2.4.5"
    return (
        "Versions that differ from constraints.txt: numpy 2.4.5, not 2.4.6. ",
        "-c constraints.txt -e",
    )


def plant_make(machine, patch):
    real = doctor.shutil.which
    patch.setattr(doctor.shutil, "which", lambda n: None if n == "make" else real(n))
    return "The program make is not installed", "`sudo apt install make`"


def plant_chromium(machine, patch):
    patch.setenv("CHROMIUM", "/nowhere/chrome")
    real = doctor.shutil.which
    patch.setattr(
        doctor.shutil, "which", lambda n: None if n.startswith("/now") else real(n)
    )
    return (
        "found where the variable CHROMIUM says, /nowhere/chrome: `make pdf` cannot",
        "`sudo apt install chromium`",
    )


def plant_disk(machine, patch):
    patch.setattr(doctor.shutil, "disk_usage", lambda _: Disk(4.2e8))
    return "Only 0.4 GB are free on the disk of ", "Free some space"


def plant_read_only(machine, patch):
    def temporary_file(dir):
        raise PermissionError(13, "Permission denied")

    patch.setattr(doctor.tempfile, "TemporaryFile", temporary_file)
    return "cannot be written to", "Copy the project to a folder of your own"


PLANTS = {
    name.removeprefix("plant_").replace("_", "-"): plant
    for name, plant in sorted(globals().items())
    if name.startswith("plant_")
}

#: What a plant brings with it.
ALSO = {
    "gradient": {"torch-disagrees"},
    "jupyter-book-2": {"pins"},
    "version": {"pins"},
}


def test_each_ailment_has_its_plant():
    assert set(PLANTS) == set(AILMENTS)


def test_a_healthy_machine_has_no_ailment(machine):
    assert findings() == {}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_ailment_is_found_alone(name, machine, monkeypatch):
    problem, cure = PLANTS[name](machine, monkeypatch)
    found = findings()
    assert set(found) == {name} | ALSO.get(name, set())
    assert problem in found[name][0] and cure in found[name][1]
    assert not re.search(r"[{}]", "".join(found[name]))


# --- what it prints, and its exit code


def test_it_says_what_can_run_and_exits_so(machine, capsys, monkeypatch):
    assert main([]) == 0
    assert "This machine can run the whole project." in capsys.readouterr().out
    del machine["pytest"]
    assert main([]) == 1
    printed = capsys.readouterr().out
    assert "stop  pytest is not installed." in printed
    assert "Cure: `python -m pip install 'pytest>=8.2'`" in printed
    assert "This machine can run the notebooks." in printed
    assert "This machine cannot run the whole project yet." in printed
    assert main(["--for", "notebooks"]) == 0
    assert "pytest" not in capsys.readouterr().out
    del machine["torch"]
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.10.9")
    assert main(["--for", "notebooks"]) == main(["--for", "package"]) == 1
    assert "This machine cannot run the package alone yet." in capsys.readouterr().out


def test_a_hint_stops_nothing(machine, capsys, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert main([]) == 0
    assert "note  OMP_NUM_THREADS is not set: " in capsys.readouterr().out


def test_on_one_core_threads_are_no_matter(machine, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 1)
    assert findings() == {}


def test_room_for_the_environment_is_asked_until_it_is_there(machine, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Disk(1e9))
    assert findings() == {}
    del machine["pytest"]
    assert "3.0 GB are needed" in findings()["disk"][0]


def test_many_versions_are_not_all_listed(machine):
    for name in ("numpy", "jupyter-book", "matplotlib", "ipykernel", "pytest"):
        machine[name] += "1"
    assert "; and 2 more. Printed" in findings()["pins"][0]


def test_nan_is_no_agreement(machine, monkeypatch):
    plant = np.full((5, 3, 4), np.nan), np.ones((5, 3, 2))
    monkeypatch.setattr(LSTM, "forward", lambda self, xs: (plant[1], None))
    grads = type("Grads", (), {"xs": plant[0]})
    monkeypatch.setattr(LSTM, "backward", lambda self, trace, d_hs: grads)
    assert {f.name for f in doctor.check_numpy()} == {"gradient"}


def test_an_unknown_purpose_is_refused():
    with pytest.raises(ValueError, match="purpose is 'everything'; expected one of"):
        examine("everything")


def test_purposes_have_checks():
    assert list(CHECKS) == list(PURPOSES)


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("2.0", ">=2.0", True),
        ("2.0.0", ">=2.0", True),
        ("2", ">=2.0.0", True),
        ("1.26.4", ">=2.0", False),
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13.1", "==2.13.0", False),
        ("10.1", ">=9.2", True),
        ("3.14.8", ">=3.11,<3.15", True),
        ("3.15.0", ">=3.11,<3.15", False),
        ("1.0.4.post1", "==1.0.4.post1", True),
        ("1.0.4", "==1.0.4.post1", False),
    ],
)
def test_versions_are_compared_as_numbers(version, wanted, answer):
    assert satisfies(version, wanted) is answer


def test_it_runs_as_a_module_and_examines_this_machine():
    done = subprocess.run(
        [sys.executable, "-m", "lstmbook.doctor", "--for", "package"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This machine can run the package alone." in done.stdout


def test_the_page_is_written_from_the_messages():
    stored = (ROOT / troubleshooting.PAGE).read_text(encoding="utf-8")
    assert stored == troubleshooting.page(), "run `python -m tools.troubleshooting`"
