"""The adding problem: two numbers far apart, and their sum at the end."""

import numpy as np

from lstmbook.losses import Batch

__all__ = ["adding"]


def adding(rng, length, batch_size, dtype=np.float64):
    """Draw a batch of the adding problem.

    Each step carries a value from U(0, 1) and a mark, 0 or 1. One step of the first
    half and one of the second are marked; the target is the sum of the two marked
    values, as in :cite:`arjovsky2016`. Always answering 1 scores the variance of that
    sum, 1/6.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values and the marks.
    length : int
        T, at least 2.
    batch_size : int
        N.
    dtype : dtype
        float64 unless told.

    Returns
    -------
    Batch
        ``xs`` (T, N, 2): value, mark. ``targets`` (N, 1).

    Raises
    ------
    ValueError
        If ``length`` is below 2 or ``batch_size`` below 1.
    """
    for name, came, least in (
        ("length", length, 2),
        ("batch_size", batch_size, 1),
    ):
        if came < least:
            raise ValueError(f"{name} is {came}; expected at least {least}")
    values = rng.uniform(size=(length, batch_size))
    marks = np.zeros_like(values)
    sequences = np.arange(batch_size)
    half = length // 2
    marks[rng.integers(0, half, batch_size), sequences] = 1
    marks[rng.integers(half, length, batch_size), sequences] = 1
    xs = np.stack([values, marks], axis=-1)
    targets = (values * marks).sum(axis=0)[:, None]
    return Batch(xs.astype(dtype), targets.astype(dtype))
