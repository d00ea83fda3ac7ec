"""The tasks of 1997, as :cite:`hochreiter1997` describes them.

Experiments 1, the embedded Reber grammar, and 6, temporal order, have modules of their
own. The others are here: :func:`long_lag` (2a, 2b), :func:`longer_lag` (2c),
:func:`two_sequences` (3a) and :func:`marked_pair` (4 and 5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = [
    "long_lag",
    "longer_lag",
    "marked_pair",
    "two_sequences",
]


def long_lag(
    rng: np.random.Generator,
    p: int,
    batch_size: int,
    regular: bool = True,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw sequences whose last symbol is the first one again (experiments 2a and 2b).

    There are p + 1 symbols: a₁ … a_{p−1}, x and y. A sequence is x or y, each with
    probability ½, then a₁ … a_{p−1} in this order, then the first symbol again. Each
    next symbol is to be predicted. Without memory of the first step, the last one can
    only be guessed: x or y, 1 bit.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the symbols.
    p : int
        T, the steps from the first symbol to its return, at least 2.
    batch_size : int
        N.
    regular : bool
        If False, the p − 1 symbols in between are drawn at random, each from all of
        a₁ … a_{p−1} (experiment 2b): then only the last one can be predicted.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, p + 1), one-hot, x and y last; ``targets`` (T, N), classes.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``p`` is not an integer of at least 2, or ``batch_size`` of at least 1.
    """
    check_rng(rng)
    dtype, p = check_dtype(dtype), check_size("p", p, 2)
    N = check_size("batch_size", batch_size)
    symbols = np.empty((p + 1, N), int)
    symbols[0] = symbols[-1] = rng.integers(p - 1, p + 1, N)
    between = np.arange(p - 1)[:, None]
    symbols[1:-1] = between if regular else rng.integers(0, p - 1, (p - 1, N))
    return Batch(np.eye(p + 1, dtype=dtype)[symbols[:-1]], symbols[1:])


def longer_lag(
    rng: np.random.Generator,
    q: int,
    p: int,
    batch_size: int,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw sequences with many distractors between a symbol and its return (2c).

    There are p + 4 symbols: a₁ … a_p, e, b, x and y. A sequence is b; x or y, each with
    probability ½; q + k distractors, each drawn from all of a₁ … a_p, where k has the
    probability 0.9 · 0.1ᵏ; e; and x or y again, which is to be predicted. Without
    memory it can only be guessed.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything.
    q : int
        Distractors, at least.
    p : int
        Different distractors.
    batch_size : int
        N.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, p + 4), one-hot; ``targets`` (N,), the class of the last symbol, 0
        for x and 1 for y; ``lengths`` (N,), q + k + 3.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If a size is not an integer of at least 1.
    """
    check_rng(rng)
    dtype, q, p = check_dtype(dtype), check_size("q", q), check_size("p", p)
    N = check_size("batch_size", batch_size)
    lengths = q + 3 + rng.geometric(0.9, N) - 1
    symbols = rng.integers(0, p, (lengths.max(), N))
    symbols[0] = p + 1  # b
    targets = rng.integers(0, 2, N)
    symbols[1] = p + 2 + targets
    symbols[lengths - 1, np.arange(N)] = p  # e
    return Batch(np.eye(p + 4, dtype=dtype)[symbols], targets, lengths=lengths)


def two_sequences(
    rng: np.random.Generator,
    length: int,
    signal: int,
    batch_size: int,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw sequences whose class stands in their first elements, then noise (3a).

    The problem of :cite:`bengio1994` on one input line: the first N elements are all 1
    (class 1) or all −1 (class 0), each with probability ½; all others are normal with
    mean 0 and variance 0.2. The best answer without memory, ½, has an absolute error of
    ½.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything.
    length : int
        T of the paper: the length is drawn from T … T + T/10, all equally likely.
    signal : int
        Elements that carry the class: the paper's N, 1 or 3.
    batch_size : int
        N of this package.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 1); ``targets`` (N, 1), the class as 0 or 1; ``lengths`` (N,).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If a size is not an integer of at least 1, or ``signal`` exceeds ``length``.
    """
    lengths, dtype = _lengths(rng, length, batch_size, dtype)
    signal = check_size("signal", signal)
    if signal > length:
        raise ValueError(f"signal is {signal}; expected at most length = {length}")
    N = len(lengths)
    classes = rng.integers(0, 2, N)
    xs = rng.normal(0, np.sqrt(0.2), (lengths.max(), N, 1))
    xs[:signal, :, 0] = 2 * classes - 1
    return Batch(xs.astype(dtype), classes[:, None].astype(dtype), lengths=lengths)


def marked_pair(
    rng: np.random.Generator,
    length: int,
    batch_size: int,
    product: bool = False,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw the adding problem of 1997, or the product (experiments 4 and 5).

    Each step has a value and a marker. The markers of the first and the last step are
    −1, two in between are 1: one of the first ten steps, and one of the first T/2 − 1
    that is not marked yet. All others are 0. If the first step is drawn it keeps its
    −1, and X₁ counts as 0, in the product as 1. Sum: values from U(−1, 1), target
    0.5 + (X₁ + X₂)/4. Product: values from U(0, 1), target X₁ X₂. The best constant
    answer to the sum scores 0.039, and is within 0.04 in 15 % of the sequences.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything.
    length : int
        T of the paper, at least 24: the length is drawn from T … T + T/10.
    batch_size : int
        N.
    product : bool
        Experiment 5 instead of 4.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 2): value, marker; ``targets`` (N, 1); ``lengths`` (N,).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If a size is not an integer, ``batch_size`` below 1 or ``length`` below 24.
    """
    check_size("length", length, 24)
    lengths, dtype = _lengths(rng, length, batch_size, dtype)
    N, rows = len(lengths), np.arange(len(lengths))
    values = rng.uniform(0 if product else -1, 1, (lengths.max(), N))
    first = rng.integers(0, 10, N)
    # One of the first T/2 − 1 that is left: those from the first mark on move up.
    second = rng.integers(0, length // 2 - 2, N)
    second += second >= first
    pair = []
    for place in (first, second):
        nothing = 1.0 if product else 0.0
        pair.append(np.where(place == 0, nothing, values[place, rows]))
    marks = np.zeros_like(values)
    marks[first, rows] = marks[second, rows] = 1
    marks[0] = marks[lengths - 1, rows] = -1
    X1, X2 = pair
    targets = X1 * X2 if product else 0.5 + (X1 + X2) / 4
    xs = np.stack([values, marks], axis=-1)
    return Batch(xs.astype(dtype), targets[:, None].astype(dtype), lengths=lengths)


def _lengths(rng, length, batch_size, dtype):
    """Draw lengths from T … T + T/10."""
    check_rng(rng)
    length, N = check_size("length", length), check_size("batch_size", batch_size)
    return rng.integers(length, length + length // 10 + 1, N), check_dtype(dtype)
