"""Chapter 1: what is possible without memory, and the copying problem."""

import numpy as np
import pytest

from lstmbook.losses import mse, softmax_cross_entropy
from lstmbook.tasks.adding import adding, constant_loss, last_step_loss
from lstmbook.tasks.copying import SYMBOLS, WORD, copying, memoryless_loss

DRAWS = 60_000


@pytest.mark.equation("eq-adding-constant")
def test_constant_loss_is_that_of_the_best_constant():
    """By a fine grid instead of the derivation's integral, and by drawing."""
    middles = (np.arange(2000) + 0.5) / 2000
    sums = middles[:, None] + middles
    by_grid = [((answer - sums) ** 2).mean() for answer in (0.99, 1, 1.01)]
    assert by_grid[1] == min(by_grid)
    assert constant_loss() == pytest.approx(by_grid[1], abs=1e-6)
    batch = adding(np.random.default_rng(0), 7, DRAWS)
    measured, _ = mse(np.ones_like(batch.targets), batch.targets)
    assert constant_loss() == pytest.approx(measured, abs=4e-3)


def by_counting(length):
    """The last step's loss, by all places of the second mark and a grid of values."""
    middles = (np.arange(400) + 0.5) / 400
    first, second = np.meshgrid(middles, middles, indexing="ij")
    losses = []
    for place in range(length // 2, length):
        known = second if place == length - 1 else 0.5
        losses.append(((known + 0.5 - first - second) ** 2).mean())
    return np.mean(losses)


@pytest.mark.equation("eq-adding-last")
@pytest.mark.parametrize("length", [2, 3, 7, 10, 51])
def test_last_step_loss(length):
    assert last_step_loss(length) == pytest.approx(by_counting(length), abs=1e-5)
    batch = adding(np.random.default_rng(1), length, DRAWS)
    value, mark = batch.xs[-1].T
    answers = np.where(mark == 1, value + 0.5, 1.0)[:, None]
    measured, _ = mse(answers, batch.targets)
    assert last_step_loss(length) == pytest.approx(measured, abs=4e-3)


def test_no_straight_line_of_the_last_step_does_better():
    """Least squares on everything that the last step says, products included."""
    batch = adding(np.random.default_rng(2), 5, DRAWS)
    value, mark = batch.xs[-1].T
    features = np.stack([np.ones_like(value), value, mark, value * mark], axis=1)
    weights, *_ = np.linalg.lstsq(features, batch.targets[:, 0], rcond=None)
    assert weights == pytest.approx([1, 0, -0.5, 1], abs=0.05)
    best, _ = mse((features @ weights)[:, None], batch.targets)
    assert best == pytest.approx(last_step_loss(5), abs=4e-3)


@pytest.mark.parametrize("delay", [1, 2, 13])
def test_copying(delay):
    batch = copying(np.random.default_rng(0), delay, 300)
    T = delay + 2 * WORD
    assert batch.xs.shape == (T, 300, SYMBOLS + 2) and batch.targets.shape == (T, 300)
    assert (batch.xs.sum(axis=-1) == 1).all() and set(np.unique(batch.xs)) == {0, 1}
    shown = batch.xs.argmax(axis=-1)
    for n in range(300):
        word = list(shown[:WORD, n])
        assert set(word) <= set(range(SYMBOLS))
        # Blank is 8; the signal, 9, is `delay` steps after the last symbol.
        assert list(shown[WORD:, n]) == [8] * (delay - 1) + [9] + [8] * WORD
        assert list(batch.targets[:, n]) == [8] * (WORD + delay) + word
    for k in range(WORD):  # the lag that the docstring states
        assert (batch.targets[k + delay + 10] == shown[k]).all()
    # Every symbol in every place, and never the same word twice.
    assert all(set(shown[k]) == set(range(SYMBOLS)) for k in range(WORD))
    assert len({tuple(word) for word in shown[:WORD].T}) == 300


def test_copying_dtype_and_seed():
    one, same, other = (
        copying(np.random.default_rng(seed), 4, 6, dtype=np.float32)
        for seed in (5, 5, 6)
    )
    assert one.xs.dtype == np.float32
    assert np.issubdtype(one.targets.dtype, np.integer)
    assert np.array_equal(one.xs, same.xs)
    assert not np.array_equal(one.targets, other.targets)


def guesser(T, guess):
    """Scores that are sure of every blank and spread ``guess`` over the answers."""
    scores = np.full((T, SYMBOLS + 1), -60.0)
    scores[:-WORD, SYMBOLS] = 60.0
    scores[-WORD:, :SYMBOLS] = np.log(guess)
    return scores


@pytest.mark.equation("eq-copying-baseline")
@pytest.mark.parametrize("delay", [1, 10, 77])
def test_memoryless_loss(delay):
    T, N = delay + 2 * WORD, 4000
    batch = copying(np.random.default_rng(3), delay, N)

    def score(guess):
        scores = np.repeat(guesser(T, guess)[:, None], N, axis=1)
        return softmax_cross_entropy(scores, batch.targets)[0]

    fair = np.full(SYMBOLS, 1 / SYMBOLS)
    assert memoryless_loss(delay) == pytest.approx(score(fair), abs=1e-12)
    # Preferring a symbol costs more than it gains.
    bent = fair + 0.05 * np.array([1, -1, 1, -1, 1, -1, 1, -1])
    assert score(bent) > memoryless_loss(delay)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: last_step_loss(1), "length is 1; expected an integer of at least 2"),
        (lambda: memoryless_loss(0), "delay is 0; expected an integer of at least 1"),
        (
            lambda: copying(np.random.default_rng(0), 0, 3),
            "delay is 0; expected an integer of at least 1",
        ),
        (
            lambda: copying(np.random.default_rng(0), 3, 0),
            "batch_size is 0; expected an integer of at least 1",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
