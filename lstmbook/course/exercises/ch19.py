"""Exercises of chapter 19, after the LSTM."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "19-after-the-lstm"


def flip_by_hand():
    """A linear unit that flips from −1 to 1, and the scan of 500 steps."""
    stay_a, stay_u = 1, 0  # h stays
    swap_a, swap_u = -1, 0  # h becomes −h
    T = 500
    rounds = int(np.ceil(np.log2(T)))
    compositions = sum(T - 2**k for k in range(rounds))
    return {
        "stay_a": stay_a,
        "stay_u": stay_u,
        "swap_a": swap_a,
        "swap_u": swap_u,
        "rounds": rounds,
        "compositions": compositions,
    }


def compose(first, then):
    """Compose two steps of a linear recurrence.

    first and then are pairs (a, u) of arrays of the same shape; each stands
    for the step h → a ⊙ h + u. Return a and u of the step that does `first`
    and after it `then`.
    """
    a, u = first
    a_then, u_then = then
    return a_then * a, a_then * u + u_then


def wrong_order(first, then):
    """Do the second step first."""
    return compose(then, first)


def factor_forgotten(first, then):
    """Add the summands as they are."""
    a, u = first
    a_then, u_then = then
    return a_then * a, u + u_then


def factors_added(first, then):
    """Add the factors."""
    _, u = compose(first, then)
    return first[0] + then[0], u


def compose_cases(rng):
    """Pairs of steps, of several shapes."""
    return [
        tuple(tuple(rng.standard_normal((2, *shape))) for _ in range(2))
        for shape in ((4,), (3, 2), (5,))
    ]


def nearly_minus_one():
    """Share right of a unit that flips by 0.99, after 100 steps and more."""
    from lstmbook.cells import SignedSSM
    from lstmbook.tasks.state_tracking import state_tracking

    cell = SignedSSM.init(np.random.default_rng(0), 2, 1)
    cell.W_xa[:] = [[np.arctanh(0.99)], [-np.arctanh(0.99)]]
    cell.W_xg[:] = [[0], [1]]
    batch = state_tracking(np.random.default_rng(0), "Z2", 1_000, 2_000)
    hs, _ = cell.forward(batch.xs)
    right = ((hs[..., 0] > 0.5) == batch.targets).mean(axis=1)
    return {f"right_{t}": right[t - 1] for t in (100, 200, 1_000)}


EXERCISES = (
    Exercise(
        name="flip-by-hand",
        quantities=(
            "stay_a",
            "stay_u",
            "swap_a",
            "swap_u",
            "rounds",
            "compositions",
        ),
        solution=flip_by_hand,
        tolerance=1e-4,
        mistakes=(
            Mistake(
                "states 0 and 1",
                {"swap_u": 1},
                "That flips between 0 and 1. Here the states are −1 and 1.",
            ),
            Mistake(
                "the loop's steps",
                {"rounds": 500},
                "The reach of an entry doubles in each round.",
            ),
            Mistake(
                "every entry in every round",
                {"compositions": 4500},
                "In a round that reaches 2ᵏ steps back, the first 2ᵏ entries are done.",
            ),
        ),
    ),
    Exercise(
        name="compose",
        quantities=("a", "u"),
        solution=compose,
        cases=compose_cases,
        mistakes=(
            Mistake(
                "the other order",
                wrong_order,
                "`first` comes first: its summand is multiplied by the later factor.",
            ),
            Mistake(
                "the factor forgotten",
                factor_forgotten,
                "What the first step adds passes through the second step too.",
            ),
            Mistake(
                "factors added",
                factors_added,
                "h is multiplied by one factor and then by the other.",
            ),
        ),
    ),
    Exercise(
        name="nearly-minus-one",
        quantities=("right_100", "right_200", "right_1000"),
        solution=nearly_minus_one,
        expected={
            "right_100": Band.around(0.9995, 0.0006),
            "right_200": Band.around(0.972, 0.012),
            "right_1000": Band.around(0.5, 0.04),
        },
        decimals=3,
        shares=("right_100", "right_200", "right_1000"),
        mistakes=(
            Mistake(
                "no flip",
                {
                    "right_100": Band.around(0.5, 0.05),
                    "right_200": Band.around(0.5, 0.05),
                },
                "Swap has a factor of −0.99: a weight of −arctanh(0.99).",
            ),
            Mistake(
                "an exact flip",
                {"right_1000": Band.around(1.0, 0.001)},
                "With factors of ±1 nothing is lost. Here they are ±0.99.",
            ),
        ),
    ),
)
