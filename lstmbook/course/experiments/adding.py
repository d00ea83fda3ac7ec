"""Experiments on the adding problem (chapters 3, 11 and 12)."""

import numpy as np

from lstmbook.cells import CELLS, LSTM, RNN
from lstmbook.course.experiments.runner import Experiment
from lstmbook.initialisation import chrono_biases
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train

__all__ = ["EXPERIMENTS", "cells", "forget_bias", "learn", "orthogonal"]

LENGTH = 100
HIDDEN = 32
SOLVED = 0.01  # mean squared error; the best constant answer scores 1/6
LIMIT = 5_000  # updates
EVERY = 25  # updates between two measurements of the error


def learn(model, rng, rate):
    """Train on adding over 100 steps until it is solved, or 5,000 updates are done.

    Adam, batches of 64, gradients clipped at a norm of 1. Every 25 updates the error is
    measured on 500 fresh sequences; below 0.01 the task counts as solved.

    Parameters
    ----------
    model : Model
        Where to begin.
    rng : numpy.random.Generator
        Source of all sequences.
    rate : float
        Adam's learning rate.

    Returns
    -------
    dict
        ``solved``; ``updates`` until then, None if it was never solved; ``mse``, the
        last error.

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    state = None
    for updates in range(EVERY, LIMIT + 1, EVERY):
        batches = (adding(rng, LENGTH, 64, model.cell.dtype) for _ in range(EVERY))
        done = _train(model, batches, rate, state)
        model, state = done.model, done.optimizer_state
        test = adding(rng, LENGTH, 500, model.cell.dtype)
        error = _error(model, test)
        if error < SOLVED:
            return {"solved": True, "updates": updates, "mse": error}
    return {"solved": False, "updates": None, "mse": error}


def _train(model, batches, rate, state=None):
    done = train(model, batches, mse, Adam(rate), max_norm=1.0, optimizer_state=state)
    if done.stopped:
        raise ArithmeticError(done.stopped)
    return done


def _error(model, test):
    value, _ = mse(model.forward(test.xs)[0], test.targets)
    return round(float(value), 5)


def orthogonal(init, length, seed):
    """Train an RNN of 32 units on adding, from orthogonal weights or not.

    Adam at 0.001, 5,000 updates with batches of 32, gradients clipped at a norm of 1.

    Parameters
    ----------
    init : {"default", "orthogonal"}
        The initial recurrent weights.
    length : int
        Steps of a sequence.
    seed : int
        Of weights and batches.

    Returns
    -------
    dict
        ``mse`` on 5,000 fresh sequences, the same for all runs.
    """
    rng = np.random.default_rng(seed)
    cell = RNN.init(rng, input_size=2, hidden_size=HIDDEN, dtype=np.float32)
    if init == "orthogonal":
        gaussian = rng.standard_normal((HIDDEN, HIDDEN))
        cell.W_h[:], _ = np.linalg.qr(gaussian)
    model = Model.init(rng, cell, 1)
    batches = (adding(rng, length, 32, np.float32) for _ in range(5_000))
    trained = _train(model, batches, rate=1e-3).model
    test = adding(np.random.default_rng(1000), length, 5_000, np.float32)
    return {"mse": round(_error(trained, test), 4)}


def cells(cell, rate, seed):
    """Train a cell of 32 units on adding, as :func:`learn` does.

    Parameters
    ----------
    cell : str
        Its name in ``lstmbook.cells.CELLS``.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and sequences.

    Returns
    -------
    dict
        What :func:`learn` returns.
    """
    rng = np.random.default_rng(seed)
    core = CELLS[cell].init(rng, input_size=2, hidden_size=HIDDEN, dtype=np.float32)
    return learn(Model.init(rng, core, 1), rng, rate)


def forget_bias(bias, seed):
    """Train an LSTM of 32 units on adding at 0.005, as :func:`learn` does.

    Parameters
    ----------
    bias : float or "chrono"
        Initial bias of all forget gates; ``"chrono"`` draws them for memories of up to
        100 steps (:func:`lstmbook.initialisation.chrono_biases`).
    seed : int
        Of weights and sequences.

    Returns
    -------
    dict
        What :func:`learn` returns.
    """
    rng = np.random.default_rng(seed)
    cell = LSTM.init(rng, input_size=2, hidden_size=HIDDEN, dtype=np.float32)
    if bias == "chrono":
        cell = chrono_biases(cell, rng, LENGTH)
    else:
        cell.b_f[:] = bias
    return learn(Model.init(rng, cell, 1), rng, rate=5e-3)


EXPERIMENTS = (
    Experiment(
        name="adding-orthogonal",
        about="RNN on adding: do orthogonal weights at the start help? (chapter 3)",
        function=orthogonal,
        grid=tuple(
            {"init": init, "length": length}
            for init in ("default", "orthogonal")
            for length in (50, 100)
        ),
        results=("mse",),
        seeds=12,
    ),
    Experiment(
        name="adding-cells",
        about="RNN, GRU and LSTM on adding over 100 steps (chapter 12)",
        function=cells,
        grid=(
            # Two rates, so that the RNN does not fail only because of its rate.
            {"cell": "rnn", "rate": 0.005},
            {"cell": "rnn", "rate": 0.001},
            {"cell": "gru", "rate": 0.005},
            {"cell": "lstm", "rate": 0.005},
        ),
        results=("solved", "updates", "mse"),
    ),
    Experiment(
        name="forget-bias",
        about="LSTM on adding over 100 steps, by forget bias at the start (chapter 11)",
        function=forget_bias,
        grid=tuple({"bias": bias} for bias in (0, 1, 3, "chrono")),
        results=("solved", "updates", "mse"),
    ),
)
