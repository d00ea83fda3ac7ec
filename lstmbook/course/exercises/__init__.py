"""Exercises that check themselves.

>>> from lstmbook.course import exercises
>>> exercises.check("bptt-by-hand", (0.820, 0.0741, 0.817))
✓ bptt-by-hand
  delta_2  right
  delta_1  right
  d_W_h    right
Right.
"""

import importlib
import pkgutil
from dataclasses import replace

from lstmbook.course.exercises import labs
from lstmbook.course.exercises.answers import nearest
from lstmbook.course.exercises.checking import (
    Band,
    Exercise,
    Mistake,
    Result,
)

__all__ = [
    "ALL",
    "EXERCISES",
    "Band",
    "Exercise",
    "Mistake",
    "Result",
    "check",
    "require",
]

# Modules of chapters are called ch and two digits.
_CHAPTERS = [
    importlib.import_module(name)
    for name in sorted(
        f"{__name__}.{module.name}"
        for module in pkgutil.iter_modules(__path__)
        if module.name[:2] == "ch" and module.name[2:].isdigit()
    )
]

#: Name to exercise, in the order of the chapters.
EXERCISES = {
    exercise.name: exercise
    for chapter in _CHAPTERS
    for exercise in chapter.EXERCISES
}

#: The same, and the steps of the labs, which stand in no chapter.
ALL = EXERCISES | {step.name: step for step in labs.STEPS}

_SOLUTIONS = {
    exercise.name: f"book/solutions/{chapter.NOTEBOOK}"
    for chapter in _CHAPTERS
    for exercise in chapter.EXERCISES
}
_SITE = "https://lstmbook.github.io/lstmbook"

# Different wrong answers, by exercise; after so many the solution is offered.
_tries = {name: set() for name in EXERCISES}
_ENOUGH = 3


def check(name, answer, seed=None):
    """Check an answer to one of the book's exercises.

    A wrong answer raises no error, so a test or a grader says
    ``assert check(...)``, or calls :func:`require`.

    Parameters
    ----------
    name : str
        Of the exercise, as its text gives it.
    answer : object
        A function where code is asked for. Otherwise numbers: in a dictionary by
        the names of the quantities, or in a list or tuple in their order.
    seed : int, optional
        Other hidden cases of the same kind, for an exercise in code. Default: the
        book's cases.

    Returns
    -------
    Result
        True where the answer is right. It shows a row for each quantity and a
        verdict, which names the mistake where the answer fits a classic one. After
        three different wrong answers it says where the solution is.

    Raises
    ------
    ValueError
        If there is no such exercise, or if it is given a seed and is not in code.
    """
    if name not in ALL:
        raise ValueError(
            f"no exercise is called {name!r}; {nearest(name, ALL)}"
        )
    result = ALL[name].check(answer, seed)
    if result.passed or result.fingerprint is None or name not in _tries:
        return result
    _tries[name].add(result.fingerprint)
    if len(_tries[name]) < _ENOUGH:
        return result
    path = _SOLUTIONS[name]
    solution = (
        f"After {_ENOUGH} tries: the solution is in {path}.ipynb\n"
        f"({_SITE}/{path}.html)."
    )
    return replace(result, solution=solution)


def require(name, answer, seed=None):
    """Raise an error where :func:`check` finds an answer wrong or missing.

    Parameters
    ----------
    name, answer, seed
        As for :func:`check`.

    Raises
    ------
    AssertionError
        If the answer is not right; its message is what ``check`` prints.
    """
    result = check(name, answer, seed)
    if not result:
        raise AssertionError(repr(result))
