"""Exercises of chapter 14, what the gates learn."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "14-what-gates-learn"


def reber_by_hand():
    """Read a grammar, count a lag, toss ten coins, and split a variance."""
    legal = 2  # after B PBTSX the inner string goes on with X or S
    lag = 5  # read at step 2, to be predicted at step 7, after the E
    lucky = 0.5**10
    gate = np.array([[0.9, 0.7], [0.1, 0.3]])  # a row for each symbol
    explained = gate.mean(axis=1).var() / gate.var()  # 0.09 of 0.10
    return {
        "legal": legal,
        "lag": lag,
        "lucky": lucky,
        "explained": explained,
    }


def probe_held_out(states, labels, new_states, new_labels):
    """Fit a linear probe, and score it on other strings.

    states is (M, K), labels (M,) of bool. Fit K weights and an offset by
    least squares, so that weights and offset give +1 where the label is
    True and −1 where it is False. A new state, (N, K), is told True where
    the probe gives more than 0. Return the share of new_labels, (N,), that
    it tells.
    """
    design = np.column_stack([states, np.ones(len(states))])
    wanted = np.where(labels, 1.0, -1.0)
    weights = np.linalg.lstsq(design, wanted, rcond=None)[0]
    new_design = np.column_stack([new_states, np.ones(len(new_states))])
    return np.mean((new_design @ weights > 0) == new_labels)


def scores_what_it_fitted(states, labels, new_states, new_labels):
    """Score the strings that the probe was fitted to."""
    return probe_held_out(states, labels, states, labels)


def fits_what_it_scores(states, labels, new_states, new_labels):
    """Fit the strings that the probe is scored on."""
    return probe_held_out(new_states, new_labels, new_states, new_labels)


def fits_both(states, labels, new_states, new_labels):
    """Fit all strings, those that the probe is scored on included."""
    all_states = np.concatenate([states, new_states])
    all_labels = np.concatenate([labels, new_labels])
    return probe_held_out(all_states, all_labels, new_states, new_labels)


def no_offset(states, labels, new_states, new_labels):
    """Leave the offset out."""
    wanted = np.where(labels, 1.0, -1.0)
    weights = np.linalg.lstsq(states, wanted, rcond=None)[0]
    return np.mean((new_states @ weights > 0) == new_labels)


def zeros_for_false(states, labels, new_states, new_labels):
    """Fit to 1 and 0, and compare with 0 all the same."""
    design = np.column_stack([states, np.ones(len(states))])
    weights = np.linalg.lstsq(design, labels.astype(float), rcond=None)[0]
    new_design = np.column_stack([new_states, np.ones(len(new_states))])
    return np.mean((new_design @ weights > 0) == new_labels)


def probe_cases(rng):
    """Few strings, many units, and a boundary away from zero."""
    cases = []
    for M, N, K in ((24, 157, 8), (30, 211, 6), (20, 181, 9)):
        direction = rng.standard_normal(K)

        def draw(number, direction=direction):
            states = rng.standard_normal((number, len(direction)))
            noise = rng.standard_normal(number)
            told = states @ direction + noise > 1.5
            return states, told

        states, labels = draw(M)
        labels[:2] = True, False
        cases.append((states, labels, *draw(N)))
    return cases


def looks_of_nothing():
    """Share of a fresh forget gate's variance that the symbol explains."""
    from lstmbook import LSTM
    from lstmbook.tasks.reber import reber

    batch = reber(np.random.default_rng(1), 500)
    inside = np.arange(len(batch.xs))[:, None] < batch.lengths
    symbols = batch.xs.argmax(axis=-1)[inside]

    def median(scale):
        cell = LSTM.init(np.random.default_rng(0), 7, 16)
        cell.W_h[:] *= scale
        _, trace = cell.forward(batch.xs, None, batch.lengths)
        gate = trace.gates.f[inside]
        means = np.zeros_like(gate)
        for symbol in range(7):
            here = symbols == symbol
            means[here] = gate[here].mean(axis=0)
        return np.median(means.var(axis=0) / gate.var(axis=0))

    return {"fresh": median(1), "recurrent": median(5)}


EXERCISES = (
    Exercise(
        name="reber-by-hand",
        quantities=("legal", "lag", "lucky", "explained"),
        solution=reber_by_hand,
        tolerance={
            "legal": 1e-5,
            "lag": 1e-5,
            "lucky": 3e-5,
            "explained": 2e-3,
        },
        shares=("explained",),
        mistakes=(
            Mistake(
                "the step at which it is read",
                {"lag": 6},
                "It must be predicted one step before it is read.",
            ),
            Mistake(
                "the whole string",
                {"lag": 9},
                "Count from the step that shows the outer symbol.",
            ),
            Mistake(
                "one string only",
                {"lucky": 0.5},
                "All of the ten coins have to fall right.",
            ),
            Mistake(
                "a tenth of one string",
                {"lucky": 0.05},
                "Probabilities of independent events are multiplied.",
            ),
            Mistake(
                "the variance within the symbols",
                {"explained": 0.1},
                "That is what the symbol leaves unexplained.",
            ),
            Mistake(
                "standard deviations",
                {"explained": np.sqrt(0.9)},
                "Variances are compared, the squares of these.",
            ),
        ),
    ),
    Exercise(
        name="probe-held-out",
        quantities=("share",),
        solution=probe_held_out,
        cases=probe_cases,
        mistakes=(
            Mistake(
                "scored on what it was fitted to",
                scores_what_it_fitted,
                "Of those it may have learned even the noise.",
            ),
            Mistake(
                "fitted to what it is scored on",
                fits_what_it_scores,
                "new_states and new_labels are for the score alone.",
            ),
            Mistake(
                "fitted to all",
                fits_both,
                "new_states and new_labels are for the score alone.",
            ),
            Mistake(
                "no offset",
                no_offset,
                "Without an offset the boundary has to go through zero.",
            ),
            Mistake(
                "zeros for False",
                zeros_for_false,
                "Between 0 and 1 the boundary is at ½; between −1 and 1 it is at 0.",
            ),
        ),
    ),
    Exercise(
        name="looks-of-nothing",
        quantities=("fresh", "recurrent"),
        solution=looks_of_nothing,
        expected={
            "fresh": Band.around(0.96947, 0.0003),
            "recurrent": Band.around(0.25017, 0.002),
        },
        decimals=2,
        shares=("fresh", "recurrent"),
        mistakes=(
            Mistake(
                "the padding included",
                {
                    "fresh": Band.around(0.7386, 0.002),
                    "recurrent": Band.around(0.7243, 0.002),
                },
                "Where a string has ended the gates are 0: leave those steps out.",
            ),
            Mistake(
                "standard deviations",
                {
                    "fresh": Band.around(0.9846, 0.0003),
                    "recurrent": Band.around(0.49995, 0.002),
                },
                "Variances are compared, the squares of these.",
            ),
        ),
    ),
)
