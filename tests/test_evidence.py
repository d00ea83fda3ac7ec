"""The experiments of chapters 2 and 3: evidence that lies back in time."""

import numpy as np
import pytest
import torch

from lstmbook import RNN
from lstmbook.course import experiments
from lstmbook.course.experiments import EXPERIMENTS, evidence
from lstmbook.data import Batch


def means(name, keys, result):
    """Stored rates tried: {setting: {rate: mean of the seeds}}."""
    found = {}
    for row in experiments.load(name):
        setting = tuple(row[key] for key in keys)
        setting = setting if len(setting) > 1 else setting[0]
        found.setdefault(setting, {}).setdefault(row["rate"], []).append(row[result])
    return {
        setting: {rate: np.mean(values) for rate, values in rates.items()}
        for setting, rates in found.items()
    }


@pytest.mark.parametrize(
    ("name", "keys", "result", "best", "rates"),
    [
        ("one-step-rates", ("kind",), "mse", min, evidence.ONE_STEP_RATES),
        ("reach-rates", ("marks", "init"), "mse", min, evidence.REACH_RATES),
        (
            "waiting-rates",
            ("net", "blank_rows", "epochs"),
            "accuracy",
            max,
            evidence.WAITING_RATES,
        ),
    ],
)
def test_each_net_has_the_best_of_the_rates_tried(name, keys, result, best, rates):
    tried = means(name, keys, result)
    assert {s: best(r, key=r.get) for s, r in tried.items()} == rates


@pytest.mark.parametrize("name", ["reach", "waiting"])
def test_stored_runs_are_at_these_rates(name):
    rates = {"reach": evidence.REACH_RATES, "waiting": evidence.WAITING_RATES}[name]
    grid = [tuple(settings.values()) for settings in EXPERIMENTS[name].grid]
    assert {(*setting, rate) for setting, rate in rates.items()} <= set(grid)


def test_at_the_smaller_rate_the_runs_are_those_of_adding_orthogonal():
    errors = {
        (row["init"], row["seed"]): row["mse_5000"]
        for row in experiments.load("reach")
        if (row["marks"], row["rate"]) == ("anywhere", 0.001)
    }
    assert len(errors) == 24
    for row in experiments.load("adding-orthogonal"):
        if row["length"] == 50:
            # Those were rounded twice.
            expected = pytest.approx(errors[row["init"], row["seed"]], abs=2e-4)
            assert row["mse"] == expected


def test_one_step_gradient_is_that_of_detached_states():
    T, N, D, H = 5, 3, 4, 2
    rng = np.random.default_rng(0)
    cell = evidence.OneStepRNN.init(rng, D, H)
    cell.b[:] = rng.standard_normal(H)
    xs, h0 = rng.standard_normal((T, N, D)), rng.standard_normal((N, H))
    d_hs = rng.standard_normal((T, N, H))
    d_final = cell.State(rng.standard_normal((N, H)))
    _, trace = cell.forward(xs, cell.State(h0))
    grads = cell.backward(trace, d_hs, d_final)

    leaves = {
        name: torch.tensor(getattr(cell, name), requires_grad=True)
        for name in ("W_x", "W_h", "b")
    }
    h, loss = torch.tensor(h0), 0.0
    for x, d in zip(torch.tensor(xs), torch.tensor(d_hs), strict=True):
        a = x @ leaves["W_x"] + h.detach() @ leaves["W_h"] + leaves["b"]
        h = torch.tanh(a)
        loss = loss + (d * h).sum()
    (loss + (torch.tensor(d_final.h) * h).sum()).backward()
    for name, leaf in leaves.items():
        ours = getattr(grads.cell, name)
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=0, atol=1e-12)
    whole = RNN(cell.W_x, cell.W_h, cell.b).backward(trace, d_hs, d_final)
    assert np.abs(whole.cell.W_h - grads.cell.W_h).max() > 0.1
    assert type(grads.cell) is evidence.OneStepRNN


def test_marks_in_the_first_ten_steps():
    batch = evidence.marked(np.random.default_rng(0), "first ten", 500)
    values, marks = batch.xs.transpose(2, 0, 1)
    assert batch.xs.shape == (50, 500, 2) and batch.xs.dtype == np.float32
    assert (marks[:5].sum(axis=0) == 1).all() and (marks[5:10].sum(axis=0) == 1).all()
    assert not marks[10:].any()
    sums = (values * marks).sum(axis=0)
    np.testing.assert_allclose(batch.targets[:, 0], sums, rtol=1e-6)
    # What is not marked is as it is elsewhere.
    assert 0.48 < values[10:].mean() < 0.52 and values[10:].std() > 0.28


def test_marks_anywhere_are_the_adding_problem():
    batch = evidence.marked(np.random.default_rng(0), "anywhere", 500)
    marks = batch.xs[..., 1]
    assert (marks[:25].sum(axis=0) == 1).all() and (marks[25:].sum(axis=0) == 1).all()
    assert marks[10:25].any() and marks[40:].any()


def test_slopes_of_the_two_numbers():
    """An answer made of 0.75 × the late number and 0.25 × the first one."""
    batch = evidence.marked(np.random.default_rng(1), "anywhere", 4_000)
    values, marks = batch.xs.transpose(2, 0, 1)
    n = np.arange(4_000)
    first = marks.argmax(axis=0)
    second = 49 - marks[::-1].argmax(axis=0)
    answers = 0.25 * values[first, n] + 0.75 * values[second, n] * (second >= 40)
    late, early = evidence._slopes(answers, values, marks)
    assert late == pytest.approx(0.75, abs=0.02)
    assert early == pytest.approx(0.25, abs=0.02)
    batch = evidence.marked(np.random.default_rng(1), "first ten", 100)
    late, _ = evidence._slopes(answers[:100], *batch.xs.transpose(2, 0, 1))
    assert late is None


def test_blank_rows_follow_the_digit():
    xs = np.arange(1.0, 25.0).reshape(2, 3, 4)
    waited = evidence.wait(Batch(xs, np.arange(3)), 5)
    assert waited.xs.shape == (7, 3, 4)
    assert (waited.xs[:2] == xs).all() and not waited.xs[2:].any()
    assert (waited.targets == np.arange(3)).all()


def test_starts():
    cells = {
        net: evidence.start(np.random.default_rng(0), net, 8) for net in evidence.NETS
    }
    sigma = {
        net: np.linalg.svd(cell.W_h, compute_uv=False) for net, cell in cells.items()
    }
    np.testing.assert_allclose(sigma["RNN orthogonal"], 1, atol=1e-5)
    assert np.ptp(sigma["RNN"]) > 0.5
    assert (cells["LSTM"].b_f == 1).all()
    assert (cells["LSTM forget bias 3"].b_f == 3).all()
    with pytest.raises(ValueError, match="net is 'GRU'; expected one of"):
        evidence.start(np.random.default_rng(0), "GRU", 8)
    with pytest.raises(ValueError, match="marks is 'late'; expected 'anywhere'"):
        evidence.marked(np.random.default_rng(0), "late", 2)


@pytest.mark.slow
def test_a_stored_wait_again():
    rows = experiments.load("waiting")
    stored = next(r for r in rows if r["net"] == "RNN orthogonal")
    assert stored["blank_rows"] == 0
    settings = {k: stored[k] for k in ("net", "blank_rows", "epochs", "rate", "seed")}
    fresh = evidence.waiting(**settings)
    assert fresh["accuracy"] == pytest.approx(stored["accuracy"], abs=0.03)
