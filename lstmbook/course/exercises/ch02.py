"""Exercises of chapter 2, the vanilla RNN."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "02-vanilla-rnn"


def bptt_by_hand():
    """Backpropagate through the two steps of a net with one unit."""
    W_h, h_0 = 0.5, 1.0
    h_1 = np.tanh(1.0 + W_h * h_0)
    h_2 = np.tanh(0.0 + W_h * h_1)
    delta_2 = 1 - h_2**2  # the loss is h_2 itself
    # The loss does not read h_1: all its gradient passes through W_h.
    delta_1 = W_h * delta_2 * (1 - h_1**2)
    d_W_h = h_0 * delta_1 + h_1 * delta_2
    return {"delta_2": delta_2, "delta_1": delta_1, "d_W_h": d_W_h}


def same_step():
    """Take h_t where W_h met h_{t−1}."""
    right = bptt_by_hand()
    h_1, h_2 = np.tanh(1.5), np.tanh(0.5 * np.tanh(1.5))
    d_W_h = h_1 * right["delta_1"] + h_2 * right["delta_2"]
    return right | {"d_W_h": d_W_h}


def last_step_only_by_hand():
    """Forget that W_h acted at step 1 as well."""
    right = bptt_by_hand()
    return right | {"d_W_h": np.tanh(1.5) * right["delta_2"]}


def no_slope():
    """Leave out the slope of tanh in δ_1."""
    right = bptt_by_hand()
    delta_1 = 0.5 * right["delta_2"]
    d_W_h = delta_1 + np.tanh(1.5) * right["delta_2"]
    return right | {"delta_1": delta_1, "d_W_h": d_W_h}


def no_weight():
    """Leave out W_h in δ_1."""
    right = bptt_by_hand()
    delta_1 = 2 * right["delta_1"]
    d_W_h = delta_1 + np.tanh(1.5) * right["delta_2"]
    return right | {"delta_1": delta_1, "d_W_h": d_W_h}


def readout_backward(hs, d_ys, W_y):
    """Gradients of a readout y_t = W_yᵀ h_t + b_y that reads every step.

    hs is (T, N, H), d_ys is (T, N, O) and W_y is (H, O). Return d_W_y
    (H, O), d_b_y (O,) and d_hs (T, N, H).
    """
    d_W_y = np.einsum("tnh,tno->ho", hs, d_ys)
    d_b_y = d_ys.sum(axis=(0, 1))
    d_hs = d_ys @ W_y.T
    return d_W_y, d_b_y, d_hs


def last_step_only(hs, d_ys, W_y):
    """Sum over sequences, but only at the last step."""
    _, _, d_hs = readout_backward(hs, d_ys, W_y)
    d_W_y, d_b_y, _ = readout_backward(hs[-1:], d_ys[-1:], W_y)
    return d_W_y, d_b_y, d_hs


def mean_over_batch(hs, d_ys, W_y):
    """Take the mean over sequences where the sum belongs."""
    d_W_y, d_b_y, d_hs = readout_backward(hs, d_ys, W_y)
    return d_W_y / hs.shape[1], d_b_y / hs.shape[1], d_hs


def readout_cases(rng):
    """Two batches of distinct sizes."""
    return [
        (
            rng.standard_normal((T, N, 4)),
            rng.standard_normal((T, N, 2)),
            W_y,
        )
        for T, N, W_y in (
            (5, 3, rng.standard_normal((4, 2))),
            (1, 6, np.ones((4, 2))),
        )
    ]


def four_rows():
    """Train on the first four rows: mean test accuracy of three seeds."""
    from lstmbook import RNN
    from lstmbook.data import Batch, minibatches
    from lstmbook.losses import softmax_cross_entropy
    from lstmbook.model import Model
    from lstmbook.optim import Adam
    from lstmbook.tasks.digits import digits
    from lstmbook.train import train

    scores = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        parts = digits(rng, by="row")
        train_set, test_set = (Batch(p.xs[:4], p.targets) for p in parts)
        model = Model.init(rng, RNN.init(rng, 8, 64), 10)
        batches = minibatches(rng, train_set, 32, epochs=15)
        loss, optimizer = softmax_cross_entropy, Adam(3e-3)
        run = train(model, batches, loss, optimizer, max_norm=1.0)
        predicted = run.model.forward(test_set.xs)[0].argmax(axis=-1)
        scores.append((predicted == test_set.targets).mean())
    return {"accuracy": np.mean(scores)}


EXERCISES = (
    Exercise(
        name="bptt-by-hand",
        quantities=("delta_2", "delta_1", "d_W_h"),
        solution=bptt_by_hand,
        # Three digits, and rounded to three on the way.
        tolerance={"delta_2": 2e-3, "delta_1": 8e-4, "d_W_h": 2e-3},
        mistakes=(
            Mistake(
                "the same step's h",
                same_step(),
                "W_h multiplies h_{t−1}: h_0 at step 1, h_1 at step 2.",
            ),
            Mistake(
                "one step only",
                last_step_only_by_hand(),
                "W_h acted twice, and h_0 is not zero: add h_0 δ_1.",
            ),
            Mistake(
                "no slope",
                no_slope(),
                "Between h_1 and a_1 there is a tanh: times 1 − h_1².",
            ),
            Mistake(
                "no weight",
                no_weight(),
                "The loss reads h_1 only through W_h: times 0.5.",
            ),
        ),
    ),
    Exercise(
        name="readout-backward",
        quantities=("d_W_y", "d_b_y", "d_hs"),
        solution=readout_backward,
        cases=readout_cases,
        mistakes=(
            Mistake(
                "the last step only",
                last_step_only,
                "The readout's weights are the same at every step: sum over all.",
            ),
            Mistake(
                "the mean over the batch",
                mean_over_batch,
                "If the loss is a mean, its 1/N is in d_ys already: sum here.",
            ),
        ),
    ),
    Exercise(
        name="four-rows",
        quantities=("accuracy",),
        solution=four_rows,
        # Twelve seeds gave 0.849 with a standard deviation of 0.019, of which the
        # mean of three has 0.011.
        expected={"accuracy": Band(0.827, 0.871)},
        shares=("accuracy",),
        mistakes=(
            # Training digits 0.89, 30 epochs 0.88, the lower four rows 0.88: one
            # number cannot tell them apart, so the hint asks for all.
            Mistake(
                "higher than four rows and 15 epochs give on new digits",
                {"accuracy": Band(0.875, 0.91)},
                "Is it the test set, are there 15 epochs, and are the rows xs[:4]?",
            ),
            # All eight rows 0.95, five rows 0.93, training digits after 30 0.945.
            Mistake(
                "far higher than half a digit gives",
                {"accuracy": Band(0.92, 1)},
                "Cut all sequences to xs[:4], and score digits that were held out.",
            ),
            # Three rows 0.75, five epochs 0.81.
            Mistake(
                "lower than four rows give",
                {"accuracy": Band(0.7, 0.82)},
                "Are all four rows there, xs[:4], and all 15 epochs?",
            ),
        ),
    ),
)
