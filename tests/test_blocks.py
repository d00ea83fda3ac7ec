"""The picture of the layouts shows each block at its place in the array."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from lstmbook import GRU, LSTM, interop, plots
from tests.cases import random_case

D, H = 3, 2
KINDS = {"W_x": 0, "W_h": 1}


def arrays(framework, cell):
    """Input weights, recurrent weights and biases as the framework stores them."""
    if framework == "Keras":
        return interop.to_keras(cell)
    if framework == "ONNX":
        stored, _ = interop.to_onnx(cell)
        return [stored["W"][0], stored["R"][0], stored["B"][0]]
    state = interop.to_torch(cell).state_dict()
    return [state[f"{name}_l0"].numpy() for name in ("weight_ih", "weight_hh")]


@pytest.fixture
def ax():
    with plt.rc_context():
        plots.use_style()
        yield Figure((3.5, 3)).add_subplot()


def drawn(ax):
    """Gid to (x, y, width, height) of the coloured blocks."""
    return {p.get_gid(): (*p.get_xy(), *p.get_bbox().size) for p in ax.patches}


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("framework", interop.LAYOUTS)
def test_a_block_is_drawn_where_the_array_has_it(ax, framework, kind):
    layout = interop.LAYOUTS[framework][kind]
    plots.weight_blocks(
        ax, layout.order, layout.transposed, layout.biases, sizes=(D, H)
    )
    blocks = drawn(ax)
    cell = random_case(kind, sizes=(1, 1, D, H)).cell
    for name, k in KINDS.items():
        stored = arrays(framework, cell)[k]
        origin_x, origin_y = blocks[f"{k} {layout.order[0]}"][:2]
        for layer in layout.order:
            x, y, width, height = (int(v) for v in np.round(blocks[f"{k} {layer}"], 6))
            x, y = round(x - origin_x), round(y - origin_y)
            shown = stored[y : y + height, x : x + width]
            block = getattr(cell, name + layer)
            assert (shown == (block.T if layout.transposed else block)).all(), layer


@pytest.mark.parametrize("biases", [1, 2])
def test_each_bias_is_drawn(ax, biases):
    assert plots.weight_blocks(ax, "ifgo", biases=biases) is ax
    assert {gid for gid in drawn(ax) if gid} == {
        f"{k} {layer}" for k in range(2 + biases) for layer in "ifgo"
    }
    assert [t.get_text() for t in ax.texts].count("$b$") == biases
    assert not ax.axison


@pytest.mark.parametrize("transposed", [True, False])
def test_no_text_leaves_the_axes(ax, transposed):
    plots.weight_blocks(ax, "iofg", transposed, biases=2)
    ax.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1, text
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1, text
