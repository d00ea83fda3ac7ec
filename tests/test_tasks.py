import numpy as np
import pytest
from sklearn.datasets import load_digits

from lstmbook.data import minibatches
from lstmbook.losses import mse
from lstmbook.tasks.adding import adding
from lstmbook.tasks.digits import TEST_SIZE, digits


@pytest.mark.parametrize("length", [2, 7, 50])
def test_adding(length):
    batch = adding(np.random.default_rng(0), length, 400)
    values, marks = batch.xs[..., 0], batch.xs[..., 1]
    assert batch.xs.shape == (length, 400, 2) and batch.targets.shape == (400, 1)
    assert 0 <= values.min() and values.max() < 1
    half = length // 2
    assert (marks[:half].sum(axis=0) == 1).all()
    assert (marks[half:].sum(axis=0) == 1).all()
    for n in range(400):
        marked = values[marks[:, n] == 1, n]
        assert len(marked) == 2 and batch.targets[n, 0] == marked.sum()
    # Every step is marked now and then: nothing is off by one at the ends.
    assert (marks.sum(axis=1) > 0).all()


def test_adding_baseline_is_a_sixth():
    batch = adding(np.random.default_rng(0), 4, 100_000)
    assert mse(np.ones_like(batch.targets), batch.targets)[0] == pytest.approx(
        1 / 6, abs=2e-3
    )


def test_adding_dtype():
    batch = adding(np.random.default_rng(0), 4, 3, dtype=np.float32)
    assert batch.xs.dtype == batch.targets.dtype == np.float32


@pytest.mark.parametrize("by", ["row", "pixel"])
def test_digits_are_the_images(by):
    train, test = digits(np.random.default_rng(0), by)
    assert train.xs.shape == {"row": (8, 1437, 8), "pixel": (64, 1437, 1)}[by]
    assert test.xs.shape[1] == len(test.targets) == TEST_SIZE
    data = load_digits()
    known = {
        image.tobytes(): label
        for image, label in zip(data.data / 16, data.target, strict=True)
    }
    for batch in (train, test):
        for n in range(0, len(batch.targets), 50):
            image = batch.xs[:, n].ravel()
            assert known[image.tobytes()] == batch.targets[n]


def test_digits_dtype_and_shuffling():
    train, test = digits(np.random.default_rng(0), dtype=np.float32)
    assert train.xs.dtype == test.xs.dtype == np.float32
    # The data are sorted in runs; after shuffling, neighbours are unrelated. Images
    # from the end of the file can also be held out.
    runs = np.mean(np.diff(train.targets) == 1)
    assert runs < 0.15 < np.mean(np.diff(load_digits().target) == 1)
    late = {row.tobytes() for row in load_digits().images[1600:].astype("f4") / 16}
    held_out = [test.xs[:, n].tobytes() in late for n in range(TEST_SIZE)]
    assert 20 < sum(held_out) < 60


def test_digits_are_split_without_overlap():
    split = digits(np.random.default_rng(3))
    images = [
        batch.xs[:, n].tobytes() for batch in split for n in range(batch.xs.shape[1])
    ]
    assert len(images) == 1797
    everything = load_digits().data / 16
    assert sorted(images) == sorted(image.tobytes() for image in everything)
    other, _ = digits(np.random.default_rng(4))
    assert not np.array_equal(other.targets, split[0].targets)


def test_minibatches_cover_each_epoch_once():
    _, batch = digits(np.random.default_rng(0))
    pieces = list(minibatches(np.random.default_rng(1), batch, 100, epochs=2))
    assert [len(piece.targets) for piece in pieces] == [100, 100, 100, 60] * 2
    orders = []
    for epoch in (pieces[:4], pieces[4:]):
        xs = np.concatenate([piece.xs for piece in epoch], axis=1)
        targets = np.concatenate([piece.targets for piece in epoch])
        seen = sorted((xs[:, n].tobytes(), targets[n]) for n in range(TEST_SIZE))
        there = sorted(
            (batch.xs[:, n].tobytes(), batch.targets[n]) for n in range(TEST_SIZE)
        )
        assert seen == there
        orders.append(targets)
    assert not np.array_equal(*orders)
