"""How an answer is compared with a solution, and a wrong one with classic mistakes."""

import copy
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lstmbook.course.exercises.answers import (
    AnswerError,
    is_stub,
    read,
    run,
)
from lstmbook.course.exercises.diagnosis import diagnose, solve
from lstmbook.course.exercises.kinds import Band, finding

__all__ = ["Band", "Exercise", "Mistake", "Result", "Row"]


class Mistake(NamedTuple):
    """A classic wrong answer."""

    name: str  #: what it is called
    answer: Any  #: a function like the solution, or values (a Band for each) by name
    hint: str  #: where to look


class Row(NamedTuple):
    """One quantity of an answer."""

    name: str
    shape: tuple | None  #: None where there is no answer yet
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
    fingerprint : object
        The same for the same answer; None where there is none yet.
    solution : str
        Where to find it; empty until it is offered.
    """

    exercise: str
    rows: tuple
    verdict: str
    passed: bool
    fingerprint: Any = field(default=None, repr=False, compare=False)
    solution: str = ""

    def __bool__(self):
        """Whether the answer is right."""
        return self.passed

    def __repr__(self):
        """The table, and the verdict."""
        if not self.passed and self.fingerprint is None:
            return f"{self.exercise}: {self.verdict}"
        shapes = [str(row.shape or "") for row in self.rows]
        widths = [
            max(map(len, column), default=0)
            for column in ([row.name for row in self.rows], shapes)
        ]
        lines = [
            "  ".join(
                cell.ljust(width)
                for cell, width in zip((row.name, shape), widths, strict=True)
                if width
            )
            + f"  {row.finding or 'right'}"
            for row, shape in zip(self.rows, shapes, strict=True)
        ]
        mark = "✓" if self.passed else "✗"
        # An error's second line is code and stays as it is.
        first, *rest = self.verdict.split("\n")
        parts = [f"{mark} {self.exercise}", *(f"  {line}" for line in lines)]
        parts.append(textwrap.fill(first, 72))
        return "\n".join([*parts, *rest, *filter(None, [self.solution])])


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
    expected : dict of str to Band, optional
        In an experiment, which is too long to run in a check: what comes out.
    tolerance : float or dict of str to float
        Largest difference, relative where a quantity is larger than 1: on paper,
        as the text lets one round. The default is enough for float32.
    decimals : int, optional
        Rounded to so many decimals a value is right, however narrow its band.
    shares : tuple of str
        Quantities that may also be given in per cent.
    mistakes : tuple of Mistake
        Wrong answers to be told apart. Values that a mistake does not name are right.
    """

    name: str
    quantities: tuple
    solution: Callable
    cases: Callable | None = None
    expected: dict | None = None
    tolerance: float | dict = 1e-5
    decimals: int | None = None
    shares: tuple = ()
    mistakes: tuple = ()

    @property
    def kind(self):
        """How it is answered: on paper, in code, or by an experiment."""
        if self.cases:
            return "in code"
        return "an experiment" if self.expected else "on paper"

    @property
    def points(self):
        """One for each quantity; two where the answer is code."""
        return len(self.quantities) * (2 if self.cases else 1)

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

    def _call(self, answer):
        return f'exercises.check("{self.name}", {answer})'

    def check(self, answer, seed=None):
        """Compare an answer with the solution; no wrong answer raises.

        Parameters
        ----------
        answer : object
            A function where the exercise is in code; else a number, an array, a list
            or tuple in the order of the quantities, or a dictionary by their names.
        seed : int, optional
            Of the hidden cases of an exercise in code. Default: the book's.

        Returns
        -------
        Result

        Raises
        ------
        ValueError
            If a seed is given and the exercise is not in code.
        """
        if seed is not None and not self.cases:
            raise ValueError(
                f"{self.name} has fixed numbers and takes no seed; only exercises "
                "in code do"
            )
        cases = self.draw_cases(seed)
        try:
            given = self._given(answer, cases)
        except AnswerError as error:
            return Result(
                self.name, (), f"Not yet. {error}", False, str(error)
            )
        if all(value is None for value in given.values()):
            return Result(self.name, (), self._nothing(answer), False)
        right = self.bands(cases)
        given = {
            key: None
            if value is None
            else self._fit(key[0], value, right[key])
            for key, value in given.items()
        }
        rows = tuple(
            self._row(key, given[key], band, cases)
            for key, band in right.items()
        )
        passed = not any(row.finding for row in rows)
        verdict = "Right." if passed else self._verdict(given, right, cases)
        return Result(self.name, rows, verdict, passed, repr(given))

    def _verdict(self, given, right, cases):
        given = {key: v for key, v in given.items() if v is not None}
        if all(right[key].holds(value) for key, value in given.items()):
            return "Right so far; some of it is not answered yet."
        found = diagnose(self, given, right, cases)
        return f"Not yet: {found}" if found else "Not yet."

    def draw_cases(self, seed=None):
        """Arguments to call an answer in code with; none for other kinds.

        Parameters
        ----------
        seed : int, optional
            Of the cases. Default: the book's.

        Returns
        -------
        list of tuple
        """
        if not self.cases:
            return [()]
        return self.cases(np.random.default_rng(seed or 0))

    def _given(self, answer, cases):
        """The student's values, by quantity and case."""
        if not self.cases:
            if callable(answer):
                raise AnswerError("Got a function; expected what it returns.")
            results = [read(answer, self.quantities)]
        elif answer is None or answer is ...:
            results = [read(None, self.quantities)]
        elif not callable(answer):
            kind = type(answer).__name__
            raise AnswerError(f"Got a {kind}; expected the function itself.")
        else:
            results = [
                run(answer, copy.deepcopy(case), self.quantities)
                for case in cases
            ]
        return {
            (name, number): value
            for number, result in enumerate(results, 1)
            for name, value in result.items()
        }

    def _nothing(self, answer):
        if callable(answer) and not is_stub(answer):
            return "it returns None. Is the `return` still missing?"
        return "not answered yet"

    def bands(self, cases):
        """The bands that hold what is right.

        Parameters
        ----------
        cases : list of tuple
            From :meth:`draw_cases`.

        Returns
        -------
        dict of (str, int) to Band
            By quantity and case, counted from 1.
        """
        if self.expected is not None:
            return {(name, 1): band for name, band in self.expected.items()}
        values = solve(self.solution, cases, self.quantities)
        return {
            (name, number): Band.around(value, self._margin(name, value))
            for (name, number), value in values.items()
        }

    def _margin(self, name, value):
        by_name = isinstance(self.tolerance, dict)
        tolerance = self.tolerance[name] if by_name else self.tolerance
        return tolerance * max(1, np.abs(value).max())

    def _fit(self, name, value, band):
        """Overlook a form that means the same: (1,) for a number, a row, per cent."""
        shape = np.shape(band.low)
        long = [n for n in shape if n != 1]
        loose = len(shape) <= 1 or value.shape == (1, *shape)
        if loose and [n for n in value.shape if n != 1] == long:
            value = value.reshape(shape)
        if name in self.shares and self._holds(band, value / 100):
            value = value / 100
        return band.middle if self._holds(band, value) else value

    def _holds(self, band, value):
        if self.decimals is None or value.shape != np.shape(band.middle):
            return band.holds(value)
        rounded = np.round(band.middle, self.decimals)
        return band.holds(value) or np.allclose(value, rounded, atol=1e-9)

    def _row(self, key, value, band, cases):
        name = f"{key[0]} (case {key[1]})" if len(cases) > 1 else key[0]
        if value is None:
            return Row(name, None, "not answered yet")
        close = "nearly right; were digits lost on the way?"
        if self.expected is not None:
            close = "close; other seeds, or drawn in another order?"
        return Row(name, value.shape, finding(value, band, close))
