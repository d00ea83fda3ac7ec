"""Exercises of chapter 12, training an LSTM."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "12-training"


def windows_by_hand():
    """Reach of windows of 25 steps, and the share of padding in a batch."""
    window, lag = 25, 20
    farthest = 48 - 26  # step 48 is in the window of steps 26 to 50
    # The note must be on one of the first 25 − 20 steps of a window.
    share = (window - lag) / window
    enough = lag / (1 - 0.9)  # 1 − lag / window = 0.9
    lengths = np.array([3, 5, 40])
    padding = 1 - lengths.sum() / (len(lengths) * lengths.max())
    return {
        "farthest": farthest,
        "share": share,
        "enough": enough,
        "padding": padding,
    }


def last_valid(hs, d_last, lengths):
    """Last valid output of each sequence in a padded batch, and its gradient.

    hs is (T, N, H), from a cell that also ran over the padding; lengths
    is (N,); d_last is (N, H), the derivative of the loss by what you read.
    Return last (N, H) and d_hs (T, N, H).
    """
    sequences = np.arange(len(lengths))
    last = hs[lengths - 1, sequences]
    d_hs = np.zeros_like(hs)
    d_hs[lengths - 1, sequences] = d_last
    return last, d_hs


def last_row(hs, d_last, lengths):
    """Read the last row for all."""
    return last_valid(hs, d_last, np.full_like(lengths, len(hs)))


def one_row_late(hs, d_last, lengths):
    """Count rows from 1."""
    return last_valid(hs, d_last, np.minimum(lengths + 1, len(hs)))


def right_forward_only(hs, d_last, lengths):
    """Read the right rows, and send the cotangent to the last one."""
    last, _ = last_valid(hs, d_last, lengths)
    return last, last_row(hs, d_last, lengths)[1]


def everywhere(hs, d_last, lengths):
    """Send the cotangent to each step of a sequence."""
    last, _ = last_valid(hs, d_last, lengths)
    inside = np.arange(len(hs))[:, None] < lengths
    return last, inside[..., None] * d_last


def padded_cases(rng):
    """Two batches of distinct sizes, one sequence of full length in each."""
    return [
        (
            rng.standard_normal((T, len(lengths), 3)),
            rng.standard_normal((len(lengths), 3)),
            np.array(lengths),
        )
        for T, lengths in ((6, (4, 6, 1, 3)), (5, (5, 2)))
    ]


def carried_memories():
    """RMSE on the notepad in windows of 25 steps, by what is carried over."""
    from lstmbook import LSTMState
    from lstmbook.data import windows
    from lstmbook.losses import mse
    from lstmbook.tasks.notepad import by_hand, notepad

    model = by_hand()
    streams = notepad(np.random.default_rng(0), 1000, 200)

    def rmse(carry_h, carry_c):
        state, answers = None, []
        for part in windows(streams, 25):
            prediction, trace = model.forward(part.xs, state)
            h, c = trace.final
            state = LSTMState(h * carry_h, c * carry_c)
            answers.append(prediction)
        error, _ = mse(np.concatenate(answers), streams.targets)
        return np.sqrt(error)

    return {
        "both": rmse(1, 1),
        "none": rmse(0, 0),
        "only_h": rmse(1, 0),
        "only_c": rmse(0, 1),
    }


EXERCISES = (
    Exercise(
        name="windows-by-hand",
        quantities=("farthest", "share", "enough", "padding"),
        solution=windows_by_hand,
        tolerance=1e-6,
        shares=("share", "padding"),
        mistakes=(
            Mistake(
                "a whole window back",
                {"farthest": 25},
                "The gradient stops at the first step of the window of step 48.",
            ),
            Mistake(
                "one step beyond the cut",
                {"farthest": 23},
                "The gradient reaches the first step of this window: count again.",
            ),
            Mistake(
                "both ends counted",
                {"share": 6 / 25},
                "A note at step t and its recall at t + 20 take up 21 rows.",
            ),
            Mistake(
                "shorter than the window, so always inside",
                {"share": 1.0},
                "A note near the end of a window is recalled in the next window.",
            ),
            Mistake(
                "the share that is cut",
                {"share": 20 / 25},
                "Notes on the last 20 of 25 steps lose their recall. Count the others.",
            ),
            Mistake(
                "padding as a share of what is real",
                {"padding": 72 / 48},
                "Take it as a share of all 3 · 40 positions of the batch.",
            ),
            Mistake(
                "the share that is real",
                {"padding": 48 / 120},
                "Padding is the rest of the 120 positions.",
            ),
        ),
    ),
    Exercise(
        name="last-valid",
        quantities=("last", "d_hs"),
        solution=last_valid,
        cases=padded_cases,
        mistakes=(
            Mistake(
                "the last row for all",
                last_row,
                "Row −1 is padding for all but the longest: read row lengths − 1.",
            ),
            Mistake(
                "one row late",
                one_row_late,
                "Rows count from 0: step k stands in row k − 1.",
            ),
            Mistake(
                "right forward, wrong backward",
                right_forward_only,
                "The derivative goes to the row that was read.",
            ),
            Mistake(
                "the derivative at each step",
                everywhere,
                "One row was read: d_hs is zero in all others.",
            ),
        ),
    ),
    Exercise(
        name="carried-memories",
        quantities=("both", "none", "only_h", "only_c"),
        solution=carried_memories,
        # Nothing is trained and the streams are given.
        expected={
            "both": Band.around(0.00094, 6e-5),
            "none": Band.around(0.10835, 6e-4),
            "only_h": Band.around(0.10121, 6e-4),
            "only_c": Band.around(0.04994, 6e-4),
        },
        mistakes=(
            Mistake(
                "h and c exchanged",
                {"only_h": 0.04994, "only_c": 0.10121},
                "The state is (h, c) in this order: trace.final.h, trace.final.c.",
            ),
            Mistake(
                "nothing carried over",
                dict.fromkeys(("both", "only_h", "only_c"), 0.10835),
                "Give the state to forward: model.forward(part.xs, state).",
            ),
            Mistake(
                "the mean of the windows' RMSEs",
                {"none": 0.10663, "only_h": 0.09955, "only_c": 0.04694},
                "Take the mean of the squares over all steps first, then one root.",
            ),
            Mistake(
                "the RMSE at recalls alone",
                {"none": 0.2538, "only_h": 0.23708, "only_c": 0.11697},
                "Count all steps, those without a recall too.",
            ),
        ),
    ),
)
