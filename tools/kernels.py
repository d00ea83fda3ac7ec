"""
A pytest plugin that forks nbval's kernels from a process that has their imports.

A kernel of its own for each notebook spends two seconds on importing PyTorch and
Matplotlib; a fork has them at once, and shares nothing else with other notebooks. Load
it with `python -m pytest -p tools.kernels --nbval book`. Where the system cannot fork,
nothing changes.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.process import BaseProcess

from jupyter_client.provisioning import local_provisioner

PRELOAD = (
    "numpy",
    "torch",
    "hypothesis",
    "matplotlib.pyplot",
    "ipykernel.kernelapp",
    "sklearn.datasets",
)
"""Modules that notebooks and tests import; not `lstmbook`, which tests break."""


def forking() -> multiprocessing.context.BaseContext:
    """Give processes that have `PRELOAD`, if the system can fork, else fresh ones."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    return context


class Forked:
    """A forked kernel, with what Jupyter's client asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        """Return the exit status, None while the kernel runs."""
        return self.process.exitcode

    def wait(self) -> int | None:
        """Return the exit status once the kernel has ended."""
        self.process.join()
        return self.process.exitcode


def launch(command: list[str], **options) -> Forked:
    """Start a kernel; the arguments are those of Jupyter's `launch_kernel`."""
    arguments = command[command.index("-m") + 1 :]
    env = dict(options.get("env") or os.environ)
    cwd = options.get("cwd") or os.getcwd()
    kernel = forking().Process(target=_kernel, args=(arguments, env, cwd))
    kernel.start()
    # The client asks for the kernel's process group and later signals all of it.
    while kernel.is_alive() and os.getpgid(kernel.pid) != kernel.pid:
        time.sleep(0.001)
    return Forked(kernel)


def _kernel(arguments: list[str], env: dict[str, str], cwd: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)

    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    # Matplotlib reads this variable when it is imported, which it is already.
    inline = "module://matplotlib_inline.backend_inline"
    matplotlib.rcParams["backend"] = env.get("MPLBACKEND", inline)
    sys.argv = arguments
    IPKernelApp.launch_instance(argv=arguments[1:])


def pytest_configure() -> None:
    """Have Jupyter's client fork its kernels."""
    if forking().get_start_method() == "forkserver":
        local_provisioner.launch_kernel = launch
