"""The experiments of 1997 by their own criteria (chapter 16): today's net.

The net of 1997 itself is in :mod:`lstmbook.course.experiments.net1997`.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.course.experiments.runner import Experiment
from lstmbook.data import Batch
from lstmbook.initialisation import chrono_biases
from lstmbook.losses import mse, softmax_cross_entropy
from lstmbook.model import Model
from lstmbook.ops import softmax
from lstmbook.optim import Adam
from lstmbook.tasks.paper1997 import long_lag, longer_lag, marked_pair, two_sequences
from lstmbook.tasks.temporal_order import MARKS, temporal_order
from lstmbook.train import train

__all__ = ["EXPERIMENTS", "TASKS", "Task", "errors", "learn", "today"]

HIDDEN, BATCH = 32, 32
TESTED = 2560  # sequences, as in most of the paper's tests
RECENT = 2000  # training sequences that the paper's rules look back on


class Task(NamedTuple):
    """An experiment of the paper: its data, its test and its stopping rule."""

    draw: Callable[..., Batch]  #: takes a generator, a length and a batch size
    inputs: int  #: D
    outputs: int  #: O
    classes: bool  #: whether the outputs are the probabilities of classes
    right: float  #: a sequence is right if all outputs are within this
    allowed: int  #: wrong ones among the last 2,000 at which training stops
    average: float  #: and the mean absolute error that they may have
    recent: int = RECENT  #: how many sequences these rules look back on
    told: int = 0  #: so many first classes have biases of −10 at the start


def _lag(rng, length, batch_size, regular):
    """2a and 2b: only the last symbol counts in the test, all in training."""
    return long_lag(rng, length, batch_size, regular, np.float32)


def _last(rng, length, batch_size, regular):
    """2a and 2b with nothing but the last symbol to learn: a control."""
    batch = _lag(rng, length, batch_size, regular)
    return Batch(batch.xs, batch.targets[-1])


def _pair(rng, length, batch_size, product):
    return marked_pair(rng, length, batch_size, product, np.float32)


def _order(rng, length, batch_size, name):
    lengths = (length, length + length // 10)
    return temporal_order(rng, batch_size, MARKS[name], lengths, np.float32)


#: Name in the paper to task. "2a, last" and "2b, last" are controls: nothing but the
#: last answer is learned; in "told" the readout knows that it is one of two symbols.
TASKS = {
    "2a": Task(lambda *a: _lag(*a, True), 101, 101, True, 0.25, 0, 1),
    "2b": Task(lambda *a: _lag(*a, False), 101, 101, True, 0.25, 0, 1),
    "2a, last": Task(lambda *a: _last(*a, True), 101, 101, True, 0.25, 0, 1),
    "2b, last": Task(lambda *a: _last(*a, False), 101, 101, True, 0.25, 0, 1),
    "2c": Task(
        lambda rng, q, N: longer_lag(rng, q, 50, N, np.float32), 54, 2, True, 0.25, 0, 1
    ),
    "3a": Task(
        lambda rng, T, N: two_sequences(rng, T, 3, N, np.float32),
        1,
        1,
        False,
        0.5,
        0,
        0.01,
        256,
    ),
    "4": Task(lambda *a: _pair(*a, False), 2, 1, False, 0.04, 0, 1),
    "5, 140": Task(lambda *a: _pair(*a, True), 2, 1, False, 0.04, 139, 1),
    "6a": Task(lambda *a: _order(*a, "6a"), 8, 4, True, 0.3, 0, 0.1),
    "6b": Task(lambda *a: _order(*a, "6b"), 8, 8, True, 0.3, 0, 0.1),
}


for _name in ("2a, last", "2b, last"):
    TASKS[f"{_name}, told"] = TASKS[_name]._replace(told=99)


def errors(task, predictions, targets):
    """Largest absolute error of all outputs, for each sequence.

    Of a net that is read at every step the last one counts.

    Parameters
    ----------
    task : Task
        Says whether the outputs are scores of classes.
    predictions : ndarray, shape (N, O) or (T, N, O)
        The model's.
    targets : ndarray, shape (N, O), (N,) or (T, N)
        The batch's.

    Returns
    -------
    ndarray, shape (N,)
    """
    if predictions.ndim == 3:
        predictions, targets = predictions[-1], targets[-1]
    if task.classes:
        predictions = softmax(predictions)
        targets = np.eye(task.outputs)[targets]
    return np.abs(predictions - targets).max(axis=-1)


def learn(name, length, rate, budget, seed, look=None):
    """Train today's LSTM on an experiment of 1997 until the paper's rule is met.

    32 units, chrono initialisation for the length, Adam with a rate that falls along
    half a cosine over the budget, batches of 32, gradients clipped at a norm of 1. The
    rule: of the last 2,000 training sequences (256 in 3a) no more are wrong than
    allowed, each judged before its own update, and their mean absolute error is low
    enough.

    Parameters
    ----------
    name : str
        A key of :data:`TASKS`.
    length : int
        p in 2a and 2b, q in 2c, T in 3a, 4 and 5; 6a and 6b have 100.
    rate : float
        Adam's learning rate at first.
    budget : int
        Updates at most.
    seed : int
        Of weights and sequences.
    look : callable, optional
        Called after each update with an :class:`lstmbook.train.Update`.

    Returns
    -------
    model : Model
        At the stop, or after the budget.
    sequences : int or None
        Until the rule was met.

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    task, rng = TASKS[name], np.random.default_rng(seed)
    cell = LSTM.init(rng, task.inputs, HIDDEN, np.float32)
    cell = chrono_biases(cell, rng, length)
    readout = "all" if name in ("2a", "2b") else "last"
    model = Model.init(rng, cell, task.outputs, readout)
    model.b_y[: task.told] = -10
    recent, met = deque(maxlen=math.ceil(task.recent / BATCH)), []
    criterion = softmax_cross_entropy if task.classes else mse

    def loss(predictions, targets, loss_mask=None):
        recent.append(errors(task, predictions, targets))
        return criterion(predictions, targets, loss_mask)

    def hook(update):
        if look is not None:
            look(update)
        if len(recent) == recent.maxlen:
            wrong = np.array(recent) >= task.right
            if wrong.sum() <= task.allowed and np.mean(recent) < task.average:
                met.append(update.number * BATCH)
                return True
        share = update.number / budget
        return Adam(rate * (1 + math.cos(math.pi * share)) / 2)

    batches = (task.draw(rng, length, BATCH) for _ in range(budget))
    run = train(model, batches, loss, Adam(rate), max_norm=1.0, hook=hook)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    return run.model, met[0] if met else None


def today(task, length, rate, budget, seed):
    """Train as :func:`learn` does, and test as the paper does.

    Parameters
    ----------
    task : str
        A key of :data:`TASKS`.
    length, rate, budget, seed
        As for :func:`learn`.

    Returns
    -------
    dict
        ``parameters``; ``sequences`` until the rule was met, None if it never was;
        ``wrong`` of 2,560 fresh sequences, and their ``mean`` absolute error;
        ``training_seconds``.
    """
    start = time.process_time()
    model, sequences = learn(task, length, rate, budget, seed)
    spent = time.process_time() - start
    rng, found = np.random.default_rng(1000), []
    for _ in range(TESTED // 256):
        batch = TASKS[task].draw(rng, length, 256)
        predictions, _ = model.forward(batch.xs, lengths=batch.lengths)
        found.append(errors(TASKS[task], predictions, batch.targets))
    return {
        "parameters": tree.count(model),
        "sequences": sequences,
        "wrong": int((np.array(found) >= TASKS[task].right).sum()),
        "mean": round(float(np.mean(found)), 4),
        "training_seconds": round(spent, 1),
    }


def _row(task, length=100, rate=1e-2, budget=2_000):
    return {"task": task, "length": length, "rate": rate, "budget": budget}


EXPERIMENTS = (
    Experiment(
        name="paper-1997-today",
        about="The experiments of 1997 with today's LSTM, by their own rules (ch. 16)",
        function=today,
        grid=(
            _row("4"),
            _row("6a"),
            _row("2c", 50),
            _row("5, 140"),
            _row("3a"),
            _row("2b"),
            _row("2a"),
            _row("2b, last, told"),
            _row("2a, last, told"),
            _row("2b, last"),
            _row("2a, last"),
        ),
        results=("parameters", "sequences", "wrong", "mean", "training_seconds"),
        seeds=10,
    ),
)
