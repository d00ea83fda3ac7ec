"""Exercises of chapter 18, forecasting."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "18-forecasting"


def what_is_known():
    """Count windows before an origin, and ranks for bands."""
    origin, seen, ahead = 240, 24, 12
    windows = (origin - ahead) - seen + 1  # origins 24 … 228
    K = 60
    rank_80 = int(np.ceil((K + 1) * 0.80))
    rank_95 = int(np.ceil((K + 1) * 0.95))
    smallest_99 = 99  # (K + 1) 0.99 ≤ K
    return {
        "windows": windows,
        "rank_80": rank_80,
        "rank_95": rank_95,
        "smallest_99": smallest_99,
    }


def with_drift(past):
    """Forecast last year's values, moved by the drift.

    past is (K, 24), two years of months before each of K origins. The drift
    is the mean of the last year minus the mean of the year before. Return
    forecast, (K, 12): the values of the same months last year, plus drift.
    """
    last, before = past[:, 12:], past[:, :12]
    drift = last.mean(axis=1) - before.mean(axis=1)
    return last + drift[:, None]


def without_drift(past):
    """Repeat last year's values."""
    return past[:, 12:]


def drift_of_a_month(past):
    """Move by a twelfth of the drift."""
    return past[:, 12:] + (with_drift(past) - past[:, 12:]) / 12


def year_before_last(past):
    """Move the values of the year before last."""
    return past[:, :12] + (with_drift(past) - past[:, 12:])


def month_by_month(past):
    """Move each month by its own change."""
    return 2 * past[:, 12:] - past[:, :12]


def drift_cases(rng):
    """Windows with a trend and noise."""
    return [
        (rng.standard_normal((K, 24)) + rng.uniform(-1, 1) * np.arange(24),)
        for K in (3, 5, 4)
    ]


def score_the_drift():
    """Relative error of last year plus drift, over the test."""
    from lstmbook.course.forecasts import blocks, load, relative, windows

    found = {}
    for series in ("co2", "elnino"):
        _, values = load(series)
        test = windows(values, np.concatenate(blocks(values)[1:]))
        found[series] = relative(with_drift(test.past), test)
    return found


EXERCISES = (
    Exercise(
        name="what-is-known",
        quantities=("windows", "rank_80", "rank_95", "smallest_99"),
        solution=what_is_known,
        tolerance=1e-4,
        mistakes=(
            Mistake(
                "the future of the last windows",
                {"windows": 216},
                "The twelve months after a window's origin must lie before 240 too.",
            ),
            Mistake(
                "one too few",
                {"windows": 204},
                "The first and the last origin both count.",
            ),
            Mistake(
                "a share of 60",
                {"rank_80": 48, "rank_95": 57},
                "The rank is ⌈(K + 1) s⌉: the new error is one more.",
            ),
            Mistake(
                "a hundred errors",
                {"smallest_99": 100},
                "⌈(K + 1) 0.99⌉ must be at most K; 99 errors are enough.",
            ),
        ),
    ),
    Exercise(
        name="with-drift",
        quantities=("forecast",),
        solution=with_drift,
        cases=drift_cases,
        mistakes=(
            Mistake(
                "no drift", without_drift, "Add the drift to each month."
            ),
            Mistake(
                "the drift of a month",
                drift_of_a_month,
                "The same month is a whole year away: add the whole drift.",
            ),
            Mistake(
                "the year before last",
                year_before_last,
                "Move the last year's values, past[:, 12:].",
            ),
            Mistake(
                "each month by itself",
                month_by_month,
                "The drift is one number for each origin, a difference of two means.",
            ),
        ),
    ),
    Exercise(
        name="score-the-drift",
        quantities=("co2", "elnino"),
        solution=score_the_drift,
        expected={
            "co2": Band.around(0.4164, 0.0005),
            "elnino": Band.around(1.3577, 0.0005),
        },
        decimals=4,
        mistakes=(
            Mistake(
                "all five blocks",
                {"co2": Band.around(0.3929, 0.0005)},
                "The first block is for choosing; the test has four.",
            ),
            Mistake(
                "the mean of four ratios",
                {"co2": Band.around(0.4133, 0.0005)},
                "Divide sums by sums: all months of the four blocks together.",
            ),
        ),
    ),
)
