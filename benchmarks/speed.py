"""Our LSTM against PyTorch's, side by side: ``python -m benchmarks.speed``.

Prints tables; ``--write`` also writes the appendix "Speed". Ctrl-C prints the tables of
what has been measured so far.
"""

import os

if __name__ == "__main__":  # a BLAS reads these once, when NumPy is loaded
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["MKL_NUM_THREADS"] = "1"
    os.environ["VECLIB_MAXIMUM_THREADS"] = "1"

import argparse
import itertools
import sys
from pathlib import Path

import torch

from benchmarks import tables
from benchmarks.page import machine, page
from benchmarks.parts import BARE, BOTH, DTYPES, PARTS, WORKS, Start, progress
from benchmarks.programs import NATIVE, OURS

PAGE = Path(__file__).parents[1] / "book" / "speed.md"


def measure(parts):
    """Run the parts one after the other, until they end or are interrupted.

    Parameters
    ----------
    parts : iterable of callable
        Each returns an iterator over lists of rows that belong together.

    Returns
    -------
    rows : list of NamedTuple
        What has been measured.
    complete : bool
        False after an interrupt.
    """
    rows = []
    try:
        for part in parts:
            for together in part():
                rows.extend(together)
    except KeyboardInterrupt:
        return rows, False
    finally:
        progress("")  # nothing more
    return rows, True


def report(rows):
    """Format all that has been measured for a terminal.

    Parameters
    ----------
    rows : list of NamedTuple
        Of all parts, or of the first few.

    Returns
    -------
    str
    """
    found = {
        f"{work}, {dtype}: × the time of {NATIVE}, min / median / max": (
            tables.race_table(rows, work, dtype)
        )
        for work, dtype in itertools.product(WORKS, DTYPES)
    }
    found |= {
        f"× the time of {NATIVE}": tables.mean_table(rows),
        f"{BARE}, float32": tables.kernel_table(rows),
        f"{BOTH}, float32, one sequence and a batch": tables.batch_table(rows),
        f"{OURS}, {BOTH}, over T": tables.growth_table(rows),
        "Time of a fresh Python": tables.start_table(rows),
    }
    if tables.of_kind(Start, rows):  # the last part, so all are there
        found["Goals"] = tables.goal_table(rows)
    return "\n\n".join(f"{title}\n\n{lines}" for title, lines in found.items() if lines)


def main(argv=None, parts=PARTS):
    """Measure, print, and write the page if asked to.

    Parameters
    ----------
    argv : list of str, optional
        The command line's arguments by default.
    parts : iterable of callable
        As in :func:`measure`.

    Returns
    -------
    int
        Exit status: 130 after an interrupt, as in shells.
    """
    where = f"{PAGE.parent.name}/{PAGE.name}"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("--write", action="store_true", help=f"also write {where}")
    write = parser.parse_args(argv).write
    torch.set_num_threads(1)
    rows, complete = measure(parts)
    print(report(rows))
    if not complete:
        print("\nInterrupted: this is what has been measured.", file=sys.stderr)
        return 130
    if write:
        PAGE.write_text(page(rows, machine()), encoding="utf-8")
        print(f"\n{where} has been written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
