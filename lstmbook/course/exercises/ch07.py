"""Exercises of chapter 7, the input gate."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def nearly_shut():
    """What leaks through a gate that is nearly shut."""
    i = 0.01
    a = np.log(i / (1 - i))  # the inverse of σ
    drift = i * np.sqrt(300 / 3)  # 300 steps, each of variance i²/3
    share = 0.001 / np.sqrt(1200 / 3)  # 5e-5
    a_needed = np.log(share / (1 - share))
    return {"a": a, "drift": drift, "a_needed": a_needed}


def all_at_their_worst():
    """Add up the largest values that can come, all of one sign."""
    share = 0.001 / 1200
    return nearly_shut() | {
        "drift": 0.01 * 300,
        "a_needed": np.log(share / (1 - share)),
    }


def variance_one():
    """Take the variance of a value for 1."""
    share = 0.001 / np.sqrt(1200)
    return nearly_shut() | {
        "drift": 0.01 * np.sqrt(300),
        "a_needed": np.log(share / (1 - share)),
    }


def choosy_gate(threshold, sharp, up):
    """Weights of an input gate that notes announced values above a threshold.

    In h the flag stands at `up` one step after a store, else at 0. Return
    w_h, the weight of the flag, w_x, the weight of the value v, and b, so
    that a_i is sharp · (v − threshold) where the flag is up, and so that
    where it is down a_i is −sharp at v = 1 and lower at any smaller v.
    """
    w_x = sharp  # in both cases, and so is the bias
    b = -2 * sharp  # flag down, v = 1: w_x + b = −sharp
    w_h = (-b - sharp * threshold) / up
    return w_h, w_x, b


def flag_taken_for_one(threshold, sharp, up):
    """Forget that the flag is read through tanh, twice."""
    w_h, w_x, b = choosy_gate(threshold, sharp, up)
    return w_h * up, w_x, b


def unannounced_too(threshold, sharp, up):
    """Ask for the value alone."""
    return 0.0, sharp, -sharp * threshold


def choosy_cases(rng):
    """Two thresholds, two slopes."""
    up = np.tanh(np.tanh(10))
    return [
        (threshold, sharp, up)
        for threshold, sharp in zip(
            rng.uniform(0.2, 0.8, 2), (20.0, 12.0), strict=True
        )
    ]


def how_sharp():
    """Vary the slope of the input gate; what the note is off by."""
    from lstmbook.tasks.notepad import FLAG, NOTE, by_hand, notepad, notes

    batch = notepad(np.random.default_rng(0), 100, 1000)
    up = np.tanh(np.tanh(10))

    def off(sharp):
        model = by_hand("gfi")
        model.cell.W_hi[FLAG, NOTE] = sharp / up
        model.cell.b_i[NOTE] = -sharp / 2
        _, trace = model.forward(batch.xs)
        wrong = 10 * trace.states.c[..., NOTE] - notes(batch.xs)
        return 1000 * np.median(np.abs(wrong).max(axis=0))

    return {f"sharp_{s}": off(s) for s in (2, 5, 10, 20)}


EXERCISES = (
    Exercise(
        name="nearly-shut",
        quantities=("a", "drift", "a_needed"),
        solution=nearly_shut,
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "all values at their worst",
                all_at_their_worst(),
                "Values of both signs come, and largely cancel: variances add.",
            ),
            Mistake(
                "a variance of 1",
                variance_one(),
                "Values spread evenly from −1 to 1 have variance 1/3.",
            ),
        ),
    ),
    Exercise(
        name="choosy-gate",
        quantities=("w_h", "w_x", "b"),
        solution=choosy_gate,
        cases=choosy_cases,
        mistakes=(
            Mistake(
                "the flag taken for 1",
                flag_taken_for_one,
                "One step after a store the flag reads `up` in h, not 1.",
            ),
            Mistake(
                "no announcement asked for",
                unannounced_too,
                "This gate also opens for large values that nobody announced.",
            ),
        ),
    ),
    Exercise(
        name="how-sharp",
        quantities=("sharp_2", "sharp_5", "sharp_10", "sharp_20"),
        solution=how_sharp,
        # Five seeds gave 962 to 981, 271 to 277, 24.5 to 25.0, 2.88 to 2.99.
        expected={
            "sharp_2": 973,
            "sharp_5": 275,
            "sharp_10": 24.8,
            "sharp_20": 2.93,
        },
        tolerance=0.1,
        mistakes=(
            Mistake(
                "the bias left at −10",
                {
                    "sharp_2": 925,
                    "sharp_5": 919,
                    "sharp_10": 464,
                    "sharp_20": 2.96,
                },
                "Weight and bias change together: s/up and −s/2.",
            ),
            Mistake(
                "the worst of all streams",
                {
                    "sharp_2": 2500,
                    "sharp_5": 700,
                    "sharp_10": 60,
                    "sharp_20": 5.0,
                },
                "Take the largest error of each stream, then their median.",
            ),
        ),
    ),
)
