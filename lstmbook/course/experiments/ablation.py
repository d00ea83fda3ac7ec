"""Experiments on parts of the LSTM: variants × tasks (chapter 15).

Each variant changes one thing about the LSTM, or is a rival with fewer gates. Its
learning rate on each task is chosen on other seeds. Runs of one task and one seed see
the same data in the same order, whatever the variant, so they are pairs.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lstmbook import tree
from lstmbook.cells import CELLS
from lstmbook.course.experiments.runner import Experiment
from lstmbook.data import Batch, minibatches
from lstmbook.losses import mse, softmax_cross_entropy
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.tasks.digits import digits
from lstmbook.tasks.notepad import notepad
from lstmbook.tasks.reber import reber, right
from lstmbook.tasks.temporal_order import temporal_order
from lstmbook.train import train

__all__ = [
    "CHOSEN",
    "EXPERIMENTS",
    "RATES",
    "TASKS",
    "VARIANTS",
    "Task",
    "ablation",
    "ablation_rates",
    "best",
    "build",
    "learn",
    "parameters",
]

EVERY = 20  # updates between two tests
RATES = 0.01, 0.03, 0.1
TUNING = 1000  # first seed of the runs on which rates are chosen
HIDDEN = 12


class Variant(NamedTuple):
    """A cell of the registry, and the biases that are set in it."""

    cell: str
    biases: Mapping[str, float] = MappingProxyType({})


#: Name to variant. A gate whose bias is infinite is always open and learns nothing. All
#: others that keep the memory begin at 0.73, except in "vanilla, bias 3", at 0.95.
VARIANTS = {
    "vanilla": Variant("lstm"),
    "vanilla, bias 3": Variant("lstm", {"f": 3}),
    "no forget gate": Variant("lstm", {"f": np.inf}),
    "no input gate": Variant("lstm", {"i": np.inf}),
    "no output gate": Variant("lstm", {"o": np.inf}),
    "no input activation": Variant("linear-input"),
    "no output activation": Variant("linear-output"),
    "coupled gates": Variant("coupled"),
    "peepholes": Variant("peephole"),
    "forget gate only": Variant("forget-only"),
    "GRU": Variant("gru", {"z": 1}),
}


class Task(NamedTuple):
    """A task, and when it counts as learned."""

    inputs: int  #: D
    outputs: int  #: O
    readout: str  #: as for :class:`~lstmbook.model.Model`
    loss: Callable[..., Any]
    #: Takes a generator; returns the batches to train on and two to test on.
    data: Callable[..., tuple[Iterator[Batch], Batch, Batch]]
    #: Takes predictions and a batch; returns the error.
    error: Callable[..., float]
    goal: float  #: learned once the error is this or less
    limit: int  #: updates at most


def build(variant, task, rng):
    """Draw a model of a variant for a task, of 12 units in float32.

    Parameters
    ----------
    variant, task : str
        Names in ``VARIANTS`` and ``TASKS``.
    rng : numpy.random.Generator
        Source of the weights.

    Returns
    -------
    Model
    """
    name, biases = VARIANTS[variant]
    inputs, outputs, readout, *_ = TASKS[task]
    cell = CELLS[name].init(rng, inputs, HIDDEN, np.float32)
    for layer, bias in biases.items():
        getattr(cell, f"b_{layer}")[:] = bias
    return Model.init(rng, cell, outputs, readout)


def parameters(model):
    """Count what is trained: the layers of gates that are always open are not.

    Parameters
    ----------
    model : Model
        Of a single cell.

    Returns
    -------
    int
    """
    cell = model.cell
    dead = int(np.isinf(cell.b).sum())
    return tree.count(model) - dead * (cell.input_size + cell.hidden_size + 1)


def learn(model, task, rate, seed):
    """Train until a task is learned, or its updates are used up.

    Adam, gradients clipped at a norm of 1. Every 20 updates the error is measured on
    one test set; at the end, on another.

    Parameters
    ----------
    model : Model
        Where to begin.
    task : str
        Its name in ``TASKS``.
    rate : float
        Adam's learning rate.
    seed : int
        Of the data.

    Returns
    -------
    dict
        ``solved``; ``updates`` until then, None if it was never solved; ``miss``, the
        error on the first test set when training ended, and ``miss_again``, on the
        second; ``diverged``, whether a loss or a gradient that was not finite
        ended it.
    """
    _, _, _, loss, data, error, goal, limit = TASKS[task]
    batches, test, second = data(np.random.default_rng(seed))
    found = {"solved": False, "updates": None, "diverged": False}

    def measure(model, batch):
        return round(error(model.forward(batch.xs, None, batch.lengths)[0], batch), 5)

    def look(update):
        if update.number % EVERY:
            return False
        if measure(update.model, test) <= goal:
            found.update(solved=True, updates=update.number)
        return found["solved"] or update.number == limit

    run = train(model, batches, loss, Adam(rate), max_norm=1.0, hook=look)
    found["diverged"] = run.stopped is not None
    return {
        **found,
        "miss": measure(run.model, test),
        "miss_again": measure(run.model, second),
    }


def ablation(task, variant, rate, seed):
    """Train a variant on a task, as :func:`learn` does.

    Parameters
    ----------
    task, variant : str
        Names in ``TASKS`` and ``VARIANTS``.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and data, which are drawn apart.

    Returns
    -------
    dict
        ``parameters``, of which there are so many, and what :func:`learn` returns.
    """
    model = build(variant, task, np.random.default_rng((seed, 1)))
    return {"parameters": parameters(model), **learn(model, task, rate, (seed, 2))}


def ablation_rates(task, variant, rate, seed):
    """Train as :func:`ablation` does, with seeds that choose rates only.

    Parameters
    ----------
    task, variant, rate
        As for :func:`ablation`.
    seed : int
        The run has the seed 1000 + ``seed``.

    Returns
    -------
    dict
        What :func:`ablation` returns.
    """
    return ablation(task, variant, rate, TUNING + seed)


def best(rows):
    """Choose the rate with the most runs solved and, of these, the quickest.

    Parameters
    ----------
    rows : list of dict
        Records of one variant on one task.

    Returns
    -------
    float
        Where nothing was solved, the rate with the lowest mean error.
    """
    runs = {}
    for row in rows:
        runs.setdefault(row["rate"], []).append(row)

    def rank(rate):
        solved = [row["updates"] for row in runs[rate] if row["solved"]]
        mean = np.mean(solved) if solved else np.inf
        return -len(solved), mean, np.mean([row["miss"] for row in runs[rate]])

    return min(runs, key=rank)


def _fresh(draw):
    """Data of a task that draws as many as it is asked for."""

    def data(rng):
        first, second = (draw(np.random.default_rng(k), 256) for k in (1000, 1001))
        return (draw(rng, 32) for _ in repeat(None)), first, second

    return data


def _reber_data(rng):
    """A mask in place of lengths: the same loss, and a loop that is a third quicker."""
    batches, first, second = _fresh(lambda rng, n: reber(rng, n, np.float32))(rng)

    def masked(batch):
        inside = np.arange(len(batch.xs))[:, None] < batch.lengths
        return batch._replace(loss_mask=inside, lengths=None)

    return map(masked, batches), first, second


def _split_digits(rng):
    """The images held out in two halves: one decides when to stop."""
    train_on, test = digits(rng, dtype=np.float32)
    half = len(test.targets) // 2
    first, second = (
        Batch(test.xs[:, part], test.targets[part])
        for part in (slice(half), slice(half, None))
    )
    return minibatches(rng, train_on, 32, epochs=100), first, second


def _squared(predictions, batch):
    return mse(predictions, batch.targets)[0]


def _wrong(predictions, batch):
    return float((predictions.argmax(axis=-1) != batch.targets).mean())


TASKS = {
    "adding": Task(
        *(2, 1, "last", mse),
        _fresh(lambda rng, n: adding(rng, 20, n, np.float32)),
        *(_squared, 0.01, 500),
    ),
    "temporal order": Task(
        *(8, 4, "last", softmax_cross_entropy),
        _fresh(
            lambda rng, n: temporal_order(
                rng, n, ((2, 5), (10, 13)), (20, 24), np.float32
            )
        ),
        *(_wrong, 0.01, 300),
    ),
    "notepad": Task(
        *(4, 1, "all", mse),
        _fresh(lambda rng, n: notepad(rng, 20, n, dtype=np.float32)),
        *(_squared, 0.001, 400),
    ),
    "embedded Reber": Task(
        *(7, 7, "all", softmax_cross_entropy),
        _reber_data,
        lambda predictions, batch: 1 - float(right(predictions, batch).mean()),
        *(0.0, 600),
    ),
    "digits": Task(
        *(8, 10, "last", softmax_cross_entropy),
        _split_digits,
        *(_wrong, 0.05, 500),
    ),
}
#: Learning rate of each variant on each task, in the order of ``VARIANTS``:
#: :func:`best` of the records of the experiment ablation-rates.
CHOSEN = {
    "adding": (0.1, 0.01, 0.01, 0.1, 0.03, 0.01, 0.1, 0.1, 0.03, 0.03, 0.1),
    "temporal order": (0.1, 0.01, 0.01, 0.01, 0.01, 0.03, 0.03, 0.1, 0.01, 0.1, 0.1),
    "notepad": (0.1, 0.1, 0.03, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.03, 0.1),
    "embedded Reber": (0.1, 0.1, 0.1, 0.03, 0.1, 0.03, 0.1, 0.1, 0.1, 0.1, 0.1),
    "digits": (0.03, 0.03, 0.1, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03),
}

RESULTS = "parameters", "solved", "updates", "miss", "miss_again", "diverged"
EXPERIMENTS = (
    Experiment(
        name="ablation-rates",
        about="which learning rate for ablation? on other seeds (chapter 15)",
        function=ablation_rates,
        grid=tuple(
            {"task": task, "variant": variant, "rate": rate}
            for task in TASKS
            for variant in VARIANTS
            for rate in RATES
        ),
        results=RESULTS,
        seeds=2,
    ),
    Experiment(
        name="ablation",
        about="parts of the LSTM left out, on five tasks (chapter 15)",
        function=ablation,
        grid=tuple(
            {"task": task, "variant": variant, "rate": rate}
            for task in TASKS
            for variant, rate in zip(VARIANTS, CHOSEN[task], strict=True)
        ),
        results=RESULTS,
        seeds=10,
    ),
)
