"""Exercises of chapter 7, the input gate."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "07-input-gate"


def nearly_shut():
    """How much leaks through a gate that is nearly shut."""
    i = 0.01
    a = np.log(i / (1 - i))  # the inverse of σ
    drift = i * np.sqrt(300 / 3)  # 300 steps, each of variance i²/3
    share = 0.001 / np.sqrt(1200 / 3)  # 5e-5
    a_needed = np.log(share / (1 - share))
    return {"a": a, "drift": drift, "a_needed": a_needed}


def all_at_their_worst():
    """Add up the largest values there are, all of one sign."""
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

    The flag in h is `up` one step after a store and 0 otherwise. Return
    w_h, the weight of the flag, w_x, the weight of the value v, and the
    bias b. With the flag up, a_i shall be sharp · (v − threshold); with
    the flag at 0, a_i shall be −sharp at v = 1, and lower where v is less.
    """
    w_x = sharp  # in both cases, and so is the bias
    b = -2 * sharp  # flag down, v = 1: w_x + b = −sharp
    w_h = (-b - sharp * threshold) / up
    return w_h, w_x, b


def flag_taken_for_one(threshold, sharp, up):
    """Take h for 1 where it is tanh(tanh(10))."""
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
    """Error of the note, in thousandths, by the input gate's slope."""
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
        tolerance={"a": 1.3e-3, "drift": 1e-3, "a_needed": 6e-4},
        mistakes=(
            Mistake(
                "all values at their worst",
                all_at_their_worst(),
                "Values of both signs largely cancel: add variances.",
            ),
            Mistake(
                "1 − i left out of the inverse of σ",
                {"a": np.log(0.01)},
                "Solve i = 1 / (1 + e^−a): a = ln i − ln(1 − i).",
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
                "One step after a store the flag in h is `up`, not 1.",
            ),
            Mistake(
                "no announcement asked for",
                unannounced_too,
                "This gate also opens for large values that were not announced.",
            ),
        ),
    ),
    Exercise(
        name="how-sharp",
        quantities=("sharp_2", "sharp_5", "sharp_10", "sharp_20"),
        solution=how_sharp,
        # Six seeds gave 962 to 981, 271 to 278, 24.5 to 25.2, 2.88 to 2.99.
        expected={
            "sharp_2": Band(952, 991),
            "sharp_5": Band(268, 281),
            "sharp_10": Band(24.1, 25.6),
            "sharp_20": Band(2.83, 3.05),
        },
        mistakes=(
            Mistake(
                "the bias left at −10",
                {
                    "sharp_2": Band(905, 945),
                    "sharp_5": Band(900, 940),
                    "sharp_10": Band(450, 480),
                },
                "Weight and bias change together: s/up and −s/2.",
            ),
            Mistake(
                "the mean of the streams for their median",
                {
                    "sharp_2": Band(1010, 1045),
                    "sharp_5": Band(285, 296),
                    "sharp_10": Band(25.7, 26.8),
                    "sharp_20": Band(2.72, 2.82),
                },
                "Take the largest error of each stream, then their median.",
            ),
            Mistake(
                "the worst of all streams",
                {
                    "sharp_2": Band(2200, 2800),
                    "sharp_5": Band(620, 800),
                    "sharp_10": Band(50, 70),
                    "sharp_20": Band(4.5, 5.5),
                },
                "Take the largest error of each stream, then their median.",
            ),
            Mistake(
                "the flag taken for 1",
                {
                    "sharp_5": Band(318, 338),
                    "sharp_10": Band(67, 75),
                    "sharp_20": Band(7.4, 8.2),
                },
                "The weight is s / tanh(tanh(10)), because h is 0.76 there.",
            ),
        ),
    ),
)
