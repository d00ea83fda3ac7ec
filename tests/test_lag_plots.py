import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lstmbook import plots


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_one_sequence_with_bound_and_rate(ax):
    norms, bound, rate = [2.0, 1.0, 0.0], [1.0, 0.9, 0.81], [1.0, 0.5, 0.25]
    assert plots.gradient_against_lag(ax, norms, bound, rate, floor=1e-6) is ax
    measured, upper, lower = ax.lines
    # As shares of lag 0; vanished gradients lie on the floor.
    assert measured.get_ydata().tolist() == [1, 0.5, 1e-6]
    assert measured.get_xdata().tolist() == [0, 1, 2]
    assert upper.get_ydata().tolist() == bound and lower.get_ydata().tolist() == rate
    assert len({line.get_linestyle() for line in ax.lines}) >= 2
    assert not ax.collections and ax.get_yscale() == "log"
    assert ax.get_xlabel() == "lag k, in steps"


def test_several_sequences_give_a_median_and_a_band(ax):
    norms = np.array([[1.0, 2.0, 4.0], [0.5, 0.2, 2.0]])
    plots.gradient_against_lag(ax, norms)
    (measured,) = ax.lines
    assert measured.get_ydata() == pytest.approx([1, 0.5])
    (band,) = ax.collections
    ys = band.get_paths()[0].vertices[:, 1]
    assert ys.min() == pytest.approx(0.1) and ys.max() == pytest.approx(1)


def test_a_curve_has_a_look_and_a_label(ax):
    norms = np.array([[1.0, 2.0], [0.5, 0.2]])
    plots.gradient_against_lag(ax, norms)
    look = plots.LOOKS["c"]
    plots.gradient_against_lag(ax, norms, bound=[1, 1], look=look, label="of c")
    first, second, bound = ax.lines
    assert first.get_color() == plots.LOOKS["h"].color != second.get_color()
    assert first.get_label() == "measured" and first.get_linestyle() == "-"
    assert second.get_color() == look.color and second.get_label() == "of c"
    assert second.get_linestyle() != "-" and bound.get_color() == "black"
    bands = [to_hex(band.get_facecolor()[0]).upper() for band in ax.collections]
    assert bands == [plots.LOOKS["h"].color, look.color]


@pytest.mark.parametrize("start", [0.0, np.nan])
def test_gradient_gone_at_lag_0_is_refused(ax, start):
    with pytest.raises(ValueError, match="norms begins with"):
        plots.gradient_against_lag(ax, [start, 1.0])
