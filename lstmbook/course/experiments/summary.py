"""Summary of many seeds: a median, its interval, and the number of failures."""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Summary", "summarize"]

LEVEL = 0.95


class Summary(NamedTuple):
    """Summary of the runs of one setting."""

    n: int  #: runs
    failures: int  #: runs that never reached the goal
    median: float  #: ∞ if half of the runs or more failed
    low: float  #: lower end of the interval of the median
    high: float  #: upper end, ∞ if failures reach it
    coverage: float  #: probability that such an interval holds the median


def summarize(values):
    r"""Median, with an interval that assumes nothing about the distribution.

    Each of n runs lies below the median of all seeds with probability ½, so the number
    of runs below is binomial, and the k-th smallest and the k-th largest value have
    the median between them with probability
    :math:`1 - 2 \sum_{j<k} \binom{n}{j} 2^{-n}`, or more where values are tied. The
    largest k that reaches 95 % is taken. A failed run needs no invented number: it
    counts as larger than all others.

    Parameters
    ----------
    values : iterable of (float or None)
        Such as updates to success; None is a failure.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If there are fewer than six runs, too few for 95 %, or a value is not a number.

    Examples
    --------
    >>> summary = summarize([300, 250, 400, None, 350, 325, 275, 375, 425, 450])
    >>> summary.n, summary.failures, summary.median
    (10, 1, 362.5)
    >>> summary.low, summary.high, round(summary.coverage, 3)
    (275.0, 450.0, 0.979)
    """
    ordered = np.sort([np.inf if value is None else value for value in values])
    n = len(ordered)
    if np.isnan(ordered).any():
        raise ValueError("values holds nan; expected numbers, and None for a failure")
    # beyond[k]: probability that the median lies outside, by k runs or fewer. Python
    # divides its integers, which NumPy's cannot hold from 63 runs on.
    beyond = 2 * np.cumsum([math.comb(n, j) / 2**n for j in range(n // 2 + 1)])
    k = int((1 - beyond >= LEVEL).sum())
    if k == 0:
        raise ValueError(
            f"values has {n} runs; expected at least 6 for a 95 % interval"
        )
    return Summary(
        n=n,
        failures=int(np.isinf(ordered).sum()),
        median=float(np.median(ordered)),
        low=float(ordered[k - 1]),
        high=float(ordered[n - k]),
        coverage=float(1 - beyond[k - 1]),
    )
