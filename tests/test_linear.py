"""Cells without W_h: the scan, and what it says about their steps."""

import numpy as np
import pytest

from lstmbook.cells import DiagonalSSM, MinLSTM, SignedSSM
from lstmbook.linear import loop_scan, parallel_scan
from tests.cases import random_case

LINEAR = DiagonalSSM, MinLSTM, SignedSSM


def coefficients(T, N=3, H=2, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.uniform(-1.2, 1.2, (T, N, H))
    return a, rng.standard_normal((T, N, H)), rng.standard_normal((N, H))


@pytest.mark.equation("eq-linear-recurrence")
def test_loop_scan_one_number_at_a_time():
    a, u, h0 = coefficients(7)
    hs = loop_scan(a, u, h0)
    for n, k in np.ndindex(h0.shape):
        h = h0[n, k]
        for t in range(7):
            h = a[t, n, k] * h + u[t, n, k]
            assert abs(hs[t, n, k] - h) <= 1e-14


@pytest.mark.equation("eq-scan-combine")
@pytest.mark.parametrize("T", [1, 2, 3, 4, 5, 8, 13, 64, 100])
def test_parallel_scan_equals_the_loop(T):
    a, u, h0 = coefficients(T, seed=T)
    kept = a.copy(), u.copy(), h0.copy()
    hs = loop_scan(a, u, h0)
    assert np.abs(hs - loop_scan(a, u, 0 * h0)).max() > 0.1  # h0 matters
    assert np.abs(parallel_scan(a, u, h0) - hs).max() <= 1e-12
    for passed, before in zip((a, u, h0), kept, strict=True):
        assert (passed == before).all()


@pytest.mark.parametrize("kind", LINEAR)
def test_parallel_scan_equals_the_cell(kind):
    cell, xs, state, *_ = random_case(kind)
    a, u = cell.coefficients(xs)
    hs, _ = cell.forward(xs, state)
    assert np.abs(parallel_scan(a, u, state.h) - hs).max() <= 1e-12


def test_scan_keeps_float32():
    a, u, h0 = (part.astype(np.float32) for part in coefficients(5))
    assert parallel_scan(a, u, h0).dtype == loop_scan(a, u, h0).dtype == np.float32


@pytest.mark.parametrize("scan", [loop_scan, parallel_scan])
def test_scan_names_what_does_not_fit(scan):
    a, u, h0 = coefficients(5)
    with pytest.raises(ValueError, match=r"a has shape \(4, 3, 2\)"):
        scan(a[1:], u, h0)
    with pytest.raises(ValueError, match=r"h0 has shape \(2, 2\)"):
        scan(a, u, h0[1:])
    with pytest.raises(ValueError, match="u has shape"):
        scan(a[0], u[0], h0)
    with pytest.raises(TypeError, match="float32"):
        scan(a.astype(np.float32), u, h0)


@pytest.mark.parametrize("kind", LINEAR)
def test_no_recurrent_weights(kind):
    cell = random_case(kind).cell
    assert not hasattr(cell, "W_h")
    assert (cell.input_size, cell.hidden_size) == (4, 2)
