"""Exercises of chapter 13, when it does not learn."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "13-when-it-does-not-learn"


def chance_by_hand():
    """Say what nets score that remember nothing, and what clipping leaves."""
    first_loss = np.log(10)  # each of ten classes has probability 1/10
    blind = 2**2 / 12  # the variance of a value from U(-1, 1)
    half = 1 / 12  # the variance of the value from U(0, 1) that is not known
    left = 1 / 40  # a norm of 40 becomes a norm of 1, in the same direction
    return {
        "first_loss": first_loss,
        "blind": blind,
        "half": half,
        "left": left,
    }


def early_stop(losses, patience):
    """Find where to stop training, and which weights to keep.

    losses is (K,), the held-out loss at each of K checks in order. Stop at
    the first check at which the last `patience` checks, this one included,
    all failed to go below the lowest loss before them; if there is none,
    at the last check. Looking ahead is not possible: use no loss after the
    stop. Return best, the check whose weights you keep, and stopped, the
    check you stopped at, both counted from 0.
    """
    best = 0
    for check, loss in enumerate(losses):
        if loss < losses[best]:
            best = check
        if check - best == patience:
            break
    return best, check


def last_weights(losses, patience):
    """Keep what training ended with."""
    _, stopped = early_stop(losses, patience)
    return stopped, stopped


def looks_ahead(losses, patience):
    """Keep the best of all checks, those after the stop included."""
    _, stopped = early_stop(losses, patience)
    return np.argmin(losses), stopped


def one_check_late(losses, patience):
    """Wait for one check more."""
    return early_stop(losses, patience + 1)


def compares_with_the_check_before(losses, patience):
    """Count the rises in a row, not the checks since the best."""
    best, rises = 0, 0
    for check in range(1, len(losses)):
        rises = rises + 1 if losses[check] >= losses[check - 1] else 0
        if losses[check] < losses[best]:
            best = check
        if rises == patience:
            break
    return best, check


def stopping_cases(rng):
    """Losses that fall, stay level with noise, and would fall again later."""
    cases = []
    for patience, checks in ((3, 16), (2, 13), (4, 6)):
        losses = np.exp(-np.arange(checks) / rng.uniform(3, 5)) + 0.3
        if checks > 2 * patience:
            # Up and down, never below the best; then the best of all, too late.
            best = rng.integers(2, 6)
            above = rng.uniform(0.05, 0.2, checks - best - 2)
            above[1::2] += 0.3
            losses[best + 1 : -1] = losses[best] + above
            losses[-1] = losses[best] - 0.2
        cases.append((losses, patience))
    return cases


def bias_and_gradient():
    """Half-life of c and the gradient that arrives, for two forget biases."""
    from lstmbook import LSTM, LSTMState
    from lstmbook.diagnostics import gradient_by_lag, half_life
    from lstmbook.tasks.adding import adding

    batch = adding(np.random.default_rng(1), length=100, batch_size=16)

    def measure(bias):
        cell = LSTM.init(
            np.random.default_rng(0), input_size=2, hidden_size=16
        )
        cell.b_f[:] = bias
        _, trace = cell.forward(batch.xs)
        d_final = LSTMState(np.zeros((16, 16)), np.ones((16, 16)))
        passed = gradient_by_lag(cell, trace, d_final).c
        share = np.median(passed[99] / passed[0])
        return np.median(half_life(trace.gates.f)), np.log10(share)

    half_life_1, share_1 = measure(1)
    half_life_5, share_5 = measure(5)
    return {
        "half_life_1": half_life_1,
        "half_life_5": half_life_5,
        "share_1": share_1,
        "share_5": share_5,
    }


EXERCISES = (
    Exercise(
        name="chance-by-hand",
        quantities=("first_loss", "blind", "half", "left"),
        solution=chance_by_hand,
        tolerance=2e-3,
        mistakes=(
            Mistake(
                "another base of the logarithm",
                {"first_loss": np.log2(10)},
                "Cross-entropy in nats uses ln, the natural logarithm.",
            ),
            Mistake(
                "the probability, not its loss",
                {"first_loss": 0.1},
                "The loss is −ln of the probability of the right class.",
            ),
            Mistake(
                "the variance of U(0, 1)",
                {"blind": 1 / 12},
                "From −1 to 1 it is 2 wide, so its variance is 2² / 12.",
            ),
            Mistake(
                "the root of the mean squared error",
                {"blind": np.sqrt(1 / 3)},
                "Asked is the mean squared error, without a root.",
            ),
            Mistake(
                "knows neither number",
                {"half": 1 / 6},
                "One of the two is known, so only the other one's variance is left.",
            ),
            Mistake(
                "clipping subtracts",
                {"left": 39 / 40},
                "All entries are multiplied by the same factor, threshold / norm.",
            ),
        ),
    ),
    Exercise(
        name="early-stopping",
        quantities=("best", "stopped"),
        solution=early_stop,
        cases=stopping_cases,
        mistakes=(
            Mistake(
                "keeps the last weights",
                last_weights,
                "The last `patience` checks were all worse than the best one.",
            ),
            Mistake(
                "looks ahead",
                looks_ahead,
                "After the stop nothing is trained: no loss after it is known.",
            ),
            Mistake(
                "one check late",
                one_check_late,
                "Stop at the check that completes `patience` failures in a row.",
            ),
            Mistake(
                "compares with the check before",
                compares_with_the_check_before,
                "A check fails if it is not below the best so far.",
            ),
        ),
    ),
    Exercise(
        name="bias-and-gradient",
        quantities=("half_life_1", "half_life_5", "share_1", "share_5"),
        solution=bias_and_gradient,
        expected={
            "half_life_1": Band.around(2.262, 0.02),
            "half_life_5": Band.around(110.46, 0.5),
            "share_1": Band.around(-6.534, 0.02),
            "share_5": Band.around(0.623, 0.02),
        },
        decimals=1,
        mistakes=(
            Mistake(
                "the biases exchanged",
                {
                    "half_life_1": Band.around(110.46, 0.5),
                    "half_life_5": Band.around(2.262, 0.02),
                    "share_1": Band.around(0.623, 0.02),
                    "share_5": Band.around(-6.534, 0.02),
                },
                "A large bias opens the forget gate: more is kept.",
            ),
            Mistake(
                "the natural logarithm",
                {
                    "share_1": Band.around(-15.045, 0.02),
                    "share_5": Band.around(1.434, 0.02),
                },
                "Asked is the power of ten: np.log10.",
            ),
            Mistake(
                "the forget gates alone",
                {
                    "share_1": Band.around(-13.151, 0.02),
                    "share_5": Band.around(-0.268, 0.02),
                },
                "The product of f leaves out the leak through the gates.",
            ),
        ),
    ),
)
