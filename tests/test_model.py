import dataclasses

import numpy as np
import pytest

from lstmbook import CELLS, LSTM, gradcheck, tree
from lstmbook.losses import Batch, mse, softmax_cross_entropy
from lstmbook.model import Model, value_and_grads
from tests.cases import D, H, N, T, largest, random_case

O = 3  # noqa: E741


def random_model(kind, readout):
    rng = np.random.default_rng(1)
    model = Model.init(rng, random_case(kind).cell, O, readout)
    model.b_y[:] = rng.standard_normal(O)
    return model


def random_batch(readout, lengths=None, mask=None):
    shape = (N, O) if readout == "last" else (T, N, O)
    xs = random_case(LSTM).xs
    targets = np.random.default_rng(2).standard_normal(shape)
    return Batch(xs, targets, mask, lengths)


@pytest.mark.equation("eq-readout")
@pytest.mark.parametrize("readout", ["last", "all"])
def test_readout(readout):
    model, xs = random_model(LSTM, readout), random_case(LSTM).xs
    predictions, trace = model.forward(xs, lengths=[5, 2, 4])
    hs = trace.states.h
    for n, length in enumerate([5, 2, 4]):
        for t in range(T):
            h = hs[t, n] if readout == "all" else hs[length - 1, n]
            expected = [
                sum(model.W_y[k, j] * h[k] for k in range(H)) + model.b_y[j]
                for j in range(O)
            ]
            came = predictions[t, n] if readout == "all" else predictions[n]
            assert np.abs(came - expected).max() <= 1e-14


@pytest.mark.parametrize("kind", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("lengths", [None, np.array([5, 1, 3])])
@pytest.mark.parametrize("masked", [False, True])
def test_gradient(kind, readout, lengths, masked):
    model = random_model(kind, readout)
    mask = np.zeros((N,) if readout == "last" else (T, N), bool)
    mask[..., 1] = mask[0] = True
    batch = random_batch(readout, lengths, mask if masked else None)
    _, analytic = value_and_grads(model, batch, mse)
    numeric = gradcheck.central_differences(
        lambda m: value_and_grads(m, batch, mse)[0], model
    )
    assert max(row.error for row in gradcheck.compare(numeric, analytic)) <= 1e-8


def test_padding_never_counts():
    model = random_model(LSTM, "all")
    lengths = np.array([5, 2, 4])
    inside = np.arange(T)[:, None] < lengths
    batch = random_batch("all", lengths)
    value, grads = value_and_grads(model, batch, mse)
    masked = value_and_grads(model, batch._replace(loss_mask=inside), mse)
    assert value == masked[0] and largest(grads, masked[1]) == 0
    batch.targets[~inside] = 1e9
    assert value_and_grads(model, batch, mse)[0] == value


def test_padding_may_hold_anything():
    model, lengths = random_model(LSTM, "all"), np.array([5, 2, 4])
    batch = random_batch("all", lengths)
    expected = value_and_grads(model, batch, mse)
    batch.targets[2:, 1] = np.nan
    value, grads = value_and_grads(model, batch, mse)
    assert value == expected[0] and largest(grads, expected[1]) == 0
    classes = np.where(np.arange(T)[:, None] < lengths, 1, -100)
    value, grads = value_and_grads(
        model, batch._replace(targets=classes), softmax_cross_entropy
    )
    assert np.isfinite(value) and np.isfinite(grads.cell.W_x).all()


def test_mask_and_lengths_count_together():
    model, lengths = random_model(LSTM, "all"), np.array([5, 2, 4])
    mask = np.ones((T, N), bool)
    mask[1] = False
    batch = random_batch("all", lengths, mask)
    predictions, _ = model.forward(batch.xs, lengths=lengths)
    squares = (predictions - batch.targets) ** 2
    counted = [squares[t, n] for n in range(N) for t in range(lengths[n]) if t != 1]
    value, _ = value_and_grads(model, batch, mse)
    assert abs(value - np.mean(counted)) <= 1e-14


def test_classes_are_learned_from():
    model = random_model(LSTM, "last")
    batch = Batch(random_case(LSTM).xs, np.array([2, 0, 1]))
    value, grads = value_and_grads(model, batch, softmax_cross_entropy)
    stepped = tree.map(lambda p, d: p - 1e-3 * d, model, grads)
    assert value_and_grads(stepped, batch, softmax_cross_entropy)[0] < value


def test_init_and_repr():
    cell = LSTM.init(np.random.default_rng(0), D, 100)
    model = Model.init(np.random.default_rng(0), cell, 50)
    assert 0.099 < np.abs(model.W_y).max() <= 0.1 and not model.b_y.any()
    assert model.cell is cell and repr(model).endswith(
        "output_size=50, readout='last')"
    )
    assert dataclasses.replace(model, readout="all").readout == "all"
