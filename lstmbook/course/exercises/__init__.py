"""Exercises that check themselves.

>>> from lstmbook.course import exercises
>>> exercises.check("bptt-by-hand", (0.820, 0.0741, 0.817))
✓ bptt-by-hand
  delta_2  ()            right
  delta_1  ()            right
  d_W_h    ()            right
Right.
"""

import importlib
import pkgutil

from lstmbook.course.exercises.checking import (
    Exercise,
    Mistake,
    Result,
    nearest,
)

__all__ = ["EXERCISES", "Exercise", "Mistake", "Result", "check"]

# Modules of chapters are called ch and two digits.
_CHAPTERS = sorted(
    f"{__name__}.{module.name}"
    for module in pkgutil.iter_modules(__path__)
    if module.name[:2] == "ch" and module.name[2:].isdigit()
)

#: Name to exercise, in the order of the chapters.
EXERCISES = {
    exercise.name: exercise
    for chapter in _CHAPTERS
    for exercise in importlib.import_module(chapter).EXERCISES
}


def check(name, answer):
    """Check an answer to one of the book's exercises.

    Parameters
    ----------
    name : str
        Of the exercise, as its text gives it.
    answer : object
        A function where code is asked for; else a number, an array, a tuple, or a
        dictionary by the names of the quantities.

    Returns
    -------
    Result
        True where the answer is right; it shows a row for each quantity, a verdict,
        and the name of the mistake where it is a classic one. A wrong answer of
        whatever kind never raises.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    if name not in EXERCISES:
        raise ValueError(
            f"no exercise is called {name!r}; {nearest(name, EXERCISES)}"
        )
    return EXERCISES[name].check(answer)
