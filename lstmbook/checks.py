"""Arguments are checked once, at the public door, by these few functions.

Each message names the argument, what came and what was expected, in the letters of
:mod:`lstmbook.recurrence`.
"""

import numpy as np

__all__ = ["check_array", "check_finite", "check_lengths", "check_mask"]


def check_array(name, value, owner, dtype, letters, shape):
    """Return ``value`` as an array of just this dtype and shape.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        What came.
    owner : str
        Who expects it, for the message.
    dtype : dtype
        What is expected; nothing is converted.
    letters : str
        The expected shape in the legend's letters, such as ``"T N 4"``.
    shape : tuple of (int or None)
        The expected shape; ``None`` takes any length from 1 up.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If the dtype is another.
    ValueError
        If the shape is another, or an axis is empty.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not an array of one shape: {error}") from None
    if array.dtype != dtype:
        raise TypeError(f"{name} has dtype {array.dtype}; {owner} expects {dtype}")
    fits = len(array.shape) == len(shape) and all(
        n == want if want is not None else n > 0
        for n, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        expected = f"({', '.join(letters.split())}{',' if len(shape) == 1 else ''})"
        least = ", each at least 1" if None in shape else ""
        raise ValueError(
            f"{name} has shape {array.shape}; {owner} expects {expected}{least}"
        )
    return array


def check_finite(name, array):
    """Raise where ``array`` holds NaN or ±inf, and say at which index.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    array : ndarray
        Any shape.

    Raises
    ------
    ValueError
        Naming the first index that is not finite.
    """
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name} holds {array[where]} at {list(where)}; expected finite numbers"
        )


def check_lengths(lengths, steps, batch):
    """Return sequence lengths as an integer array.

    Parameters
    ----------
    lengths : array_like of int, shape (N,)
        Steps of each sequence, the rest is padding.
    steps, batch : int
        T and N of the padded batch.

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If the shape is not (N,) or a length lies outside 1 … T.
    """
    # A copy: the trace keeps it, and the caller's may change.
    lengths = np.array(lengths)
    if not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"lengths has dtype {lengths.dtype}; expected integers")
    if lengths.shape != (batch,):
        raise ValueError(
            f"lengths has shape {lengths.shape}; expected one for each of N = {batch} "
            "sequences"
        )
    if lengths.min() < 1 or lengths.max() > steps:
        raise ValueError(
            f"lengths runs from {lengths.min()} to {lengths.max()}; "
            f"expected 1 to T = {steps}"
        )
    return lengths


def check_mask(mask, shape):
    """Return a loss mask that is boolean, of this shape, and selects something.

    Parameters
    ----------
    mask : array_like of bool
        True where a position counts.
    shape : tuple of int
        The expected shape: that of the predictions without their last axis.

    Returns
    -------
    ndarray of bool

    Raises
    ------
    TypeError
        If it is not boolean: a mask of 0 and 1 would index, not select.
    ValueError
        If the shape is another, or nothing is selected.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"loss_mask has dtype {mask.dtype}; expected bool")
    if mask.shape != shape:
        raise ValueError(f"loss_mask has shape {mask.shape}; expected {shape}")
    if not mask.any():
        raise ValueError("loss_mask selects nothing; expected at least one True")
    return mask
