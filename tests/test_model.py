import dataclasses

import numpy as np
import pytest

from lstmbook import CELLS, LSTM, gradcheck, tree
from lstmbook.data import Batch
from lstmbook.losses import mse, softmax_cross_entropy
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
    _, analytic, _ = value_and_grads(model, batch, mse)
    numeric = gradcheck.central_differences(
        lambda m: value_and_grads(m, batch, mse)[0], model
    )
    assert max(row.error for row in gradcheck.compare(numeric, analytic)) <= 1e-8


def test_padding_never_counts():
    model = random_model(LSTM, "all")
    lengths = np.array([5, 2, 4])
    inside = np.arange(T)[:, None] < lengths
    batch = random_batch("all", lengths)
    value, grads, _ = value_and_grads(model, batch, mse)
    masked = value_and_grads(model, batch._replace(loss_mask=inside), mse)
    assert value == masked[0] and largest(grads, masked[1]) == 0
    batch.targets[~inside] = 1e9
    assert value_and_grads(model, batch, mse)[0] == value


def test_padding_may_hold_anything():
    model, lengths = random_model(LSTM, "all"), np.array([5, 2, 4])
    batch = random_batch("all", lengths)
    expected = value_and_grads(model, batch, mse)
    batch.targets[2:, 1] = np.nan
    value, grads, _ = value_and_grads(model, batch, mse)
    assert value == expected[0] and largest(grads, expected[1]) == 0
    classes = np.where(np.arange(T)[:, None] < lengths, 1, -100)
    value, grads, _ = value_and_grads(
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
    value, *_ = value_and_grads(model, batch, mse)
    assert abs(value - np.mean(counted)) <= 1e-14


def test_classes_are_learned_from():
    model = random_model(LSTM, "last")
    batch = Batch(random_case(LSTM).xs, np.array([2, 0, 1]))
    value, grads, _ = value_and_grads(model, batch, softmax_cross_entropy)
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


@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("lengths", [None, np.array([5, 1, 3])])
def test_gradients_of_all_that_went_in(readout, lengths):
    """Inputs and initial state too, with a cotangent of the final state."""
    model, case = random_model(LSTM, readout), random_case(LSTM)
    batch = random_batch(readout)

    def scalar(point):
        model, xs, state = point
        answers, trace = model.forward(xs, state, lengths)
        ends = zip(case.d_final, trace.final, strict=True)
        return np.vdot(batch.targets, answers) + sum(np.vdot(d, a) for d, a in ends)

    _, trace = model.forward(case.xs, case.state, lengths)
    analytic = model.backward(trace, batch.targets, case.d_final)
    numeric = gradcheck.central_differences(scalar, (model, case.xs, case.state))
    rows = gradcheck.compare(type(analytic)(*numeric), analytic)
    assert {"model.W_y", "xs", "state.c"} <= {row.name for row in rows}
    assert max(row.error for row in rows) <= 1e-8


def test_windows_handed_back_are_the_whole():
    """Each window's state gradient is the final cotangent of the one before."""
    model, batch = random_model(LSTM, "all"), random_batch("all")
    _, trace = model.forward(batch.xs)
    whole = model.backward(trace, batch.targets)
    _, first = model.forward(batch.xs[:2])
    _, second = model.forward(batch.xs[2:], first.final)
    late = model.backward(second, batch.targets[2:])
    early = model.backward(first, batch.targets[:2], late.state)
    assert largest(tree.map(np.add, early.model, late.model), whole.model) <= 1e-13
    assert largest(np.concatenate([early.xs, late.xs]), whole.xs) <= 1e-13


@pytest.mark.parametrize("readout", ["last", "all"])
def test_value_and_grads_of_a_carried_state(readout):
    model, batch = random_model(LSTM, readout), random_batch(readout)
    case = random_case(LSTM)
    value, analytic, final = value_and_grads(model, batch, mse, case.state)
    answers, trace = model.forward(batch.xs, case.state)
    assert value == mse(answers, batch.targets)[0] and largest(final, trace.final) == 0
    numeric = gradcheck.central_differences(
        lambda m: value_and_grads(m, batch, mse, case.state)[0], model
    )
    assert max(row.error for row in gradcheck.compare(numeric, analytic)) <= 1e-8
