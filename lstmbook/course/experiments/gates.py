"""Experiments on gates: wired open, and in trained nets (chapters 7 to 9)."""

import numpy as np

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.course.experiments.runner import Experiment
from lstmbook.course.experiments.streams import fit_notepad, rmse
from lstmbook.data import minibatches
from lstmbook.losses import softmax_cross_entropy
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.digits import digits
from lstmbook.tasks.notepad import MARKS, notepad
from lstmbook.train import train

__all__ = [
    "EXPERIMENTS",
    "between",
    "digits_by_row",
    "hold",
    "open_digits",
    "open_notepad",
    "unit_read_most",
    "wired_open",
    "wired_open_rates",
]

GATES = "ifo"
RATES = 0.1, 0.03, 0.01
#: Learning rate of each kind of net, by the gate that is wired open and H: the best of
#: three, on the seeds of the experiment wired-open-rates.
CHOSEN = {
    ("none", 3): 0.1,
    ("none", 8): 0.1,
    ("i", 3): 0.03,
    ("i", 8): 0.03,
    ("o", 3): 0.1,
    ("o", 8): 0.1,
}


def wired_open(gate, hidden, seed):
    """Train on the notepad with one gate wired open, at the rate chosen for this net.

    Parameters
    ----------
    gate : {"none", "i", "o"}
        Its bias is infinite, so it is always open and cannot be trained.
    hidden : int
        H.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``rmse``, on 1,000 streams of 100 steps, and ``rmse_25``, on 1,000 of 25 steps,
        the length trained on; both sets are the same for all runs.
    """
    return _train_wired_open(gate, hidden, CHOSEN[gate, hidden], seed)


def wired_open_rates(gate, hidden, rate, seed):
    """Train as :func:`wired_open` does, at a given rate and with separate seeds.

    Parameters
    ----------
    gate, hidden, seed
        As for :func:`wired_open`.
    rate : float
        Adam's learning rate at first.

    Returns
    -------
    dict
        As :func:`wired_open` returns it.
    """
    return _train_wired_open(gate, hidden, rate, 1000 + seed)


def _train_wired_open(gate, hidden, rate, seed):
    rng = np.random.default_rng(seed)
    cell = LSTM.init(rng, input_size=4, hidden_size=hidden)
    if gate != "none":
        getattr(cell, f"b_{gate}")[:] = np.inf
    model = fit_notepad(Model.init(rng, cell, 1, readout="all"), rng, rate)
    return {
        name: round(rmse(model, notepad(np.random.default_rng(1000), length, 1_000)), 5)
        for name, length in (("rmse", 100), ("rmse_25", 25))
    }


def hold(model, gate, share):
    """Hold one gate of a model at fixed shares, whatever the cell reads.

    Parameters
    ----------
    model : Model
        Of an LSTM.
    gate : {"i", "f", "o"}
        Which gate.
    share : ndarray, shape (H,)
        One share for each unit, between 0 and 1.

    Returns
    -------
    Model
        A copy whose gate has no weights, and the bias that gives ``share``.
    """
    model = tree.map(np.copy, model)
    for weights in ("W_x", "W_h"):
        getattr(model.cell, weights + gate)[:] = 0
    getattr(model.cell, f"b_{gate}")[:] = np.log(share) - np.log1p(-share)
    return model


def between(gate):
    """Share of a gate's values that lie between 10 % and 90 %.

    Parameters
    ----------
    gate : ndarray
        Values of a gate.

    Returns
    -------
    float
    """
    return float(((gate > 0.1) & (gate < 0.9)).mean())


def unit_read_most(model, hs, asked):
    """Find the unit that changes the answers at recalls most.

    Parameters
    ----------
    model : Model
        With one output.
    hs : ndarray, shape (T, N, H)
        Its hidden states.
    asked : ndarray of bool, shape (T, N)
        True at each recall.

    Returns
    -------
    int
        The unit whose share of the answer, w_y · h, varies most over the recalls.
    """
    return int((np.abs(model.W_y[:, 0]) * hs[asked].std(axis=0)).argmax())


def open_notepad(hidden, seed):
    """Train an LSTM on the notepad, and measure its gates.

    Trained by :func:`fit_notepad` at 0.03. Everything is measured on 1,000 streams of
    100 steps, the same for all runs.

    Parameters
    ----------
    hidden : int
        H.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``rmse``; for each gate ``between_i`` … (:func:`between`), of all units, and
        ``held_i`` …, the RMSE with that gate held at each unit's mean; and for the unit
        that is read most, the median of each gate at a store, at the announced value,
        at a recall, at a clear and at all other steps: ``i_store`` … ``o_other``.
    """
    rng = np.random.default_rng(seed)
    model = Model.init(rng, LSTM.init(rng, 4, hidden), 1, readout="all")
    model = fit_notepad(model, rng, 0.03)
    test = notepad(np.random.default_rng(1000), 100, 1_000)
    _, trace = model.forward(test.xs)
    found = {"rmse": rmse(model, test)}
    for k in GATES:
        gate = getattr(trace.gates, k)
        found[f"between_{k}"] = between(gate)
        found[f"held_{k}"] = rmse(hold(model, k, gate.mean(axis=(0, 1))), test)
    events = _events(test.xs)
    unit = unit_read_most(model, trace.hs, events["recall"])
    for k in GATES:
        gate = getattr(trace.gates, k)[..., unit]
        for event, where in events.items():
            found[f"{k}_{event}"] = float(np.median(gate[where]))
    return {name: round(value, 4) for name, value in found.items()}


def _events(xs):
    """The events at each step, by name: arrays of bool, (T, N)."""
    events = {mark: xs[..., column] == 1 for mark, column in MARKS.items()}
    events["announced"] = np.zeros_like(events["store"])
    events["announced"][1:] = events["store"][:-1]
    events["other"] = ~np.any(list(events.values()), axis=0)
    return events


def digits_by_row(hidden, seed):
    """Train an LSTM on handwritten digits, a row of pixels a step.

    40 epochs of batches of 32, Adam at 0.01, gradients clipped at a norm of 1.

    Parameters
    ----------
    hidden : int
        H.
    seed : int
        Of weights, order, and which images are held out.

    Returns
    -------
    model : Model
    test : Batch
        The images held out.

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    rng = np.random.default_rng(seed)
    images, test = digits(rng)
    model = Model.init(rng, LSTM.init(rng, 8, hidden), 10)
    batches = minibatches(rng, images, 32, epochs=40)
    run = train(model, batches, softmax_cross_entropy, Adam(1e-2), max_norm=1.0)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    return run.model, test


def open_digits(hidden, seed):
    """Train as :func:`digits_by_row` does, and measure the gates.

    Parameters
    ----------
    hidden, seed : int
        As for :func:`digits_by_row`.

    Returns
    -------
    dict
        ``accuracy`` on the images held out; for each gate ``between_i`` …
        (:func:`between`), and ``held_i`` …, the accuracy with that gate held at each
        unit's mean.
    """
    model, test = digits_by_row(hidden, seed)
    _, trace = model.forward(test.xs)
    found = {"accuracy": _accuracy(model, test)}
    for k in GATES:
        gate = getattr(trace.gates, k)
        found[f"between_{k}"] = between(gate)
        found[f"held_{k}"] = _accuracy(hold(model, k, gate.mean(axis=(0, 1))), test)
    return {name: round(value, 4) for name, value in found.items()}


def _accuracy(model, test):
    scores, _ = model.forward(test.xs)
    return float((scores.argmax(axis=1) == test.targets).mean())


WIRINGS = tuple(
    {"gate": gate, "hidden": hidden} for gate in ("none", "i", "o") for hidden in (3, 8)
)
EXPERIMENTS = (
    Experiment(
        name="wired-open-rates",
        about="which rate for wired-open? on other seeds (chapters 7 and 8)",
        function=wired_open_rates,
        grid=tuple({**wiring, "rate": rate} for wiring in WIRINGS for rate in RATES),
        results=("rmse", "rmse_25"),
        seeds=3,
    ),
    Experiment(
        name="wired-open",
        about="LSTM on the notepad, one gate wired open (chapters 7 and 8)",
        function=wired_open,
        grid=WIRINGS,
        results=("rmse", "rmse_25"),
    ),
    Experiment(
        name="open-notepad",
        about="the gates of 8 units that learned the notepad (chapter 9)",
        function=open_notepad,
        grid=({"hidden": 8},),
        results=(
            "rmse",
            *(f"{what}_{k}" for what in ("between", "held") for k in GATES),
            *(
                f"{k}_{event}"
                for k in GATES
                for event in (*MARKS, "announced", "other")
            ),
        ),
    ),
    Experiment(
        name="open-digits",
        about="the gates of 8 units that learned digits, row by row (chapter 9)",
        function=open_digits,
        grid=({"hidden": 8},),
        results=(
            "accuracy",
            *(f"{what}_{k}" for what in ("between", "held") for k in GATES),
        ),
    ),
)
