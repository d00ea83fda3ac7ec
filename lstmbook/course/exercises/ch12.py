"""Exercises of chapter 12, training an LSTM."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def windows_by_hand():
    """Count what windows of 25 steps let through, and what padding costs."""
    window, lag = 25, 20
    farthest = 48 - 26  # step 48 stands in the window of the steps 26 to 50
    # The note must stand on one of the first 25 − 20 steps of a window.
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
    """Read what each sequence of a padded batch ends with, and go back.

    hs is (T, N, H), from a cell that ran on over the padding; d_last is
    (N, H), the cotangent of what you read; lengths is (N,). Return last
    (N, H) and d_hs (T, N, H).
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
    """RMSE on the notepad in windows of 25 steps, by what is carried."""
    from lstmbook import LSTMState
    from lstmbook.losses import mse, windows
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
        mistakes=(
            Mistake(
                "a whole window back",
                windows_by_hand() | {"farthest": 25},
                "A window is cut at its own first step, wherever in it one stands.",
            ),
            Mistake(
                "one step beyond the cut",
                windows_by_hand() | {"farthest": 23},
                "The window's first input is that of step 26: 48 − 26.",
            ),
            Mistake(
                "both ends counted",
                windows_by_hand() | {"share": 6 / 25},
                "From the note at step t to the recall at t + 20 it takes 21 rows.",
            ),
            Mistake(
                "shorter than the window, so always inside",
                windows_by_hand() | {"share": 1.0},
                "A note near the end of a window is recalled in the next one.",
            ),
            Mistake(
                "the share that is cut",
                windows_by_hand() | {"share": 20 / 25},
                "A note on the last 20 of 25 steps is the one that loses its recall.",
            ),
            Mistake(
                "padding as a share of what is real",
                windows_by_hand() | {"padding": 72 / 48},
                "Ask for the share of all 3 · 40 positions of the batch.",
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
                "The cotangent goes back to the row that was read.",
            ),
            Mistake(
                "the cotangent at each step",
                everywhere,
                "One row was read, and d_hs is zero in all others.",
            ),
        ),
    ),
    Exercise(
        name="carried-memories",
        quantities=("both", "none", "only_h", "only_c"),
        solution=carried_memories,
        expected={
            "both": 0.0009,
            "none": 0.1084,
            "only_h": 0.1012,
            "only_c": 0.0499,
        },
        tolerance=0.0005,
        mistakes=(
            Mistake(
                "h and c exchanged",
                {
                    "both": 0.0009,
                    "none": 0.1084,
                    "only_h": 0.0499,
                    "only_c": 0.1012,
                },
                "The state is (h, c) in this order: trace.final.h, trace.final.c.",
            ),
            Mistake(
                "nothing carried",
                dict.fromkeys(("both", "none", "only_h", "only_c"), 0.1084),
                "Hand the state to forward: model.forward(part.xs, state).",
            ),
        ),
    ),
)
