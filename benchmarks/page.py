"""The appendix "Speed": each of its numbers is computed from the rows."""

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
    """Describe the machine and the software.

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
        "Processor": cpu.get("model name") or platform.processor() or "unknown",
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
    """Wrap a paragraph again, now that its numbers are filled in."""
    if block.startswith(("#", "|", "-", "(why")):
        return block
    return textwrap.fill(block, 88, break_long_words=False, break_on_hyphens=False)


def opening(rows):
    """Say what was measured, and the main results."""
    single, double = (mean(races_of(rows, BOTH, dtype, OURS)) for dtype in DTYPES)
    return f"""\
# Speed

The code of this book is written to be read. What does that cost? This page compares
our two LSTMs, one in NumPy and one written out in PyTorch, with `{NATIVE}`.

`make bench` measures all of this on your machine and rewrites the whole page. No
number on it was typed by hand.

{mean_table(rows)}

Read each number as *times the time that* `{NATIVE}` *took*: below 1 is faster than
PyTorch's own. Over five sizes, forward + backward in NumPy took {double:.2f} times its
time in float64 and {single:.2f} times in float32. [A section
below](#why-the-two-differ) explains the difference.

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

- **{OURS}**: `lstmbook.LSTM`, the cell that the chapters show, with a hand-written
  backward pass.
- **{TWIN}**: `lstmbook.pytorch.LSTM`, the same equations, differentiated
  by autograd.
- **{NATIVE}**: PyTorch's own.

*The same work.* All three have the same weights, inputs, initial state and cotangents,
all random. "Forward + backward" gives the gradients of all parameters, of the inputs
and of the initial state. In "forward" PyTorch runs without recording gradients;
our cell keeps its trace, as it always does.

*The same answer.* Before anything was timed, the outputs and all of these gradients
were compared with those of `{NATIVE}`. The largest difference was {double:.0e} in
float64 and {single:.0e} in float32, relative to the largest value of each array, or to
1 where that is larger.

*The same conditions.* Our program and `{NATIVE}` take turns in one process, on one
thread, and the order is reversed from pair to pair. Each ratio comes from one pair, so
other load on the machine affects both halves of it. Each size has {PAIRS} pairs or
more, after a first one that is not counted.

Sizes are given as (T, N, D, H): T steps, N sequences in the batch, D inputs, H
units."""


def race_section(rows, work):
    """Show all ratios of one kind of work."""
    tables = [f"In {dtype}:\n\n{race_table(rows, work, dtype)}" for dtype in DTYPES]
    title = f"""\
## {work.capitalize()}

Each number is a multiple of the time of `{NATIVE}`: smallest / median / largest of all
pairs. The last column is the median time of `{NATIVE}` itself."""
    return "\n\n".join([title, *tables])


def why_the_two_differ(rows):
    """Explain the difference, as far as the measurements allow."""
    noted = {(row.dtype, row.name): row for row in of_kind(Recorded, rows)}
    single, double = (noted[dtype, NATIVE] for dtype in DTYPES)
    slower = mean(races_of(rows, BARE, "float32", NATIVE))
    ours = mean(races_of(rows, BARE, "float32", OURS))
    ours_double = mean(races_of(rows, BOTH, "float64", OURS))
    text = f"""\
(why-the-two-differ)=
## Why float32 and float64 differ

Autograd records the operations of a forward pass, so that it can go back through them.
For {single.T} steps `{NATIVE}` recorded {count(single)} in float32 and {count(double)}
in float64. So in float32 it ran {manner(single)}; in float64, {manner(double)}. Our
written-out module recorded {count(noted["float32", TWIN])}.

What does such a kernel save? PyTorch's come from the library oneDNN, which can be
switched off: `torch.backends.mkldnn.enabled = False`. Here are the medians of forward +
backward in float32 again, with oneDNN and without:

{kernel_table(rows)}

Without oneDNN, `{NATIVE}` took {slower:.2f} times as long as with it. Compared with
that, our NumPy cell took {ours:.2f} times as long in float32; it was {ours_double:.2f}
in float64."""
    if max(ours, ours_double) < 1 and not in_one_piece(double):
        text += f"""

So where PyTorch also goes step by step, the NumPy cell was faster on average. It makes
fewer and larger products: one product projects all inputs before the loop, and one for
each weight matrix gives its gradient after the loop. Autograd recorded
{products(double)} products in float64. It forms a weight gradient for each and adds
them up. A hand-written backward pass also needs no record of operations."""
    if in_one_piece(single):
        text += """

A fused kernel is different. It handles the whole sequence in one call. NumPy is called
once for each operation of each step, and each call reads its numbers from memory and
writes its result back before the next one begins."""
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
    """Show the cost of a call."""
    slowest, numbers = worst(races_of(rows, BOTH, "float32", OURS)), batch_numbers(rows)
    (one, many, part), (one_, many_, part_) = numbers[OURS], numbers[NATIVE]
    N, (T, _, D, H) = max(row.N for row in of_kind(Batch, rows)), ONE_SEQUENCE
    alone = ": a single sequence" if slowest.size.N == 1 else ""
    return f"""\
## One sequence at a time

In float32 the largest median ratio of the NumPy cell, {slowest.median:.2f}, is that of
(T, N, D, H) = {slowest.size}{alone}. A call from Python to NumPy has a fixed cost,
however few numbers it works on, and each step makes many calls. To see how much that
is, here is forward + backward in float32 at (T, D, H) = {(T, D, H)}, for one sequence
and for {N}, the best of all rounds:

{batch_table(rows)}

{N} sequences are {N} times the arithmetic. They took NumPy {many / one:.1f} times as
long, and `{NATIVE}` {many_ / one_:.1f} times. Extend a straight line through the two
points down to N = 0. What is left there is the *fixed part*: {part:.0%} of NumPy's time
for one sequence, and {part_:.0%} of that of `{NATIVE}`. (This is a rough measure,
because larger products also run more efficiently.) The remedy is a batch: the same
number of calls, with more numbers in each."""


def longer_sequences(rows):
    """Show time and memory over T."""
    (time32, _), (time64, memory64) = (exponents(rows, dtype) for dtype in DTYPES)
    longest = {row.dtype: row for row in of_kind(Growth, rows)}
    single, double = (1e3 * longest[d].megabytes / longest[d].T for d in DTYPES)
    _, N, D, H = MIDDLE
    return f"""\
## Longer sequences

Forward + backward of the NumPy cell at (N, D, H) = {(N, D, H)}. The time is the best of
several rounds. The memory is the peak size of all arrays made during the pass,
measured by `tracemalloc` in a separate run; the inputs are not counted.

{growth_table(rows)}

The last row is the exponent of the power of T that fits best; 1 means linear. By
this fit, twice the steps take {2**time64:.2f} times the time in float64 and
{2**time32:.2f} times in float32, and {2**memory64:.2f} times the memory. That is what
to expect: every step is the same work, once forward and once backward, and its gates
and state are kept, because the backward pass needs them. At this size the peak is
{double:.0f} kB of memory a step in float64, and {single:.0f} kB in float32. Before you
train on long sequences, multiply by T."""


def importing(rows):
    """Show import times."""
    ms = {row.module: milliseconds(row.seconds) for row in of_kind(Start, rows)}
    return f"""\
## Import

Median time of a fresh Python that imports one module and exits. (`sys` is always
loaded: its row is the cost of starting Python.)

{start_table(rows)}

`lstmbook` needs NumPy and nothing else: a Python that imports it took {ms["lstmbook"]}
ms, one that imports NumPy alone {ms["numpy"]} ms. PyTorch, at {ms["torch"]} ms, is
loaded only when you ask for `lstmbook.pytorch` or `lstmbook.interop`."""


def how_far_they_travel(rows):
    """Say how far the numbers can be trusted."""
    ours = [r for r in of_kind(Race, rows) if r.name == OURS and r.work in WORKS]
    widest = max(ours, key=lambda race: max(race.ratios) / min(race.ratios))
    ratios = widest.ratios
    return f"""\
## How far these numbers travel

Not far. The ratio of a single size moves between runs, and within one. In this run it
moved most for {widest.work} in {widest.dtype} at {widest.size}: there the NumPy cell
took between {min(ratios):.2f} and {max(ratios):.2f} times the time of `{NATIVE}`. Other
work on the machine can cause that. So can the history of the process: it reuses memory
that it already holds, and has to ask the system for more. So look at
medians, and at the mean over all sizes before any single size. Another processor,
another BLAS or another release of PyTorch gives other ratios: run `make bench` and see
yours."""
