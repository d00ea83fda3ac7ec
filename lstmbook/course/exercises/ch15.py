"""Exercises of chapter 15, which gate matters."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "15-which-gate-matters"


def fewer_gates():
    """Count the parameters of cells, and false alarms among intervals."""
    layer = 12 * (7 + 12 + 1)  # weights of inputs and of h, and a bias
    lstm = 4 * layer
    no_gate = 3 * layer
    gru = 3 * layer + 12  # and its second bias on the candidate
    forget_only = 2 * layer
    alarms = 50 * 0.05  # intervals of 95 % that miss, of 50
    return {
        "lstm": lstm,
        "no_gate": no_gate,
        "gru": gru,
        "forget_only": forget_only,
        "alarms": alarms,
    }


def paired(variant, vanilla):
    """Compare a variant with the vanilla cell, seed by seed.

    variant and vanilla are (R,), the updates until each of R seeds had
    learned the task, np.inf where it never did. Leave out the seeds on
    which both failed. Return ratio, the median over the other seeds of
    variant / vanilla, and wins, on how many of them the variant was quicker.
    """
    variant, vanilla = np.asarray(variant), np.asarray(vanilla)
    either = np.isfinite(variant) | np.isfinite(vanilla)
    ratios = variant[either] / vanilla[either]
    return np.median(ratios), (ratios < 1).sum()


def ratio_of_medians(variant, vanilla):
    """Forget which seed is which."""
    variant, vanilla = np.asarray(variant), np.asarray(vanilla)
    either = np.isfinite(variant) | np.isfinite(vanilla)
    _, wins = paired(variant, vanilla)
    return np.median(variant[either]) / np.median(vanilla[either]), wins


def without_failures(variant, vanilla):
    """Leave out every seed on which one of the two failed."""
    variant, vanilla = np.asarray(variant), np.asarray(vanilla)
    both = np.isfinite(variant) & np.isfinite(vanilla)
    return paired(variant[both], vanilla[both])


def ties_win(variant, vanilla):
    """Count a tie as a win."""
    ratio, _ = paired(variant, vanilla)
    return ratio, np.sum(
        (np.asarray(variant) <= np.asarray(vanilla)) & np.isfinite(variant)
    )


def upside_down(variant, vanilla):
    """Divide the vanilla cell's updates by the variant's."""
    ratio, _ = paired(vanilla, variant)
    _, wins = paired(variant, vanilla)
    return ratio, wins


def paired_cases(rng):
    """Updates with ties, with failures of either, and with failures of both."""
    cases = []
    for R in (11, 13, 12):
        vanilla = rng.integers(10, 30, R) * 20.0
        variant = np.round(vanilla * rng.uniform(0.6, 1.9, R) / 20) * 20
        order = rng.permutation(R)
        variant[order[0]] = vanilla[order[0]]
        variant[order[1]] = np.inf
        vanilla[order[2]] = np.inf
        vanilla[order[3]] = np.inf
        variant[order[4]] = vanilla[order[4]] = np.inf
        cases.append((variant, vanilla))
    return cases


def without_forgetting():
    """Size of c after 100 steps, with a forget gate and without."""
    from lstmbook import LSTM
    from lstmbook.tasks.adding import adding

    xs = adding(np.random.default_rng(1), length=100, batch_size=50).xs

    def size(bias):
        cell = LSTM.init(np.random.default_rng(0), 2, 16)
        cell.b_f[:] = bias
        _, trace = cell.forward(xs)
        return np.abs(trace.final.c).mean()

    return {"with_gate": size(1), "always_open": size(np.inf)}


EXERCISES = (
    Exercise(
        name="fewer-gates",
        quantities=("lstm", "no_gate", "gru", "forget_only", "alarms"),
        solution=fewer_gates,
        mistakes=(
            Mistake(
                "no biases",
                {"lstm": 912, "no_gate": 684, "forget_only": 456},
                "Each layer has a bias for each unit as well.",
            ),
            Mistake(
                "two biases",
                {"lstm": 1008, "no_gate": 756, "forget_only": 504},
                "That is PyTorch's way; here each layer has one bias for each unit.",
            ),
            Mistake(
                "the GRU's second bias",
                {"gru": 720},
                "Its candidate has a bias inside the reset product too.",
            ),
            Mistake(
                "the share, not the number",
                {"alarms": 0.05},
                "Each of the 50 misses with probability 0.05.",
            ),
        ),
    ),
    Exercise(
        name="paired-ratio",
        quantities=("ratio", "wins"),
        solution=paired,
        cases=paired_cases,
        mistakes=(
            Mistake(
                "a ratio of medians",
                ratio_of_medians,
                "Divide seed by seed first: runs of one seed are pairs.",
            ),
            Mistake(
                "failures left out",
                without_failures,
                "Where one of the two failed, the other was quicker.",
            ),
            Mistake(
                "ties count as wins",
                ties_win,
                "Quicker means fewer updates, not as many.",
            ),
            Mistake(
                "upside down",
                upside_down,
                "The variant's updates are divided by the vanilla cell's.",
            ),
        ),
    ),
    Exercise(
        name="without-forgetting",
        quantities=("with_gate", "always_open"),
        solution=without_forgetting,
        expected={
            "with_gate": Band.around(0.09414, 0.0004),
            "always_open": Band.around(8.5123, 0.03),
        },
        decimals=2,
        mistakes=(
            Mistake(
                "the median",
                {
                    "with_gate": Band.around(0.0806, 0.0004),
                    "always_open": Band.around(8.283, 0.03),
                },
                "Asked is the mean of the absolute values.",
            ),
            Mistake(
                "seed 1",
                {
                    "with_gate": Band.around(0.1267, 0.0004),
                    "always_open": Band.around(6.063, 0.03),
                },
                "The cell is drawn from seed 0, the sequences from seed 1.",
            ),
            Mistake(
                "all steps",
                {
                    "with_gate": Band.around(0.09313, 0.0004),
                    "always_open": Band.around(3.752, 0.03),
                },
                "Asked is c after the last step, `trace.final.c`.",
            ),
            Mistake(
                "h in place of c",
                {
                    "with_gate": Band.around(0.04467, 0.0004),
                    "always_open": Band.around(0.4571, 0.003),
                },
                "h is squashed and gated. Asked is c.",
            ),
        ),
    ),
)
