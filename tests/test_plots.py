import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from lstmbook import plots


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_looks_differ_without_colour():
    looks = plots.LOOKS.values()
    assert {"i", "f", "g", "o", "c", "h"} <= plots.LOOKS.keys()
    assert len({look.marker for look in looks}) == len(looks)
    assert len({look.color for look in looks}) == len(looks)
    states_and_gates = [plots.LOOKS[name] for name in "ifgoch"]
    assert len({look.linestyle for look in states_and_gates}) == 6


def test_style_is_opaque():
    with plt.rc_context():
        plots.use_style()
        assert plt.rcParams["figure.facecolor"] == "white"
        assert plt.rcParams["savefig.facecolor"] == "white"


def test_learning_curve(ax):
    losses = np.linspace(1, 0.1, 40)
    assert plots.learning_curve(ax, losses, ("baseline", 0.5), window=5) is ax
    raw, medians, baseline = ax.lines
    assert raw.get_ydata().tolist() == losses.tolist()
    assert len(medians.get_ydata()) == 36
    expected = [np.median(losses[k : k + 5]) for k in range(36)]
    assert medians.get_ydata().tolist() == pytest.approx(expected)
    assert medians.get_xdata()[0] == 4
    assert list(baseline.get_ydata()) == [0.5, 0.5]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["loss, median of 5 updates", "baseline"]


def test_learning_curve_of_few_updates(ax):
    plots.learning_curve(ax, [3.0, 1.0, 2.0])
    assert ax.lines[1].get_ydata().tolist() == [2.0] and len(ax.lines) == 2


@pytest.mark.parametrize("backward", [False, True])
def test_unrolled_net(ax, backward):
    assert plots.unrolled_net(ax, steps=3, backward=backward) is ax
    texts = [text.get_text() for text in ax.texts]
    assert {"$x_1$", "$x_2$", "$x_3$", "$h_0$", "$h_1$", "$h_3$"} <= set(texts)
    assert ("$x_t$" in texts) != backward
    # Every step has an arrow into it, and in the backward pass one out of it.
    assert sum("delta" in text for text in texts) == (3 if backward else 0)
    assert texts.count("tanh") == (3 if backward else 4)


def boxes(ax):
    """What is written in the layers' boxes, and the signs in circles, with counts."""
    texts = [text.get_text() for text in ax.texts]
    signs = [line.get_marker() for line in ax.lines if line.get_marker() in ".+"]
    return {
        sign: (texts + signs).count(sign)
        for sign in ("σ", "tanh", ".", "+", "$f$", "$x_{t-1}$", "$x_{t+1}$")
    }


def test_rnn_chain_has_one_layer_a_cell(ax):
    assert plots.rnn_chain(ax) is ax
    expected = {"σ": 0, "tanh": 3, ".": 0, "+": 0, "$f$": 0}
    assert boxes(ax) == {**expected, "$x_{t-1}$": 1, "$x_{t+1}$": 1}


def test_lstm_chain_has_four_layers_three_products_and_a_sum_a_cell(ax):
    assert plots.lstm_chain(ax) is ax
    # The legend has one more of a σ, a product and a sum.
    expected = {"σ": 10, "tanh": 6, ".": 10, "+": 4, "$f$": 3}
    assert boxes(ax) == {**expected, "$x_{t-1}$": 1, "$x_{t+1}$": 1}
