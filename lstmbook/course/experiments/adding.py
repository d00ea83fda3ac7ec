"""Experiments on the adding problem (chapters 3, 11 and 12)."""

import numpy as np

from lstmbook import tree
from lstmbook.cells import CELLS, LSTM, RNN
from lstmbook.course.experiments.runner import Experiment
from lstmbook.initialisation import chrono_biases
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.ops import tanh, tanh_prime
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train

__all__ = [
    "EXPERIMENTS",
    "arriving",
    "cells",
    "forget_bias",
    "gradients",
    "learn",
    "orthogonal",
    "train_adam",
    "tuning",
]

HIDDEN = 32
SOLVED = 0.01  # mean squared error; the best constant answer scores 1/6
EVERY = 25  # updates between two measurements of the error
TUNING = 100  # first seed of the runs on which learning rates are chosen
LAGS = (7, 14, 21, 28, 35, 42, 49)
ARRIVES = 0.01  # share of a gradient that counts as having arrived


def learn(model, rng, rate, length=100, limit=5_000, look=None):
    """Train on adding until it is solved, or the updates are used up.

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
    length : int
        T.
    limit : int
        Updates at most.
    look : callable, optional
        Called every 25 updates with the number of updates, the model and its error.

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
    for updates in range(EVERY, limit + 1, EVERY):
        batches = (adding(rng, length, 64, model.cell.dtype) for _ in range(EVERY))
        done = train_adam(model, batches, rate, state)
        model, state = done.model, done.optimizer_state
        test = adding(rng, length, 500, model.cell.dtype)
        error = _error(model, test)
        if look is not None:
            look(updates, model, error)
        if error < SOLVED:
            return {"solved": True, "updates": updates, "mse": error}
    return {"solved": False, "updates": None, "mse": error}


def train_adam(model, batches, rate, state=None):
    """Train on the mean squared error by Adam, gradients clipped at a norm of 1.

    Parameters
    ----------
    model : Model
        Where to begin.
    batches : iterable of Batch
        One for each update.
    rate : float
        Adam's learning rate.
    state : optional
        Of the optimiser, to go on from.

    Returns
    -------
    Run

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
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
    trained = train_adam(model, batches, rate=1e-3).model
    test = adding(np.random.default_rng(1000), length, 5_000, np.float32)
    return {"mse": round(_error(trained, test), 4)}


def cells(cell, rate, seed):
    """Train a cell of 32 units on adding over 100 steps, as :func:`learn` does.

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
        ``parameters``, the number of them, and what :func:`learn` returns.
    """
    model, rng = _draw(cell, seed)
    return {"parameters": tree.count(model), **learn(model, rng, rate)}


def tuning(cell, rate, seed):
    """Train as :func:`cells` does, with seeds that choose a rate and are not reported.

    Parameters
    ----------
    cell : str
        Its name in ``lstmbook.cells.CELLS``.
    rate : float
        Adam's learning rate.
    seed : int
        The run has the seed 100 + ``seed``.

    Returns
    -------
    dict
        What :func:`cells` returns.
    """
    return cells(cell, rate, TUNING + seed)


def gradients(cell, rate, seed):
    """Train a cell of 32 units on adding over 50 steps, and follow its gradient.

    Trained as :func:`learn` does, for 8,000 updates at most. The gradient is that of
    the answer for 16 sequences, the same in all runs, as :func:`arriving` measures it.

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
        What :func:`learn` returns; the shares that arrive before and after training,
        ``before_7`` … ``before_49`` and ``after_7`` … ``after_49``; and the updates
        until the error was below 1/12, half of what the best constant answer scores
        (``learned_at``), and until a share of 0.01 arrived at lag 49 (``arrived_at``),
        None where that never was.
    """
    model, rng = _draw(cell, seed)
    xs = adding(np.random.default_rng(1000), 50, 16, np.float32).xs
    found = {f"before_{lag}": arriving(model, xs, lag) for lag in LAGS}
    first = {"learned_at": None, "arrived_at": None}
    trained = model

    def look(updates, model, error):
        nonlocal trained
        trained = model
        if first["learned_at"] is None and error < 1 / 12:
            first["learned_at"] = updates
        if first["arrived_at"] is None and arriving(model, xs, 49) > ARRIVES:
            first["arrived_at"] = updates

    result = learn(model, rng, rate, length=50, limit=8_000, look=look)
    found |= {f"after_{lag}": arriving(trained, xs, lag) for lag in LAGS}
    return {**result, **{k: float(f"{v:.3g}") for k, v in found.items()}, **first}


def arriving(model, xs, lag):
    """Share of the answer's gradient that arrives some steps before the end.

    For the LSTM along c, from c_T to c_{T − lag}; for cells with one memory along h.
    What :func:`lstmbook.diagnostics.gradient_by_lag` has in row ``lag`` over row 0, by
    one backward pass.

    Parameters
    ----------
    model : Model
        Whose single cell is asked.
    xs : ndarray, shape (T, N, D)
        Sequences.
    lag : int
        Steps before the end, 1 … T − 1.

    Returns
    -------
    float
        Median over the sequences.
    """
    cell = model.cell
    _, earlier = cell.forward(xs[:-lag])
    _, trace = cell.forward(xs[-lag:], earlier.final)
    d_h = np.repeat(model.W_y.T, xs.shape[1], axis=0)
    if type(cell) is LSTM:
        slope = trace.gates.o[-1] * tanh_prime(tanh(trace.final.c))
        d_final = trace.final._make((np.zeros_like(d_h), d_h * slope))
    else:
        d_final = trace.final._make((d_h,))
    nothing = np.zeros_like(trace.states.h)
    reached = cell.backward(trace, nothing, d_final).state
    norms = (np.linalg.norm(d[-1], axis=-1) for d in (reached, d_final))
    return float(np.median(np.divide(*norms)))


def _draw(cell, seed):
    rng = np.random.default_rng(seed)
    core = CELLS[cell].init(rng, input_size=2, hidden_size=HIDDEN, dtype=np.float32)
    return Model.init(rng, core, 1), rng


def forget_bias(bias, mirrored, rate, seed):
    """Train an LSTM of 32 units on adding over 100 steps, as :func:`learn` does.

    Parameters
    ----------
    bias : float or "chrono"
        Initial bias of all forget gates; ``"chrono"`` draws them for memories of up to
        100 steps (:func:`lstmbook.initialisation.chrono_biases`).
    mirrored : bool
        Whether the initial input biases are −``bias``, unit by unit, or zero.
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
    cell = LSTM.init(rng, input_size=2, hidden_size=HIDDEN, dtype=np.float32)
    if bias == "chrono":
        cell = chrono_biases(cell, rng, longest=100)
    else:
        cell.b_f[:] = bias
    cell.b_i[:] = -cell.b_f if mirrored else 0
    return learn(Model.init(rng, cell, 1), rng, rate)


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
        name="adding-rates",
        about="RNN, GRU and LSTM on adding over 100 steps: learning rates (chapter 12)",
        function=tuning,
        grid=tuple(
            {"cell": cell, "rate": rate}
            for cell in ("rnn", "gru", "lstm")
            for rate in (0.001, 0.003, 0.005, 0.01)
        ),
        results=("parameters", "solved", "updates", "mse"),
        seeds=3,
    ),
    Experiment(
        name="adding-cells",
        about="RNN, GRU and LSTM on adding over 100 steps (chapter 12)",
        function=cells,
        grid=(
            {"cell": "rnn", "rate": 0.005},
            {"cell": "rnn", "rate": 0.001},
            {"cell": "gru", "rate": 0.005},
            {"cell": "gru", "rate": 0.01},
            {"cell": "lstm", "rate": 0.005},
            {"cell": "lstm", "rate": 0.01},
        ),
        results=("parameters", "solved", "updates", "mse"),
    ),
    Experiment(
        name="adding-gradients",
        about="RNN, GRU and LSTM on adding over 50 steps: the gradient (chapter 11)",
        function=gradients,
        grid=tuple(
            {"cell": cell, "rate": rate}
            for cell in ("rnn", "gru", "lstm")
            for rate in (0.001, 0.01)
        ),
        results=(
            *("solved", "updates", "mse"),
            *(f"{when}_{lag}" for when in ("before", "after") for lag in LAGS),
            *("learned_at", "arrived_at"),
        ),
        seeds=6,
    ),
    Experiment(
        name="forget-bias",
        about="LSTM on adding over 100 steps, by forget bias at the start (chapter 11)",
        function=forget_bias,
        grid=(
            *({"bias": b, "mirrored": False, "rate": 0.005} for b in (0, 1, 3, 5)),
            {"bias": "chrono", "mirrored": False, "rate": 0.005},
            *({"bias": b, "mirrored": True, "rate": 0.005} for b in (3, 4, 5)),
            {"bias": "chrono", "mirrored": True, "rate": 0.005},
        ),
        results=("solved", "updates", "mse"),
    ),
    Experiment(
        name="forget-bias-rates",
        about="The same at twice the learning rate (chapter 11)",
        function=forget_bias,
        grid=tuple(
            {"bias": bias, "mirrored": bias != 1, "rate": 0.01}
            for bias in (1, 4, "chrono")
        ),
        results=("solved", "updates", "mse"),
        seeds=6,
    ),
)
