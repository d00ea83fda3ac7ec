"""Exercises of chapter 16, the 1997 experiments by their own criteria."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "16-experiments-of-1997"


def weights_of_1997():
    """Count the weights of the nets for experiments 4, 6a and 6b."""

    def count(D, O, blocks, cells):  # noqa: E741 - the legend's letter
        U = blocks * (cells + 2)  # cells, input gates, output gates
        return U * (D + U + 1) + O * (blocks * cells + 1)

    return {
        "adding": count(2, 1, 2, 2),
        "order_2": count(8, 4, 2, 2),
        "order_3": count(8, 8, 3, 2),
    }


def stop_after(errors, tolerance, recent):
    """Find when training stops by the rule of 1997.

    errors is (K,), the absolute error of each training sequence in order.
    Training stops as soon as the `recent` latest sequences all have an error
    below the tolerance. Return sequences, how many had been seen by then; 0
    if the rule is never met.
    """
    streak = 0
    for seen, error in enumerate(errors, start=1):
        streak = streak + 1 if error < tolerance else 0
        if streak == recent:
            return seen
    return 0


def in_all(errors, tolerance, recent):
    """Count right sequences in all, not in a row."""
    right = np.cumsum(np.asarray(errors) < tolerance)
    return int(np.argmax(right >= recent) + 1) if right[-1] >= recent else 0


def beginning_of_the_streak(errors, tolerance, recent):
    """Say where the streak began."""
    stop = stop_after(errors, tolerance, recent)
    return stop - recent if stop else 0


def counted_from_zero(errors, tolerance, recent):
    """Say the index of the last sequence."""
    stop = stop_after(errors, tolerance, recent)
    return stop - 1 if stop else 0


def on_average(errors, tolerance, recent):
    """Stop when the mean of the latest errors is below the tolerance."""
    for seen in range(recent, len(errors) + 1):
        if np.mean(errors[seen - recent : seen]) < tolerance:
            return seen
    return 0


def rule_cases(rng):
    """Errors that get smaller, with a relapse; and one run that never stops."""
    cases = []
    for K, recent in ((60, 7), (90, 12), (40, 9)):
        errors = rng.uniform(0, 0.1, K)
        errors[K // 3 : K // 3 + recent - 2] = rng.uniform(
            0, 0.03, recent - 2
        )
        errors[K // 3 + recent - 2] = 0.05
        begin = K // 3 + recent + 1
        errors[begin:] = rng.uniform(0, 0.039, K - begin)
        cases.append((errors, 0.04, recent))
    never = np.where(np.arange(30) % 5 == 4, 0.2, 0.001)
    return [*cases, (never, 0.06, 5)]


def blind_answers():
    """Score the best constant answers to experiments 4 and 5."""
    from lstmbook.tasks.paper1997 import marked_pair

    found = {}
    for name, product in (("sum", False), ("product", True)):
        rng = np.random.default_rng(0)
        targets = marked_pair(rng, 100, 20_000, product).targets
        error = np.abs(targets - targets.mean())
        found[f"{name}_mse"] = np.mean(error**2)
        found[f"{name}_within"] = np.mean(error < 0.04)
    return found


EXERCISES = (
    Exercise(
        name="weights-of-1997",
        quantities=("adding", "order_2", "order_3"),
        solution=weights_of_1997,
        tolerance=1e-4,
        mistakes=(
            Mistake(
                "no biases",
                {"adding": 84, "order_2": 144, "order_3": 288},
                "Every cell, gate and output reads a bias as well.",
            ),
            Mistake(
                "only the cells are read",
                {"adding": 61, "order_2": 124, "order_3": 236},
                "In this net the gates of the step before are read too, not only the "
                "cells.",
            ),
            Mistake(
                "a forget gate too",
                {"adding": 135, "order_2": 210, "order_3": 416},
                "The forget gate was added three years later.",
            ),
            Mistake(
                "gates for each cell",
                {"adding": 185, "order_2": 272, "order_3": 542},
                "The cells of a block share their two gates.",
            ),
        ),
    ),
    Exercise(
        name="stop-after",
        quantities=("sequences",),
        solution=stop_after,
        cases=rule_cases,
        mistakes=(
            Mistake(
                "not in a row",
                in_all,
                "One wrong sequence starts the count again.",
            ),
            Mistake(
                "the beginning of the streak",
                beginning_of_the_streak,
                "Asked is how many sequences had been seen when the rule was met.",
            ),
            Mistake(
                "counted from 0",
                counted_from_zero,
                "After the first sequence one has been seen.",
            ),
            Mistake(
                "on average",
                on_average,
                "All of the latest sequences must be right, not their mean.",
            ),
        ),
    ),
    Exercise(
        name="blind-answers",
        quantities=("sum_mse", "sum_within", "product_mse", "product_within"),
        solution=blind_answers,
        expected={
            "sum_mse": Band.around(0.0393, 0.001),
            "sum_within": Band.around(0.1565, 0.006),
            "product_mse": Band.around(0.0593, 0.0015),
            "product_within": Band.around(0.0985, 0.005),
        },
        decimals=3,
        shares=("sum_within", "product_within"),
        mistakes=(
            Mistake(
                "the first step's value counted",
                {"sum_mse": Band.around(1 / 24, 0.0005)},
                "Take the targets as marked_pair draws them: if the first step is "
                "drawn, it counts as 0.",
            ),
            Mistake(
                "the root of the mean squared error",
                {
                    "sum_mse": Band.around(0.198, 0.003),
                    "product_mse": Band.around(0.2435, 0.003),
                },
                "Asked is the mean squared error, without a root.",
            ),
        ),
    ),
)
