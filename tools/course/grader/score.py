"""Points for each question of a submission, with what the book's check says of it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmbook.course.exercises.answers import AnswerError
from lstmbook.course.exercises.checking import Exercise, Result

from .isolate import Answers, Limits, arrays, run

CALL = re.compile(r'exercises\.check\(\s*"([^"]+)"')


class SubmissionError(Exception):
    """A submission that cannot be graded; the message says why, to its author."""


@dataclass(frozen=True)
class Grade:
    """What one exercise of a submission is worth."""

    exercise: Exercise
    right: tuple[str, ...]  #: quantities that are right in every case
    feedback: str

    @property
    def points(self) -> float:
        """Points earned."""
        each = self.exercise.points / len(self.exercise.quantities)
        return each * len(self.right)


def code_cells(path: Path) -> list[str]:
    """
    Read the code cells of a notebook that a stranger wrote.

    Parameters
    ----------
    path
        The notebook.

    Returns
    -------
    list of str
        Their sources.

    Raises
    ------
    SubmissionError
        If it is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return [
            "".join(cell["source"])
            for cell in notebook["cells"]
            if cell["cell_type"] == "code"
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise SubmissionError(
            f"{path.name} is not a notebook that can be read"
        ) from None


def grade(
    cells: list[str],
    exercises: Iterable[Exercise],
    seeds: Iterable[int],
    library: Path,
    limits: Limits,
) -> list[Grade]:
    """
    Grade a submission.

    Parameters
    ----------
    cells
        Sources of its code cells.
    exercises
        Those of the assignment.
    seeds
        Of the hidden cases.
    library
        Folder of the students' package.
    limits
        Time, memory, user.

    Returns
    -------
    list of Grade
        In the order of the exercises.
    """
    exercises, seeds = list(exercises), list(seeds)
    cases = {
        e.name: [case for seed in seeds for case in e.draw_cases(seed)]
        for e in exercises
        if e.cases
    }
    names = {e.name: e.quantities for e in exercises}
    answers = run(cells, names, cases, library, limits)
    return [_grade(e, answers, seeds, cells) for e in exercises]


def _grade(
    exercise: Exercise, answers: Answers, seeds: list[int], cells: list[str]
) -> Grade:
    replies = {
        case: reply
        for (name, case), reply in answers.replies.items()
        if name == exercise.name
    }
    if not replies:
        return Grade(exercise, (), _silence(exercise.name, answers, cells))
    if any("missing" in reply for reply in replies.values()):
        return Grade(exercise, (), f"{exercise.name}: not answered yet")
    if exercise.cases:
        results = [
            exercise.check(
                _proxy(replies, number * len(exercise.draw_cases(seed))), seed
            )
            for number, seed in enumerate(seeds)
        ]
    else:
        values = arrays(replies.get(None, {}))
        if isinstance(values, str):
            return Grade(exercise, (), f"✗ {exercise.name}\n{values}")
        results = [exercise.check(values)]
    right = tuple(q for q in exercise.quantities if all(_holds(r, q) for r in results))
    shown = next((result for result in results if not result), results[0])
    return Grade(exercise, right, repr(shown)[:4000])


def _proxy(replies: dict, first: int) -> Any:
    """Stand in for a function of the submission, by what it returned."""
    numbers = iter(range(first, 1_000_000))

    def answer(*arguments: Any) -> Any:
        number = next(numbers)
        values = arrays(replies.get(number, {"error": "It gave no answer here."}))
        if isinstance(values, str):
            raise AnswerError(values)
        return values

    return answer


def _holds(result: Result, quantity: str) -> bool:
    rows = [row for row in result.rows if row.name.split(" (case ")[0] == quantity]
    return bool(rows) and not any(row.finding for row in rows)


def _silence(name: str, answers: Answers, cells: list[str]) -> str:
    """Say why there is no answer."""
    asking = [k for k, source in enumerate(cells) if name in CALL.findall(source)]
    if not asking:
        return f'{name}: the cell with exercises.check("{name}", …) is missing'
    errors = [answers.errors[k] for k in range(asking[-1] + 1) if k in answers.errors]
    if not errors:
        return f"{name}: not answered yet"
    return "\n".join([f"✗ {name}", "No answer was reached.", *errors[-2:]])
