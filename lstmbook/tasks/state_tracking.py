"""State tracking: multiply the elements of a small group, one a step."""

from __future__ import annotations

from itertools import permutations
from types import MappingProxyType

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = ["GROUPS", "state_tracking"]


def _symmetric(things):
    """Product p q of permutations, p first: i goes to q[p[i]]."""
    every = list(permutations(range(things)))
    number = {permutation: k for k, permutation in enumerate(every)}
    return np.array([[number[tuple(q[i] for i in p)] for q in every] for p in every])


#: Name to table of products, (G, G) for a group of G elements; element 0 changes
#: nothing. Z2 is parity, S3 has the six orders of three things.
GROUPS = MappingProxyType({"Z2": _symmetric(2), "S3": _symmetric(3)})


def state_tracking(
    rng: np.random.Generator,
    group: str,
    length: int,
    batch_size: int,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw a batch of products of group elements (:eq:`eq-word-problem`).

    Each step shows one element, uniformly drawn; the target is the product of all
    elements so far. Whoever has missed a single one of them gets one of G right, with G
    elements in the group: given all others, each product is equally likely.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the elements.
    group : str
        ``"Z2"`` or ``"S3"``.
    length : int
        T.
    batch_size : int
        N.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, G), one-hot; ``targets`` (T, N), numbers of elements.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If there is no such group, or a size is not an integer of at least 1.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    if group not in GROUPS:
        raise ValueError(f"group is {group!r}; expected one of {', '.join(GROUPS)}")
    T, N = check_size("length", length), check_size("batch_size", batch_size)
    table = GROUPS[group]
    shown = rng.integers(0, len(table), (T, N))
    targets = shown.copy()
    for t in range(1, T):
        targets[t] = table[targets[t - 1], shown[t]]
    return Batch(np.eye(len(table), dtype=dtype)[shown], targets)
