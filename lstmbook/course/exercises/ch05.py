"""Exercises of chapter 5, the main layer."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake
from lstmbook.ops import sigmoid

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "05-main-layer"


def main_layer_by_hand():
    """One step of two units: the proposal g, and the new c."""
    a_1 = 1.0 + (0.2 * 0.5 + 0.4 * (-1)) + 0  # 0.7; down column 1 of W_hg
    a_2 = 0.5 + (1.0 * 0.5 - 0.6 * (-1)) - 0.5  # 1.1; down column 2
    g = np.tanh([a_1, a_2])
    kept = np.array([0.5, 1]) * np.array([-0.4, 0.8])
    c = kept + np.array([1, 0.25]) * g
    return {"g": g, "c": c}


def _stored(g):
    """The answer that follows from another g."""
    return {"g": g, "c": np.array([-0.2, 0.8]) + np.array([1, 0.25]) * g}


def across_rows():
    """Go along the rows of W_hg, which is to leave out the transpose."""
    return _stored(np.tanh([1 + 0.2 * 0.5 - 1, 0.5 + 0.4 * 0.5 + 0.6 - 0.5]))


def gates_exchanged():
    """Let i keep and f write."""
    g = main_layer_by_hand()["g"]
    return {"g": g, "c": [1, 0.25] * np.array([-0.4, 0.8]) + [0.5, 1] * g}


def logistic():
    """Squash with σ."""
    return _stored(sigmoid(np.array([0.7, 1.1])))


def nothing_dropped():
    """Leave out the input gate."""
    right = main_layer_by_hand()
    return right | {"c": np.array([-0.2, 0.8]) + right["g"]}


def sigmoid_pair(W_xg, b_g):
    """Weights of 2H units with σ that replace, in pairs, H with tanh.

    W_xg is (D, H) and b_g is (H,). Return W (D, 2H) and b (2H,), so that
    of s = σ(x W + b) the first H minus the last H are tanh(x W_xg + b_g).
    """
    W = np.concatenate([2 * W_xg, -2 * W_xg], axis=1)
    b = np.concatenate([2 * b_g, -2 * b_g])
    return W, b


def without_the_two(W_xg, b_g):
    """Take σ(a) − σ(−a) for tanh(a)."""
    W, b = sigmoid_pair(W_xg, b_g)
    return W / 2, b / 2


def bias_not_turned(W_xg, b_g):
    """Negate the weights of the second half, but not its bias."""
    W, b = sigmoid_pair(W_xg, b_g)
    return W, np.abs(b) * np.sign(np.tile(b_g, 2))


def pair_cases(rng):
    """Two layers of distinct sizes."""
    return [
        (rng.standard_normal((D, H)), rng.standard_normal(H))
        for D, H in ((4, 3), (1, 2))
    ]


def where_it_begins():
    """Train the σ cell from two biases of g: median RMSE of five seeds."""
    from lstmbook.course.exercises.mutants import MUTANTS
    from lstmbook.losses import mse
    from lstmbook.model import Model
    from lstmbook.optim import Adam
    from lstmbook.tasks.notepad import notepad
    from lstmbook.train import train

    def learn(seed, b_g):
        rng = np.random.default_rng(seed)
        kind = MUTANTS["sigmoid-main-layer"].cell
        cell = kind.init(rng, input_size=4, hidden_size=8)
        cell.b_g[:] = b_g
        model = Model.init(rng, cell, output_size=1, readout="all")
        batches = (notepad(rng, 20, 32) for _ in range(600))
        model = train(model, batches, mse, Adam(1e-2), max_norm=1.0).model
        test = notepad(np.random.default_rng(1000), 20, 2000)
        return np.sqrt(mse(model.forward(test.xs)[0], test.targets)[0])

    def median(b_g):
        return np.median([learn(seed, b_g) for seed in range(5)])

    return {"at_half": median(0), "near_zero": median(-3)}


EXERCISES = (
    Exercise(
        name="main-layer-by-hand",
        quantities=("g", "c"),
        solution=main_layer_by_hand,
        tolerance=1e-3,
        mistakes=(
            Mistake(
                "W_h without its transpose",
                across_rows(),
                "Unit k sums down column k of W_hg, the weights that lead into it.",
            ),
            Mistake(
                "σ for tanh",
                logistic(),
                "Gates are squashed with σ; the main layer with tanh.",
            ),
            Mistake(
                "nothing dropped",
                nothing_dropped(),
                "Of g only the share i is added: c = f ⊙ c₋ + i ⊙ g.",
            ),
            Mistake(
                "i and f exchanged",
                gates_exchanged(),
                "f says what share of the old c is kept, i what share of g is added.",
            ),
        ),
    ),
    Exercise(
        name="sigmoid-pair",
        quantities=("W", "b"),
        solution=sigmoid_pair,
        cases=pair_cases,
        mistakes=(
            Mistake(
                "without the 2",
                without_the_two,
                "σ(a) − σ(−a) is tanh(a/2): half the slope that is wanted.",
            ),
            Mistake(
                "the bias not negated",
                bias_not_turned,
                "The second half needs −a, all of it: weights and bias.",
            ),
        ),
    ),
    Exercise(
        name="where-it-begins",
        quantities=("at_half", "near_zero"),
        solution=where_it_begins,
        # Five seeds gave 0.152 to 0.162 and 0.038 to 0.079; the next five 0.123 to
        # 0.161 and 0.057 to 0.095. To answer 0 gives 0.165.
        expected={
            "at_half": Band.around(0.1603, 8e-4),
            "near_zero": Band.around(0.0630, 1.5e-3),
        },
        mistakes=(
            Mistake(
                "the cell with tanh",
                {
                    "at_half": Band(0.0183, 0.0203),
                    "near_zero": Band(0.105, 0.118),
                },
                "The cell to train is the chapter's SigmoidLSTM.",
            ),
            Mistake(
                "the bias left at 0",
                {"near_zero": 0.1603},
                "Set it in place, before training: cell.b_g[:] = -3.",
            ),
            Mistake(
                "the mean of the seeds for their median",
                {
                    "at_half": Band(0.1583, 0.1593),
                    "near_zero": Band(0.0591, 0.0608),
                },
                "Report the median of the five seeds.",
            ),
            Mistake(
                "the chapter's learning rate",
                {
                    "at_half": Band(0.046, 0.0495),
                    "near_zero": Band(0.0117, 0.0127),
                },
                "Here it is 0.01, a third of the chapter's.",
            ),
        ),
    ),
)
