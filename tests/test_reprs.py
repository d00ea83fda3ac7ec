"""A cell's last expression takes only a few lines of output in a notebook."""

import numpy as np
import pytest

from lstmbook import CELLS, GRU, LSTM, Bidirectional, Stack, tree
from lstmbook.data import Batch
from lstmbook.diagnostics import cell_gradient_split
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import Update, train

LIMIT = 800


def nets():
    rng = np.random.default_rng(0)
    yield from (kind.init(rng, 3, 64) for kind in CELLS.values())
    both = Bidirectional(LSTM.init(rng, 3, 64), GRU.init(rng, 3, 64))
    yield both
    yield Stack((both, LSTM.init(rng, 128, 64)))


@pytest.mark.parametrize("net", list(nets()), ids=lambda net: type(net).__name__)
def test_what_a_pass_leaves_is_short(net):
    hs, trace = net.forward(np.random.default_rng(0).standard_normal((50, 20, 3)))
    model = Model.init(np.random.default_rng(0), net, 1)
    grads = model.backward(trace, np.ones((20, 1)))
    found = [trace, trace.final, net.backward(trace, hs), grads, grads.state]
    if isinstance(net, tuple(CELLS.values())):
        found += [trace.gates, trace.states, trace.history]
    for value in found:
        assert len(repr(value)) < LIMIT, repr(value)
        assert "\n" not in repr(value) and "array" not in repr(value)


def test_what_training_leaves_is_short():
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, 2, 32), 1)
    batches, seen = [adding(rng, 5, 40) for _ in range(30)], []
    run = train(model, batches, mse, Adam(), hook=seen.append)
    for value in (run, run.optimizer_state, batches[0], seen[0]):
        assert len(repr(value)) < LIMIT and "\n" not in repr(value)
    assert repr(run).startswith("Run(model=Model(LSTM(input_size=2, hidden_size=32")
    assert "losses=float64 (30,), grad_norms=float64 (30,)" in repr(run)
    assert isinstance(seen[0], Update)


def test_what_diagnostics_leave_is_short():
    rng = np.random.default_rng(0)
    cell = LSTM.init(rng, 3, 8)
    _, trace = cell.forward(rng.standard_normal((30, 5, 3)))
    split = cell_gradient_split(cell, trace)
    expected = "CellGradient(direct=float64 (30, 5, 8), leak=float64 (30, 5, 8, 8))"
    assert repr(split) == expected


def test_few_numbers_are_shown():
    batch = Batch(np.zeros((5, 3, 4)), np.array([1, 0, 2]))
    assert repr(batch) == (
        "Batch(xs=float64 (5, 3, 4), targets=[1, 0, 2], loss_mask=None, lengths=None)"
    )
    assert tree.summary(batch) == repr(batch)
