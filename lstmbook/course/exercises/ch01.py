"""Exercises of chapter 1, sequences and memory."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def adding_from_the_second_half():
    """What is left to err about, and how far away it stood."""
    variance = 1 / 12  # of the number that was not seen
    longest = 10 - 1  # seen at step 1, needed at step 10
    shortest = 10 - 5
    return {"loss": variance, "longest": longest, "shortest": shortest}


def answered_the_seen_number_alone():
    """Add nothing for the number that was not seen: E u² = 1/3."""
    return adding_from_the_second_half() | {"loss": 1 / 3}


def counted_the_steps():
    """Count both ends, not the way between them."""
    return adding_from_the_second_half() | {"longest": 10, "shortest": 6}


def say_again(shown):
    """Solve copying, one step at a time, with a state of your own.

    shown hands out one sequence of classes, step by step, to a for loop
    and to nothing else: symbols 0 … 7, blank 8, signal 9. Return what to
    say at each step, (T,): blank, except for the ten steps after the
    signal.
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
    """Say the first symbol with the signal, not after it."""
    return np.append(say_again(shown)[1:], 8)


def last_one_first(shown):
    """Take the symbols off the end of the list."""
    said = say_again(shown)
    said[-10:] = said[-10:][::-1]
    return said


def silent_zero(shown):
    """Say 0 where blank is wanted, which is a symbol."""
    said = say_again(shown)
    return np.where(said == 8, 0, said)


def copying_cases(rng):
    """Two sequences, of different delays."""
    sequences = []
    for delay in (3, 14):
        word = rng.permutation(np.append(np.arange(8), rng.integers(0, 8, 2)))
        blanks = np.full(delay - 1, 8)
        shown = np.concatenate([word, blanks, [9], np.full(10, 8)])
        sequences.append((iter(shown.tolist()),))  # no looking back or ahead
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
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "the seen number alone",
                answered_the_seen_number_alone(),
                "Add the mean of the other one, ½: then only its variance is left.",
            ),
            Mistake(
                "a step too many",
                counted_the_steps(),
                "A lag is a distance: from step 1 to step 10 there are nine steps.",
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
                "The symbols are wanted in the order in which they came.",
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
        expected={"first_32": 0.8894, "middle_32": 0.9717},
        tolerance=1e-3,  # the seeds are given; the rest is rounding
        mistakes=(
            Mistake(
                "scored on the training digits",
                {"first_32": 1.0, "middle_32": 1.0},
                "Each of them finds itself. Count on those held out.",
            ),
            Mistake(
                "a slice that ends too soon",
                {"first_32": 0.8894, "middle_32": 0.8067},
                "The second number of a slice is where it ends: slice(16, 48).",
            ),
            Mistake(
                "the last half for the first",
                {"first_32": 0.8994, "middle_32": 0.9717},
                "slice(0, 32) holds the first half.",
            ),
        ),
    ),
)
