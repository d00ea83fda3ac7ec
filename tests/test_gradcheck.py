import numpy as np
import pytest

from lstmbook import LSTM, gradcheck
from tests.cases import largest, random_case


@pytest.mark.equation("eq-central-difference")
def test_central_differences_of_a_known_function():
    at = [np.array([[0.3, -1.2]]), np.array([2.0])]

    def function(point):
        return float((point[0] ** 3).sum() * point[1][0])

    slopes = gradcheck.central_differences(function, at)
    expected = [3 * at[0] ** 2 * 2.0, np.array([(at[0] ** 3).sum()])]
    assert largest(slopes, expected) <= 1e-9
    # The formula itself, with a step so large that its error shows: (x³)′ is off by ε².
    coarse = gradcheck.central_differences(function, at, step=0.5)
    assert largest(coarse[0], expected[0] + 0.25 * 2.0) <= 1e-12


def test_point_is_not_changed():
    at = np.array([1.0, 2.0])
    gradcheck.central_differences(lambda p: float(p.sum()), at)
    assert at.tolist() == [1, 2]


def test_float32_is_refused():
    with pytest.raises(TypeError, match=r"W_x has dtype float32; expected float64"):
        case = random_case(LSTM, dtype=np.float32)
        gradcheck.central_differences(lambda p: 0.0, case.cell)


def test_error_is_relative_above_one_and_absolute_below():
    assert gradcheck.compare(np.array([10.0, 11]), np.array([10.0, 10]))[0].error == 0.1
    assert gradcheck.compare(np.array([1, np.nan]), np.ones(2))[0].error == np.inf
    with pytest.raises(TypeError, match="trees differ"):
        gradcheck.compare(np.ones((2, 1)), np.ones(1))
    assert gradcheck.compare(np.array([0.3]), np.array([0.1]))[
        0
    ].error == pytest.approx(0.2)
