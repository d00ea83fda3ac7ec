"""The tasks of 1997, rebuilt from their inputs."""

import numpy as np
import pytest

from lstmbook.tasks.paper1997 import (
    long_lag,
    longer_lag,
    marked_pair,
    two_sequences,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def symbols(batch, n):
    steps = len(batch.xs) if batch.lengths is None else batch.lengths[n]
    assert (batch.xs[:steps, n].sum(axis=-1) == 1).all()
    return batch.xs[:steps, n].argmax(axis=-1)


@pytest.mark.parametrize("regular", [True, False])
def test_long_lag(regular):
    p = 7
    batch = long_lag(rng(), p, 300, regular)
    assert batch.xs.shape == (p, 300, p + 1) and batch.targets.shape == (p, 300)
    firsts, between = set(), set()
    for n in range(300):
        seen, asked = symbols(batch, n), batch.targets[:, n]
        np.testing.assert_array_equal(seen[1:], asked[:-1])
        assert asked[-1] == seen[0]
        firsts.add(int(seen[0]))
        between.add(tuple(seen[1:].tolist()))
    assert firsts == {p - 1, p}
    if regular:
        assert between == {tuple(range(p - 1))}
    else:
        assert len(between) > 250
        assert {s for word in between for s in word} == set(range(p - 1))


def test_longer_lag():
    q, p, N = 5, 3, 4000
    batch = longer_lag(rng(), q, p, N, np.float32)
    assert batch.xs.dtype == np.float32 and batch.xs.shape[2] == p + 4
    e, b, x = p, p + 1, p + 2
    for n in range(N):
        seen = symbols(batch, n)
        assert seen[0] == b and seen[-1] == e and seen[1] == x + batch.targets[n]
        assert (seen[2:-1] < p).all() and len(seen) >= q + 3
    longer = batch.lengths - (q + 3)
    assert np.mean(longer == 0) == pytest.approx(0.9, abs=0.02)
    assert np.mean(longer == 1) == pytest.approx(0.09, abs=0.02)
    assert np.mean(batch.targets) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("signal", [1, 3])
def test_two_sequences(signal):
    batch = two_sequences(rng(), 40, signal, 3000)
    xs, classes = batch.xs[..., 0], batch.targets[:, 0]
    assert set(batch.lengths) == set(range(40, 45))
    assert (xs[:signal] == np.where(classes == 1, 1, -1)).all()
    assert np.mean(classes) == pytest.approx(0.5, abs=0.03)
    noise = xs[signal:40]
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert noise.var() == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize("product", [False, True])
def test_marked_pair(product):
    T, N = 30, 6000
    batch = marked_pair(rng(), T, N, product)
    assert set(batch.lengths) == {30, 31, 32, 33}
    places = np.zeros((2, T + 4), int)
    for n in range(N):
        values, marks = batch.xs[: batch.lengths[n], n].T
        assert marks[0] == marks[-1] == -1
        (found,) = np.nonzero(marks[1:-1])
        assert (marks[1 + found] == 1).all()
        X = values[1 + found].tolist()
        if len(X) == 1:  # the first step was drawn
            X.append(1 if product else 0)
        target = X[0] * X[1] if product else 0.5 + (X[0] + X[1]) / 4
        assert batch.targets[n, 0] == pytest.approx(target, rel=1e-12)
        for k in found + 1:
            places[int(k >= 10), k] += 1
    # One mark in the first ten steps, the other in the first T/2 − 1.
    assert places[0, 1:10].min() > 0 and places[1, 10 : T // 2 - 1].min() > 0
    assert places[1, T // 2 - 1 :].sum() == 0
    values = batch.xs[:T, :, 0]
    low = 0 if product else -1
    assert low <= values.min() < low + 0.01 and 0.99 < values.max() < 1


def test_the_second_mark_may_come_first_and_falls_evenly():
    T, N = 30, 40_000
    batch = marked_pair(rng(3), T, N)
    marks = batch.xs[..., 1] == 1
    # The second is drawn from 14 − 1 places: each of the last four is hit alike, and
    # the first step is one of the pair in 1/10 + 9/10 · 1/13 of the sequences.
    late = marks[10 : T // 2 - 1].mean(axis=1)
    np.testing.assert_allclose(late, 1 / 13, atol=0.006)
    assert marks[T // 2 - 1 :].sum() == 0
    alone = np.mean(marks.sum(axis=0) == 1)
    assert alone == pytest.approx(1 / 10 + 9 / 130, abs=0.006)


def test_the_best_constant_answer_to_the_sum():
    """1/24, were the first step never drawn."""
    targets = marked_pair(rng(5), 100, 200_000).targets[:, 0]
    assert targets.var() == pytest.approx((2 - 0.11875) / 48, abs=0.0004)
    assert np.mean(np.abs(targets - 0.5) < 0.04) == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_sequences(rng(), 5, 6, 2), "signal is 6; expected at most"),
        (lambda: marked_pair(rng(), 20, 2), "length is 20"),
        (lambda: long_lag(rng(), 1, 2), "p is 1"),
        (lambda: longer_lag(rng(), 0, 3, 2), "q is 0"),
    ],
)
def test_bad_sizes(call, message):
    with pytest.raises(ValueError, match=message):
        call()
