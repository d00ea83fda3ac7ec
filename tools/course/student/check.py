"""Public checks of the book's exercises.

This package is the students' edition of `lstmbook.course.exercises`. It holds neither
solutions nor expected values, only digests of them, with which an answer is compared.
Code is called on public cases here; the grader calls it on others.

>>> from lstmbook.course import exercises
>>> exercises.check("bptt-by-hand", (0.820, 0.0741, 0.817))
✓ bptt-by-hand
  delta_2  right
  delta_1  right
  d_W_h    right
The public check finds no mistake.
"""

import base64
import functools
import hashlib
import json
import math
import pickle
from importlib import resources
from typing import NamedTuple

import numpy as np

from lstmbook.course.exercises.answers import (
    AnswerError,
    is_stub,
    nearest,
    read,
    run,
)

__all__ = ["Result", "check", "require"]

ROUNDS = 1000  # of the digest: slow enough that guessing costs more than thinking
PROJECTIONS = 2  # numbers by which an array that code returns is compared


class Result(NamedTuple):
    """What `check` found; true if the public check finds no mistake."""

    exercise: str
    rows: tuple  #: pairs of a quantity's name and a finding, empty where it is right
    verdict: str
    passed: bool

    def __bool__(self):
        """Whether no mistake was found."""
        return self.passed

    def __repr__(self):
        """A row for each quantity, and the verdict."""
        if not self.rows:
            return f"{self.exercise}: {self.verdict}"
        width = max(len(name) for name, _ in self.rows)
        rows = [
            f"  {name.ljust(width)}  {finding or 'right'}"
            for name, finding in self.rows
        ]
        mark = "✓" if self.passed else "✗"
        return "\n".join([f"{mark} {self.exercise}", *rows, self.verdict])


def check(name, answer, seed=None):
    """Check an answer to an exercise, by the public cases.

    Parameters
    ----------
    name : str
        Of the exercise.
    answer : object
        A function where code is asked for; otherwise numbers, by name in a dictionary
        or in order in a list.
    seed : None
        Other cases are the grader's: any seed is refused.

    Returns
    -------
    Result
        It shows a finding for each quantity.

    Raises
    ------
    ValueError
        If there is no such exercise, or a seed is given.
    """
    table = _table()
    if name not in table:
        raise ValueError(f"no exercise is called {name!r}; {nearest(name, table)}")
    if seed is not None:
        raise ValueError(
            f"seed is {seed!r}; the students' package has public cases only"
        )
    entry = table[name]
    try:
        given = _given(entry, answer)
    except AnswerError as error:
        return Result(name, (), f"Not yet. {error}", False)
    if all(value is None for values in given for value in values.values()):
        returned_none = callable(answer) and not is_stub(answer)
        what = "it returns None" if returned_none else "not answered yet"
        return Result(name, (), what, False)
    rows = tuple(
        (quantity, _finding(entry, name, quantity, given))
        for quantity in entry["quantities"]
    )
    passed = not any(finding for _, finding in rows)
    verdict = "The public check finds no mistake." if passed else "Not yet."
    return Result(name, rows, verdict, passed)


def require(name, answer):
    """Raise an error where :func:`check` finds an answer wrong or missing."""
    result = check(name, answer)
    if not result:
        raise AssertionError(repr(result))


@functools.cache
def _table():
    file = resources.files(__package__).joinpath("checks.json")
    return json.loads(file.read_text(encoding="utf-8"))


def _given(entry, answer):
    """Values of the answer, by quantity, for each case."""
    names = tuple(entry["quantities"])
    if entry["cases"] is None:
        if callable(answer):
            raise AnswerError("Got a function; expected what it returns.")
        return [read(answer, names)]
    if answer is None or answer is ...:
        return [dict.fromkeys(names)]
    if not callable(answer):
        kind = type(answer).__name__
        raise AnswerError(f"Got a {kind}; expected the function itself.")
    cases = pickle.loads(base64.b64decode(entry["cases"]))
    return [run(answer, case, names) for case in cases]


def _finding(entry, name, quantity, given):
    """Say what is wrong with one quantity; empty where nothing is."""
    for number, (values, places) in enumerate(
        zip(given, entry["sealed"][quantity], strict=True)
    ):
        value = values[quantity]
        where = f" (case {number + 1})" if len(given) > 1 else ""
        if value is None:
            return f"not answered yet{where}"
        value = fit(value, tuple(places["shape"]))
        if value.shape != tuple(places["shape"]):
            return f"has another shape{where}; expected {tuple(places['shape'])}"
        label = f"{name}/{quantity}/{number}"
        tries = [value, value / 100] if quantity in entry["shares"] else [value]
        project = entry["cases"] is not None
        if not any(_holds(label, places, entry, one, project) for one in tries):
            return f"wrong{where}"
    return ""


def _holds(label, places, entry, value, project):
    scalars = projections(value, label) if project else value.ravel()
    salt = bytes.fromhex(entry["salt"])
    return all(
        digest(salt, f"{label}/{k}", cell_of(scalar, place["width"])) in place["marks"]
        for k, (scalar, place) in enumerate(zip(scalars, places["places"], strict=True))
    )


# What follows is used when the digests are made, too.


def fit(value, shape):
    """Overlook a form that means the same: (1,) for a number, a row for a vector."""
    long = [n for n in shape if n != 1]
    loose = len(shape) <= 1 or value.shape == (1, *shape)
    if loose and [n for n in value.shape if n != 1] == long:
        return value.reshape(shape)
    return value


def weights(shape, label):
    """Draw the weights of the sums by which an array is compared."""
    seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 1.5, (PROJECTIONS, *shape))


def projections(value, label):
    """Sums of an array's entries, each with other weights."""
    return [(w * value).sum() for w in weights(value.shape, label)]


def compress(value):
    """Squeeze large numbers, so that a relative tolerance is as wide everywhere."""
    value = float(value)
    if abs(value) <= 1:
        return value
    return math.copysign(1 + math.log(abs(value)), value)


def cell_of(value, width):
    """Number of the cell of a grid that a value lies in; 0 where it is not finite."""
    value = compress(value)
    return math.floor(value / width) if math.isfinite(value) else 0


def digest(salt, label, cell):
    """Digest of one cell of the grid."""
    text = f"{label}/{cell}".encode()
    return hashlib.pbkdf2_hmac("sha256", text, salt, ROUNDS)[:8].hex()
