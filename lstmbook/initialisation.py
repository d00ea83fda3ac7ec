"""Initial values that are set after a cell has been drawn."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from lstmbook import tree
from lstmbook.checks import check_number, check_rng
from lstmbook.recurrence import Cell

__all__ = ["chrono_biases"]

C = TypeVar("C", bound=Cell)


def chrono_biases(cell: C, rng: np.random.Generator, longest: float) -> C:
    """Set forget and input biases so that a cell's memories cover all time scales.

    The forget biases are log u with u from U(1, ``longest`` − 1), so that where its
    inputs are zero a unit forgets 1/(1 + u) of its memory at each step and keeps it
    for about u steps. The input biases are their negatives, so that a long memory is
    written slowly. This is chrono initialisation, :eq:`eq-chrono`, :cite:`tallec2018`.

    Parameters
    ----------
    cell : Cell
        With layers i and f, such as an LSTM. It is not changed.
    rng : numpy.random.Generator
        Source of u.
    longest : float
        The longest memory that the task needs, in steps, above 2.

    Returns
    -------
    Cell
        A copy with these biases.

    Raises
    ------
    TypeError
        If the cell has no input or no forget gate, or is not a single cell; if ``rng``
        is not a generator or ``longest`` not a number.
    ValueError
        If ``longest`` is not above 2, or infinite.
    """
    if not isinstance(cell, Cell):
        raise TypeError(f"cell is a {type(cell).__name__}; expected a single cell")
    if not {"i", "f"} <= set(cell.Gates._fields):
        raise TypeError(
            f"cell is a {type(cell).__name__} with the layers "
            f"{', '.join(cell.Gates._fields)}; expected i and f among them"
        )
    check_rng(rng)
    longest = check_number(
        "longest", longest, lambda v: 2 < v < np.inf, "more than 2 steps"
    )
    cell = tree.map(np.copy, cell)
    cell.b_f[:] = np.log(rng.uniform(1, longest - 1, cell.hidden_size))
    cell.b_i[:] = -cell.b_f
    return cell
