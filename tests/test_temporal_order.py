"""Temporal order, rebuilt from the inputs."""

import numpy as np
import pytest

from lstmbook.tasks.temporal_order import MARKS, SYMBOLS, temporal_order


@pytest.mark.parametrize(
    ("marks", "lengths"),
    [(MARKS["6a"], (100, 110)), (MARKS["6b"], (100, 110)), (((2, 2), (3, 5)), (6, 9))],
    ids=["6a", "6b", "small"],
)
def test_targets_tell_the_order(marks, lengths):
    batch = temporal_order(np.random.default_rng(0), 600, marks, lengths)
    T, N, D = batch.xs.shape
    assert (N, D) == (600, 8) and T == lengths[1]
    assert set(batch.lengths) == set(range(lengths[0], lengths[1] + 1))
    places = [set() for _ in marks]
    for n in range(N):
        steps = batch.lengths[n]
        assert (batch.xs[steps:, n] == 0).all()
        assert (batch.xs[:steps, n].sum(axis=-1) == 1).all()
        shown = "".join(SYMBOLS[k] for k in batch.xs[:steps, n].argmax(axis=-1))
        assert shown[0] == "E" and shown[-1] == "B"
        found = [t for t, symbol in enumerate(shown, 1) if symbol in "XY"]
        for t, (first, last), seen in zip(found, marks, places, strict=True):
            assert first <= t <= last
            seen.add(t)
        kinds = "".join(shown[t - 1] for t in found)
        named = kinds.replace("X", "0").replace("Y", "1")
        assert batch.targets[n] == int(named, 2)
        rest = {s for t, s in enumerate(shown[1:-1], 2) if t not in found}
        assert rest <= set("abcd")
    # Every place and every class is used.
    assert [len(seen) for seen in places] == [b - a + 1 for a, b in marks]
    assert set(batch.targets) == set(range(2 ** len(marks)))


def test_defaults_are_experiment_6a():
    batch = temporal_order(np.random.default_rng(1), 4, dtype=np.float32)
    assert batch.xs.dtype == np.float32 and batch.lengths.min() >= 100
    same = temporal_order(np.random.default_rng(1), 4, MARKS["6a"], (100, 110))
    assert np.array_equal(batch.xs, same.xs)
    assert np.array_equal(batch.targets, same.targets)


@pytest.mark.parametrize(
    ("marks", "lengths"),
    [
        (((1, 3), (5, 6)), (9, 9)),  # step 1 is E's
        (((2, 5), (5, 6)), (9, 9)),  # the ranges meet
        (((3, 2), (5, 6)), (9, 9)),  # backwards
        (((2, 3), (5, 9)), (9, 12)),  # the last step of the shortest is B's
        (((2, 3), (5, 6)), (12, 9)),
        ((), (9, 9)),
    ],
)
def test_impossible_places_are_refused(marks, lengths):
    with pytest.raises(
        ValueError, match=r"marks is .* and lengths .*; expected ranges"
    ):
        temporal_order(np.random.default_rng(0), 3, marks, lengths)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 3), TypeError, "rng is a int"),
        ((np.random.default_rng(0), 0), ValueError, "batch_size is 0"),
    ],
)
def test_bad_input(arguments, kind, message):
    with pytest.raises(kind, match=message):
        temporal_order(*arguments)
