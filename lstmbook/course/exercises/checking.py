"""How an answer is compared with a solution, and a wrong one with classic mistakes."""

import copy
import difflib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Exercise", "Mistake", "Result", "Row"]


class Mistake(NamedTuple):
    """A classic wrong answer."""

    name: str  #: what it is called
    answer: Any  #: of the same form as a right one
    hint: str  #: where to look


class Row(NamedTuple):
    """One quantity of an answer."""

    name: str
    shape: tuple
    finding: str  #: empty where it is right


@dataclass(frozen=True)
class Result:
    """What :func:`~lstmbook.course.exercises.check` found; true if the answer is right.

    Parameters
    ----------
    exercise : str
        Its name.
    rows : tuple of Row
        One for each quantity that could be compared.
    verdict : str
        A sentence or two.
    passed : bool
        Whether all is right.
    """

    exercise: str
    rows: tuple
    verdict: str
    passed: bool

    def __bool__(self):
        """Whether the answer is right."""
        return self.passed

    def __repr__(self):
        """The table, and the verdict."""
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [
            f"  {row.name:{width}}  {row.shape!s:12}  {row.finding or 'right'}"
            for row in self.rows
        ]
        mark = "✓" if self.passed else "✗"
        verdict = textwrap.fill(self.verdict, 72)
        return "\n".join([f"{mark} {self.exercise}", *lines, verdict])


@dataclass(frozen=True)
class Exercise:
    """An exercise, from which its stub, its solution and its check are made.

    Parameters
    ----------
    name : str
        What ``check`` is called with.
    quantities : tuple of str
        Names of what is asked for, in order.
    solution : callable
        In code: the function asked for. On paper and in an experiment: a function
        without arguments that works the answer out.
    cases : callable, optional
        In code: takes a random generator, returns a list of argument tuples.
    expected : dict, optional
        In an experiment, which is too long to run in a check: what comes out.
    tolerance : float
        Largest difference, relative where a quantity is larger than 1.
    mistakes : tuple of Mistake
        Wrong answers to be told apart.
    """

    name: str
    quantities: tuple
    solution: Callable
    cases: Callable | None = None
    expected: dict | None = None
    tolerance: float = 1e-9
    mistakes: tuple = ()

    @property
    def stub(self):
        """Source of the cell in which a reader answers."""
        if self.cases is None:
            blanks = "".join(
                f'    "{name}": None,\n' for name in self.quantities
            )
            return f"answer = {{  # your turn\n{blanks}}}\n{self._call('answer')}"
        source = inspect.getsource(self.solution)
        head = source[: source.index('"""', source.index('"""') + 3) + 3]
        return f"{head}\n    ...  # your turn\n\n\n{self._call(self.solution.__name__)}"

    @property
    def worked(self):
        """Source of the cell that solves it."""
        source = textwrap.dedent(inspect.getsource(self.solution))
        name = self.solution.__name__
        return (
            f"{source}\n\n{self._call(name if self.cases else f'{name}()')}"
        )

    def check(self, answer):
        """Compare an answer with the solution; never raises.

        Parameters
        ----------
        answer : object
            A function where the exercise is in code; else a number, an array, a tuple
            in the order of the quantities, or a dictionary by their names.

        Returns
        -------
        Result
        """
        right = self._evaluate(
            self.solution if self.cases else self._answer_on_paper()
        )
        try:
            came = self._evaluate(answer)
        except Exception as error:
            kind = type(error).__name__
            return Result(self.name, (), f"Not yet: {kind}: {error}", False)
        rows = tuple(
            Row(
                name,
                np.shape(came[name]),
                self._finding(came[name], right[name]),
            )
            for name in right
        )
        if not any(row.finding for row in rows):
            return Result(self.name, rows, "Right.", True)
        return Result(self.name, rows, self._diagnose(came), False)

    def _answer_on_paper(self):
        return self.solution() if self.expected is None else self.expected

    def _call(self, answer):
        return f'exercises.check("{self.name}", {answer})'

    def _evaluate(self, answer):
        """All quantities of an answer as arrays, by name and case."""
        if self.cases is None:
            return self._named(answer)
        if not callable(answer):
            raise TypeError(
                f"a {type(answer).__name__} came; expected a function"
            )
        found = {}
        cases = self.cases(np.random.default_rng(0))
        for k, arguments in enumerate(cases):
            result = self._named(answer(*copy.deepcopy(arguments)))
            suffix = f" (case {k + 1})" if len(cases) > 1 else ""
            found |= {
                f"{name}{suffix}": value for name, value in result.items()
            }
        return found

    def _named(self, answer):
        """Bring one answer into a dictionary of float arrays."""
        names = self.quantities
        if answer is None or answer is ...:
            raise ValueError(
                "there is no answer; the cell still says «your turn»"
            )
        if not isinstance(answer, dict):
            values = answer if isinstance(answer, tuple) else (answer,)
            if len(values) != len(names):
                raise ValueError(
                    f"{len(values)} values came; expected {', '.join(names)}"
                )
            answer = dict(zip(names, values, strict=True))
        named = {}
        for name in names:
            if name not in answer:
                raise ValueError(
                    f"{name} is missing; expected {', '.join(names)}"
                )
            if answer[name] is None or answer[name] is ...:
                raise ValueError(f"{name} has no value yet")
            named[name] = np.asarray(answer[name], dtype=float)
        return named

    def _finding(self, came, right):
        if came.shape != right.shape:
            return f"has another shape; expected {right.shape}"
        difference = np.abs(came - right).max() / max(1, np.abs(right).max())
        # Written so that NaN is not right.
        return (
            ""
            if difference <= self.tolerance
            else f"is off by {difference:.2g}"
        )

    def _diagnose(self, came):
        for mistake in self.mistakes:
            wrong = self._evaluate(mistake.answer)
            if not any(
                self._finding(came[name], wrong[name]) for name in wrong
            ):
                return f"Not yet. This is a classic: {mistake.name}. {mistake.hint}"
        return "Not yet."


def nearest(name, names):
    """Suggest what a mistyped name may have meant.

    Parameters
    ----------
    name : str
        What came.
    names : iterable of str
        What there is.

    Returns
    -------
    str
        A suggestion, or all names.
    """
    close = difflib.get_close_matches(name, names, n=1)
    return (
        f"did you mean {close[0]!r}?"
        if close
        else f"there are {', '.join(names)}"
    )
