"""The copying problem: repeat ten symbols after a long pause."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = ["SYMBOLS", "WORD", "copying", "memoryless_loss"]

#: Number of different symbols.
SYMBOLS = 8
#: Number of symbols to remember in each sequence.
WORD = 10


def copying(
    rng: np.random.Generator,
    delay: int,
    batch_size: int,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw a batch of the copying problem.

    Ten symbols, drawn from eight, come first. Then follow ``delay`` − 1 blanks, a
    signal, and ten more blanks, during which the ten symbols are to be repeated. At all
    other steps the target is blank, as in :cite:`arjovsky2016`. Each symbol has a lag
    of ``delay`` + 10.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the symbols.
    delay : int
        Steps from the last symbol to the signal, at least 1; the paper's T.
    batch_size : int
        N.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 10) with T = delay + 20, one-hot: eight symbols, blank, signal.
        ``targets`` (T, N), classes: symbols 0 … 7 and 8 for blank.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``delay`` or ``batch_size`` is not an integer of at least 1.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    delay = check_size("delay", delay)
    batch_size = check_size("batch_size", batch_size)
    blank, signal = SYMBOLS, SYMBOLS + 1
    shown = np.full((delay + 2 * WORD, batch_size), blank)
    targets = shown.copy()
    symbols = rng.integers(0, SYMBOLS, (WORD, batch_size))
    shown[:WORD] = targets[-WORD:] = symbols
    shown[WORD + delay - 1] = signal
    return Batch(np.eye(SYMBOLS + 2, dtype=dtype)[shown], targets)


def memoryless_loss(delay: int) -> float:
    """Cross-entropy of the best predictor that remembers no symbol.

    It knows when to answer, and then guesses one of eight (:eq:`eq-copying-baseline`).

    Parameters
    ----------
    delay : int
        As for :func:`copying`.

    Returns
    -------
    float
        10 ln 8 / (delay + 20), in nats.

    Raises
    ------
    ValueError
        If ``delay`` is not an integer of at least 1.
    """
    delay = check_size("delay", delay)
    return WORD * np.log(SYMBOLS) / (delay + 2 * WORD)
