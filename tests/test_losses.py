import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from lstmbook import gradcheck
from lstmbook.losses import mse, softmax_cross_entropy

RNG = np.random.default_rng(0)
T, N, K = 5, 3, 4
SCORES = RNG.standard_normal((T, N, K))
VALUES = RNG.standard_normal((T, N, K))
CLASSES = RNG.integers(0, K, (T, N))
MASK = RNG.random((T, N)) < 0.5
BOTH = [(mse, VALUES), (softmax_cross_entropy, CLASSES)]


@pytest.mark.equation("eq-mse")
@pytest.mark.parametrize("mask", [None, MASK])
def test_mse(mask):
    loss, _ = mse(SCORES, VALUES, mask)
    squares = [
        (SCORES[t, n, k] - VALUES[t, n, k]) ** 2
        for t in range(T)
        for n in range(N)
        for k in range(K)
        if mask is None or mask[t, n]
    ]
    assert loss == pytest.approx(sum(squares) / len(squares), abs=1e-14)


@pytest.mark.equation("eq-cross-entropy")
@pytest.mark.parametrize("mask", [None, MASK])
def test_cross_entropy(mask):
    loss, _ = softmax_cross_entropy(SCORES, CLASSES, mask)
    surprises = []
    for t in range(T):
        for n in range(N):
            if mask is None or mask[t, n]:
                e = [math.exp(a) for a in SCORES[t, n]]
                surprises.append(-math.log(e[CLASSES[t, n]] / sum(e)))
    assert loss == pytest.approx(sum(surprises) / len(surprises), abs=1e-14)


@pytest.mark.parametrize(("loss", "targets"), BOTH)
@pytest.mark.parametrize("mask", [None, MASK])
def test_gradient(loss, targets, mask):
    numeric = gradcheck.central_differences(lambda s: loss(s, targets, mask)[0], SCORES)
    _, analytic = loss(SCORES, targets, mask)
    assert gradcheck.compare(numeric, analytic)[0].error <= 1e-10
    if mask is not None:
        assert not analytic[~mask].any()


@pytest.mark.parametrize("mask", [None, MASK])
def test_equals_pytorch(mask):
    every = np.ones((T, N), bool) if mask is None else mask
    scores = torch.tensor(SCORES[every], requires_grad=True)
    for (loss, targets), theirs in zip(
        BOTH, (functional.mse_loss, functional.cross_entropy), strict=True
    ):
        scores.grad = None
        value = theirs(scores, torch.tensor(targets[every]))
        value.backward()
        ours, d_scores = loss(SCORES, targets, mask)
        assert abs(ours - value.item()) <= 1e-12
        assert np.abs(d_scores[every] - scores.grad.numpy()).max() <= 1e-12


@pytest.mark.parametrize(("loss", "targets"), BOTH)
@pytest.mark.parametrize("mask", [None, MASK])
def test_float32_stays_float32(loss, targets, mask):
    targets = targets.astype(np.float32) if loss is mse else targets
    assert loss(SCORES.astype(np.float32), targets, mask)[1].dtype == np.float32


def test_rows_are_shifted_each_by_its_own_largest_score():
    scores = np.array([[0.0, 1.0], [2000.0, 2001.0]])
    loss, d_scores = softmax_cross_entropy(scores, np.array([0, 0]))
    assert loss == pytest.approx(math.log(1 + math.e), abs=1e-12)
    assert np.abs(d_scores[0] - d_scores[1]).max() <= 1e-12


def test_extreme_scores_stay_finite():
    loss, d_scores = softmax_cross_entropy(np.array([[1e5, 0.0]]), np.array([1]))
    assert loss == 1e5 and d_scores.tolist() == [[1, -1]]
