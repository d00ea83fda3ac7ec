"""Sphinx extension: the living figures' script, style and data.

A page with `<div class="living" data-figure="NAME"></div>` gets the small script
`living.js`, which loads the rest when the figure is opened. The cell's figure draws
and computes from `cell-data.js`, which this writes when the site has been built: the
graph of the static diagram, the book's stream, and three nets. "Your own text" loads
the weights of chapter 17's net from `text-weights.js`.

    python -m tools.living train

trains the learned net, chapter 9's, and stores it in `book/data`.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sphinx.application import Sphinx

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.course.experiments.gates import unit_read_most
from lstmbook.course.experiments.streams import learn_notepad
from lstmbook.course.nets import character_net
from lstmbook.model import Model
from lstmbook.plots.cell import FRAME, JUNCTION, half_size, wire_pieces
from lstmbook.plots.graph import GRAPHS
from lstmbook.plots.style import BACKWARD, LOOKS
from lstmbook.tasks.notepad import MARKS, NOTE, by_hand, example
from lstmbook.tasks.text import ALPHABET
from tools import text_weights

NET = Path(__file__).parents[1] / "book/data/notepad-net.npz"
SEED, UNITS = 0, 8
MARKER = 'class="living"'


def fresh() -> Model:
    """Draw the net that :func:`train` begins with.

    Returns
    -------
    Model
    """
    rng = np.random.default_rng(SEED)
    cell = LSTM.init(rng, 1 + len(MARKS), UNITS)
    return Model.init(rng, cell, 1, readout="all")


def learned() -> Model:
    """Read the stored net, eight units that have learned the notepad.

    Returns
    -------
    Model
    """
    return tree.load(NET, fresh())


def train() -> None:
    """Train chapter 9's net and store it, each weight to four decimals."""
    net = learn_notepad(UNITS, SEED)
    tree.save(NET, tree.map(lambda array: array.round(4), net))


def graph_data(graph) -> dict:
    """Write a cell's graph as plain numbers and text.

    Parameters
    ----------
    graph : Graph
        What the static diagram draws.

    Returns
    -------
    dict
        ``nodes``, ``edges`` with the corners of their wires, and ``words``: what is
        written where, about which nodes.
    """
    nodes = [
        {
            "name": node.name,
            "label": node.label,
            "parents": node.parents,
            "op": node.op.name,
            "at": node.position,
            "half": half_size(node),
            "look": node.look,
        }
        for node in graph.nodes
    ]
    edges = [
        {
            "from": parent,
            "to": child,
            "pieces": [
                [(round(x, 3), round(y, 3)) for x, y in piece]
                for piece in wire_pieces(graph, (parent, child))
            ],
        }
        for parent, child in graph.edges
    ]
    words = [
        {
            "about": [key] if isinstance(key, str) else key,
            "wire": key in graph.edges,
            "node": isinstance(key, str),
            "text": graph.words.get(key, ""),
            "at": (x, y),
            "side": side,
            "rise": rise[0] if rise else "center",
        }
        for key, (x, y, side, *rise) in graph.places.items()
    ]
    return {"nodes": nodes, "edges": edges, "words": words}


def net_data(model: Model, unit: int, names: list[str]) -> dict:
    """Write a net's weights.

    Parameters
    ----------
    model : Model
        Of an LSTM, with one output.
    unit : int
        Which unit to look at first.
    names : list of str
        One for each unit.

    Returns
    -------
    dict
    """
    weights = {key: getattr(model.cell, key).tolist() for key in ("W_x", "W_h", "b")}
    readout = {"W_y": model.W_y[:, 0].tolist(), "b_y": model.b_y.item()}
    return weights | readout | {"unit": unit, "names": names}


def dashes(linestyle: str | tuple) -> str:
    """Write a line style of Matplotlib's for SVG, for a wire of width 4.

    Parameters
    ----------
    linestyle : str or tuple
        "-", or an offset and the lengths in widths of the line.

    Returns
    -------
    str
    """
    if isinstance(linestyle, str):
        return "none"
    return " ".join(f"{4 * length:g}" for length in linestyle[1])


def cell_data() -> dict:
    """Collect all that the cell's figure draws and computes from.

    Returns
    -------
    dict
    """
    stream, trained = example(), learned()
    _, trace = trained.forward(stream.xs)
    most = unit_read_most(trained, trace.hs, stream.xs[..., MARKS["recall"]] == 1)
    names = [f"unit {k + 1}" for k in range(UNITS)]
    short = tree.map(lambda array: array.round(4), fresh())
    return {
        "graph": graph_data(GRAPHS[LSTM]) | {"frame": FRAME, "junction": JUNCTION},
        "looks": {name: look.color for name, look in LOOKS.items()} | {"d": BACKWARD},
        "dashes": {name: dashes(look.linestyle) for name, look in LOOKS.items()},
        "marks": list(MARKS),
        "stream": stream.xs[:, 0].tolist(),
        "nets": {
            "hand": net_data(by_hand(), NOTE, ["unit 1, flag", "unit 2, note"]),
            "learned": net_data(trained, most, names),
            "untrained": net_data(short, most, names),
        },
    }


def script(name: str, data: dict) -> str:
    """Write data as a classic script, which loads from disk where JSON does not.

    Parameters
    ----------
    name : str
        Its name in ``LSTMBook.data``.
    data : dict
        What to write.

    Returns
    -------
    str
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (
        "globalThis.LSTMBook = globalThis.LSTMBook || {};\n"
        f"(LSTMBook.data = LSTMBook.data || {{}}).{name} = {text};\n"
    )


def write_data(app: Sphinx, error: Exception | None) -> None:
    """Write the figures' data beside their scripts."""
    if error or app.builder.name != "html":
        return
    folder = Path(app.outdir, "_static/living")
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("cell-data.js").write_text(script("cell", cell_data()), "utf-8")
    text_weights.write(folder / "text-weights.js", character_net(), ALPHABET)


def add_script(app, name, template, context, doctree) -> None:
    """Give a page with a living figure its script and its style."""
    if MARKER in context.get("body", ""):
        app.add_js_file("living/living.js", loading_method="defer")
        app.add_css_file("living/living.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the build."""
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    if sys.argv[1:] != ["train"]:
        sys.exit("usage: python -m tools.living train")
    train()
