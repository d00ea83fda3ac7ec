"""Exercises of chapter 2, the vanilla RNN."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def bptt_by_hand():
    """Walk back through the two steps of a net with one unit."""
    W_h, h_0 = 0.5, 1.0
    h_1 = np.tanh(1.0 + W_h * h_0)
    h_2 = np.tanh(0.0 + W_h * h_1)
    delta_2 = 1 - h_2**2  # the loss is h_2 itself
    # Nothing reads h_1 directly: all of it comes back through W_h.
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
    """Leave out the slope of tanh on the way to δ_1."""
    right = bptt_by_hand()
    delta_1 = 0.5 * right["delta_2"]
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
    """Sum over sequences, but of the last step alone."""
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
    """Train on the first four rows; mean test accuracy of three seeds."""
    from lstmbook import RNN
    from lstmbook.losses import Batch, softmax_cross_entropy
    from lstmbook.model import Model
    from lstmbook.optim import Adam
    from lstmbook.tasks.digits import digits, minibatches
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
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "the same step's h",
                same_step(),
                "W_h met h_{t−1}: at step 1 that is h_0, at step 2 it is h_1.",
            ),
            Mistake(
                "one step only",
                last_step_only_by_hand(),
                "W_h acted twice, and h_0 is not zero: add h_0 δ_1.",
            ),
            Mistake(
                "no slope",
                no_slope(),
                "From h_1 to a_1 the way leads through tanh: times 1 − h_1².",
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
                "Any mean is in the loss, and so in d_ys already: here one sums.",
            ),
        ),
    ),
    Exercise(
        name="four-rows",
        quantities=("accuracy",),
        solution=four_rows,
        # Single seeds of six gave 0.83 to 0.86.
        expected={"accuracy": 0.85},
        tolerance=0.025,
        mistakes=(
            Mistake(
                "measured on the training digits",
                0.895,
                "A net knows those by now: score it on the ones held out.",
            ),
            Mistake(
                "all eight rows",
                0.96,
                "Cut the sequences first: xs[:4] are the steps 1 to 4.",
            ),
        ),
    ),
)
