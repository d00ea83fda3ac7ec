"""Losses with their gradients."""

from __future__ import annotations

import numpy as np

from lstmbook.checks import check_array, check_floats, check_mask
from lstmbook.ops import softmax

__all__ = ["mse", "softmax_cross_entropy"]


def mse(
    predictions: np.ndarray, targets: np.ndarray, loss_mask: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Mean squared error over all entries that count (:eq:`eq-mse`).

    Parameters
    ----------
    predictions : ndarray, shape (..., O)
        The model's outputs.
    targets : ndarray, shape (..., O)
        The desired outputs, of the same dtype.
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


def softmax_cross_entropy(
    logits: np.ndarray, targets: np.ndarray, loss_mask: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
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
    # Masked positions may hold anything, even NaN or classes that do not exist.
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
