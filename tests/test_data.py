"""Batches, cut and masked."""

import numpy as np
import pytest

from lstmbook import LSTM, tree
from lstmbook.data import Batch, lengths_from_mask, windows
from tests.cases import largest, random_case

RNG = np.random.default_rng(0)
T, N, K = 5, 3, 4
VALUES = RNG.standard_normal((T, N, K))
CLASSES = RNG.integers(0, K, (T, N))
MASK = RNG.random((T, N)) < 0.5


def test_windows_cut_everything_alike():
    batch = Batch(VALUES, CLASSES, MASK)
    cut = list(windows(batch, 2))
    assert [len(window.xs) for window in cut] == [2, 2, 1]
    for whole, *parts in zip(batch[:3], *(window[:3] for window in cut), strict=True):
        assert np.array_equal(np.concatenate(parts), whole)
    assert next(iter(windows(batch, T))).lengths is None and len(cut) == 3


def test_windows_with_carried_state_equal_the_whole():
    """With state carried forward and its cotangent carried back, nothing is lost."""
    case = random_case(LSTM)
    hs, trace, grads = case.run()
    batch = Batch(case.xs, case.d_hs)  # cotangents in place of targets
    state, traces = case.state, []
    for window in windows(batch, 2):
        traces.append(case.cell.forward(window.xs, state)[1])
        state = traces[-1].final
    assert largest(state, trace.final) <= 1e-15
    assert largest(np.concatenate([part.states.h for part in traces]), hs) <= 1e-15
    d, total = case.d_final, tree.map(np.zeros_like, case.cell)
    for window, part in list(zip(windows(batch, 2), traces, strict=True))[::-1]:
        found = case.cell.backward(part, window.targets, d)
        d, total = found.state, tree.map(np.add, total, found.cell)
    assert largest(total, grads.cell) <= 1e-12
    assert largest(d, grads.state) <= 1e-12


@pytest.mark.parametrize(
    ("batch", "length", "message"),
    [
        (Batch(VALUES, CLASSES), 0, "length is 0; expected an integer of at least 1"),
        (Batch(VALUES, CLASSES), 2.0, "length is 2.0; expected an integer of at"),
        (Batch(VALUES, CLASSES[0]), 2, r"targets has shape \(3,\); .* \(5, 3, …\)"),
        (Batch(VALUES, CLASSES, None, [5, 4, 3]), 2, "batch has lengths"),
    ],
)
def test_windows_refuse(batch, length, message):
    with pytest.raises(ValueError, match=message):
        windows(batch, length)


def test_lengths_from_mask():
    mask = np.arange(T)[:, None] < [5, 2, 4]
    assert lengths_from_mask(mask).tolist() == [5, 2, 4]
    assert lengths_from_mask(mask.tolist()).tolist() == [5, 2, 4]


def test_padding_in_front_is_refused_and_can_be_rolled():
    """As the docstring says: then each sequence gives what it gives alone."""
    case = random_case(LSTM)
    padded = np.array([0, 3, 1])
    mask = np.arange(T)[:, None] >= padded
    with pytest.raises(
        ValueError, match=r"padding before a step in sequence 1; .*roll"
    ):
        lengths_from_mask(mask)
    assert mask.argmax(axis=0).tolist() == padded.tolist()
    xs = np.stack([np.roll(case.xs[:, n], -padded[n], axis=0) for n in range(N)], 1)
    rolled = np.stack([np.roll(mask[:, n], -padded[n]) for n in range(N)], 1)
    _, trace = case.cell.forward(xs, lengths=lengths_from_mask(rolled))
    for n in range(N):
        _, alone = case.cell.forward(case.xs[padded[n] :, n : n + 1])
        own = tree.map(lambda a, n=n: a[n : n + 1], trace.final)
        assert largest(own, alone.final) <= 1e-15


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((T, N)), TypeError, "mask has dtype float64; expected bool"),
        (np.ones(T, bool), ValueError, r"mask has shape \(5,\); expected \(T, N\)"),
        (np.ones((0, N), bool), ValueError, r"mask has shape \(0, 3\)"),
        ([[True, False]], ValueError, "no step in sequence 1"),
        ([[True], [False], [True]], ValueError, "padding before a step in sequence 0"),
    ],
)
def test_masks_that_are_no_lengths(mask, error, message):
    with pytest.raises(error, match=message):
        lengths_from_mask(mask)
