"""The suspects of chapter 10, without their source: what a gradient check finds."""

import json
from importlib import resources

__all__ = ["SUSPECTS", "wrong_arrays"]

#: Names of the three suspects.
SUSPECTS = {"A": "A", "B": "B", "C": "C"}


def wrong_arrays(kind, steps):
    """Look up which gradients of a suspect are wrong.

    Parameters
    ----------
    kind : str
        One of the suspects.
    steps : int
        T of the sequences that were checked, 1 to 5.

    Returns
    -------
    dict of str to float
        The arrays that are off by more than 1e-8 and by how much, relative
        where the true gradient is larger than 1.

    Raises
    ------
    ValueError
        If there is no such suspect, or no such record.
    """
    file = resources.files(__package__).joinpath("suspects.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    if kind not in found:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(SUSPECTS)}")
    if str(steps) not in found[kind]:
        raise ValueError(f"steps is {steps!r}; the records have 1 to 5")
    return found[kind][str(steps)]
