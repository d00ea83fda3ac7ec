"""Batches of sequences, and ways to cut them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lstmbook import tree
from lstmbook.checks import check_rng, check_size

__all__ = ["Batch", "lengths_from_mask", "minibatches", "select", "windows"]


class Batch(NamedTuple):
    """A batch of sequences and their targets."""

    xs: np.ndarray  #: inputs, (T, N, D)
    targets: np.ndarray  #: what the loss compares the predictions with
    loss_mask: np.ndarray | None = None  #: bool, True where a position counts
    lengths: np.ndarray | None = None  #: (N,) int, steps of each; the padding follows

    def __repr__(self) -> str:
        return tree.summary(self)


def lengths_from_mask(mask: ArrayLike) -> np.ndarray:
    """Count the steps of each sequence in a mask, True where a step is not padding.

    With lengths, padding comes after the sequence. If it comes first, move each
    sequence to the front, ``xs[:, n] = np.roll(xs[:, n], -padded[n], axis=0)`` with
    ``padded = mask.argmax(axis=0)``, and do the same to targets at each step. A mask
    with holes says which steps *count*, not which ones exist: it is a loss mask.

    Parameters
    ----------
    mask : array_like of bool, shape (T, N)
        Time-major, like everything here; transpose a mask of shape (N, T).

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    TypeError
        If it is not boolean.
    ValueError
        If it does not have two axes, a sequence has no step, or padding comes before a
        step.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask has dtype {mask.dtype}; expected bool")
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"mask has shape {mask.shape}; expected (T, N)")
    lengths = mask.sum(axis=0)
    if not lengths.all():
        raise ValueError(f"mask has no step in sequence {lengths.argmin()}; expected 1")
    late = (mask[1:] & ~mask[:-1]).any(axis=0)
    if late.any():
        raise ValueError(
            f"mask has padding before a step in sequence {late.argmax()}; expected "
            "True first, then False: move the sequence to the front with np.roll"
        )
    return lengths


def windows(batch: Batch, length: int) -> Iterator[Batch]:
    """Cut a batch of long streams into windows, one after another in time.

    The state continues: carry it from one window to the next, as in
    ``predictions, trace = model.forward(window.xs, state)`` and then
    ``state = trace.final``. This is truncated backpropagation through time: the state
    is carried forward, but no gradient is carried back.

    Parameters
    ----------
    batch : Batch
        With a target at each step, (T, N, …), and without lengths.
    length : int
        Steps of a window; the last one may be shorter.

    Returns
    -------
    iterator of Batch
        Views, not copies.

    Raises
    ------
    ValueError
        If ``length`` is below 1, there is not one target for each step, or the batch
        has lengths.
    """
    length = check_size("length", length)
    if batch.lengths is not None:
        raise ValueError("batch has lengths; expected streams of full length")
    if batch.targets.shape[:2] != batch.xs.shape[:2]:
        T, N, _ = batch.xs.shape
        raise ValueError(
            f"targets has shape {batch.targets.shape}; expected one for each step, "
            f"({T}, {N}, …)"
        )

    def window(start):
        return tree.map(lambda a: a[start : start + length], batch)

    return map(window, range(0, len(batch.xs), length))


def select(batch: Batch, which: np.ndarray) -> Batch:
    """Take some sequences out of a batch, in this order.

    Parameters
    ----------
    batch : Batch
        With one target for each sequence, (N, …).
    which : ndarray of int
        Which of the N.

    Returns
    -------
    Batch
        A copy.

    Raises
    ------
    ValueError
        If there is not one target for each sequence, or the batch has a mask or
        lengths.
    """
    N = batch.xs.shape[1]
    if (
        len(batch.targets) != N
        or batch.targets.ndim > 2
        or any(part is not None for part in batch[2:])
    ):
        raise ValueError(
            f"batch has {len(batch.targets)} targets for N = {N} sequences, or a mask "
            "or lengths; expected one target each and neither"
        )
    return Batch(np.ascontiguousarray(batch.xs[:, which]), batch.targets[which])


def minibatches(
    rng: np.random.Generator, batch: Batch, batch_size: int, epochs: int = 1
) -> Iterator[Batch]:
    """Yield a batch in random pieces, each sequence once in every epoch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides the order, which is new in each epoch.
    batch : Batch
        What to cut, with one target for each sequence, (N, …).
    batch_size : int
        N of a piece; the last of an epoch may be smaller.
    epochs : int
        Passes over the batch.

    Yields
    ------
    Batch

    Raises
    ------
    TypeError
        If ``rng`` is not a generator.
    ValueError
        If there is not one target for each sequence, the batch has a mask or lengths,
        or ``batch_size`` or ``epochs`` is not an integer of at least 1.
    """
    check_rng(rng)
    batch_size = check_size("batch_size", batch_size)
    epochs = check_size("epochs", epochs)
    N = batch.xs.shape[1]
    for _ in range(epochs):
        order = rng.permutation(N)
        for start in range(0, N, batch_size):
            yield select(batch, order[start : start + batch_size])
