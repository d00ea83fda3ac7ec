"""What the living cell draws and computes from is the library's."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.course import experiments
from lstmbook.course.experiments.streams import rmse
from lstmbook.plots.graph import GRAPHS
from lstmbook.plots.style import LOOKS
from lstmbook.tasks.notepad import by_hand, example, notepad
from tools.living import cell_data, fresh, learned, script
from tools.toc import notebooks

ROOT = Path(__file__).parents[2]
LIVING = ROOT / "book/assets/living"
DATA = cell_data()


def test_the_graph_is_the_diagrams():
    graph = GRAPHS[LSTM]
    nodes = {node["name"]: node for node in DATA["graph"]["nodes"]}
    assert list(nodes) == [node.name for node in graph.nodes]
    for node in graph.nodes:
        found = nodes[node.name]
        assert found["at"] == node.position and found["op"] == node.op.name
        assert tuple(found["parents"]) == node.parents and found["look"] in LOOKS
    edges = {
        (edge["from"], edge["to"]): edge["pieces"] for edge in DATA["graph"]["edges"]
    }
    assert tuple(edges) == graph.edges
    for edge, pieces in edges.items():
        assert set(graph.bends.get(edge, ())) <= {point for p in pieces for point in p}
        # Each piece begins where the one before it ends.
        assert all(a[-1] == b[0] for a, b in pairwise(pieces))
    assert [word["text"] for word in DATA["graph"]["words"]] == [
        graph.words.get(key, "") for key in graph.places
    ]


def test_nets_and_stream_are_the_books():
    assert DATA["stream"] == example().xs[:, 0].tolist()
    short = tree.map(lambda array: array.round(4), fresh())
    nets = {"hand": by_hand(), "learned": learned(), "untrained": short}
    for name, model in nets.items():
        written = json.loads(json.dumps(DATA["nets"][name]))
        for key in ("W_x", "W_h", "b"):
            np.testing.assert_array_equal(written[key], getattr(model.cell, key))
        np.testing.assert_array_equal(written["W_y"], model.W_y[:, 0])
        assert written["b_y"] == model.b_y.item()
        assert len(written["names"]) == model.cell.hidden_size > written["unit"]


def test_the_stored_net_is_the_one_of_chapter_9():
    test = notepad(np.random.default_rng(1000), 100, 1_000)
    (record,) = (
        row
        for row in experiments.load("learned-notepad")
        if (row["hidden"], row["rate"], row["seed"]) == (8, 0.03, 0)
    )
    assert abs(rmse(learned(), test) - record["rmse"]) < 0.001
    assert rmse(fresh(), test) > 0.1


def test_the_script_is_a_classic_one():
    text = script("cell", {"π": [1.5]})
    assert text.endswith('(LSTMBook.data = LSTMBook.data || {}).cell = {"π":[1.5]};\n')
    for path in LIVING.glob("*.js"):
        assert not re.search(r"^(import|export)\b|\bfetch\(", path.read_text(), re.M)


def test_each_place_has_a_preset():
    figures = (LIVING / "living.js").read_text("utf-8")
    tries = (LIVING / "cell.js").read_text("utf-8")
    marker = r'id=\\"([\w-]+)\\" data-figure=\\"cell\\" data-preset=\\"(\w+)'
    found = [
        place
        for path in notebooks(ROOT)
        for place in re.findall(marker, path.read_text("utf-8"))
    ]
    assert len(found) >= 9 and {id for id, _ in found} == {"living-cell"}
    for _, preset in found:
        assert f'        {preset}: "' in figures
        assert f"    {preset}: {{\n" in tries
