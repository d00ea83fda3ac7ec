"""The cell diagram's data compute what the cell does, and are what is drawn."""

import itertools
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon

from lstmbook import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    LSTMState,
    plots,
    tree,
)
from lstmbook.plots.cell import DIM, DIM_INK, _route
from lstmbook.plots.graph import COPY, GRAPHS, LAYER_NAMES, evaluate, graph_of
from tests.cases import D, H, random_case

UNIT = 1
every_cell = pytest.mark.parametrize("kind", GRAPHS, ids=lambda kind: kind.__name__)
every_node = pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in GRAPHS for name in GRAPHS[kind].by_name]
)
every_part = [
    (kind, part, nodes)
    for kind, graph in GRAPHS.items()
    for part, nodes in graph.parts.items()
]


@pytest.fixture
def kind():
    """The default cell of these tests."""
    return LSTM


@pytest.fixture
def graph(kind):
    return GRAPHS[kind]


@pytest.fixture
def case(kind):
    return random_case(kind, sizes=(1, 1, D, H))


@pytest.fixture
def step(case):
    """Cell, input and state of a step of one sequence."""
    return case.cell, case.xs[0, 0], tree.map(lambda a: a[0], case.state)


@pytest.fixture
def ax():
    with plt.rc_context():
        plots.use_style()
        yield Figure((7, 4.2)).add_subplot()


@pytest.fixture
def forward_values(step):
    return plots.step_values(*step, UNIT)


@pytest.fixture
def cotangents(case, step):
    return plots.step_cotangents(*step, UNIT, *directly(case))


def directly(case):
    return case.d_hs[0, 0], tree.map(lambda a: a[0], case.d_final)


def reached(graph, name):
    """The nodes downstream of a node, and itself."""
    found = {name}
    for parent, child in graph.edges:  # parents come before children
        if parent in found:
            found.add(child)
    return found


def drawn(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


# What it computes


@every_cell
def test_parents_come_before_children(graph):
    names = list(graph.by_name)
    assert len(names) == len(graph.nodes)
    for k, node in enumerate(graph.nodes):
        assert set(node.parents) <= set(names[:k]), node.name


@every_node
def test_a_node_changes_exactly_what_is_reachable_from_it(graph, step, name):
    before = evaluate(*step)
    rng = np.random.default_rng(0)
    nudge = rng.uniform(0.1, 0.2, before[name].shape)
    after = evaluate(*step, override={name: before[name] + nudge})
    changed = {other for other in before if (before[other] != after[other]).all()}
    same = {other for other in before if (before[other] == after[other]).all()}
    assert changed == reached(graph, name)
    assert same == set(before) - changed


@every_cell
@pytest.mark.parametrize("unit", range(H))
def test_every_cell_s_graph_computes_the_cell(kind, case, step, unit):
    """Its layers, its new state, and every cotangent that the cell returns."""
    values = plots.step_values(*step, unit)
    hs, trace, grads = case.run()
    assert values["y"] == pytest.approx(hs[0, 0, unit], abs=1e-12)
    for layer, want in trace.gates._asdict().items():
        assert values[layer] == pytest.approx(want[0, 0, unit], abs=1e-12), layer
    for memory, want in trace.final._asdict().items():
        got = values[f"{memory}_next"]
        assert got == pytest.approx(want[0, unit], abs=1e-12), memory

    d = plots.step_cotangents(*step, unit, *directly(case))
    assert d["x"] == pytest.approx(grads.xs[0, 0], abs=1e-12)
    for memory, want in grads.state._asdict().items():
        own = want[0] if memory == "h" else want[0, unit]
        assert d[f"{memory}_prev"] == pytest.approx(own, abs=1e-12), memory


@every_cell
def test_a_graph_is_plain_data_but_for_its_operations(graph):
    nodes = [node._replace(op=node.op.name) for node in graph.nodes]
    plain = nodes, *(list(part.items()) for part in (graph.bends, graph.words))
    assert json.loads(json.dumps([*plain, list(graph.places.items())]))


def test_a_layer_is_drawn_for_each_of_the_cell_s():
    for kind, graph in GRAPHS.items():
        layers = {n.name for n in graph.nodes if n.op.name in LAYER_NAMES}
        assert layers == set(kind.Gates._fields), kind


@pytest.mark.parametrize("unit", range(H))
def test_step_values_are_the_cell_s(case, step, unit):
    values = plots.step_values(*step, unit)
    _, trace = case.forward()
    for gate, want in zip("ifgo", trace.gates, strict=True):
        assert values[gate] == pytest.approx(want[0, 0, unit], abs=1e-12), gate
    now = trace.final
    for name, want in [("c", now.c), ("c_next", now.c), ("h", now.h), ("y", now.h)]:
        assert values[name] == pytest.approx(want[0, unit], abs=1e-12), name
    i, f, g, _ = (gate[0, 0, unit] for gate in trace.gates)
    assert values["kept"] == pytest.approx(f * step[2].c[unit], abs=1e-12)
    assert values["written"] == pytest.approx(i * g, abs=1e-12)
    assert values["squashed"] == pytest.approx(np.tanh(now.c[0, unit]), abs=1e-12)
    assert values["x"] == pytest.approx(case.xs[0, 0], abs=0)
    assert values["h_prev"] == pytest.approx(case.state.h[0], abs=0)
    assert values["c_prev"] == case.state.c[0, unit]
    assert values.keys() == GRAPHS[LSTM].by_name.keys()


@pytest.mark.parametrize("unit", range(H))
def test_step_cotangents_are_the_cell_s(case, step, unit):
    d = plots.step_cotangents(*step, unit, *directly(case))
    *_, grads = case.run()
    assert d["x"] == pytest.approx(grads.xs[0, 0], abs=1e-12)
    assert d["h_prev"] == pytest.approx(grads.state.h[0], abs=1e-12)
    assert d["c_prev"] == pytest.approx(grads.state.c[0, unit], abs=1e-12)
    # The bias' gradient is that of the pre-activation.
    values = plots.step_values(*step, unit)
    for gate in "ifgo":
        slope = (
            1 - values[gate] ** 2 if gate == "g" else values[gate] * (1 - values[gate])
        )
        d_a = getattr(grads.cell, f"b_{gate}")[unit]
        assert d[gate] * slope == pytest.approx(d_a, abs=1e-12), gate


@every_cell
def test_step_cotangents_are_the_loss_s_by_each_node(case, step):
    # Central differences on the graph itself, node by node.
    d_y, d_next = directly(case)
    d = plots.step_cotangents(*step, UNIT, d_y, d_next)
    at, eps = evaluate(*step), 6e-6

    def loss(name, shift):
        values = evaluate(*step, override={name: at[name] + shift})
        ends = {f"{memory}_next": d for memory, d in d_next._asdict().items()}
        return sum(values[end] @ weight for end, weight in [("y", d_y), *ends.items()])

    for name in at:
        size = len(at[name])
        slopes = [
            (loss(name, eps * e) - loss(name, -eps * e)) / (2 * eps)
            for e in np.eye(size)
        ]
        want = slopes if name in ("x", "h_prev") else slopes[UNIT]
        assert d[name] == pytest.approx(want, abs=1e-8), name


def test_cotangents_add_where_wires_branch(case, graph, cotangents):
    assert cotangents.keys() == {*graph.by_name, *graph.edges}
    for name in graph.by_name:
        shares = [cotangents[edge] for edge in graph.edges if edge[0] == name]
        if shares:
            assert cotangents[name] == pytest.approx(sum(shares), abs=1e-12), name
    # c has two sources: the next step, and h.
    d_c = cotangents["c_next"] + cotangents["c", "squashed"]
    assert cotangents["c"] == pytest.approx(d_c, abs=1e-12)
    assert cotangents["c_next"] == case.d_final.c[0, UNIT]


def test_only_a_step_of_the_cell(case, step):
    cell, x, prev = step
    words = "cell is a RNN; expected one of LSTM, PeepholeLSTM, CoupledLSTM, GRU"
    with pytest.raises(TypeError, match=words):
        plots.step_values(random_case(RNN).cell, x, prev, 0)
    with pytest.raises(TypeError, match="prev is a LSTMState; GRU expects HiddenState"):
        plots.step_values(random_case(GRU).cell, x, prev, 0)
    with pytest.raises(
        ValueError, match=rf"x has shape \({D + 1},\).*expects \({D},\)"
    ):
        plots.step_values(cell, np.zeros(D + 1), prev, 0)
    with pytest.raises(TypeError, match="prev is a tuple; LSTM expects LSTMState"):
        plots.step_values(cell, x, tuple(prev), 0)
    with pytest.raises(ValueError, match=r"prev\.c holds nan at \[0\]"):
        plots.step_values(cell, x, LSTMState(prev.h, prev.c * np.nan), 0)
    for unit in (-1, H, 0.0):
        with pytest.raises(
            ValueError, match=f"unit is {unit}; expected 0 to H - 1 = 1"
        ):
            plots.step_values(cell, x, prev, unit)
    d_y, d_next = directly(case)
    with pytest.raises(ValueError, match=r"d_y has shape \(1, 2\).*expects \(H,\)"):
        plots.step_cotangents(cell, x, prev, 0, d_y[None], d_next)
    with pytest.raises(TypeError, match="d_next is a ndarray; LSTM expects LSTMState"):
        plots.step_cotangents(cell, x, prev, 0, d_y, d_y)


# What it draws


@every_cell
@pytest.mark.parametrize("backward", [False, True])
def test_every_node_and_every_wire_is_drawn(ax, kind, graph, backward):
    assert plots.cell_diagram(ax, backward=backward, kind=kind) is ax
    assert len(graph.edges) == sum(len(node.parents) for node in graph.nodes)
    assert set(graph.bends) <= set(graph.edges)
    for name in graph.by_name:
        assert len(drawn(ax, name)) == 1, name
    gids = {artist.get_gid() for artist in ax.patches}
    assert {gid for gid in gids if gid and "->" in gid} == {
        "->".join(e) for e in graph.edges
    }
    texts = [text.get_text() for text in ax.texts]
    assert set(graph.words.values()) <= set(texts)


@every_cell
@pytest.mark.parametrize("backward", [False, True])
def test_wires_run_from_node_to_node(ax, kind, graph, backward):
    plots.cell_diagram(ax, backward=backward, kind=kind)
    place = {node.name: np.array(node.position) for node in graph.nodes}
    layers = set(kind.Gates._fields)
    reach = 0.76  # half the width of a layer

    def nearest(points, name):
        distance = min(np.abs(point - place[name]).max() for point in points)
        return round(distance, 9)

    for edge in graph.edges:
        artists = drawn(ax, "->".join(edge))
        heads = [a for a in artists if isinstance(a, Polygon)]
        wires = [a for a in artists if isinstance(a, PathPatch)]
        assert len(heads) == (len(wires) if backward else 1)
        # The head is at the child, and in the backward pass at the parent.
        tail, tip = edge[::-1] if backward else edge
        assert nearest([head.get_xy()[0] for head in heads], tip) <= reach, edge
        starts = [wire.get_path().vertices[0] for wire in wires]
        assert nearest(starts, tail) <= reach, edge
        # All backward wires are dashed; forward, each gate has its own style.
        dashed = {wire.get_linestyle() != "-" for wire in wires}
        assert dashed == {backward or edge[0] in layers}, edge


@every_cell
def test_wires_are_level_or_upright(graph):
    for edge in graph.edges:
        for here, there in itertools.pairwise(_route(graph, edge)):
            assert sum(a == b for a, b in zip(here, there, strict=True)) == 1, edge


def shown_as(ax, graph):
    """Colours of each node's and wire's artists, by gid."""
    return {
        gid: {
            to_hex(a.get_color() if hasattr(a, "get_color") else a.get_edgecolor())
            for a in drawn(ax, gid)
        }
        for gid in [*graph.by_name, *("->".join(edge) for edge in graph.edges)]
    }


@pytest.mark.parametrize(
    ("kind", "lit", "names", "backward"),
    [
        *((kind, part, names, False) for kind, part, names in every_part),
        (LSTM, "output gate", plots.PARTS["output gate"], True),
        (LSTM, ["forget gate", "y"], plots.PARTS["forget gate"] | {"y"}, True),
        (LSTM, {"c", "c_next"}, {"c", "c_next"}, False),
        (LSTM, [], set(), False),
        (LSTM, None, set(GRAPHS[LSTM].by_name), False),
    ],
)
def test_lit_dims_exactly_the_others(ax, kind, graph, lit, names, backward):
    plots.cell_diagram(ax, lit=lit, backward=backward, kind=kind)
    names = names | {"->".join(edge) for edge in graph.edges if set(edge) <= names}
    for gid, colors in shown_as(ax, graph).items():
        assert colors and bool({DIM, DIM_INK} & colors) == (gid not in names), gid
        assert len(colors) == 1, gid
    for about, words in graph.words.items():
        about = {about} if isinstance(about, str) else set(about)
        (text,) = (t for t in ax.texts if t.get_text() == words)
        assert (text.get_color() == DIM_INK) == (not about <= names), words


@every_cell
def test_parts_are_whole(graph):
    assert set().union(*graph.parts.values()) == set(graph.by_name)
    for part, names in graph.parts.items():
        inner = {e for e in graph.edges if set(e) <= names}
        assert names == {n for e in inner for n in e}, f"{part}: a node on its own"


def test_unknown_names_raise(ax):
    for lit in (["forget gate", "forget"], "forget"):
        with pytest.raises(
            ValueError, match=r"'forget'.*long-term path, .*h_prev.* y$"
        ):
            plots.cell_diagram(ax, lit=lit)
    with pytest.raises(ValueError, match=r"values names 'tanh'.*squashed"):
        plots.cell_diagram(ax, values={"c": 1.0, "tanh": 0.5})
    with pytest.raises(ValueError, match=r"lit names 'forget gate'; .*update gate"):
        plots.cell_diagram(ax, lit="forget gate", kind=GRU)
    with pytest.raises(TypeError, match="cell is a RNN; expected one of LSTM"):
        plots.cell_diagram(ax, kind=RNN)


def test_a_derived_cell_has_its_base_s_graph():
    class Mine(CoupledLSTM):
        pass

    assert graph_of(Mine) is GRAPHS[CoupledLSTM]


def said(ax):
    return {text.get_gid(): text.get_text() for text in ax.texts}


def test_shares_are_percentages_and_a_memory_stands_under_its_name(ax):
    plots.cell_diagram(ax, kind=GRU, values={"z": 0.25, "n": 0.25, "left_over": 0.75})
    words = said(ax)
    assert words["z words"] == "25 %" and words["n words"] == "0.25"
    assert words["left_over words"] == "0.75"


def test_numbers_forward(ax, forward_values):
    values = forward_values | {"f": 0.724, "i": 1.0, "g": -0.456, "c_prev": -0.001}
    values |= {"x": [0.5, -1.0], "h_prev": np.arange(5.0), "kept": -2.0, "c_next": 1.0}
    plots.cell_diagram(ax, values=values)
    words = said(ax)
    assert words["f words"] == "72 %" and words["i words"] == "100 %"
    assert words["g words"] == "−0.46" and words["c_prev words"] == "0.00"
    assert words["x words"] == "(0.50, −1.00)" and words["h_prev words"] == "5\nvalues"
    assert words["kept words"] == "kept −2.00" and words["c_next words"] == "1.00"
    # c and h are written once, where they leave the cell.
    assert words["c words"] == "long-term memory" and "h words" not in words


def test_a_memory_without_its_copies_is_written_at_its_node(ax):
    plots.cell_diagram(ax, values={"c": 0.25})
    assert said(ax)["c words"] == "long-term memory 0.25"


def test_numbers_backward(ax, graph, cotangents):
    plots.cell_diagram(ax, values=cotangents, backward=True)
    words = said(ax)

    def written(key):
        return float(words[f"{key} words"].split()[-1].replace("−", "-"))

    single = set(graph.by_name) - {"x", "h_prev"}
    for key in [*single, ("c", "squashed")]:
        assert written(key) == pytest.approx(cotangents[key], abs=5.1e-4), key
    # The two sources of c are written at the wires that meet.
    sources = written("c_next") + written(("c", "squashed"))
    assert sources == pytest.approx(written("c"), abs=1.6e-3)


def extents(ax):
    ax.figure.draw_without_rendering()
    return [(t.get_text(), t.get_window_extent()) for t in ax.texts]


def widest(names):
    """The widest numbers that a net with values below 10 can have."""
    return {
        name: np.full(4, -8.888) if name in ("x", "h_prev") else -8.888
        for name in names
    }


@every_cell
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("numbers", [None, "real", "widest"])
def test_no_text_touches_another_or_leaves_the_axes(
    ax, kind, backward, numbers, forward_values, cotangents
):
    real = cotangents if backward else forward_values
    values = {None: None, "real": real, "widest": widest(real)}[numbers]
    if numbers == "widest" and not backward:
        values |= dict.fromkeys(kind.Gates._fields, 1.0)
    plots.cell_diagram(ax, values=values, backward=backward, kind=kind)
    boxes = extents(ax)
    frame = ax.get_window_extent()
    for text, box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1, text
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), f"{one} and {other}"
    for patch in ax.patches:
        box = patch.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1, patch.get_gid()
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1, patch.get_gid()


def test_letters_can_be_read_on_a_phone(ax, cotangents):
    for values, backward in [(None, False), (cotangents, True)]:
        plots.cell_diagram(ax, values=values, backward=backward)
        assert min(text.get_fontsize() for text in ax.texts) >= 11


def test_background_is_opaque_and_the_axes_bare(ax):
    plots.cell_diagram(ax)
    assert to_hex(ax.figure.get_facecolor(), keep_alpha=True) == "#ffffffff"
    assert not ax.axison and ax.get_aspect() == 1


def test_forward_values_write_a_copy_s_number_once(ax, forward_values):
    plots.cell_diagram(ax, values=forward_values)
    words = said(ax)
    copies = {node.name for node in GRAPHS[LSTM].nodes if node.op is COPY}
    assert copies == {"c_next", "h_next", "y"}
    assert words["h_next words"] == words["y words"]
