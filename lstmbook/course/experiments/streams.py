"""Experiments on streams: short windows, and the notepad learned (chapters 12, 13)."""

import numpy as np

from lstmbook.cells import LSTM
from lstmbook.course.experiments.runner import Experiment
from lstmbook.data import Batch, windows
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.notepad import MARKS, notepad
from lstmbook.train import train

__all__ = [
    "EXPERIMENTS",
    "between",
    "fit_notepad",
    "learn_notepad",
    "learned_notepad",
    "notepad_rates",
    "recalls",
    "rmse",
    "some",
    "train_on_stream",
    "truncation",
]

LAG = 20  # steps from a note to its recall, at most
STEPS = 20_000  # of each stream that is trained on
STREAMS = 32


def recalls(rng, length, batch_size, shortest, longest, dtype=np.float64):
    """Draw streams on which notes are taken and recalled some steps later.

    Every ``longest + 10`` steps a value is marked to be noted. After ``shortest`` to
    ``longest`` steps, all equally likely, another mark asks for it. Only the steps that
    ask count. The streams start at different points of this cycle, so that every window
    has some recalls. A net that knows nothing of the value scores its variance, 1/3.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values and of the steps from a note to its recall.
    length : int
        T.
    batch_size : int
        N.
    shortest, longest : int
        Steps from a note to its recall.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 3): value, note, recall. ``targets`` (T, N, 1). ``loss_mask``.
    """
    cycle = longest + 10
    values = rng.uniform(-1, 1, (length, batch_size))
    xs = np.zeros((length, batch_size, 3))
    xs[..., 0] = values
    targets = np.zeros((length, batch_size, 1))
    for n in range(batch_size):
        notes = np.arange(n * cycle // batch_size, length, cycle)
        asked = notes + rng.integers(shortest, longest + 1, len(notes))
        xs[notes, n, 1] = 1
        inside = asked < length
        xs[asked[inside], n, 2] = 1
        targets[asked[inside], n, 0] = values[notes[inside], n]
    return Batch(xs.astype(dtype), targets.astype(dtype), xs[..., 2] == 1)


def between(stream, shortest, longest):
    """Count only recalls whose note was taken ``shortest`` to ``longest`` steps before.

    Parameters
    ----------
    stream : Batch
        From :func:`recalls`.
    shortest, longest : int
        Steps from a note to its recall.

    Returns
    -------
    Batch
        The same streams with another ``loss_mask``.
    """
    steps = np.arange(len(stream.xs))[:, None]
    noted = np.where(stream.xs[..., 1] == 1, steps, -len(steps))
    since = steps - np.maximum.accumulate(noted, axis=0)
    kept = (shortest <= since) & (since <= longest)
    return stream._replace(loss_mask=stream.loss_mask & kept)


def some(stream, rng, share):
    """Count a random share of the recalls, whatever their lag.

    Parameters
    ----------
    stream : Batch
        From :func:`recalls`.
    rng : numpy.random.Generator
        Source of the random choice.
    share : float
        Probability that a recall counts.

    Returns
    -------
    Batch
        The same streams with another ``loss_mask``.
    """
    kept = rng.uniform(size=stream.loss_mask.shape) < share
    return stream._replace(loss_mask=stream.loss_mask & kept)


def train_on_stream(model, stream, window, optimizer):
    """Train along a stream by truncated backpropagation through time.

    One update for each window in which a step counts. The state is carried from window
    to window. The gradient, clipped at a norm of 1, is not carried back.

    Parameters
    ----------
    model : Model
        Where to begin; every step is read.
    stream : Batch
        With a target at each step, and a loss mask.
    window : int
        Steps of a window.
    optimizer : SGD or Adam
        How to step.

    Returns
    -------
    Model

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    run = train(model, windows(stream, window), mse, optimizer, 1.0, carry=True)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    return run.model


#: Most steps from a note to a recall that counts as short: then both fit into a window
#: of five steps.
SHORT = 4


def truncation(shortest, counts, steps, bias, rate, window, seed):
    """Train an LSTM of 16 units on 32 long streams, cut into windows.

    Notes are recalled after ``shortest`` to 20 steps. The net sees the
    same streams for every window length, so short windows have more updates.

    Parameters
    ----------
    shortest : int
        Steps from a note to its recall, at least.
    counts : {"all", "short", "long", "fifth"}
        Which recalls count in the loss: all; those after up to 4 steps; those after
        more; a fifth of all, drawn at random.
    steps : int
        Of each stream.
    bias : float
        Initial bias of all forget gates.
    rate : float
        Adam's learning rate.
    window : int
        Steps of a window.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``scored``, how many recalls counted; ``mse`` at recalls after exactly 20 steps,
        on 32 fresh streams of 2,000 steps, the same for all runs. The best constant
        answer scores 1/3.
    """
    rng = np.random.default_rng(seed)
    cell = LSTM.init(rng, input_size=3, hidden_size=16, dtype=np.float32)
    cell.b_f[:] = bias
    model = Model.init(rng, cell, 1, readout="all")
    stream = recalls(rng, steps, STREAMS, shortest, LAG, np.float32)
    if counts == "short":
        stream = between(stream, 1, SHORT)
    elif counts == "long":
        stream = between(stream, SHORT + 1, LAG)
    elif counts == "fifth":
        stream = some(stream, rng, SHORT / LAG)
    model = train_on_stream(model, stream, window, Adam(rate))
    test = recalls(np.random.default_rng(1000), 2_000, STREAMS, LAG, LAG, np.float32)
    error, _ = mse(model.forward(test.xs)[0], test.targets, test.loss_mask)
    return {"scored": int(stream.loss_mask.sum()), "mse": round(error, 5)}


def fit_notepad(model, rng, rate):
    """Train on the notepad: 1,600 updates, each on 32 fresh streams of 25 steps.

    Adam at ``rate`` for 800 updates, at a quarter of it for the next 400 and at a
    sixteenth for the last 400; gradients clipped at a norm of 1.

    Parameters
    ----------
    model : Model
        Where to begin; every step is read.
    rng : numpy.random.Generator
        Source of the streams.
    rate : float
        Adam's learning rate at first.

    Returns
    -------
    Model

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    state = None
    for updates, share in ((800, 1), (400, 1 / 4), (400, 1 / 16)):
        batches = (notepad(rng, 25, 32) for _ in range(updates))
        run = train(model, batches, mse, Adam(share * rate), 1.0, state)
        if run.stopped:
            raise ArithmeticError(run.stopped)
        model, state = run.model, run.optimizer_state
    return model


def learn_notepad(hidden, seed, rate=0.03):
    """Draw an LSTM and train it on the notepad by :func:`fit_notepad`.

    Parameters
    ----------
    hidden : int
        H.
    seed : int
        Of weights and streams.
    rate : float
        Adam's learning rate at first.

    Returns
    -------
    Model

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    rng = np.random.default_rng(seed)
    model = Model.init(rng, LSTM.init(rng, 4, hidden), 1, readout="all")
    return fit_notepad(model, rng, rate)


def rmse(model, test):
    """Root of the mean squared error of a model that reads every step.

    Parameters
    ----------
    model : Model
        The model to test.
    test : Batch
        With a target at each step.

    Returns
    -------
    float
    """
    error, _ = mse(model.forward(test.xs)[0], test.targets)
    return float(np.sqrt(error))


def learned_notepad(hidden, rate, seed):
    """Train as :func:`learn_notepad` does, and measure the unit that is read most.

    Parameters
    ----------
    hidden : int
        H.
    rate : float
        Adam's learning rate at first.
    seed : int
        Of weights and streams.

    Returns
    -------
    dict
        ``rmse`` on 1,000 streams of 100 steps, the same for all runs. For the unit
        with the largest weight in the readout: the median forget gate at a store,
        ``f_store``, and at the step after it, ``f_after``; and at steps that are
        neither marked nor announced, the median input gate, ``i_else``, and size of the
        proposal, ``g_else``.
    """
    test = notepad(np.random.default_rng(1000), 100, 1_000)
    model = learn_notepad(hidden, seed, rate)
    _, trace = model.forward(test.xs)
    unit = np.abs(model.W_y[:, 0]).argmax()
    i, f, g, _ = (gate[..., unit] for gate in trace.gates)
    store = test.xs[..., MARKS["store"]] == 1
    after = np.zeros_like(store)
    after[1:] = store[:-1]
    nothing = ~after & (test.xs[..., list(MARKS.values())] == 0).all(axis=-1)
    found = {
        "rmse": rmse(model, test),
        "f_store": np.median(f[store]),
        "f_after": np.median(f[after]),
        "i_else": np.median(i[nothing]),
        "g_else": np.median(np.abs(g[nothing])),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


#: Default settings of the runs of ``truncation``.
USUAL = {
    "shortest": LAG,
    "counts": "all",
    "steps": STEPS,
    "bias": 1,
    "rate": 0.01,
}


def notepad_rates(hidden, rate, seed):
    """Train as :func:`learn_notepad` does, on seeds that no other experiment uses.

    Parameters
    ----------
    hidden : int
        H.
    rate : float
        Adam's learning rate at first.
    seed : int
        The seed of weights and streams is this plus 100.

    Returns
    -------
    dict
        ``rmse`` on 1,000 streams of 100 steps, the same for all runs.
    """
    test = notepad(np.random.default_rng(1000), 100, 1_000)
    model = learn_notepad(hidden, 100 + seed, rate)
    return {"rmse": round(rmse(model, test), 4)}


EXPERIMENTS = (
    Experiment(
        name="truncation",
        about="LSTM on a stream: windows shorter than the memory needed (chapter 12)",
        function=truncation,
        grid=(
            *(
                USUAL | {"shortest": shortest, "window": window}
                for shortest in (LAG, 1)
                for window in (5, 10, 20, 40)
            ),
            # Is it the windows, the rate or the forget bias?
            *(USUAL | {"rate": rate, "window": 20} for rate in (0.003, 0.03)),
            *(USUAL | {"bias": 3, "window": window} for window in (5, 20)),
            USUAL | {"bias": 5, "window": 20},
            # Which recalls teach the net to hold? A fifth at random is as many as the
            # short ones; five times the steps have as many short ones as all.
            *(
                USUAL | {"shortest": 1, "counts": counts, "window": 5}
                for counts in ("short", "fifth", "long")
            ),
            USUAL | {"shortest": 1, "counts": "short", "window": 5, "steps": 5 * STEPS},
        ),
        results=("scored", "mse"),
    ),
    Experiment(
        name="learned-notepad",
        about="LSTM on the notepad, with 1, 2 and 8 units (chapter 13)",
        function=learned_notepad,
        grid=tuple(
            {"hidden": hidden, "rate": rate}
            for hidden in (1, 2, 8)
            for rate in (0.03, 0.1)
        ),
        results=("rmse", "f_store", "f_after", "i_else", "g_else"),
    ),
    Experiment(
        name="notepad-rates",
        about="The learning rate of learned-notepad, on other seeds (chapter 13)",
        function=notepad_rates,
        grid=tuple(
            {"hidden": hidden, "rate": rate}
            for hidden in (1, 2, 8)
            for rate in (0.01, 0.03, 0.1, 0.3)
        ),
        results=("rmse",),
        seeds=4,
    ),
)
