"""Optimisers against their equations, and against PyTorch update for update."""

import numpy as np
import pytest
import torch

from lstmbook import LSTM, interop, pytorch, tree
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, Adam, clip_by_global_norm, global_norm
from lstmbook.tasks.adding import adding
from tests.cases import largest, random_case

RNG = np.random.default_rng(0)
GRADS = [[RNG.standard_normal((3, 2)), RNG.standard_normal(4)] for _ in range(5)]
START = [RNG.standard_normal((3, 2)), RNG.standard_normal(4)]


def run(optimizer):
    model, state = START, optimizer.init(START)
    for grads in GRADS:
        model, state = optimizer.update(model, grads, state)
    return model


@pytest.mark.equation("eq-sgd")
def test_sgd():
    expected = START[0] - 0.1 * sum(grads[0] for grads in GRADS)
    assert np.abs(run(SGD(0.1))[0] - expected).max() <= 1e-15


@pytest.mark.equation("eq-adam")
def test_adam():
    b1, b2, rate, eps = 0.8, 0.95, 0.1, 1e-3
    p, m, s = START[1][2], 0.0, 0.0
    for k, grads in enumerate(GRADS, start=1):
        d = grads[1][2]
        m = b1 * m + (1 - b1) * d
        s = b2 * s + (1 - b2) * d**2
        p -= rate * (m / (1 - b1**k)) / ((s / (1 - b2**k)) ** 0.5 + eps)
    assert run(Adam(rate, b1, b2, eps))[1][2] == pytest.approx(p, abs=1e-14)


@pytest.mark.equation("eq-clipping")
@pytest.mark.parametrize("max_norm", [0.5, 100])
def test_clipping(max_norm):
    norm = sum((array**2).sum() for array in GRADS[0]) ** 0.5
    clipped, came = clip_by_global_norm(GRADS[0], max_norm)
    assert came == pytest.approx(norm, rel=1e-14)
    factor = min(1, max_norm / (norm + 1e-6))
    assert largest(clipped, [factor * array for array in GRADS[0]]) <= 1e-15
    assert global_norm(clipped) <= min(max_norm, norm) * (1 + 1e-15)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.5), lambda p: torch.optim.SGD(p, 0.5)),
        (Adam(1e-2), lambda p: torch.optim.Adam(p, 1e-2)),
    ],
)
def test_trains_as_pytorch_does(ours, theirs):
    """The same net on the same batches: the same losses, update for update."""
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, 2, 8), 1)
    twin = pytorch.LSTM.from_numpy(model.cell)
    readout = torch.nn.Linear(8, 1, dtype=torch.float64)
    with torch.no_grad():
        readout.weight.copy_(torch.tensor(model.W_y.T))
        readout.bias.copy_(torch.tensor(model.b_y))
    parameters = [*twin.parameters(), *readout.parameters()]
    optimizer, state = theirs(parameters), ours.init(model)
    clipped = 0
    for _ in range(100):
        batch = adding(rng, 10, 16)
        value, grads, _ = value_and_grads(model, batch, mse)
        grads, norm = clip_by_global_norm(grads, 0.2)
        clipped += norm > 0.2
        model, state = ours.update(model, grads, state)

        optimizer.zero_grad()
        hs, _ = twin(torch.tensor(batch.xs))
        loss = torch.nn.functional.mse_loss(
            readout(hs[-1]), torch.tensor(batch.targets)
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.2)
        optimizer.step()
        assert abs(value - loss.item()) <= 1e-12
        theirs_now = [a.detach().numpy() for a in parameters]
        ours_now = [a for _, a in tree.leaves(model.cell)]
        ours_now += [model.W_y.T, model.b_y]
        assert largest(ours_now, theirs_now) <= 1e-12
    assert 5 < clipped < 95


def test_two_biases_move_twice():
    """One SGD step on nn.LSTM moves the sum of its two biases twice as far as ours."""
    case = random_case(LSTM)
    _, trace = case.cell.forward(case.xs)
    grads = case.cell.backward(trace, case.d_hs)
    ours, _ = SGD(0.1).update(case.cell, grads.cell, None)

    module = interop.to_torch(case.cell)
    hs, _ = module(torch.tensor(case.xs))
    hs.backward(torch.tensor(case.d_hs))
    torch.optim.SGD(module.parameters(), 0.1).step()
    theirs = interop.from_torch(module)
    assert largest([ours.W_x, ours.W_h], [theirs.W_x, theirs.W_h]) <= 1e-13
    moved = theirs.b - case.cell.b
    assert np.abs(moved - 2 * (ours.b - case.cell.b)).max() <= 1e-13


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(np.float64(0.1)),
        Adam(np.float64(0.1)),
        Adam(beta1=np.float64(0.8)),
        Adam(beta2=np.float64(0.8)),
        Adam(eps=np.float64(1e-8)),
    ],
    ids=str,
)
def test_nothing_is_changed_in_place_and_dtype_stays(optimizer):
    model = tree.map(lambda a: a.astype(np.float32), START)
    grads = tree.map(lambda a: a.astype(np.float32), GRADS[0])
    _, state = optimizer.update(model, grads, optimizer.init(model))
    before = tree.map(np.copy, (model, grads, state))
    clipped, _ = clip_by_global_norm(grads, np.float64(0.1))
    after, _ = optimizer.update(model, clipped, state)
    assert largest((model, grads, state), before) == 0
    arrays = tree.leaves((after, state, clipped))
    assert all(array.dtype == np.float32 for _, array in arrays)


def test_an_infinite_threshold_only_measures():
    clipped, norm = clip_by_global_norm(GRADS[0], np.inf)
    assert largest(clipped, GRADS[0]) == 0 and norm == global_norm(GRADS[0])


def test_norm_of_exploding_float32_gradients():
    grads = [np.full(3, 1e30, np.float32), np.full(1, 1e30, np.float32)]
    assert global_norm(grads) == pytest.approx(2e30, rel=1e-6)
    clipped, _ = clip_by_global_norm(grads, 1)
    assert global_norm(clipped) == pytest.approx(1, rel=1e-6)
