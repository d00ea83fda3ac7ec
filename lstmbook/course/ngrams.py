"""Prediction of the next character by counting: n-grams, smoothed."""

import numpy as np

from lstmbook.checks import check_size
from lstmbook.tasks.text import ALPHABET, encode

__all__ = ["ngram_bits"]

K = len(ALPHABET)


def ngram_bits(train, test, order):
    r"""Bits per character of n-grams with Witten and Bell's smoothing.

    The probability of a character after the n − 1 before it is

    .. math::
       p_n(c \mid s) = \frac{N(s c) + D(s) \, p_{n-1}(c \mid s')}{N(s) + D(s)}

    where N counts in the training text, D(s) is how many different characters have
    followed s, and s′ is s without its first character. A context that never occurred
    leaves :math:`p_{n-1}`; :math:`p_0` is 1/96. This is :cite:`witten1991`'s method C,
    interpolated.

    Parameters
    ----------
    train : str
        Text in which to count.
    test : str
        Text to predict.
    order : int
        n, from 1 to 9: the character and the n − 1 before it.

    Returns
    -------
    ndarray, shape (n + 1, len(test))
        −log₂ p of each character of the test text, a row for each order 0 … n. The
        first characters have a shorter context.

    Raises
    ------
    ValueError
        If ``order`` is not an integer from 1 to 9, or a text has other characters.
    """
    order = check_size("order", order)
    if order > 9:  # 96⁹ is the largest power that fits into 64 bits
        raise ValueError(f"order is {order}; expected 1 to 9")
    seen, asked = encode(train), encode(test)
    p = np.full(len(asked), 1 / K)
    rows = [p]
    for n in range(1, order + 1):
        grams, counts = np.unique(_grams(seen, n), return_counts=True)
        contexts, first = np.unique(grams // K, return_index=True)
        totals = np.add.reduceat(counts, first)
        followers = np.diff([*first, len(grams)])
        wanted = _grams(asked, n)
        N_sc = _look_up(grams, counts, wanted)
        N_s = _look_up(contexts, totals, wanted // K)
        D_s = _look_up(contexts, followers, wanted // K)
        p = p.copy()
        late = slice(n - 1, None)
        weight = np.maximum(N_s + D_s, 1)
        p[late] = np.where(N_s > 0, (N_sc + D_s * p[late]) / weight, p[late])
        rows.append(p)
    return -np.log2(rows)


def _grams(codes, n):
    """Each run of n characters as one number in base 96."""
    windows = np.lib.stride_tricks.sliding_window_view(codes.astype(np.int64), n)
    return windows @ K ** np.arange(n - 1, -1, -1, dtype=np.int64)


def _look_up(keys, values, wanted):
    """Values by key, 0 where there is no such key."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
