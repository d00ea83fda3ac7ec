from typing import NamedTuple

import numpy as np
import pytest
import torch

from lstmbook import LSTM, LSTMState, tree
from lstmbook.model import Model

RNG = np.random.default_rng(0)


def test_map_keeps_the_structure():
    model = Model.init(RNG, LSTM.init(RNG, 3, 2), 4, readout="all")
    nested = [model, LSTMState(np.ones(2), np.zeros(3)), (np.ones(1), None, "name")]
    doubled = tree.map(lambda a: 2 * a, nested)
    assert isinstance(doubled[0].cell, LSTM) and doubled[0].readout == "all"
    assert isinstance(doubled[1], LSTMState) and doubled[2][1:] == (None, "name")
    for (name, a), (name2, b) in zip(
        tree.leaves(nested), tree.leaves(doubled), strict=True
    ):
        assert name == name2 and (b == 2 * a).all()


def test_map_of_several_trees():
    a, b = LSTMState(np.ones(2), np.ones(3)), LSTMState(np.ones(2), np.full(3, 4.0))
    assert tree.map(np.subtract, a, b).c.tolist() == [-3, -3, -3]


def test_leaves_are_named_and_not_copied():
    model = Model.init(RNG, LSTM.init(RNG, 3, 2), 4)
    named = dict(tree.leaves(model))
    assert list(named) == ["cell.W_x", "cell.W_h", "cell.b", "W_y", "b_y"]
    assert named["cell.b"] is model.cell.b
    assert dict(tree.leaves(model, "m")).keys() == {f"m.{name}" for name in named}
    assert dict(tree.leaves([np.ones(1)])).keys() == {"[0]"}


@pytest.mark.equation("eq-parameter-count")
@pytest.mark.parametrize(("D", "H"), [(4, 2), (1, 1), (3, 5), (28, 64)])
def test_count_of_parameters(D, H):
    cell = LSTM.init(RNG, D, H)
    assert tree.count(cell) == 4 * H * (D + H + 1)
    assert tree.count(Model.init(RNG, cell, 3)) == 4 * H * (D + H + 1) + 3 * (H + 1)
    # PyTorch has a second bias in each of the four layers.
    theirs = sum(p.numel() for p in torch.nn.LSTM(D, H).parameters())
    assert theirs == 4 * H * (D + H + 2) == tree.count(cell) + 4 * H


class Alike(NamedTuple):
    h: np.ndarray
    c: np.ndarray


@pytest.mark.parametrize(
    "other",
    [(np.ones(2), np.ones(3)), Alike(np.ones(2), np.ones(3)), np.ones(2), None],
)
def test_trees_that_differ(other):
    with pytest.raises(TypeError, match="trees differ: LSTMState and"):
        tree.map(np.add, LSTMState(np.ones(2), np.ones(3)), other)


def test_lists_of_different_length():
    with pytest.raises(TypeError, match="trees differ: list of 1 and list of 2"):
        tree.map(np.add, [np.ones(2)], [np.ones(2)] * 2)


@pytest.mark.parametrize("other", [np.ones(3), np.ones((2, 1)), 1.0, None])
def test_arrays_of_different_shape(other):
    with pytest.raises(TypeError, match=r"trees differ: array \(2,\) and"):
        tree.map(np.add, np.ones(2), other)


def test_dictionaries_and_scalars_are_trees():
    nested = {"w": np.ones(2), "s": np.float32(3)}
    assert tree.map(lambda a: 2 * a, nested)["s"] == 6
    assert [name for name, _ in tree.leaves(nested)] == ["w", "s"]


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError, match="a tree holds a object; expected NumPy arrays"):
        list(tree.leaves([object()]))
