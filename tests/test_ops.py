import math

import numpy as np
import pytest

from lstmbook import ops

A = np.random.default_rng(0).standard_normal((4, 5)) * 3


@pytest.mark.equation("eq-sigmoid")
def test_sigmoid():
    expected = [[1 / (1 + math.exp(-a)) for a in row] for row in A]
    assert np.abs(ops.sigmoid(A) - expected).max() <= 1e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_at_the_ends(dtype):
    ends = np.array([-np.inf, -1e4, -40, 40, 1e4, np.inf], dtype)
    s = ops.sigmoid(ends)
    assert s.dtype == dtype
    assert s[[0, 1]].tolist() == [0, 0] and s[[3, 4, 5]].tolist() == [1, 1, 1]
    # Small values keep their digits: a gate that is nearly shut is not quite shut.
    assert s[2] == pytest.approx(math.exp(-40), rel=1e-6)


@pytest.mark.equation("eq-sigmoid-prime")
def test_sigmoid_prime():
    slope = (ops.sigmoid(A + 6e-6) - ops.sigmoid(A - 6e-6)) / 12e-6
    assert np.abs(ops.sigmoid_prime(ops.sigmoid(A)) - slope).max() <= 1e-10


@pytest.mark.equation("eq-tanh-prime")
def test_tanh_prime():
    slope = (ops.tanh(A + 6e-6) - ops.tanh(A - 6e-6)) / 12e-6
    assert np.abs(ops.tanh_prime(ops.tanh(A)) - slope).max() <= 1e-10


@pytest.mark.equation("eq-softmax")
def test_softmax():
    for row, p in zip(A, ops.softmax(A), strict=True):
        total = sum(math.exp(a) for a in row)
        expected = [math.exp(a) / total for a in row]
        assert np.abs(p - expected).max() <= 1e-15


def test_softmax_of_large_scores():
    assert np.abs(ops.softmax(A + 1e4) - ops.softmax(A)).max() <= 1e-11
    assert ops.softmax(np.array([1e5, -1e5])).tolist() == [1, 0]
