"""Run a grid of settings over many seeds, and store the results in a CSV file.

Each run depends on its settings and its seed alone, so the same grid gives the same
records in any order and with any number of workers. Records are appended as runs
finish. An interrupt leaves a valid file, and the next call continues from there.
"""

import csv
import io
import multiprocessing
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    ProcessPoolExecutor,
    as_completed,
)
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstmbook import __version__
from lstmbook.train import progress

__all__ = [
    "Experiment",
    "cluster",
    "expected_seconds",
    "parse",
    "processes",
    "read",
    "run",
    "todo",
]

#: What the runner adds to each record.
OWN_COLUMNS = ("error", "seconds", "lstmbook", "numpy", "python", "torch")

#: Linear algebra libraries read their number of threads from one of these, once, when
#: they are loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Experiment:
    """A function of settings and a seed, and the grid of settings to run it on.

    Parameters
    ----------
    name : str
        Also the name of the file of results.
    about : str
        The question, in one line.
    function : callable
        Takes the settings and ``seed`` by name, draws all random numbers from the seed,
        and returns a dictionary of results. It is defined at the top level of a module,
        so that other processes can import it.
    grid : tuple of dict
        Settings, each with the same names.
    results : tuple of str
        The names of what ``function`` returns.
    seeds : int
        The book's results have seeds 0 … seeds − 1.
    """

    name: str
    about: str
    function: Callable[..., Mapping[str, Any]]
    grid: tuple[dict[str, Any], ...]
    results: tuple[str, ...]
    seeds: int = 10

    def __post_init__(self):
        """Check that no column would be two things at once."""
        twice = sorted({n for n in self.columns if self.columns.count(n) > 1})
        if twice:
            raise ValueError(
                f"{self.name} has more than one column {', '.join(twice)}; expected "
                f"settings and results with other names than seed, "
                f"{', '.join(OWN_COLUMNS)}"
            )

    @property
    def columns(self):
        """Columns of the file: settings, seed, results, and the runner's own."""
        return [*self.grid[0], "seed", *self.results, *OWN_COLUMNS]

    def key(self, row):
        """What identifies a run, as text: its settings and its seed."""
        values = (row[name] for name in (*self.grid[0], "seed"))
        return tuple("" if value is None else str(value) for value in values)


@contextmanager
def processes(workers):
    """Start processes for :func:`run`, with one thread each.

    Parameters
    ----------
    workers : int
        How many.

    Yields
    ------
    concurrent.futures.Executor
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    # Spawned, not forked: a fresh process loads its libraries under these variables.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, context, _begin_worker) as executor:
            yield executor
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def cluster(address, workers=2):
    """Connect to a Dask scheduler, or start a cluster on this machine.

    If a worker dies, Dask gives its run to another one. A run that takes several
    workers with it ends as a failure in the records; the others go on.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://10.0.0.5:8786"``; or ``"local"``, for a new
        cluster on this machine.
    workers : int
        Processes of a local cluster, with one thread each.

    Yields
    ------
    concurrent.futures.Executor

    Raises
    ------
    ImportError
        If Dask is not installed.
    OSError
        If the scheduler does not answer.
    """
    try:
        from distributed import Client, LocalCluster, WorkerPlugin
    except ImportError as error:
        raise ImportError(
            f"a cluster needs Dask ({error}): pip install 'lstmbook[cluster]'"
        ) from error

    class Quiet(WorkerPlugin):
        """Only the runner shows a bar: in a worker, `train` finds no tqdm."""

        def setup(self, worker):
            sys.modules["tqdm"] = None

    if address == "local":
        place = LocalCluster(workers, threads_per_worker=1, dashboard_address=":0")
    else:
        place = nullcontext(address)
    with place as there, Client(there) as client:
        client.register_plugin(Quiet())
        # Impure: a run that failed is to be run again, not remembered.
        yield client.get_executor(pure=False)


def _begin_worker():
    # Ctrl-C reaches all processes of a terminal. A worker dies silently: the runner
    # reports the interrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Only the runner shows a bar: in a worker, `train` finds no tqdm.
    sys.modules["tqdm"] = None
    threading.Thread(target=_end_with_runner, daemon=True).start()


def _end_with_runner():
    """End a worker whose runner was killed; it would wait for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def todo(experiment, seeds, path):
    """List what a file of results still lacks.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    seeds : iterable of int
        Each setting runs once with each.
    path : path-like
        The file; it need not exist.

    Returns
    -------
    list of (dict, int)
        Settings and seed of each run that has no record, or an error as its record.

    Raises
    ------
    ValueError
        If the file belongs to another experiment.
    """
    kept = _kept(experiment, path)
    return [
        (settings, seed)
        for settings in experiment.grid
        for seed in seeds
        if experiment.key({**settings, "seed": seed}) not in kept
    ]


def expected_seconds(tasks, rows):
    """Estimate how long runs take on one core, from the records of earlier ones.

    Parameters
    ----------
    tasks : list of (dict, int)
        From :func:`todo`.
    rows : list of dict
        Records of the experiment, from any machine.

    Returns
    -------
    float or None
        Seconds: for each run the mean of its setting's records or, where it has none,
        of all. None where there is nothing to go by.
    """

    def mean(records):
        taken = [row["seconds"] for row in records if row["seconds"] is not None]
        return float(np.mean(taken)) if taken else None

    total = 0.0
    for settings, _ in tasks:
        same = [row for row in rows if settings.items() <= row.items()]
        seconds = mean(same) or mean(rows)
        if seconds is None:
            return None
        total += seconds
    return total


def run(experiment, seeds, path, executor):
    """Run an experiment and keep its records in a CSV file.

    A run that is already in the file is not repeated, unless it failed. A run that
    fails is recorded and does not stop the others: the column ``error`` has the
    exception. At the end the file is sorted in the order of the grid.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    seeds : iterable of int
        Each setting runs once with each.
    path : path-like
        The file, which is started or continued. Its columns are the settings, ``seed``,
        the results, ``error``, ``seconds`` (of wall time), and the versions of
        lstmbook, NumPy, Python and, where the run imported it, PyTorch.
    executor : concurrent.futures.Executor
        What executes the runs, such as :func:`processes` or :func:`cluster`. An
        interrupt shuts it down.

    Returns
    -------
    list of dict
        All records, as :func:`read` returns them.

    Raises
    ------
    ValueError
        If the file belongs to another experiment.
    BlockingIOError
        If another runner is writing to the file.
    """
    path = Path(path)
    with _locked(path):
        _run(experiment, seeds, path, executor)
    return read(path)


def _run(experiment, seeds, path, executor):
    tasks = todo(experiment, seeds, path)
    _write(experiment, path, _kept(experiment, path).values())
    runs = {}
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, experiment.columns, lineterminator="\n")
        try:
            for settings, seed in tasks:
                future = executor.submit(_record, experiment, settings, seed)
                runs[future] = {**settings, "seed": seed}
            done = as_completed(runs)
            for future in progress(done, unit="run", total=len(runs)):
                rows.writerow({**runs[future], **_outcome(future)})
                file.flush()
        except BaseException:
            _abandon(executor)
            raise
    # Write all again in order, failed runs included.
    _write(experiment, path, _rows(_text(path)))


@contextmanager
def _locked(path):
    """Hold a lock beside a file. The system drops it when the process ends or dies."""
    lock = path.with_name(f"{path.name}.lock")
    with lock.open("a") as file:
        try:
            _lock(file)
            # Its last holder may have removed the file since it was opened here.
            if not os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                raise FileNotFoundError
        except OSError:
            raise BlockingIOError(
                f"{path} is being written by another runner, which holds {lock.name}; "
                "expected one runner to a file"
            ) from None
        try:
            yield
        finally:
            # Windows removes no open file; a lock that stays is free all the same.
            with suppress(PermissionError):
                lock.unlink()


def _lock(file):
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _outcome(future):
    """What a run returned, or what became of a run that could not return."""
    try:
        return future.result()
    except (BrokenExecutor, CancelledError):
        raise  # No run is to blame: nothing more will come from this executor.
    except Exception as exception:
        return _failure(exception)


def _failure(exception):
    # On one line, so that each record is one line.
    return {"error": " ".join(f"{exception!r}".split())}


def _abandon(executor):
    """Stop an executor without waiting for what has begun."""
    # Cancelling runs one by one would race with a pool whose workers died on Ctrl-C.
    try:
        executor.shutdown(wait=False, cancel_futures=True)
    except TypeError:  # Dask's has no such argument, and cancels all.
        executor.shutdown(wait=False)


def _record(experiment, settings, seed):
    """Run once, in the worker."""
    start, results, error = time.perf_counter(), {}, ""
    try:
        results = experiment.function(**settings, seed=seed)
        if set(results) != set(experiment.results):
            raise ValueError(
                f"{experiment.name} returned {sorted(results)}; "
                f"expected {sorted(experiment.results)}"
            )
    except Exception as exception:
        results, error = {}, _failure(exception)["error"]
    torch = sys.modules.get("torch")
    return {
        **results,
        "error": error,
        "seconds": round(time.perf_counter() - start, 2),
        "lstmbook": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__ if torch else "",
    }


def _kept(experiment, path):
    """Complete records of a file, by key, without failed runs."""
    path = Path(path)
    if not path.exists():
        return {}
    rows = _rows(_text(path))
    grid = {
        experiment.key({**settings, "seed": 0})[:-1] for settings in experiment.grid
    }
    for row in rows:
        if list(row) != experiment.columns:
            raise ValueError(
                f"{path} has the columns {', '.join(row)}; {experiment.name} expects "
                f"{', '.join(experiment.columns)}: move the file away to start again"
            )
        if experiment.key(row)[:-1] not in grid:
            raise ValueError(
                f"{path} has a run of {', '.join(experiment.key(row)[:-1])}, which "
                f"{experiment.name} has not in its grid: move the file away to begin "
                "anew"
            )
    return {experiment.key(row): row for row in rows if not row["error"]}


def _write(experiment, path, rows):
    """Put rows in the order of the grid and replace the file as a whole."""
    order = [
        experiment.key({**settings, "seed": 0})[:-1] for settings in experiment.grid
    ]
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, experiment.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            sorted(
                rows,
                key=lambda row: (
                    order.index(experiment.key(row)[:-1]),
                    int(row["seed"]),
                ),
            )
        )
    os.replace(part, path)


def read(path):
    """Read a file of results, whole or begun.

    Parameters
    ----------
    path : path-like
        A CSV file that :func:`run` wrote.

    Returns
    -------
    list of dict
        A row for each record. Integers, floats, True and False are converted, an empty
        cell is None, and anything else stays text.

    Raises
    ------
    ValueError
        If the number of cells in a row differs from the header's.
    """
    return parse(_text(path))


def parse(text):
    """Read results as :func:`read` does, from the text of the file.

    Parameters
    ----------
    text : str
        With a header.

    Returns
    -------
    list of dict
    """
    return [{name: _value(cell) for name, cell in row.items()} for row in _rows(text)]


def _text(path):
    """Complete lines of a file; an unfinished last line is dropped."""
    # Before decoding, because the file may end inside a letter.
    data = Path(path).read_bytes()
    return data[: data.rfind(b"\n") + 1].decode("utf-8")


def _rows(text):
    """Rows as text."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(
                f"line {reader.line_num} of the results does not have the "
                f"{len(reader.fieldnames)} cells of the header"
            )
        rows.append(row)
    return rows


def _value(cell):
    if cell == "":
        return None
    if cell in ("True", "False"):
        return cell == "True"
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell
