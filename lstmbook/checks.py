"""Checks of arguments, made once, where a public function receives them.

Each message names the argument, what was passed and what was expected, in the letters
of :mod:`lstmbook.recurrence`.
"""

import numbers
import operator

import numpy as np

__all__ = [
    "check_array",
    "check_dtype",
    "check_finite",
    "check_floats",
    "check_lengths",
    "check_mask",
    "check_number",
    "check_rng",
    "check_size",
]


def check_array(name, value, owner, dtype, letters, shape):
    """Return ``value`` as an array of exactly this dtype and shape.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        What was passed.
    owner : str
        What expects it, for the message.
    dtype : dtype
        What is expected; nothing is converted.
    letters : str
        The expected shape in the legend's letters, such as ``"T N 4"``.
    shape : tuple of (int or None)
        The expected shape; ``None`` allows any length of at least 1.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If the dtype is different.
    ValueError
        If the shape is different, or an axis is empty.
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
    """Raise if ``array`` holds NaN or ±inf, and say at which index.

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
        Steps of each sequence; the padding follows.
    steps, batch : int
        T and N of the padded batch.

    Returns
    -------
    ndarray of int, shape (N,)
        A copy, read-only.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If the shape is not (N,) or a length lies outside 1 … T.
    """
    # A copy: the trace keeps it, and the caller may change the original.
    lengths = np.array(lengths)
    lengths.setflags(write=False)
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
    """Return a boolean loss mask of this shape that selects at least one position.

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
        If the shape is different, or nothing is selected.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"loss_mask has dtype {mask.dtype}; expected bool")
    if mask.shape != shape:
        raise ValueError(f"loss_mask has shape {mask.shape}; expected {shape}")
    if not mask.any():
        raise ValueError("loss_mask selects nothing; expected at least one True")
    return mask


def check_floats(name, value):
    """Return ``value`` as an array of float32 or float64 with at least one axis.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        What was passed.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If the dtype is neither. Integers are refused too: a gradient of integers would
        be rounded down.
    ValueError
        If it has no axis, or an empty one.
    """
    array = np.asarray(value)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} has dtype {array.dtype}; expected float32 or float64")
    if array.size == 0 or array.ndim == 0:
        raise ValueError(
            f"{name} has shape {array.shape}; expected at least one axis, none empty"
        )
    return array


def check_number(name, value, fits, expected):
    """Return a setting, such as a learning rate, as a Python float.

    A NumPy scalar could change the dtype of an array that it multiplies.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : float
        What was passed.
    fits : callable
        Whether a float is valid. False for NaN: write ``lambda v: v > 0``.
    expected : str
        The valid values, in words.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is not valid.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}; expected {expected}")
    if not fits(float(value)):
        raise ValueError(f"{name} is {value}; expected {expected}")
    return float(value)


def check_size(name, size, least=1):
    """Return a size as a Python int.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    size : int
        What was passed.
    least : int
        The smallest valid size.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is not an integer, or is smaller.
    """
    try:
        number = None if isinstance(size, bool) else operator.index(size)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f"{name} is {size!r}; expected an integer of at least {least}")
    return number


def check_dtype(dtype):
    """Return the dtype of new parameters or data: float32 or float64.

    Parameters
    ----------
    dtype : dtype
        What was passed.

    Returns
    -------
    dtype

    Raises
    ------
    TypeError
        If it is anything else.
    """
    # NumPy reads None as float64.
    if dtype is None or np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"dtype is {dtype!r}; expected float32 or float64")
    return np.dtype(dtype)


def check_rng(rng):
    """Raise if ``rng`` is not a random generator.

    Parameters
    ----------
    rng : numpy.random.Generator
        What was passed.

    Raises
    ------
    TypeError
        If it is something else, such as a seed.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is a {type(rng).__name__}; expected a numpy.random.Generator, "
            "as in: np.random.default_rng(0)"
        )
