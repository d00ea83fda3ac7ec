"""Temporal order: which of two symbols came first, told at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = ["MARKS", "SYMBOLS", "temporal_order"]

#: The columns of the inputs: start, end, four distractors, and the two that count.
SYMBOLS = "EBabcdXY"
#: Where the two or three symbols that count stand in experiments 6a and 6b of
#: :cite:`hochreiter1997`: first and last step, counted from 1.
MARKS = {"6a": ((10, 20), (50, 60)), "6b": ((10, 20), (33, 43), (66, 76))}


def temporal_order(
    rng: np.random.Generator,
    batch_size: int,
    marks: Sequence[tuple[int, int]] = MARKS["6a"],
    lengths: tuple[int, int] = (100, 110),
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw a batch of the temporal order problem :cite:`hochreiter1997`.

    A sequence begins with E, ends with B, and has one of a, b, c, d at each other step,
    except where X or Y stands, once in each range of ``marks``. The target says which
    they were, in order. A predictor without memory gets one of 2ᵐ right, with m marks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of symbols, positions and lengths.
    batch_size : int
        N.
    marks : sequence of (int, int)
        First and last step of each X or Y, counted from 1; experiment 6a's by default.
    lengths : (int, int)
        Fewest and most steps.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 8), one-hot in the order of ``SYMBOLS``; ``targets`` (N,), the
        class, which reads the marks as a binary number with X = 0 and Y = 1;
        ``lengths`` (N,).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``batch_size`` is not an integer of at least 1, or the marks do not lie
        between the first and the last step, in order and apart.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    batch_size = check_size("batch_size", batch_size)
    shortest, longest = lengths
    edges = [1, *(step for mark in marks for step in mark), shortest]
    # A range may be a single step: every second pair may be equal.
    ordered = all(a < b + k % 2 for k, (a, b) in enumerate(pairwise(edges)))
    if not (marks and ordered and shortest <= longest):
        raise ValueError(
            f"marks is {tuple(marks)} and lengths {tuple(lengths)}; expected ranges "
            "after step 1, in order, apart, and before the shortest length"
        )
    steps = rng.integers(shortest, longest + 1, batch_size)
    sequences = np.arange(batch_size)
    shown = rng.integers(2, 6, (steps.max(), batch_size))
    shown[0], shown[steps - 1, sequences] = 0, 1
    targets = np.zeros(batch_size, int)
    for first, last in marks:
        is_y = rng.integers(0, 2, batch_size)
        shown[rng.integers(first, last + 1, batch_size) - 1, sequences] = 6 + is_y
        targets = 2 * targets + is_y
    xs = np.eye(len(SYMBOLS), dtype=dtype)[shown]
    xs[np.arange(len(xs))[:, None] >= steps] = 0
    return Batch(xs, targets, lengths=steps)
