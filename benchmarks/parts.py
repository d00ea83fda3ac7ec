"""The parts of the measurement. Each yields lists of rows that belong together.

Letters as in :mod:`lstmbook.recurrence`.
"""

import functools
import itertools
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from typing import NamedTuple

import torch

from benchmarks.programs import (
    NATIVE,
    OURS,
    PROGRAMS,
    TWIN,
    Size,
    difference,
    draw,
    native_program,
    numpy_program,
)

DTYPES = "float32", "float64"
WORKS = BOTH, FORWARD = "forward + backward", "forward"
#: Work without PyTorch's kernels from oneDNN.
BARE = "forward + backward, oneDNN off"
PAIRS = 20
#: Largest difference that we call agreement, relative to the largest value.
AGREEMENT = {"float32": 1e-4, "float64": 1e-11}

SIZES = (
    Size(50, 32, 2, 32),
    Size(100, 32, 64, 128),
    Size(100, 64, 128, 256),
    Size(200, 1, 32, 64),
    Size(400, 20, 2, 100),
)
MIDDLE, ONE_SEQUENCE = SIZES[1], SIZES[3]
LENGTHS = 100, 200, 400, 800, 1600


class Agreement(NamedTuple):
    """How far two programs are apart before anything is timed."""

    dtype: str
    size: Size
    name: str
    difference: float


class Race(NamedTuple):
    """Times of two programs that ran in turn."""

    work: str
    dtype: str
    size: Size
    name: str
    times: list  #: seconds of each round
    reference: list  #: of the other program, in the same rounds

    @property
    def ratios(self):
        """Round by round, the time as a multiple of the other program's."""
        pairs = zip(self.times, self.reference, strict=True)
        return [seconds / others for seconds, others in pairs]

    @property
    def median(self):
        """Median of the ratios."""
        return statistics.median(self.ratios)


class Recorded(NamedTuple):
    """What autograd recorded during one forward pass."""

    dtype: str
    name: str
    T: int
    operations: Counter


class Batch(NamedTuple):
    """Least seconds of forward + backward for a number of sequences."""

    name: str
    N: int
    seconds: float


class Growth(NamedTuple):
    """Our forward + backward over T steps."""

    dtype: str
    T: int
    seconds: float
    megabytes: float


class Start(NamedTuple):
    """Median seconds of a fresh interpreter that imports a module and exits."""

    module: str
    seconds: float


def race(runs, rounds=PAIRS, least=1.0):
    """Time several runs in turn, the order reversed from one round to the next.

    The programs alternate, so all meet the same load on the machine, and of two,
    neither is always first.

    Parameters
    ----------
    runs : sequence of callable
        What to time. The first call of each is not counted.
    rounds : int
        How often, at least.
    least : float
        Seconds to continue, at least: short runs need more rounds.

    Returns
    -------
    list of list of float
        For each run, its seconds round by round.
    """
    times = [[] for _ in runs]
    for run in runs:
        run()
    order, began = list(zip(runs, times, strict=True)), time.perf_counter()
    while len(times[0]) < rounds or time.perf_counter() - began < least:
        for run, own_times in order:
            start = time.perf_counter()
            run()
            own_times.append(time.perf_counter() - start)
        order.reverse()
    return times


def agreements(sizes=SIZES, programs=PROGRAMS):
    """Check that the three programs give the same outputs and gradients.

    Parameters
    ----------
    sizes : iterable of Size
        Where to compare.
    programs : dict of str to callable
        Name → function from a Problem to a Program.

    Yields
    ------
    list of Agreement

    Raises
    ------
    ValueError
        If a program computes something else: a wrong program is not worth timing.
    """
    for dtype, size in itertools.product(DTYPES, sizes):
        progress(f"comparing results, {dtype}, {size}")
        problem = draw(size, dtype)
        native = programs[NATIVE](problem)
        for name in (OURS, TWIN):
            apart = difference(programs[name](problem), native)
            if not apart <= AGREEMENT[dtype]:
                raise ValueError(
                    f"{name} and {NATIVE} differ by {apart:.1e} in {dtype} at "
                    f"(T, N, D, H) = {size}; expected at most {AGREEMENT[dtype]:.0e}"
                )
            yield [Agreement(dtype, size, name, apart)]


def races(sizes=SIZES, rounds=PAIRS, least=1.0):
    """Time our two LSTMs in pairs with ``torch.nn.LSTM``.

    Parameters
    ----------
    sizes : iterable of Size
        What to run.
    rounds, least : int, float
        As in :func:`race`.

    Yields
    ------
    list of Race
    """
    for work, dtype, size in itertools.product(WORKS, DTYPES, sizes):
        progress(f"{work}, {dtype}, {size}")
        problem = draw(size, dtype)
        programs = {name: make(problem) for name, make in PROGRAMS.items()}
        runs = {
            name: program.forward if work == FORWARD else program.both
            for name, program in programs.items()
        }
        yield [
            Race(
                work,
                dtype,
                size,
                name,
                *race([runs[name], runs[NATIVE]], rounds, least),
            )
            for name in (OURS, TWIN)
        ]


def kernels(sizes=SIZES, rounds=PAIRS, least=0.5):
    """Time forward + backward in float32 with PyTorch's oneDNN kernels off and on.

    Parameters
    ----------
    sizes : iterable of Size
        What to run.
    rounds, least : int, float
        As in :func:`race`.

    Yields
    ------
    list of Race
    """
    for size in sizes:
        progress(f"forward + backward without the kernel, float32, {size}")
        problem = draw(size, "float32")
        native = native_program(problem).both
        without = functools.partial(_without_kernel, native)
        ours = numpy_program(problem).both
        # What the kernel saves, and how ours compares without it.
        pairs = {NATIVE: (without, native), OURS: (ours, without)}
        yield [
            Race(BARE, "float32", size, name, *race(pair, rounds, least))
            for name, pair in pairs.items()
        ]


def _without_kernel(run):
    was = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        return run()
    finally:
        torch.backends.mkldnn.enabled = was


def recordings(size=MIDDLE):
    """Count what autograd records, operation by operation.

    Parameters
    ----------
    size : Size
        What to run.

    Yields
    ------
    list of Recorded
    """
    for dtype, name in itertools.product(DTYPES, (NATIVE, TWIN)):
        hs, _ = PROGRAMS[name](draw(size, dtype)).both()
        yield [Recorded(dtype, name, size.T, operations(hs.grad_fn))]


def operations(node):
    """Count the operations behind a result of PyTorch's, by name.

    Parameters
    ----------
    node : torch.autograd.graph.Node
        The result's ``grad_fn``.

    Returns
    -------
    Counter of str
        The leaves, which hold the inputs and parameters, are left out.
    """
    seen, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if node not in seen and node.name() != "torch::autograd::AccumulateGrad":
            seen.add(node)
            waiting += [parent for parent, _ in node.next_functions if parent]
    return Counter(node.name().removesuffix("Backward0") for node in seen)


def batches(size=ONE_SEQUENCE, batch=32, rounds=PAIRS, least=2.0):
    """Time one sequence and a batch of them, in float32.

    Parameters
    ----------
    size : Size
        T, D and H; N is 1 and then ``batch``.
    batch : int
        The larger N.
    rounds, least : int, float
        As in :func:`race`.

    Yields
    ------
    list of Batch
    """
    progress(f"forward + backward, float32, N = 1 and {batch}")
    runs = {
        (name, N): PROGRAMS[name](draw(size._replace(N=N), "float32")).both
        for name in (OURS, NATIVE)
        for N in (1, batch)
    }
    times = race(list(runs.values()), rounds, least)
    yield [Batch(*which, min(own)) for which, own in zip(runs, times, strict=True)]


def growths(lengths=LENGTHS, size=MIDDLE, rounds=9):
    """Measure time, and then memory, of our forward + backward over T.

    Parameters
    ----------
    lengths : iterable of int
        The T to measure.
    size : Size
        N, D and H.
    rounds : int
        The best of so many times counts: a disturbance can only add time.

    Yields
    ------
    list of Growth
    """
    for dtype in DTYPES:
        progress(f"time and memory at T = {', '.join(map(str, lengths))}, {dtype}")
        runs = [numpy_program(draw(size._replace(T=T), dtype)).both for T in lengths]
        times = race(runs, rounds, least=0)
        yield [
            Growth(dtype, T, min(own), _peak(run) / 1e6)
            for T, own, run in zip(lengths, times, runs, strict=True)
        ]


def _peak(run):
    """Peak bytes of a run without its inputs; NumPy reports to tracemalloc."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def starts(rounds=7):
    """Time fresh interpreters.

    Parameters
    ----------
    rounds : int
        How many of each.

    Yields
    ------
    list of Start
    """
    progress("fresh interpreters")
    modules = "sys", "numpy", "lstmbook", "torch"
    commands = [[sys.executable, "-c", f"import {module}"] for module in modules]
    runs = [functools.partial(subprocess.run, c, check=True) for c in commands]
    medians = map(statistics.median, race(runs, rounds, least=0))
    yield [Start(*row) for row in zip(modules, medians, strict=True)]


PARTS = agreements, races, kernels, recordings, batches, growths, starts


def progress(text):
    """Say what is running, but only where a person watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
