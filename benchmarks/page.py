"""The appendix "Speed": each number in it comes from the rows."""

import datetime
import platform
import textwrap
from pathlib import Path

import numpy as np
import torch

import lstmbook
from benchmarks.parts import (
    BARE,
    BOTH,
    DTYPES,
    MIDDLE,
    ONE_SEQUENCE,
    PAIRS,
    WORKS,
    Agreement,
    Batch,
    Growth,
    Race,
    Recorded,
    Start,
)
from benchmarks.programs import NATIVE, OURS, TWIN
from benchmarks.tables import (
    batch_numbers,
    batch_table,
    exponents,
    goal_table,
    growth_table,
    kernel_table,
    mean,
    mean_table,
    milliseconds,
    of_kind,
    race_table,
    races_of,
    start_table,
    table,
    worst,
)


def machine():
    """Name what the numbers are measured with.

    Returns
    -------
    dict of str to str
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    told = [line.split(":", 1) for line in lines if ":" in line]
    cpu = {key.strip(): value.strip() for key, value in told}
    sets = {"avx2": "AVX2", "avx512f": "AVX-512"}
    found = [sets[flag] for flag in cpu.get("flags", "").split() if flag in sets]
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "Processor": cpu.get("model name") or platform.processor() or "not told",
        "Instruction sets": ", ".join([platform.machine(), *found]),
        "System": platform.system(),
        "Threads": str(torch.get_num_threads()),
        "Python": platform.python_version(),
        "NumPy": f"{np.__version__}, with {blas['name']} {blas['version']}",
        "PyTorch": torch.__version__,
        "`lstmbook`": lstmbook.__version__,
        "Date": datetime.date.today().isoformat(),
    }


def page(rows, machine):
    """Write the whole page.

    Parameters
    ----------
    rows : list of NamedTuple
        Of all parts.
    machine : dict of str to str
        What they were measured with.

    Returns
    -------
    str
        MyST Markdown.
    """
    sections = [
        opening(rows),
        method(rows),
        "## The machine\n\n" + table(["", ""], [list(i) for i in machine.items()]),
        *(race_section(rows, work) for work in WORKS),
        why_the_two_differ(rows),
        one_sequence(rows),
        longer_sequences(rows),
        importing(rows),
        how_far_they_travel(rows),
    ]
    return "\n\n".join(map(_wrap, "\n\n".join(sections).split("\n\n"))) + "\n"


def _wrap(block):
    """Fill a paragraph's lines anew, now that its numbers are in place."""
    if block.startswith(("#", "|", "-", "(why")):
        return block
    return textwrap.fill(block, 88, break_long_words=False, break_on_hyphens=False)


def opening(rows):
    """Say what it is about, and how it came out."""
    single, double = (mean(races_of(rows, BOTH, dtype, OURS)) for dtype in DTYPES)
    return f"""\
# Speed

The code of this book is written to be read. What does that cost? This page sets our
two LSTMs, the one in NumPy and the one written out in PyTorch, beside `{NATIVE}`.

`make bench` measures all of this on your machine and writes this page anew, from the
first line to the last. No number on it was typed by hand.

{mean_table(rows)}

Read each number as *times the time that* `{NATIVE}` *took*: below 1 is faster than
PyTorch's own. Over five sizes, forward + backward in NumPy took {double:.2f} times its
time in float64 and {single:.2f} times in float32. [Further down](#why-the-two-differ)
you find out why the two differ.

We had set ourselves four goals for the NumPy cell:

{goal_table(rows)}"""


def method(rows):
    """Say what was compared, and how."""
    single, double = (
        max(row.difference for row in of_kind(Agreement, rows) if row.dtype == dtype)
        for dtype in DTYPES
    )
    return f"""\
## What was compared, and how

- **{OURS}**: `lstmbook.LSTM`, the very cell that the chapters show, with its backward
  pass written out.
- **{TWIN}**: `lstmbook.pytorch.LSTM`, the same equations with autograd
  behind them.
- **{NATIVE}**: PyTorch's own.

*The same work.* All three have the same weights, inputs, initial state and cotangents,
all random. "Forward + backward" gives the gradients of all parameters, of the inputs
and of the initial state. In "forward" PyTorch is told to keep nothing for a way back;
our cell keeps its trace, as it always does.

*The same answer.* Before any clock started, the outputs and all of these gradients were
compared with those of `{NATIVE}`. The largest difference was {double:.0e} in float64
and {single:.0e} in float32, relative to the largest value of each array, or to 1 where
that is larger.

*The same weather.* Our program and `{NATIVE}` take turns in one process, on one thread,
and the order is reversed from pair to pair. A ratio is always that of one pair. Each
size has {PAIRS} pairs or more, after one that does not count.

Sizes are given as (T, N, D, H): T steps, N sequences in the batch, D inputs, H
units."""


def race_section(rows, work):
    """Show all ratios of one kind of work."""
    tables = [f"In {dtype}:\n\n{race_table(rows, work, dtype)}" for dtype in DTYPES]
    title = f"""\
## {work.capitalize()}

Each number is a multiple of the time of `{NATIVE}`: smallest / median / largest of all
pairs. The last column is the median of its own time."""
    return "\n\n".join([title, *tables])


def why_the_two_differ(rows):
    """Explain, as far as the measurements reach."""
    noted = {(row.dtype, row.name): row for row in of_kind(Recorded, rows)}
    single, double = (noted[dtype, NATIVE] for dtype in DTYPES)
    slower = mean(races_of(rows, BARE, "float32", NATIVE))
    ours = mean(races_of(rows, BARE, "float32", OURS))
    ours_double = mean(races_of(rows, BOTH, "float64", OURS))
    text = f"""\
(why-the-two-differ)=
## Why float32 and float64 differ

Autograd notes down the operations of a forward pass, to go back through them. For
{single.T} steps `{NATIVE}` left {count(single)} in float32 and {count(double)} in
float64. So in float32 it ran {manner(single)}; in float64, {manner(double)}. Our
written-out module left {count(noted["float32", TWIN])}.

What is such a kernel worth? PyTorch's come from the library oneDNN, and it can be
switched off: `torch.backends.mkldnn.enabled = False`. Forward + backward in float32
once more, with and without, medians:

{kernel_table(rows)}

Without oneDNN, `{NATIVE}` took {slower:.2f} times as long as with it. Compared with
that, our NumPy cell took {ours:.2f} times as long in float32; it was {ours_double:.2f}
in float64."""
    if max(ours, ours_double) < 1 and not in_one_piece(double):
        text += f"""

So where PyTorch too goes step by step, the NumPy cell is the faster one. It makes fewer
and larger products: one projects all inputs before the loop, and one for each weight
matrix forms its gradient after it. Autograd has {products(double)} products on record
in float64, and forms a weight gradient for each, to be added up. And a backward pass
that is written out needs no record at all."""
    if in_one_piece(single):
        text += """

A fused kernel is another matter. It takes the whole sequence in one call. NumPy is
called once for each operation of each step, and each call fetches its numbers and puts
its result back before the next one begins."""
    return text


def count(recorded):
    """Spell how many operations there are."""
    n = recorded.operations.total()
    return f"{n:,} operation{'s' * (n > 1)}"


def in_one_piece(recorded):
    """Tell whether there are fewer operations than steps."""
    return recorded.operations.total() < recorded.T


def manner(recorded):
    """Spell how the loop over time ran."""
    if in_one_piece(recorded):
        return "the whole loop inside one compiled, *fused* kernel"
    return "step by step, as a chain of small operations"


def products(recorded):
    """Count matrix products."""
    return recorded.operations["Addmm"] + recorded.operations["Mm"]


def one_sequence(rows):
    """Show the price of a call."""
    slowest, numbers = worst(races_of(rows, BOTH, "float32", OURS)), batch_numbers(rows)
    (one, many, part), (one_, many_, part_) = numbers[OURS], numbers[NATIVE]
    N, (T, _, D, H) = max(row.N for row in of_kind(Batch, rows)), ONE_SEQUENCE
    alone = ": a single sequence" if slowest.size.N == 1 else ""
    return f"""\
## One sequence at a time

In float32 the largest median ratio of the NumPy cell, {slowest.median:.2f}, is
that of (T, N, D, H) = {slowest.size}{alone}. A call from Python to NumPy has a price of
its own, however few numbers it works on, and each step makes many calls. How much is
that? Here is forward + backward in float32 at (T, D, H) = {(T, D, H)}, for one sequence
and for {N}, the best of all rounds:

{batch_table(rows)}

{N} sequences are {N} times the arithmetic. They took NumPy {many / one:.1f} times as
long, and `{NATIVE}` {many_ / one_:.1f} times. Draw a straight line through the two
points, down to no sequence at all, and what is left is the *fixed part*: {part:.0%} of
NumPy's time for one sequence, and {part_:.0%} of that of `{NATIVE}`. (It is a rough
measure, for larger products also run at a better rate.) The remedy is a batch: as many
calls, more numbers in each."""


def longer_sequences(rows):
    """Show time and memory over T."""
    (time32, _), (time64, memory64) = (exponents(rows, dtype) for dtype in DTYPES)
    longest = {row.dtype: row for row in of_kind(Growth, rows)}
    single, double = (1e3 * longest[d].megabytes / longest[d].T for d in DTYPES)
    _, N, D, H = MIDDLE
    return f"""\
## Longer sequences

Forward + backward of the NumPy cell at (N, D, H) = {(N, D, H)}. The time is the best of
several rounds. The memory is the peak of all arrays that are made on the way, as
`tracemalloc` sees it in a run of its own; the inputs are not counted.

{growth_table(rows)}

The last row is the exponent k of the best fit by a power law, $T^k$; 1 is linear. By
this fit, twice the steps take {2**time64:.2f} times the time in float64 and
{2**time32:.2f} times in float32, and {2**memory64:.2f} times the memory. That is what
to expect: a step is the same work wherever it stands, once forward and once back, and
it leaves its gates and its state behind, because the way back needs them. At this size
that is {double:.0f} kB of memory a step in float64 at the peak, and {single:.0f} kB in
float32. Before you train on long sequences, multiply."""


def importing(rows):
    """Show import times."""
    ms = {row.module: milliseconds(row.seconds) for row in of_kind(Start, rows)}
    return f"""\
## Import

Median time of a fresh Python that imports one thing and ends. (`sys` is always there:
its row is the price of starting Python.)

{start_table(rows)}

`lstmbook` needs NumPy and nothing else: a Python that imports it took {ms["lstmbook"]}
ms, one that imports NumPy alone {ms["numpy"]} ms. PyTorch, at {ms["torch"]} ms, is
loaded only when you ask for `lstmbook.pytorch` or `lstmbook.interop`."""


def how_far_they_travel(rows):
    """Say what these numbers are not."""
    ours = [r for r in of_kind(Race, rows) if r.name == OURS and r.work in WORKS]
    widest = max(ours, key=lambda race: max(race.ratios) / min(race.ratios))
    ratios = widest.ratios
    return f"""\
## How far these numbers travel

Not far. The ratio of a single size moves between runs, and within one. In this run it
moved most for {widest.work} in {widest.dtype} at {widest.size}: there the NumPy cell
took between {min(ratios):.2f} and {max(ratios):.2f} times the time of `{NATIVE}`. Other
work on the machine can do that. So can whatever the process did before: memory that it
holds already is at hand, and more has to be fetched from the system. So look at
medians, and at the mean over all sizes before any single one. Another processor,
another BLAS or another release of PyTorch gives other ratios: run `make bench` and see
yours."""
