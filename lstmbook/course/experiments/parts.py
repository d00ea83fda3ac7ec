"""Experiments on the parts of the cell (chapters 4 to 6)."""

import numpy as np

from lstmbook.cells import LSTM, RNN
from lstmbook.course.exercises.mutants import MUTANTS
from lstmbook.course.experiments.adding import train_adam
from lstmbook.course.experiments.runner import Experiment
from lstmbook.data import Batch
from lstmbook.model import Model
from lstmbook.tasks.notepad import MARKS, notepad

__all__ = [
    "AGES",
    "EXPERIMENTS",
    "NETS",
    "RATES",
    "SQUASHED",
    "first_of_twenty",
    "learn_main_layer",
    "learn_notes",
    "main_layer",
    "note_ages",
    "notes_by_age",
    "say_the_first",
]

#: Groups of ages of a note, in steps: first and last of each.
AGES = ((1, 2), (3, 4), (5, 8), (9, 16), (17, 49))

#: Name to cell and units; each of the cells has 336 parameters.
NETS = {"rnn": (RNN, 16), "rnn, orthogonal": (RNN, 16), "lstm": (LSTM, 7)}

#: Name to learning rates tried.
RATES = {
    "rnn": (1e-3, 3e-3, 1e-2),
    "rnn, orthogonal": (1e-3, 3e-3, 1e-2),
    "lstm": (1e-2, 3e-2, 1e-1),
}

#: Name to cell and bias of its main layer.
SQUASHED = {
    "tanh": (LSTM, 0),
    "sigmoid": (MUTANTS["sigmoid-main-layer"].cell, 0),
    "sigmoid, bias -3": (MUTANTS["sigmoid-main-layer"].cell, -3),
}

LENGTH = 50  # of the streams of notes
FIRST = 20  # steps of "say the first value"
SOLVED = 0.01  # mean squared error of "say the first value"; answering 0 scores 1/3
LIMIT = 2_000  # updates of "say the first value"


def note_ages(xs):
    """Age of the note on each notepad, in steps.

    Parameters
    ----------
    xs : ndarray, shape (T, N, 4)
        Inputs of the notepad.

    Returns
    -------
    ndarray of int, shape (T, N)
        0 at the step where the note is written, −1 where there is none.
    """
    ages = np.full(xs.shape[:2], -1)
    age, announced = ages[0], np.zeros(xs.shape[1], bool)
    for t, x in enumerate(xs):
        age = np.where(age >= 0, age + 1, -1)
        age = np.where(announced, 0, age)
        age = np.where(x[:, MARKS["clear"]] == 1, -1, age)
        announced = x[:, MARKS["store"]] == 1
        ages[t] = age
    return ages


def learn_notes(net, rate, seed, updates=2_000):
    """Train a small net on the notepad: fresh batches of 32 streams of 50 steps.

    Adam, gradients clipped at a norm of 1, float32.

    Parameters
    ----------
    net : {"rnn", "rnn, orthogonal", "lstm"}
        The second starts with an orthogonal ``W_h``.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and streams.
    updates : int
        How many.

    Returns
    -------
    Model

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    rng = np.random.default_rng(seed)
    kind, hidden = NETS[net]
    cell = kind.init(rng, 4, hidden, dtype=np.float32)
    if net == "rnn, orthogonal":
        q, r = np.linalg.qr(rng.standard_normal((hidden, hidden)))
        cell.W_h[:] = q * np.sign(np.diag(r))
    model = Model.init(rng, cell, 1, readout="all")
    batches = (notepad(rng, LENGTH, 32, dtype=np.float32) for _ in range(updates))
    return train_adam(model, batches, rate).model


def notes_by_age(net, rate, seed):
    """Train as :func:`learn_notes` does, and measure the error by the age of the note.

    Parameters
    ----------
    net : {"rnn", "rnn, orthogonal", "lstm"}
        Which.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``age_1`` … ``age_17``: root of the mean squared error at recalls,
        a column for each group of ``AGES``, on 2,000 streams of 50 steps, the same
        for all runs. Answering 0 scores about 0.58.
    """
    model = learn_notes(net, rate, seed)
    test = notepad(np.random.default_rng(1000), LENGTH, 2_000, dtype=np.float32)
    ages, recalled = note_ages(test.xs), test.xs[..., MARKS["recall"]] == 1
    errors = (model.forward(test.xs)[0] - test.targets)[..., 0]
    return {
        f"age_{low}": _root(errors[recalled & (low <= ages) & (ages <= high)])
        for low, high in AGES
    }


def learn_main_layer(squashed, rate, updates, seed):
    """Train an LSTM of 8 units on the notepad: 32 fresh streams of 20 steps an update.

    Adam, gradients clipped at a norm of 1. With the same seed all kinds start with the
    same weights, except for the bias of the main layer, and see the same streams.

    Parameters
    ----------
    squashed : {"tanh", "sigmoid", "sigmoid, bias -3"}
        What squashes the main layer, and its bias, 0 if none is named.
    rate : float
        Adam's learning rate.
    updates : int
        How many.
    seed : int
        Of weights and streams.

    Returns
    -------
    Model

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    rng = np.random.default_rng(seed)
    kind, b_g = SQUASHED[squashed]
    cell = kind.init(rng, 4, 8)
    cell.b_g[:] = b_g
    model = Model.init(rng, cell, 1, readout="all")
    batches = (notepad(rng, 20, 32) for _ in range(updates))
    return train_adam(model, batches, rate).model


def main_layer(squashed, rate, updates, seed):
    """Train as :func:`learn_main_layer` does, and measure the error.

    Parameters
    ----------
    squashed : {"tanh", "sigmoid", "sigmoid, bias -3"}
        What squashes the main layer, and its bias.
    rate : float
        Adam's learning rate.
    updates : int
        How many.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``rmse`` on 2,000 streams of 20 steps, the same for all runs. Answering 0
        scores 0.165.
    """
    model = learn_main_layer(squashed, rate, updates, seed)
    test = notepad(np.random.default_rng(1000), 20, 2_000)
    return {"rmse": _root(model.forward(test.xs)[0] - test.targets)}


def say_the_first(rng, length, batch_size=32):
    """Draw sequences whose first value is to be said at the end.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values, from U(−1, 1).
    length : int
        T.
    batch_size : int
        N.

    Returns
    -------
    Batch
        ``xs`` (T, N, 2): value, and a mark at the first step. ``targets`` (N, 1).
        The best answer without the value is 0, which scores 1/3.
    """
    xs = np.zeros((length, batch_size, 2))
    xs[..., 0] = rng.uniform(-1, 1, (length, batch_size))
    xs[0, :, 1] = 1
    return Batch(xs, xs[0, :, :1].copy())


def first_of_twenty(b_f, b_i, rate, seed):
    """Train an LSTM of 8 units to say the first of twenty values.

    Adam, batches of 32, gradients clipped at a norm of 1; it ends when the mean loss of
    the last 50 updates is below 0.01, or after 2,000 updates. With the same seed all
    biases start with the same weights and see the same sequences.

    Parameters
    ----------
    b_f, b_i : float
        Biases of the forget and of the input gate at the start.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and sequences.

    Returns
    -------
    dict
        ``updates`` until it was solved, None if it was not; ``loss_200``, the mean
        loss of the updates 151 to 200.
    """
    rng = np.random.default_rng(seed)
    cell = LSTM.init(rng, 2, 8)
    cell.b_f[:], cell.b_i[:] = b_f, b_i
    model, state, losses = Model.init(rng, cell, 1), None, []
    for updates in range(50, LIMIT + 1, 50):
        run = train_adam(
            model, (say_the_first(rng, FIRST) for _ in range(50)), rate, state
        )
        model, state = run.model, run.optimizer_state
        losses.append(float(run.losses.mean()))
        if losses[-1] < SOLVED and updates >= 200:
            break
    solved = next((50 * k for k, loss in enumerate(losses, 1) if loss < SOLVED), None)
    return {"updates": solved, "loss_200": round(losses[3], 5)}


def _root(errors):
    return round(float(np.sqrt((errors**2).mean())), 5)


EXPERIMENTS = (
    Experiment(
        name="notes-by-age",
        about="RNN and LSTM on the notepad: error by the age of the note (chapter 4)",
        function=notes_by_age,
        grid=tuple({"net": net, "rate": rate} for net in NETS for rate in RATES[net]),
        results=tuple(f"age_{low}" for low, _ in AGES),
        seeds=9,
    ),
    Experiment(
        name="main-layer",
        about="tanh or σ in the main layer, on the notepad (chapter 5)",
        function=main_layer,
        grid=tuple(
            {"squashed": squashed, "rate": rate, "updates": updates}
            for squashed in SQUASHED
            # More updates, smaller rates.
            for updates, rates in ((600, (1e-2, 3e-2, 1e-1)), (1_800, (1e-2, 3e-2)))
            for rate in rates
        ),
        results=("rmse",),
        seeds=8,
    ),
    Experiment(
        name="first-of-twenty",
        about="LSTM that says the first of 20 values: how gates begin (chapter 6)",
        function=first_of_twenty,
        grid=tuple(
            {"b_f": b_f, "b_i": b_i, "rate": rate}
            for b_f, b_i in ((0, 0), (1, 0), (3, 0), (3, -3))
            for rate in (3e-3, 1e-2, 3e-2)
        ),
        results=("updates", "loss_200"),
        seeds=8,
    ),
)
