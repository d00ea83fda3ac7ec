"""Handwritten digits, read one row or one pixel at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng
from lstmbook.data import Batch, select

__all__ = ["TEST_SIZE", "digits"]

#: Images held out, a fifth of the 1,797.
TEST_SIZE = 360


def digits(
    rng: np.random.Generator, by: str = "row", dtype: DTypeLike = np.float64
) -> tuple[Batch, Batch]:
    """Load scikit-learn's handwritten digits as sequences, split at random.

    1,797 images of 8 × 8 pixels, the test part of the UCI set "Optical Recognition of
    Handwritten Digits" :cite:`alpaydin1998`. They come with scikit-learn
    :cite:`pedregosa2011`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides which images are held out.
    by : {"row", "pixel"}
        One row of 8 pixels a step (T = 8, D = 8), or one pixel (T = 64, D = 1).
    dtype : dtype
        float64 by default.

    Returns
    -------
    train, test : Batch
        ``xs`` (T, N, D), ink from 0 to 1; ``targets`` (N,), the digit 0 … 9.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``by`` is neither.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    from sklearn.datasets import load_digits

    shapes = {"row": (8, 8), "pixel": (64, 1)}
    if by not in shapes:
        raise ValueError(f"by is {by!r}; expected one of {tuple(shapes)}")
    data = load_digits()
    images = (data.images / 16).astype(dtype).reshape(-1, *shapes[by])
    xs, targets = images.swapaxes(0, 1), data.target
    order = rng.permutation(len(targets))
    held_out, rest = order[:TEST_SIZE], order[TEST_SIZE:]
    whole = Batch(xs, targets)
    return select(whole, rest), select(whole, held_out)
