"""Exercises of chapter 1, sequences and memory."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "01-sequences-and-memory"


def adding_from_the_second_half():
    """The smallest possible loss, and the lags of the missed number."""
    variance = 1 / 12  # of the number that was not seen
    longest = 10 - 1  # seen at step 1, needed at step 10
    shortest = 10 - 5
    return {"loss": variance, "longest": longest, "shortest": shortest}


def say_again(shown):
    """Solve copying, one step at a time, with a state of your own.

    shown yields one sequence of classes to a for loop, step by step:
    symbols 0 … 7, blank 8, signal 9. Return an answer for each step,
    (T,): blank, except for the ten steps after the signal. The sequence
    may break off at any step; the answers up to there stay the same.
    """
    kept, reading = [], False  # the state
    said = []
    for symbol in shown:
        said.append(kept.pop(0) if reading and kept else 8)  # read
        if symbol < 8:
            kept.append(symbol)  # store
        reading = reading or symbol == 9
    return np.array(said)


def answered_at_the_signal(shown):
    """Look at the input first, and so answer a step early."""
    kept, reading = [], False
    said = []
    for symbol in shown:
        if symbol < 8:
            kept.append(symbol)
        reading = reading or symbol == 9
        said.append(kept.pop(0) if reading and kept else 8)
    return said


def last_one_first(shown):
    """Take the symbols off the end of the list."""
    kept, reading = [], False
    said = []
    for symbol in shown:
        said.append(kept.pop() if reading and kept else 8)
        if symbol < 8:
            kept.append(symbol)
        reading = reading or symbol == 9
    return said


def looked_ahead(shown):
    """Wait for the end, and fill in the last ten answers."""
    shown = list(shown)
    return [8] * (len(shown) - 10) + shown[:10]


def silent_zero(shown):
    """Say 0 where blank is wanted, which is a symbol."""
    said = say_again(shown)
    return np.where(said == 8, 0, said)


def copying_cases(rng):
    """Two whole sequences of different delays, and two that break off."""
    sequences = []
    for delay, steps in ((3, 23), (14, 34), (9, 15), (5, 20)):
        word = rng.permutation(np.append(np.arange(8), rng.integers(0, 8, 2)))
        blanks = np.full(delay - 1, 8)
        shown = np.concatenate([word, blanks, [9], np.full(10, 8)])
        sequences.append((iter(shown[:steps].tolist()),))
    return sequences


def other_parts_of_the_digits():
    """The first and the middle 32 pixels, five seeds."""
    from lstmbook.tasks.digits import digits

    parts = {"first_32": slice(0, 32), "middle_32": slice(16, 48)}
    shares = {name: [] for name in parts}
    for seed in range(5):
        train, test = digits(np.random.default_rng(seed), by="pixel")
        for name, see in parts.items():
            known, seen = train.xs[see, :, 0].T, test.xs[see, :, 0].T
            squares = (known**2).sum(axis=1)
            most_like = (squares - 2 * seen @ known.T).argmin(axis=1)
            right = train.targets[most_like] == test.targets
            shares[name].append(right.mean())
    return {name: np.mean(values) for name, values in shares.items()}


EXERCISES = (
    Exercise(
        name="adding-by-hand",
        quantities=("loss", "longest", "shortest"),
        solution=adding_from_the_second_half,
        tolerance={"loss": 5e-4, "longest": 1e-6, "shortest": 1e-6},
        mistakes=(
            Mistake(
                "the seen number alone",
                {"loss": 1 / 3},  # E u²
                "Add the mean of the other one, ½: then only its variance is left.",
            ),
            Mistake(
                "both numbers unseen",
                {"loss": 1 / 6},
                "The second mark is always in the half that is seen.",
            ),
            Mistake(
                "a step too many",
                {"longest": 10, "shortest": 6},
                "A lag is a distance: from one step to the next it is 1.",
            ),
        ),
    ),
    Exercise(
        name="say-again",
        quantities=("said",),
        solution=say_again,
        cases=copying_cases,
        mistakes=(
            Mistake(
                "one step early",
                answered_at_the_signal,
                "At the signal itself blank is wanted; the answers come after it.",
            ),
            Mistake(
                "last in, first out",
                last_one_first,
                "The symbols are wanted in the order in which they were shown.",
            ),
            Mistake(
                "looking ahead",
                looked_ahead,
                "Where the sequence breaks off, the last ten steps are others. "
                "Answer each step from what you have seen by then.",
            ),
            Mistake(
                "0 for silence",
                silent_zero,
                "0 is one of the eight symbols; blank is 8.",
            ),
        ),
    ),
    Exercise(
        name="other-pixels",
        quantities=("first_32", "middle_32"),
        solution=other_parts_of_the_digits,
        # The seeds are given and pixels are sixteenths: the same everywhere.
        expected={
            "first_32": Band.around(0.8894, 1e-3),
            "middle_32": Band.around(0.9717, 1e-3),
        },
        decimals=2,
        shares=("first_32", "middle_32"),
        mistakes=(
            Mistake(
                "scored on the training digits",
                {"first_32": 1.0, "middle_32": 1.0},
                "Each of them finds itself. Count on those held out.",
            ),
            Mistake(
                "a slice that ends too soon",
                {"middle_32": 0.8067},
                "The second number of a slice is where it ends, not its length.",
            ),
            Mistake(
                "the last half for the first",
                {"first_32": 0.8994},
                "slice(0, 32) holds the first half.",
            ),
            Mistake(
                "seed 0 alone",
                {"middle_32": 0.9694},
                "Take the mean over the seeds 0 to 4.",
            ),
            Mistake(
                "the median of the seeds",
                {"middle_32": 0.975},
                "Take the mean over the seeds 0 to 4.",
            ),
        ),
    ),
)
