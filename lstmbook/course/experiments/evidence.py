"""Experiments on evidence that lies back in time (chapters 2 and 3).

``…-rates`` tries learning rates on seeds of its own. The experiment proper takes the
best of them for each of its nets: ``WAITING_RATES``, ``REACH_RATES``, and for the nets
of ``loops`` ``ONE_STEP_RATES``.
"""

import numpy as np

from lstmbook.cells import LSTM, RNN
from lstmbook.course.experiments.runner import Experiment
from lstmbook.data import Batch, minibatches
from lstmbook.diagnostics import gradient_by_lag
from lstmbook.losses import mse, softmax_cross_entropy
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.recurrence import HiddenState
from lstmbook.tasks.adding import adding
from lstmbook.tasks.digits import digits
from lstmbook.train import train

__all__ = [
    "EXPERIMENTS",
    "NETS",
    "ONE_STEP_RATES",
    "REACH_RATES",
    "WAITING_RATES",
    "OneStepRNN",
    "choose_one_step_rate",
    "choose_reach_rate",
    "choose_waiting_rate",
    "fit_readout",
    "learn_adding",
    "learn_digits",
    "loops",
    "marked",
    "reach",
    "rows",
    "start",
    "wait",
    "waiting",
]

HIDDEN = 32
OTHER_SEEDS = 100  # rates are chosen on seeds from here on

#: The nets that wait: cell, and how it starts.
NETS = ("RNN", "RNN orthogonal", "LSTM", "LSTM forget bias 3")
WAITS = (0, 10, 20, 40)
EPOCHS, MANY_EPOCHS = 15, 150

#: (net, blank rows, epochs) to Adam's learning rate, the best of those tried.
WAITING_RATES = {
    ("RNN", 0, 15): 0.01,
    ("RNN orthogonal", 0, 15): 0.01,
    ("LSTM", 0, 15): 0.03,
    ("LSTM forget bias 3", 0, 15): 0.03,
    ("RNN", 10, 15): 0.01,
    ("RNN orthogonal", 10, 15): 0.01,
    ("LSTM", 10, 15): 0.03,
    ("LSTM forget bias 3", 10, 15): 0.03,
    ("RNN", 20, 15): 0.01,
    ("RNN orthogonal", 20, 15): 0.003,
    ("LSTM", 20, 15): 0.01,
    ("LSTM forget bias 3", 20, 15): 0.03,
    ("RNN", 40, 15): 0.003,
    ("RNN orthogonal", 40, 15): 0.001,
    ("LSTM", 40, 15): 0.0003,
    ("LSTM forget bias 3", 40, 15): 0.003,
    ("RNN", 40, 150): 0.001,
}

LENGTH = 50
UPDATES, LOOK_EVERY = 5_000, 500
LOOKS = tuple(range(0, UPDATES + 1, LOOK_EVERY))

#: (marks, init) to Adam's learning rate, the best of those tried.
REACH_RATES = {
    ("anywhere", "default"): 0.003,
    ("anywhere", "orthogonal"): 0.001,
    ("first ten", "default"): 0.003,  # at chance at every rate
    ("first ten", "orthogonal"): 0.001,
}


#: Class to Adam's learning rate on ten steps of adding, the best of those tried.
ONE_STEP_RATES = {"RNN": 0.01, "OneStepRNN": 0.01}


class OneStepRNN(RNN):
    """A vanilla RNN whose gradient does not travel through time.

    Truncated backpropagation through time, with windows of a single step: each step
    takes the state before it for a given input.
    """

    def backward(self, trace, d_hs, d_final=None):
        """Backward pass, as if ``W_h`` led no gradient back."""
        cut = RNN(self.W_x, np.zeros_like(self.W_h), self.b)
        grads = cut.backward(trace, d_hs, d_final)
        return grads._replace(cell=OneStepRNN(**vars(grads.cell)))


def learn_adding(rate, seed, length=10, see=slice(None), kind=RNN, max_norm=1.0):
    """Train a net of 32 units on adding: 1,500 updates of Adam, batches of 64.

    Parameters
    ----------
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and batches.
    length : int
        T.
    see : slice
        The steps that the net gets.
    kind : type
        :class:`RNN <lstmbook.cells.RNN>` or :class:`OneStepRNN`.
    max_norm : float or None
        Norm at which gradients are clipped; None for no clipping.

    Returns
    -------
    run : Run
        What :func:`lstmbook.train.train` returns.
    error : float
        Mean squared error on 20,000 fresh sequences, the same for all runs.
    """
    rng = np.random.default_rng(seed)
    model = Model.init(rng, kind.init(rng, input_size=2, hidden_size=HIDDEN), 1)
    batches = (adding(rng, length, batch_size=64) for _ in range(1_500))
    seen = (batch._replace(xs=batch.xs[see]) for batch in batches)
    run = train(model, seen, mse, Adam(rate), max_norm=max_norm)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    test = adding(np.random.default_rng(1000), length, 20_000)
    predictions, _ = run.model.forward(test.xs[see])
    return run, mse(predictions, test.targets)[0]


def fit_readout(seed, length=10):
    """Fit only the readout of an untrained net of 32 units on adding.

    Parameters
    ----------
    seed : int
        Of weights and sequences.
    length : int
        T.

    Returns
    -------
    float
        Mean squared error on the sequences of :func:`learn_adding`.
    """
    rng = np.random.default_rng(seed)
    cell = RNN.init(rng, input_size=2, hidden_size=HIDDEN)
    known = adding(rng, length, 20_000)
    test = adding(np.random.default_rng(1000), length, 20_000)

    def states(batch):  # the last ones, and a 1 for the bias
        hs, _ = cell.forward(batch.xs)
        return np.column_stack([hs[-1], np.ones(20_000)])

    weights, *_ = np.linalg.lstsq(states(known), known.targets)
    return mse(states(test) @ weights, test.targets)[0]


#: Name of a way to train in ``loops`` to the settings of :func:`learn_adding`.
WAYS = {
    "last step only": {"see": slice(-1, None)},
    "loop untrained": None,
    "gradient of one step": {"kind": OneStepRNN},
    "gradient through time": {},
    "not clipped": {"max_norm": None},
}


def loops(way, length, seed):
    """Train a vanilla RNN on adding, in one of several ways.

    Parameters
    ----------
    way : str
        One of ``WAYS``.
    length : int
        T.
    seed : int
        Of weights and batches.

    Returns
    -------
    dict
        ``mse``, the error on 20,000 fresh sequences.
    """
    settings = WAYS[way]
    if settings is None:
        return {"mse": round(float(fit_readout(seed, length)), 5)}
    rate = ONE_STEP_RATES[settings.get("kind", RNN).__name__]
    _, error = learn_adding(rate, seed, length, **settings)
    return {"mse": round(float(error), 5)}


def learn_digits(seed, see):
    """Train an RNN of 64 units to name digits read row by row.

    30 epochs of Adam at a rate of 0.003, batches of 32, clipped at a norm of 1.

    Parameters
    ----------
    seed : int
        Of the split, the weights and the batches.
    see : slice
        The rows that the net gets.

    Returns
    -------
    float
        Share of the 360 digits held out that it names correctly.
    """
    rng = np.random.default_rng(seed)
    parts = digits(rng, by="row")
    train_set, test_set = (Batch(p.xs[see], p.targets) for p in parts)
    model = Model.init(rng, RNN.init(rng, input_size=8, hidden_size=64), 10)
    batches = minibatches(rng, train_set, batch_size=32, epochs=30)
    run = train(model, batches, softmax_cross_entropy, Adam(3e-3), 1.0)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    scores, _ = run.model.forward(test_set.xs)
    return (scores.argmax(axis=-1) == test_set.targets).mean()


def rows(seen, seed):
    """Run :func:`learn_digits` on all rows of the digits, or on the last one.

    Parameters
    ----------
    seen : {"all rows", "last row"}
        The rows that the net gets.
    seed : int
        As for :func:`learn_digits`.

    Returns
    -------
    dict
        ``accuracy``.
    """
    see = {"all rows": slice(None), "last row": slice(-1, None)}[seen]
    return {"accuracy": round(float(learn_digits(seed, see)), 4)}


def choose_one_step_rate(kind, rate, seed):
    """Run :func:`learn_adding` on a seed that chapter 2 does not use.

    Parameters
    ----------
    kind : {"RNN", "OneStepRNN"}
        Whether the gradient travels through time.
    rate : float
        Adam's learning rate.
    seed : int
        100 is added to it.

    Returns
    -------
    dict
        ``mse``, the error.
    """
    kinds = {"RNN": RNN, "OneStepRNN": OneStepRNN}
    _, error = learn_adding(rate, OTHER_SEEDS + seed, kind=kinds[kind])
    return {"mse": round(float(error), 5)}


def start(rng, net, input_size):
    """Draw one of the cells in ``NETS``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the weights.
    net : str
        One of ``NETS``. ``"RNN"`` and ``"LSTM"`` start as the library starts them.
    input_size : int
        D.

    Returns
    -------
    Cell
        Of 32 units, in float32.
    """
    if net not in NETS:
        raise ValueError(f"net is {net!r}; expected one of {NETS}")
    kind = LSTM if net.startswith("LSTM") else RNN
    cell = kind.init(rng, input_size, HIDDEN, dtype=np.float32)
    if net == "RNN orthogonal":
        cell.W_h[:], _ = np.linalg.qr(rng.standard_normal((HIDDEN, HIDDEN)))
    if net == "LSTM forget bias 3":
        cell.b_f[:] = 3
    return cell


def wait(part, blank_rows):
    """Append blank rows to digits that are read row by row.

    Parameters
    ----------
    part : Batch
        ``xs`` (T, N, D).
    blank_rows : int
        Steps to append.

    Returns
    -------
    Batch
        ``xs`` (T + blank_rows, N, D); the targets stay.
    """
    _, N, D = part.xs.shape
    blank = np.zeros((blank_rows, N, D), part.xs.dtype)
    return Batch(np.concatenate([part.xs, blank]), part.targets)


def waiting(net, blank_rows, epochs, rate, seed):
    """Train a net to name a digit some blank rows after it has read it.

    Adam, batches of 32, gradients clipped at a norm of 1.

    Parameters
    ----------
    net : str
        One of ``NETS``.
    blank_rows : int
        Steps between the last row of the digit and the answer.
    epochs : int
        Passes over the training digits.
    rate : float
        Adam's learning rate.
    seed : int
        Of the split, the weights and the batches.

    Returns
    -------
    dict
        ``accuracy`` on the 360 digits held out; guessing scores 0.1.
    """
    rng = np.random.default_rng(seed)
    parts = digits(rng, by="row", dtype=np.float32)
    train_set, test_set = (wait(part, blank_rows) for part in parts)
    model = Model.init(rng, start(rng, net, 8), 10)
    batches = minibatches(rng, train_set, batch_size=32, epochs=epochs)
    run = train(model, batches, softmax_cross_entropy, Adam(rate), max_norm=1.0)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    scores, _ = run.model.forward(test_set.xs)
    right = scores.argmax(axis=-1) == test_set.targets
    return {"accuracy": round(float(right.mean()), 4)}


def choose_waiting_rate(net, blank_rows, epochs, rate, seed):
    """Run :func:`waiting` on a seed that the experiment proper does not use.

    Parameters
    ----------
    net, blank_rows, epochs, rate
        As for :func:`waiting`.
    seed : int
        100 is added to it.

    Returns
    -------
    dict
        As from :func:`waiting`.
    """
    return waiting(net, blank_rows, epochs, rate, OTHER_SEEDS + seed)


def marked(rng, marks, batch_size):
    """Draw adding problems of 50 steps.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values and the marks.
    marks : {"anywhere", "first ten"}
        Where the two marks may stand: one in each half of the sequence, or of its first
        ten steps.
    batch_size : int
        N.

    Returns
    -------
    Batch
        As from :func:`lstmbook.tasks.adding.adding`, in float32.
    """
    if marks == "anywhere":
        return adding(rng, LENGTH, batch_size, np.float32)
    if marks != "first ten":
        raise ValueError(f"marks is {marks!r}; expected 'anywhere' or 'first ten'")
    early = adding(rng, 10, batch_size, np.float32)
    rest = np.zeros((LENGTH - 10, batch_size, 2), np.float32)
    rest[..., 0] = rng.uniform(size=rest.shape[:2])
    return Batch(np.concatenate([early.xs, rest]), early.targets)


def reach(marks, init, rate, seed):
    """Train an RNN of 32 units on adding, and follow the gradient while it learns.

    Adam, 5,000 updates with batches of 32, gradients clipped at a norm of 1. With marks
    anywhere and a rate of 0.001 they are the runs of ``adding-orthogonal``.

    Parameters
    ----------
    marks : {"anywhere", "first ten"}
        As for :func:`marked`.
    init : {"default", "orthogonal"}
        What the recurrent weights are at first.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and batches.

    Returns
    -------
    dict
        Before the first update and after every 500: ``mse_…`` on 5,000 fresh sequences,
        the same for all runs; ``share_…``, the gradient that reaches h_1 as a share of
        that at h_50, a median over 64 of them; ``late_…`` and ``early_…``, how much the
        answer grows with the second marked number where it lies in the last ten steps,
        and with the first one: 0 where it is ignored, 1 where it is added.
    """
    rng = np.random.default_rng(seed)
    net = "RNN orthogonal" if init == "orthogonal" else "RNN"
    model, state = Model.init(rng, start(rng, net, 2), 1), None
    test = marked(np.random.default_rng(1000), marks, 5_000)
    found = {}
    for updates in LOOKS:
        if updates:
            batches = (marked(rng, marks, 32) for _ in range(LOOK_EVERY))
            run = train(model, batches, mse, Adam(rate), 1.0, state)
            if run.stopped:
                raise ArithmeticError(run.stopped)
            model, state = run.model, run.optimizer_state
        answers, _ = model.forward(test.xs)
        found[f"mse_{updates}"] = round(float(mse(answers, test.targets)[0]), 4)
        found[f"share_{updates}"] = float(f"{_share(model, test.xs[:, :64]):.1e}")
        late, early = _slopes(answers[:, 0], *test.xs.transpose(2, 0, 1))
        found[f"late_{updates}"], found[f"early_{updates}"] = late, early
    return found


def _slopes(answers, values, marks):
    """How the answers grow with a late second number, and with the first one."""
    N = len(answers)
    first, second = (m.argmax(axis=0) for m in (marks, marks[::-1]))
    late = second < 10  # its lag
    pairs = (
        (values[::-1][second, np.arange(N)][late], answers[late]),
        (values[first, np.arange(N)], answers),
    )
    return (
        round(float(np.polyfit(*pair, 1)[0]), 3) if len(pair[0]) else None
        for pair in pairs
    )


def _share(model, xs):
    """What reaches h_1 of the gradient of the answer by h_T."""
    _, trace = model.cell.forward(xs)
    # The answer depends on h_T through W_y, whatever the sequence.
    d_final = HiddenState(np.repeat(model.W_y.T, xs.shape[1], axis=0))
    norms = gradient_by_lag(model.cell, trace, d_final).h
    return np.median(norms[len(xs) - 1] / norms[0])


def choose_reach_rate(marks, init, rate, seed):
    """Run :func:`reach` on a seed that the experiment proper does not use.

    Parameters
    ----------
    marks, init, rate
        As for :func:`reach`.
    seed : int
        100 is added to it.

    Returns
    -------
    dict
        ``mse`` after the last update.
    """
    found = reach(marks, init, rate, OTHER_SEEDS + seed)
    return {"mse": found[f"mse_{UPDATES}"]}


def _rates(net, blank_rows, epochs):
    """Rates to try, wide enough that the best is seldom at an end."""
    if epochs == MANY_EPOCHS:
        return 0.0003, 0.001, 0.003
    low = (0.0003,) * (blank_rows == 40)
    high = (0.1,) * net.startswith("LSTM")
    return (*low, 0.001, 0.003, 0.01, 0.03, *high)


WAITING = tuple((net, n, EPOCHS) for n in WAITS for net in NETS)
PATIENT = ("RNN", WAITS[-1], MANY_EPOCHS)
EXPERIMENTS = (
    Experiment(
        name="one-step-rates",
        about="Adding, with a gradient through time and without: rates (chapter 2)",
        function=choose_one_step_rate,
        grid=tuple(
            {"kind": kind, "rate": rate}
            for kind in ONE_STEP_RATES
            for rate in (0.003, 0.01, 0.03)
        ),
        results=("mse",),
        seeds=3,
    ),
    Experiment(
        name="loops",
        about="Adding over 10 and 50 steps: what carries the memory (chapters 2, 3)",
        function=loops,
        grid=(
            *({"way": way, "length": 10} for way in WAYS if way != "not clipped"),
            {"way": "gradient through time", "length": LENGTH},
            {"way": "not clipped", "length": LENGTH},
        ),
        results=("mse",),
        seeds=10,
    ),
    Experiment(
        name="rows",
        about="Digits by rows: all of them, or the last one only (chapter 2)",
        function=rows,
        grid=({"seen": "all rows"}, {"seen": "last row"}),
        results=("accuracy",),
        seeds=10,
    ),
    Experiment(
        name="waiting-rates",
        about="Digits and a wait: learning rates for each net (chapter 3)",
        function=choose_waiting_rate,
        grid=tuple(
            {"net": net, "blank_rows": n, "epochs": epochs, "rate": rate}
            for net, n, epochs in (*WAITING, PATIENT)
            for rate in _rates(net, n, epochs)
        ),
        results=("accuracy",),
        seeds=4,
    ),
    Experiment(
        name="waiting",
        about="Digits and a wait: how far back may the evidence lie? (chapter 3)",
        function=waiting,
        grid=tuple(
            {"net": net, "blank_rows": n, "epochs": epochs, "rate": rate}
            for (net, n, epochs), rate in WAITING_RATES.items()
        ),
        results=("accuracy",),
        seeds=5,
    ),
    Experiment(
        name="reach-rates",
        about="RNN on adding, marks near or far: learning rates (chapter 3)",
        function=choose_reach_rate,
        grid=tuple(
            {"marks": marks, "init": init, "rate": rate}
            for marks, init in REACH_RATES
            for rate in (0.001, 0.003, 0.01)
        ),
        results=("mse",),
        seeds=6,
    ),
    Experiment(
        name="reach",
        about="RNN on adding: the gradient while it learns (chapter 3)",
        function=reach,
        grid=tuple(
            {"marks": marks, "init": init, "rate": rate}
            for (marks, init), rate in (
                # Almost as good on the other seeds, and the runs of adding-orthogonal.
                (("anywhere", "default"), 0.001),
                *REACH_RATES.items(),
            )
        ),
        results=tuple(
            f"{name}_{n}" for n in LOOKS for name in ("mse", "share", "late", "early")
        ),
        seeds=12,
    ),
)
