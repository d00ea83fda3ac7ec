"""Central differences: a check that does not depend on the derivation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lstmbook import tree
from lstmbook.checks import check_number
from lstmbook.recurrence import Recurrent

__all__ = ["Row", "central_differences", "check_cell", "compare"]

#: Near the cube root of float64's ε, where truncation and rounding are balanced.
STEP = 6e-6

T = TypeVar("T")


class Row(NamedTuple):
    """One line of a comparison."""

    name: str  #: such as ``"cell.W_x"``
    shape: tuple  #: of the array
    error: float  #: largest difference, divided by the largest entry if that is above 1


def central_differences(function: Callable[[T], Any], at: T, step: float = STEP) -> T:
    """Differentiate a scalar function with respect to every entry of a tree.

    Parameters
    ----------
    function : callable
        Takes a tree like ``at``, returns a float.
    at : tree of float64 ndarray
        The point; it is not changed.
    step : float
        ε in (L(p + ε) − L(p − ε)) / 2ε (:eq:`eq-central-difference`).

    Returns
    -------
    tree
        The derivative with respect to each entry.

    Raises
    ------
    TypeError
        If an array is not float64: in float32 rounding would drown the difference.
    ValueError
        If ``step`` is not positive.
    """
    step = check_number("step", step, lambda v: v > 0, "a positive number")
    for name, array in tree.leaves(at):
        if array.dtype != np.float64:
            raise TypeError(f"{name} has dtype {array.dtype}; expected float64")
    point = tree.map(np.array, at)
    slopes = tree.map(np.zeros_like, at)
    for (_, array), (_, slope) in zip(
        tree.leaves(point), tree.leaves(slopes), strict=True
    ):
        for index in np.ndindex(array.shape):
            middle = array[index]
            array[index] = middle + step
            above = function(point)
            array[index] = middle - step
            below = function(point)
            array[index] = middle
            slope[index] = (above - below) / (2 * step)
    return slopes


def compare(numeric: Any, analytic: Any) -> list[Row]:
    """Compare two trees of gradients, array by array.

    Parameters
    ----------
    numeric, analytic : tree
        Of the same structure.

    Returns
    -------
    list of Row

    Raises
    ------
    TypeError
        If they differ in structure or shape.
    """
    gaps = tree.map(lambda n, a: np.abs(n - a), numeric, analytic)
    return [
        # The largest of the errors must show a NaN.
        Row(name, a.shape, float(np.nan_to_num(gap.max(), nan=np.inf)) / _scale(a))
        for (name, gap), (_, a) in zip(
            tree.leaves(gaps), tree.leaves(analytic), strict=True
        )
    ]


def _scale(array):
    return max(1.0, float(np.abs(array).max()))


def check_cell(
    cell: Recurrent,
    xs: np.ndarray,
    state: Any,
    d_hs: np.ndarray,
    d_final: Any,
    lengths: ArrayLike | None = None,
) -> list[Row]:
    """Check a cell's backward pass against central differences of its forward pass.

    The scalar is Σ d_hs ⊙ hs + Σ d_final ⊙ final, so each output has its own weight.
    Use random numbers everywhere: zeros and ones hide mistakes.

    Parameters
    ----------
    cell : Recurrent
        In float64.
    xs : ndarray, shape (T, N, D)
        Inputs.
    state, d_final : State of ndarray, shape (N, H)
        Initial state, and cotangent of the final one.
    d_hs : ndarray, shape (T, N, H)
        Cotangents of the outputs.
    lengths : array_like of int, shape (N,), optional
        Sequence lengths.

    Returns
    -------
    list of Row
        For each parameter, the inputs and each part of the initial state.
    """

    def scalar(point):
        cell, xs, state = point
        hs, trace = cell.forward(xs, state, lengths)
        ends = zip(tree.leaves(d_final), tree.leaves(trace.final), strict=True)
        return np.vdot(d_hs, hs) + sum(np.vdot(d, end) for (_, d), (_, end) in ends)

    _, trace = cell.forward(xs, state, lengths)
    analytic = cell.backward(trace, d_hs, d_final)
    numeric = central_differences(scalar, (cell, xs, state))
    return compare(type(analytic)(*numeric), analytic)
