"""NumPy and PyTorch train the same net on the same batches, update for update."""

import numpy as np
import pytest
import torch
from torch import nn

from lstmbook import CELLS, interop, pytorch
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import SGD, Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train

UPDATES, MAX_NORM = 100, 0.3


def setup(name, updates=UPDATES):
    rng = np.random.default_rng(0)
    cell = CELLS[name].init(rng, input_size=2, hidden_size=8)
    cell.b[:] += rng.standard_normal(cell.b.shape)
    batches = [adding(rng, length=12, batch_size=16) for _ in range(updates)]
    return Model.init(rng, cell, 1), batches


def train_torch(twin, batches, optimizer):
    losses, norms = [], []
    for batch in batches:
        optimizer.zero_grad()
        answers = twin(torch.tensor(batch.xs))
        loss = ((answers - torch.tensor(batch.targets)) ** 2).mean()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(twin.parameters(), MAX_NORM).item())
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses), np.array(norms)


def native(model):
    return pytorch.Model(interop.to_torch(model.cell), model)


@pytest.mark.parametrize(
    "name", [n for n, kind in CELLS.items() if hasattr(pytorch, kind.__name__)]
)
def test_a_hundred_adam_updates(name):
    model, batches = setup(name)
    core = getattr(pytorch, CELLS[name].__name__).from_numpy(model.cell)
    twin = pytorch.Model(core, model)
    adam = torch.optim.Adam(twin.parameters(), lr=1e-2)
    losses, norms = train_torch(twin, batches, adam)
    run = train(model, batches, mse, Adam(1e-2), MAX_NORM)
    # Clipped and not: both are part of what is compared.
    assert 0 < (run.grad_norms > MAX_NORM).sum() < UPDATES
    assert np.ptp(run.losses) > 0.1
    assert np.abs(run.losses - losses).max() <= 1e-9
    assert np.abs(run.grad_norms - norms).max() <= 1e-9
    for field, parameter in core.named_parameters():
        came = getattr(run.model.cell, field)
        assert np.abs(came - parameter.detach().numpy()).max() <= 1e-9, field
    assert np.abs(run.model.W_y - twin.W_y.detach().numpy()).max() <= 1e-9


def test_two_biases_depart():
    """The first loss is the same, the second is not: the sum of both moves twice."""
    model, batches = setup("lstm")
    twin = native(model)
    adam = torch.optim.Adam(twin.parameters(), lr=1e-2)
    losses, _ = train_torch(twin, batches, adam)
    run = train(model, batches, mse, Adam(1e-2), MAX_NORM)
    gaps = np.abs(run.losses - losses)
    assert gaps[0] <= 1e-12 < 1e-6 < gaps[1] and gaps.max() > 1e-4


def test_two_biases_with_one_held_do_not():
    model, batches = setup("lstm")
    twin = native(model)
    twin.core.bias_hh_l0.requires_grad_(False)
    adam = torch.optim.Adam(twin.parameters(), lr=1e-2)
    losses, _ = train_torch(twin, batches, adam)
    run = train(model, batches, mse, Adam(1e-2), MAX_NORM)
    assert np.abs(run.losses - losses).max() <= 1e-9


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_the_sum_of_two_biases_moves_twice(kind, monkeypatch):
    monkeypatch.setitem(globals(), "MAX_NORM", 1e6)
    model, batches = setup("lstm", updates=1)
    twin = native(model)
    theirs = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[kind]
    ours = {"sgd": SGD, "adam": Adam}[kind]
    train_torch(twin, batches, theirs(twin.parameters(), lr=1e-2))
    run = train(model, batches, mse, ours(1e-2))
    both = (twin.core.bias_ih_l0 + twin.core.bias_hh_l0).detach().numpy()
    moved, twice = run.model.cell.b - model.cell.b, both - model.cell.b
    assert np.abs(moved).min() > 1e-7
    assert np.abs(twice - 2 * moved).max() <= 1e-12
