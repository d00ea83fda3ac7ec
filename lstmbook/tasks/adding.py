"""The adding problem: two numbers far apart, and their sum at the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = ["adding", "constant_loss", "last_step_loss"]


def adding(
    rng: np.random.Generator,
    length: int,
    batch_size: int,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw a batch of the adding problem.

    Each step carries a value from U(0, 1) and a mark, 0 or 1. One step of the first
    half and one of the second are marked; the target is the sum of the two marked
    values, as in :cite:`arjovsky2016`. Predictors without memory score
    :func:`constant_loss` and :func:`last_step_loss`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values and the marks.
    length : int
        T, at least 2.
    batch_size : int
        N.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 2): value, mark. ``targets`` (N, 1).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``length`` is not an integer of at least 2 or ``batch_size`` of at
        least 1.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    length = check_size("length", length, 2)
    batch_size = check_size("batch_size", batch_size)
    values = rng.uniform(size=(length, batch_size))
    marks = np.zeros_like(values)
    sequences = np.arange(batch_size)
    half = length // 2
    marks[rng.integers(0, half, batch_size), sequences] = 1
    marks[rng.integers(half, length, batch_size), sequences] = 1
    xs = np.stack([values, marks], axis=-1)
    targets = (values * marks).sum(axis=0)[:, None]
    return Batch(xs.astype(dtype), targets.astype(dtype))


def constant_loss() -> float:
    """Mean squared error of the best constant answer, 1 (:eq:`eq-adding-constant`).

    Returns
    -------
    float
        1/6, the variance of a sum of two values from U(0, 1).
    """
    return 2 / 12


def last_step_loss(length: int) -> float:
    """Mean squared error of the best answer from the last step (:eq:`eq-adding-last`).

    Where the last step is marked, one of the two values is known.

    Parameters
    ----------
    length : int
        T, as for :func:`adding`.

    Returns
    -------
    float
        1/6 − p/12, where p is the share of sequences whose last step is marked.

    Raises
    ------
    ValueError
        If ``length`` is not an integer of at least 2.
    """
    length = check_size("length", length, 2)
    last_marked = 1 / (length - length // 2)
    return constant_loss() - last_marked / 12
