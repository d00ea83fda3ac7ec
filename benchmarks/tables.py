"""From rows to numbers, and from numbers to tables.

``rows`` is always the list of all that has been measured so far. A table of something
that has not been measured is an empty string.
"""

import itertools
import statistics

import numpy as np

from benchmarks.parts import (
    BARE,
    BOTH,
    DTYPES,
    WORKS,
    Batch,
    Growth,
    Race,
    Start,
)
from benchmarks.programs import NATIVE, OURS, TWIN


def of_kind(kind, rows):
    """Rows of one kind."""
    return [row for row in rows if type(row) is kind]


def races_of(rows, work, dtype, name):
    """Races of one program, over the same work in the same dtype."""
    return [
        race
        for race in of_kind(Race, rows)
        if (race.work, race.dtype, race.name) == (work, dtype, name)
    ]


def mean(races):
    """Geometric mean over the sizes of the median ratios.

    Parameters
    ----------
    races : list of Race
        One for each size.

    Returns
    -------
    float
    """
    return statistics.geometric_mean(race.median for race in races)


def worst(races):
    """Race with the largest median ratio."""
    return max(races, key=lambda race: race.median)


def exponent(xs, ys):
    """Fit y = a xᵏ by least squares on logarithmic axes.

    Parameters
    ----------
    xs, ys : sequence of float
        Two points at least, all positive.

    Returns
    -------
    float
        k.
    """
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def exponents(rows, dtype):
    """Exponents in T of our time and of our memory."""
    _, steps, seconds, megabytes = zip(
        *(row for row in of_kind(Growth, rows) if row.dtype == dtype), strict=True
    )
    return exponent(steps, seconds), exponent(steps, megabytes)


def fixed_part(one, many, N):
    """Share of the time at N = 1 that a straight line puts at N = 0.

    Parameters
    ----------
    one, many : float
        Seconds for one sequence and for N.
    N : int
        More than 1.

    Returns
    -------
    float
    """
    return 1 - (many - one) / (N - 1) / one


def batch_numbers(rows):
    """Numbers of one sequence against a batch.

    Parameters
    ----------
    rows : list of NamedTuple
        With those of the part ``batches``.

    Returns
    -------
    dict of str to tuple of (float, float, float)
        Seconds for one sequence, seconds for the batch, and the fixed part.
    """
    seconds = {(row.name, row.N): row.seconds for row in of_kind(Batch, rows)}
    N = max(N for _, N in seconds)
    return {
        name: (one, seconds[name, N], fixed_part(one, seconds[name, N], N))
        for (name, n), one in seconds.items()
        if n == 1
    }


def table(head, lines):
    """Lay out a Markdown table that also reads well in a terminal.

    Parameters
    ----------
    head : sequence of str
        Column heads. The first column stands left, the others right.
    lines : sequence of sequence of str
        The cells.

    Returns
    -------
    str
        Empty without lines.
    """
    if not lines:
        return ""
    first, *others = (max(map(len, c)) for c in zip(head, *lines, strict=True))
    rule = ["-" * first, *("-" * (width - 1) + ":" for width in others)]
    laid_out = []
    for cell, *cells in (head, rule, *lines):
        right = [c.rjust(width) for c, width in zip(cells, others, strict=True)]
        laid_out.append(f"| {' | '.join([cell.ljust(first), *right])} |")
    return "\n".join(laid_out)


def mean_table(rows):
    """Geometric means alone, for a first look."""
    lines = []
    for work, dtype in itertools.product(WORKS, DTYPES):
        ours, twin = (races_of(rows, work, dtype, name) for name in (OURS, TWIN))
        if ours:
            lines.append([f"{work}, {dtype}", *_means(ours, twin)])
    return table(["geometric mean", OURS, TWIN], lines)


def race_table(rows, work, dtype):
    """Smallest, median and largest ratio at each size."""
    ours, twin = (races_of(rows, work, dtype, name) for name in (OURS, TWIN))
    lines = [
        [
            str(pair[0].size),
            *(spread(race.ratios) for race in pair),
            milliseconds(statistics.median(pair[0].reference)),
        ]
        for pair in zip(ours, twin, strict=True)
    ]
    if lines:
        lines.append(["geometric mean of the medians", *_means(ours, twin), ""])
    return table(["(T, N, D, H)", OURS, TWIN, f"{NATIVE}, ms"], lines)


def kernel_table(rows):
    """What PyTorch's oneDNN kernels are worth: median ratios."""
    bare, ours = (races_of(rows, BARE, "float32", name) for name in (NATIVE, OURS))
    lines = [
        [str(pair[0].size), *(f"{race.median:.2f}" for race in pair)]
        for pair in zip(bare, ours, strict=True)
    ]
    if lines:
        lines.append(["geometric mean", *_means(bare, ours)])
    head = ["(T, N, D, H)", f"{NATIVE} without ÷ with", f"{OURS} ÷ {NATIVE} without"]
    return table(head, lines)


def _means(*columns):
    return [f"{mean(races):.2f}" for races in columns]


def batch_table(rows):
    """One sequence against a batch."""
    counts = sorted({row.N for row in of_kind(Batch, rows)})
    lines = counts and [
        [
            name,
            milliseconds(one),
            milliseconds(many),
            f"{many / one:.1f}",
            f"{part:.0%}",
        ]
        for name, (one, many, part) in batch_numbers(rows).items()
    ]
    times = [f"N = {N}, ms" for N in counts]
    return table(["", *times, "times as long", "fixed part"], lines)


def growth_table(rows):
    """Time and memory over T, and the exponents."""
    lines, units = {}, {}
    for row in of_kind(Growth, rows):
        line = lines.setdefault(row.T, [str(row.T)])
        line += [milliseconds(row.seconds), f"{row.megabytes:.0f}"]
        units[row.dtype] = [f"{row.dtype}, {unit}" for unit in ("ms", "MB")]
    if lines:
        fits = [f"{k:.2f}" for dtype in units for k in exponents(rows, dtype)]
        lines["fit"] = ["exponent", *fits]
    return table(["T", *itertools.chain(*units.values())], list(lines.values()))


def start_table(rows):
    """Time of fresh interpreters."""
    lines = [
        [f"`import {row.module}`", milliseconds(row.seconds)]
        for row in of_kind(Start, rows)
    ]
    return table(["", "ms"], lines)


def goal_table(rows):
    """What we set out to reach; needs the rows of all parts."""
    single, double = (races_of(rows, BOTH, dtype, OURS) for dtype in DTYPES)
    goals = [
        ("geometric mean, float64", mean(double), 0.75),
        ("largest median, float64", worst(double).median, 1.1),
        ("geometric mean, float32", mean(single), 2.0),
        ("exponent of time in T, float64", exponents(rows, "float64")[0], 1.1),
    ]
    lines = [
        [what, f"{came:.2f}", f"≤ {most}", "yes" if came <= most else "no"]
        for what, came, most in goals
    ]
    return table(["NumPy, forward + backward", "measured", "goal", "reached"], lines)


def spread(values):
    """Spell smallest / median / largest."""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"


def milliseconds(seconds):
    """Spell a time, to three figures or so."""
    return f"{1e3 * seconds:.{1 if seconds < 0.1 else 0}f}"
