"""Name the mistake behind a wrong answer, where it fits that one and no other."""

import copy
import inspect
import itertools

import numpy as np

from lstmbook.course.exercises.answers import read
from lstmbook.course.exercises.kinds import Band

__all__ = ["diagnose", "solve"]

# Values and bands go by the name of a quantity and the number of its case.


def solve(function, cases, names):
    """Call one of our own functions on all cases.

    Parameters
    ----------
    function : callable
        A solution, or a mistake.
    cases : list of tuple
        Its arguments.
    names : tuple of str
        Of what it returns.

    Returns
    -------
    dict of (str, int) to numpy.ndarray
    """
    return {
        (name, number): value
        for number, case in enumerate(cases, 1)
        for name, value in read(function(*copy.deepcopy(case)), names).items()
    }


def diagnose(exercise, given, right, cases):
    """Say what a wrong answer looks like.

    Parameters
    ----------
    exercise : Exercise
        What was asked.
    given : dict of (str, int) to numpy.ndarray
        What was answered, without what is still open.
    right : dict of (str, int) to Band
        What was asked for.
    cases : list of tuple
        Arguments of an answer in code.

    Returns
    -------
    str
        Empty where nothing fits.
    """
    wrong = [
        key
        for key, value in given.items()
        # 0 is the first guess of someone who has not worked anything out.
        if not right[key].holds(value) and (exercise.cases or value.any())
    ]
    mistakes = [
        (mistake, _footprint(exercise, mistake, right, cases))
        for mistake in exercise.mistakes
    ]
    named = _fitting(mistakes, given, wrong)
    if not named and not exercise.cases and not exercise.expected:
        loose = _looser(mistakes, right)
        named = _fitting(loose, given, wrong) or _best(mistakes, given, wrong)
    if named:
        return " ".join(f"{m.name}. {m.hint}" for m in named)
    if swapped := _swapped(exercise.quantities, given, right, wrong):
        return f"{' and '.join(swapped)} have changed places."
    for twist, function in _twists(exercise.solution, cases):
        try:
            with np.errstate(all="ignore"):
                twisted = solve(function, cases, exercise.quantities)
        except (TypeError, ValueError, IndexError):
            continue  # not a question that can be asked with such arguments
        if all(
            _like(right[key], twisted[key]).holds(value)
            for key, value in given.items()
        ):
            return f"it would be right if {twist}."
    return ""


def _like(band, value):
    """Make a band as wide as another."""
    return Band.around(value, np.subtract(band.high, band.low) / 2)


def _footprint(exercise, mistake, right, cases):
    """Where a mistake shows, and what it gives there."""
    if exercise.cases:
        values = solve(mistake.answer, cases, exercise.quantities)
    else:
        values = {(name, 1): v for name, v in mistake.answer.items()}
    bands = {
        key: value if isinstance(value, Band) else _like(right[key], value)
        for key, value in values.items()
    }
    return {
        key: band
        for key, band in bands.items()
        if not right[key].holds(np.asarray(band.middle))
    }


def _looser(mistakes, right):
    """Allow for a slip in rounding, where that cannot be taken for the right value."""
    return [
        (
            mistake,
            {
                key: band.wider(5)
                for key, band in bands.items()
                if not band.wider(5).holds(np.asarray(right[key].middle))
            },
        )
        for mistake, bands in mistakes
    ]


def _fitting(mistakes, given, wrong):
    """Choose mistakes that fit wherever they show, the one that shows most first.

    Of two that explain the same, neither is named.
    """
    fits = []
    for mistake, bands in mistakes:
        shown = bands.keys() & given.keys()
        if shown and _held(bands, given, wrong) == shown:
            fits.append((shown, mistake))
    fits.sort(key=lambda fit: -len(fit[0]))
    chosen, explained = [], set()
    for keys, mistake in fits:
        if not keys & explained and [k for k, _ in fits].count(keys) == 1:
            chosen.append(mistake)
            explained |= keys
    return chosen


def _best(mistakes, given, wrong):
    """Choose the one mistake that fits in more quantities than any other."""
    counts = [len(_held(bands, given, wrong)) for _, bands in mistakes]
    most = max(counts, default=0)
    if most == 0 or counts.count(most) > 1:
        return []
    return [mistakes[counts.index(most)][0]]


def _held(bands, given, wrong):
    return {k for k in bands.keys() & set(wrong) if bands[k].holds(given[k])}


def _swapped(names, given, right, wrong):
    """Names of quantities that hold each other's values, in every case."""

    def holds(name, other):
        return all(
            right[name, number].holds(value)
            for (key, number), value in given.items()
            if key == other
        )

    wrong = [name for name in names if name in dict(wrong)]
    most = []
    for order in itertools.permutations(wrong):
        moved = [(a, b) for a, b in zip(wrong, order, strict=True) if a != b]
        if len(moved) > len(most) and all(holds(*pair) for pair in moved):
            most = moved
    return [name for name, _ in most]


def _twists(solution, cases):
    """Yield what a student may have read into the arguments, and the result of it."""
    names = list(inspect.signature(solution).parameters)
    if not names:
        return
    labels, shapes = [], []
    for label, value in _leaves(names, cases[0]):
        labels.append(label)
        shapes.append(np.shape(value))
    for a, b in itertools.combinations(range(len(labels)), 2):
        if shapes[a] == shapes[b]:
            yield (
                f"{labels[a]} and {labels[b]} changed places",
                _with(
                    solution, {a: lambda v, b=b: v[b], b: lambda v, a=a: v[a]}
                ),
            )
    for k, (label, shape) in enumerate(zip(labels, shapes, strict=True)):
        if len(shape) == 2 and shape[0] == shape[1]:
            yield (
                f"{label} were transposed",
                _with(solution, {k: lambda v, k=k: v[k].T}),
            )
        yield (
            f"{label} were 1 − {label}",
            _with(solution, {k: lambda v, k=k: 1 - v[k]}),
        )
        yield (
            f"{label} had the other sign",
            _with(solution, {k: lambda v, k=k: -v[k]}),
        )


def _leaves(names, arguments):
    """Yield the name and value of each argument, of tuples each part."""
    for name, value in zip(names, arguments, strict=True):
        if isinstance(value, tuple):
            yield from (
                (f"{name}[{k}]", part) for k, part in enumerate(value)
            )
        else:
            yield name, value


def _with(solution, changes):
    """Give a solution some of its arguments changed."""

    def changed(*arguments):
        names = [""] * len(arguments)
        old = [value for _, value in _leaves(names, arguments)]
        new = iter(
            changes[k](old) if k in changes else value
            for k, value in enumerate(old)
        )
        return solution(
            *(
                tuple(itertools.islice(new, len(value)))
                if isinstance(value, tuple)
                else next(new)
                for value in arguments
            )
        )

    return changed
