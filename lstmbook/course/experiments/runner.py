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
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstmbook import __version__
from lstmbook.train import progress

__all__ = ["Experiment", "parse", "processes", "read", "run", "todo"]

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
        What executes the runs, such as :func:`processes`. An interrupt shuts it down.

    Returns
    -------
    list of dict
        All records, as :func:`read` returns them.

    Raises
    ------
    ValueError
        If the file belongs to another experiment.
    """
    path = Path(path)
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
                rows.writerow({**runs[future], **future.result()})
                file.flush()
        except BaseException:
            # Cancelling runs one by one would race with a pool whose workers died on
            # Ctrl-C.
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    # Write all again in order, failed runs included.
    _write(experiment, path, _rows(_text(path)))
    return read(path)


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
        # On one line, so that each record is one line.
        results, error = {}, " ".join(f"{exception!r}".split())
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
