"""Losses with their gradients, and the batch that they are computed on."""

from typing import NamedTuple

import numpy as np

from lstmbook import tree
from lstmbook.checks import check_array, check_floats, check_mask, check_size
from lstmbook.ops import softmax

__all__ = ["Batch", "lengths_from_mask", "mse", "softmax_cross_entropy", "windows"]


class Batch(NamedTuple):
    """A batch of sequences and what is wanted of them."""

    xs: np.ndarray  #: inputs, (T, N, D)
    targets: np.ndarray  #: what the loss compares with
    loss_mask: np.ndarray | None = None  #: bool, True where a position counts
    lengths: np.ndarray | None = None  #: (N,) int, steps of each; the padding follows

    __repr__ = tree.summary


def lengths_from_mask(mask):
    """Count the steps of each sequence in a mask, True where a step is no padding.

    Lengths say that the padding follows. Where it comes first, move each sequence to
    the front, ``xs[:, n] = np.roll(xs[:, n], -padded[n], axis=0)`` with
    ``padded = mask.argmax(axis=0)``, and targets at each step likewise. A mask with
    holes says which steps *count*, not which there are: a loss mask.

    Parameters
    ----------
    mask : array_like of bool, shape (T, N)
        Time-major, as all else; of a mask (N, T) its transpose.

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    TypeError
        If it is not boolean.
    ValueError
        If it has not two axes, a sequence has no step, or padding comes before a step.
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


def windows(batch, length):
    """Cut a batch of long streams into windows, one after another in time.

    The state is not cut: carry it from one window to the next, as in
    ``predictions, trace = model.forward(window.xs, state)`` and then
    ``state = trace.final``. Truncated backpropagation through time is just that: the
    numbers are carried on, the gradient is not carried back.

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
        If ``length`` is below 1, the targets are not one to a step, or the batch has
        lengths.
    """
    length = check_size("length", length)
    if batch.lengths is not None:
        raise ValueError("batch has lengths; expected streams of full length")
    if batch.targets.shape[:2] != batch.xs.shape[:2]:
        T, N, _ = batch.xs.shape
        raise ValueError(
            f"targets has shape {batch.targets.shape}; expected one to a step, "
            f"({T}, {N}, …)"
        )

    def window(start):
        return tree.map(lambda a: a[start : start + length], batch)

    return map(window, range(0, len(batch.xs), length))


def mse(predictions, targets, loss_mask=None):
    """Mean squared error over all entries that count (:eq:`eq-mse`).

    Parameters
    ----------
    predictions : ndarray, shape (..., O)
        What the model put out.
    targets : ndarray, shape (..., O)
        What was wanted, of the same dtype.
    loss_mask : ndarray of bool, shape (...), optional
        True where a position counts; all by default.

    Returns
    -------
    loss : float
        The mean.
    d_predictions : ndarray, shape (..., O)
        Its gradient, zero where a position does not count.

    Raises
    ------
    TypeError
        If the predictions are not float32 or float64, the targets of another dtype or
        the mask is not boolean.
    ValueError
        If a shape does not fit or the mask selects nothing.
    """
    predictions = check_floats("predictions", predictions)
    shape, dtype = predictions.shape, predictions.dtype
    targets = check_array("targets", targets, "mse", dtype, _spell(shape), shape)
    error = predictions - targets
    count = error.size
    if loss_mask is not None:
        loss_mask = check_mask(loss_mask, shape[:-1])
        error = np.where(loss_mask[..., None], error, 0)
        count = int(loss_mask.sum()) * shape[-1]
    return float((error * error).sum() / count), error * (2 / count)


def softmax_cross_entropy(logits, targets, loss_mask=None):
    """Mean of −ln p(target) over all positions that count.

    The loss is :eq:`eq-cross-entropy` of the probabilities :eq:`eq-softmax`.

    Parameters
    ----------
    logits : ndarray, shape (..., K)
        A score for each of K classes.
    targets : ndarray of int, shape (...)
        The right class, 0 … K − 1.
    loss_mask : ndarray of bool, shape (...), optional
        True where a position counts; all by default.

    Returns
    -------
    loss : float
        The mean, in nats.
    d_logits : ndarray, shape (..., K)
        Its gradient, zero where a position does not count.

    Raises
    ------
    TypeError
        If the logits are not float32 or float64, the targets not integers or the mask
        not boolean.
    ValueError
        If a shape does not fit, a class is out of range or the mask selects nothing.
    """
    targets, logits = np.asarray(targets), check_floats("logits", logits)
    *shape, K = logits.shape
    if not np.issubdtype(targets.dtype, np.integer):
        raise TypeError(f"targets has dtype {targets.dtype}; expected class integers")
    if targets.shape != tuple(shape):
        raise ValueError(f"targets has shape {targets.shape}; expected {tuple(shape)}")
    mask = np.ones(shape, bool) if loss_mask is None else loss_mask
    mask = check_mask(mask, tuple(shape))
    # What does not count may hold anything, NaN and classes that do not exist included.
    scores, right = logits[mask], targets[mask]
    if right.min() < 0 or right.max() >= K:
        raise ValueError(
            f"targets runs from {right.min()} to {right.max()}; "
            f"expected classes 0 to {K - 1}"
        )
    rows = np.arange(len(right))
    shifted = scores - scores.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(shifted).sum(axis=-1)) - shifted[rows, right]
    d_scores = softmax(scores)
    d_scores[rows, right] -= 1
    d_logits = np.zeros_like(logits)
    d_logits[mask] = d_scores / len(right)
    return float(surprise.mean()), d_logits


def _spell(shape):
    return " ".join(str(n) for n in shape)
