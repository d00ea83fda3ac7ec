"""The cells as graphs: what each node computes, and where it is drawn.

A :class:`Graph` is data. Its nodes say what they compute from their parents and how a
cotangent goes back through them; positions, bends and words say where all is drawn.
:mod:`lstmbook.plots.cell` draws it; :func:`step_values` and :func:`step_cotangents`
compute it. So what is drawn is what is computed. Operations have names, so a graph can
be exported as plain numbers and text for other drawings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lstmbook.cells import GRU, LSTM, CoupledLSTM, PeepholeLSTM
from lstmbook.checks import check_array, check_finite
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime

__all__ = [
    "GRAPHS",
    "PARTS",
    "Graph",
    "Node",
    "Op",
    "evaluate",
    "graph_of",
    "step_cotangents",
    "step_values",
]


class Op(NamedTuple):
    """What a node computes from its parents' values, forward and backward."""

    name: str
    forward: Callable | None = None  #: (cell, \*parents) → value
    backward: Callable | None = None  #: (cell, value, d, \*parents) → one d each


GIVEN = Op("given")
PRODUCT = Op("product", lambda _, a, b: a * b, lambda _, v, d, a, b: (d * b, d * a))
SUM = Op("sum", lambda _, a, b: a + b, lambda _, v, d, a, b: (d, d))
TANH = Op("tanh", lambda _, a: tanh(a), lambda _, v, d, a: (d * tanh_prime(v),))
COPY = Op("copy", lambda _, a: a, lambda _, v, d, a: (d,))
ONE_MINUS = Op("one minus", lambda _, a: 1 - a, lambda _, v, d, a: (-d,))
#: The two sorts of layers: a gate is a share, and is shown as a percentage.
GATE, TANH_LAYER = "gate", "tanh layer"
LAYER_NAMES = GATE, TANH_LAYER


class Node(NamedTuple):
    """One node of a cell: what it computes and where it is drawn."""

    name: str
    label: str  #: what is written in it
    parents: tuple
    op: Op
    position: tuple  #: x from 0 to 10, y from 0 to 6
    look: str  #: the quantity of :data:`~lstmbook.plots.style.LOOKS`


@dataclass(frozen=True, eq=False)
class Graph:
    """A cell as a graph, with all that its picture needs.

    Parameters
    ----------
    nodes : tuple of Node
        Parents come before children.
    parts : dict of str to set of str
        Name of a part → its nodes.
    bends : dict of tuple to tuple
        Wire (parent, child) → the points where it bends or another wire branches off.
    words : dict of (str or tuple) to str
        Node, or nodes, that the words on a wire describe → the words.
    places : dict of (str or tuple) to tuple
        Key of ``words``, node or wire → the place of its words and number: x, y, the
        side on which the text is aligned, and above or below the point.
    """

    nodes: tuple
    parts: dict
    bends: dict
    words: dict
    places: dict

    @cached_property
    def by_name(self):
        """Node of each name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def edges(self):
        """(parent, child) of each wire."""
        return tuple((p, node.name) for node in self.nodes for p in node.parents)


# Heights of the lanes and of the rows between them; columns, from left to right.
LONG, MIDDLE, LAYERS, SHORT = 4.95, 3.85, 2.5, 1.3
LEFT, IN, READ, OUT, RIGHT = 0.45, 1.32, 8.28, 9.1, 9.5
COLUMNS = {"f": 1.88, "i": 3.58, "g": 5.28, "o": 6.98}
WRITTEN = (COLUMNS["i"] + COLUMNS["g"]) / 2
#: Where peepholes leave the long-term path, and the row above the layers for them.
PEEP, PEEP_ROW = 1.3, 3.42


def _gate(name, x, parents=("x", "h_prev"), look=None):
    return _layer(name, GATE, sigmoid, sigmoid_prime, x, parents, look)


def _layer(name, sort, squash, squash_prime, x, parents, look=None):
    """A layer of x and h; a third parent is a memory that it sees by a peephole."""

    def weights(cell):
        return (getattr(cell, kind + name) for kind in ("W_x", "W_h", "b_"))

    def forward(cell, x, h, *memory):
        W_x, W_h, b = weights(cell)
        seen = [getattr(cell, f"p_{name}") * c for c in memory]
        return squash(sum(seen, x @ W_x + h @ W_h + b))

    def backward(cell, value, d, x, h, *memory):
        W_x, W_h, _ = weights(cell)
        d_a = d * squash_prime(value)
        seen = [getattr(cell, f"p_{name}") * d_a for _ in memory]
        return W_x @ d_a, W_h @ d_a, *seen

    label = f"${name}_t$: {'σ' if sort is GATE else 'tanh'}"
    op = Op(sort, forward, backward)
    return Node(name, label, parents, op, (x, LAYERS), look or name)


# --- The LSTM

_X = Node("x", "$x_t$", (), GIVEN, (IN, 0.28), "x")
_START = (
    _X,
    Node("h_prev", "$h_{t-1}$", (), GIVEN, (LEFT, SHORT), "h"),
    Node("c_prev", "$c_{t-1}$", (), GIVEN, (LEFT, LONG), "c"),
)
_F, _I, _O = (_gate(name, COLUMNS[name]) for name in "fio")
_G = _layer("g", TANH_LAYER, tanh, tanh_prime, COLUMNS["g"], ("x", "h_prev"))
_KEPT = Node("kept", "⊙", ("f", "c_prev"), PRODUCT, (COLUMNS["f"], LONG), "c")
_MEMORY = (
    Node("written", "⊙", ("i", "g"), PRODUCT, (WRITTEN, MIDDLE), "c"),
    Node("c", "+", ("kept", "written"), SUM, (WRITTEN, LONG), "c"),
)
_END = (
    Node("squashed", "tanh", ("c",), TANH, (READ, MIDDLE), "c"),
    Node("h", "⊙", ("o", "squashed"), PRODUCT, (READ, LAYERS), "h"),
    Node("c_next", "$c_t$", ("c",), COPY, (RIGHT, LONG), "c"),
    Node("h_next", "$h_t$", ("h",), COPY, (9.8, SHORT), "h"),
    Node("y", "$y_t$", ("h",), COPY, (OUT, 2.35), "h"),
)

#: Part of the LSTM to the names of its nodes, for ``lit``.
#:
#: :meta hide-value:
PARTS = {
    "long-term path": {"c_prev", "kept", "c", "c_next"},
    "short-term path": {"h_prev", "f", "i", "g", "o", "h", "h_next", "y"},
    "main layer": {"x", "h_prev", "g", "written", "c"},
    "forget gate": {"x", "h_prev", "f", "c_prev", "kept"},
    "input gate": {"x", "h_prev", "i", "g", "written", "c"},
    "output gate": {"x", "h_prev", "o", "c", "squashed", "h", "h_next", "y"},
}


def _buses(columns, start):
    """The lanes of x and h below the layers, up to each of them."""

    def lane(layer):
        return tuple((x, SHORT) for x in columns.values() if x <= columns[layer])

    x_lanes = {("x", layer): ((IN, SHORT), *lane(layer)) for layer in columns}
    return x_lanes | {("h_prev", layer): (*start, *lane(layer)) for layer in columns}


_BENDS = {
    ("i", "written"): ((COLUMNS["i"], MIDDLE),),
    ("g", "written"): ((COLUMNS["g"], MIDDLE),),
    ("c", "squashed"): ((READ, LONG),),
    ("c", "c_next"): ((READ, LONG),),
    ("h", "h_next"): ((READ, SHORT), (OUT, SHORT)),
    ("h", "y"): ((READ, SHORT), (OUT, SHORT)),
}
_WORDS = {
    "f": "forget gate",
    "i": "input gate",
    "g": "main layer",
    "o": "output gate",
    "kept": "kept",
    "written": "written",
    "c": "long-term memory",
    ("h",): "short-term memory",
    ("x", "h_prev"): "$x_t$ and $h_{t-1}$, to all four layers",
}
#: The wire from c to tanh has a number of its own in the backward pass.
_PLACES = {
    "x": (IN + 0.3, 0.28, "left"),
    "h_prev": (LEFT + 0.02, SHORT + 0.3, "center", "bottom"),  # its entries pile up
    "c_prev": (LEFT + 0.02, LONG + 0.43, "center"),
    "c_next": (RIGHT, LONG + 0.43, "center"),
    "h_next": (RIGHT, SHORT - 0.46, "center"),
    **{layer: (column, LAYERS - 0.22, "center") for layer, column in COLUMNS.items()},
    "kept": ((COLUMNS["f"] + WRITTEN) / 2, 5.38, "center"),
    "written": (WRITTEN + 0.14, 4.4, "left"),
    "c": ((WRITTEN + READ) / 2, 5.38, "center"),
    "squashed": (READ - 0.14, 3.15, "right"),
    "h": (READ - 0.14, 1.72, "right"),
    ("h",): (8.68, 0.98, "right"),
    "y": (9.43, 2.8, "center"),
    ("c", "squashed"): (READ - 0.14, 4.4, "right"),
    ("x", "h_prev"): (IN + 0.2, 0.98, "left"),
}

_LSTM = Graph(
    nodes=(*_START, _F, _I, _G, _O, _KEPT, *_MEMORY, *_END),
    parts=PARTS,
    bends=_buses(COLUMNS, ()) | _BENDS,
    words=_WORDS,
    places=_PLACES,
)

# --- Peepholes: the gates see the long-term memory too


def _peep(name, memory):
    return _gate(name, COLUMNS[name], ("x", "h_prev", memory))


_PEEPHOLE = Graph(
    nodes=(
        *_START,
        _peep("f", "c_prev"),
        _peep("i", "c_prev"),
        _G,
        _KEPT,
        *_MEMORY,
        _peep("o", "c"),
        *_END,
    ),
    parts=PARTS | {"peepholes": {"c_prev", "f", "i", "c", "o"}},
    bends=_buses(COLUMNS, ())
    | _BENDS
    | {
        ("c_prev", "kept"): ((PEEP, LONG),),
        ("c_prev", "f"): ((PEEP, LONG), (PEEP, PEEP_ROW)),
        ("c_prev", "i"): ((PEEP, LONG), (PEEP, PEEP_ROW), (3.2, PEEP_ROW)),
        ("c", "o"): ((COLUMNS["o"], LONG),),
        ("c", "squashed"): ((COLUMNS["o"], LONG), (READ, LONG)),
        ("c", "c_next"): ((COLUMNS["o"], LONG), (READ, LONG)),
    },
    words=_WORDS,
    places=_PLACES,
)

# --- Coupled gates: 1 − i is the share that is kept

_THREE = {name: x for name, x in COLUMNS.items() if name != "f"}
_LEFT_OVER = Node("left_over", "1 −", ("i",), ONE_MINUS, (COLUMNS["f"], MIDDLE), "i")

_COUPLED = Graph(
    nodes=(
        *_START,
        _I,
        _G,
        _O,
        _LEFT_OVER,
        _KEPT._replace(parents=("left_over", "c_prev")),
        *_MEMORY,
        *_END,
    ),
    parts={
        "coupled gates": {"i", "left_over", "c_prev", "kept", "g", "written", "c"},
    }
    | {name: nodes for name, nodes in PARTS.items() if "f" not in nodes},
    bends=_buses(_THREE, ()) | _BENDS | {("i", "left_over"): ((COLUMNS["i"], MIDDLE),)},
    words={name: words for name, words in _WORDS.items() if name != "f"}
    | {("x", "h_prev"): "$x_t$ and $h_{t-1}$, to all three layers"},
    places={name: place for name, place in _PLACES.items() if name != "f"}
    | {"left_over": (COLUMNS["f"], 3.4, "center")},
)

# --- The GRU: one memory, h, on the upper path

_GRU_COLUMNS = {"z": 2.15, "r": 3.85, "inner": 5.45, "n": 7.05}
_BRANCH = 1.15  # where h goes down to the layers


#: What the reset gate scales: the recurrent part of the candidate.
_RECURRENT = Op(
    "recurrent product",
    lambda cell, h: h @ cell.W_hn + cell.b_hn,
    lambda cell, v, d, h: (cell.W_hn @ d,),
)


def _candidate_backward(cell, value, d, x, reset):
    d_a = d * tanh_prime(value)
    return cell.W_xn @ d_a, d_a


_CANDIDATE = Op(
    TANH_LAYER,
    lambda cell, x, reset: tanh(x @ cell.W_xn + cell.b_n + reset),
    _candidate_backward,
)

_Z, _R, _INNER, _N = _GRU_COLUMNS.values()
_GRU = Graph(
    nodes=(
        _X,
        Node("h_prev", "$h_{t-1}$", (), GIVEN, (LEFT, LONG), "h"),
        _gate("z", _Z, look="f"),
        _gate("r", _R, look="o"),
        Node("inner", "$W_{hn}$", ("h_prev",), _RECURRENT, (_INNER, 1.88), "h"),
        Node("reset", "⊙", ("r", "inner"), PRODUCT, (_INNER, LAYERS), "h"),
        Node("n", "$n_t$: tanh", ("x", "reset"), _CANDIDATE, (_N, LAYERS), "g"),
        Node("left_over", "1 −", ("z",), ONE_MINUS, (3.1, MIDDLE), "f"),
        Node("kept", "⊙", ("z", "h_prev"), PRODUCT, (_Z, LONG), "h"),
        Node("written", "⊙", ("left_over", "n"), PRODUCT, (_N, MIDDLE), "h"),
        Node("h", "+", ("kept", "written"), SUM, (_N, LONG), "h"),
        Node("h_next", "$h_t$", ("h",), COPY, (9.8, LONG), "h"),
        Node("y", "$y_t$", ("h",), COPY, (OUT, 3.9), "h"),
    ),
    parts={
        "memory": {"h_prev", "kept", "h", "h_next", "y"},
        "update gate": {"x", "h_prev", "z", "kept", "left_over", "written"},
        "reset gate": {"x", "h_prev", "r", "inner", "reset", "n"},
        "candidate": {"x", "h_prev", "inner", "reset", "n", "written", "h"},
    },
    bends={
        edge: bends
        for edge, bends in _buses(
            _GRU_COLUMNS, ((_BRANCH, LONG), (_BRANCH, SHORT))
        ).items()
        if edge not in (("x", "inner"), ("h_prev", "n"))
    }
    | {
        ("h_prev", "kept"): ((_BRANCH, LONG),),
        ("z", "kept"): ((_Z, MIDDLE),),
        ("z", "left_over"): ((_Z, MIDDLE),),
        ("h", "h_next"): ((OUT, LONG),),
        ("h", "y"): ((OUT, LONG),),
    },
    words={
        "z": "update",
        "r": "reset",
        "n": "candidate",
        "kept": "kept",
        "written": "written",
        "h": "memory",
        ("x", "h_prev"): "$x_t$ and $h_{t-1}$",
    },
    places={
        "x": (IN + 0.3, 0.28, "left"),
        "h_prev": (LEFT + 0.02, LONG - 0.3, "center", "top"),
        **{name: (_GRU_COLUMNS[name], LAYERS - 0.22, "center") for name in "zrn"},
        "inner": (_INNER - 0.52, 1.7, "right"),
        "reset": (_INNER, 3.2, "center"),
        "left_over": (3.6, 4.15, "left"),
        "kept": ((_Z + _N) / 2, 5.38, "center"),
        "written": (_N - 0.14, 4.4, "right"),
        "h": ((_N + OUT) / 2 - 0.1, 5.38, "center"),
        "h_next": (9.5, LONG + 0.43, "center"),
        "y": (9.3, 3.45, "center"),
        ("x", "h_prev"): (IN + 0.2, 0.98, "left"),
    },
)

#: Cell to its graph.
#:
#: :meta hide-value:
GRAPHS = {LSTM: _LSTM, PeepholeLSTM: _PEEPHOLE, CoupledLSTM: _COUPLED, GRU: _GRU}


def graph_of(kind):
    """Find the graph of a cell's class.

    Parameters
    ----------
    kind : type
        One of the keys of ``GRAPHS``, or a class that derives from one.

    Returns
    -------
    Graph

    Raises
    ------
    TypeError
        If there is none.
    """
    for base in kind.__mro__:
        if base in GRAPHS:
            return GRAPHS[base]
    known = ", ".join(known.__name__ for known in GRAPHS)
    raise TypeError(f"cell is a {kind.__name__}; expected one of {known}")


def evaluate(cell, x, prev, override=None):
    """Compute every node of one step.

    Parameters
    ----------
    cell : LSTM, PeepholeLSTM, CoupledLSTM or GRU
        Its weights.
    x : ndarray, shape (D,)
        Input.
    prev : State of ndarray, shape (H,)
        The cell's state before the step.
    override : dict of str to ndarray, optional
        Values that some nodes take instead of their own.

    Returns
    -------
    dict of str to ndarray
        Node name to value, (D,) for x and (H,) for all others.
    """
    values = {"x": x, **{f"{k}_prev": v for k, v in prev._asdict().items()}}
    for node in graph_of(type(cell)).nodes:
        if override and node.name in override:
            values[node.name] = override[node.name]
        elif node.parents:
            parents = (values[name] for name in node.parents)
            values[node.name] = node.op.forward(cell, *parents)
    return values


def step_values(cell, x, prev, unit):
    """The numbers that ``cell_diagram`` writes at the nodes: one step of one unit.

    Parameters
    ----------
    cell : LSTM, PeepholeLSTM, CoupledLSTM or GRU
        The cell.
    x : ndarray, shape (D,)
        Input of the step.
    prev : State of ndarray, shape (H,)
        The cell's state before it.
    unit : int
        Which of the H units.

    Returns
    -------
    dict of str to (float or ndarray)
        Node name to the unit's value; x, (D,), and h_prev, (H,), whole, because each
        unit's layers see all of them.

    Raises
    ------
    TypeError
        If the cell has no graph, the state is not its state, or a dtype is another.
    ValueError
        If a shape does not fit, a value is not finite, or there is no such unit.
    """
    _check_step(cell, x, prev, unit)
    return _of_unit(evaluate(cell, x, prev), unit)


def step_cotangents(cell, x, prev, unit, d_y, d_next):
    """The numbers of the backward pass: dL/d(node) of a step, for one unit.

    Parameters
    ----------
    cell, x, prev, unit
        As for :func:`step_values`.
    d_y : ndarray, shape (H,)
        Partial derivative of the loss with respect to this step's output y = h, ∂L/∂h.
    d_next : State of ndarray, shape (H,)
        Cotangent of each memory that comes back from the next step.

    Returns
    -------
    dict of (str or tuple) to (float or ndarray)
        Node name to dL/d(node), x and h_prev whole and from all units; and (parent,
        child) to the cotangent on that wire. A node's is the sum of its wires'.

    Raises
    ------
    TypeError, ValueError
        As for :func:`step_values`.
    """
    _check_step(cell, x, prev, unit)
    H, owner = cell.hidden_size, f"{type(cell).__name__} with H = {cell.hidden_size}"
    check_finite("d_y", check_array("d_y", d_y, owner, cell.dtype, "H", (H,)))
    _check_state("d_next", d_next, cell)
    values = evaluate(cell, x, prev)
    d = {name: np.zeros_like(value) for name, value in values.items()}
    d |= {"y": d_y, **{f"{k}_next": v for k, v in d_next._asdict().items()}}
    for node in reversed(graph_of(type(cell)).nodes):
        if not node.parents:
            continue
        parents = (values[name] for name in node.parents)
        shares = node.op.backward(cell, values[node.name], d[node.name], *parents)
        for name, share in zip(node.parents, shares, strict=True):
            d[name, node.name] = share
            d[name] = d[name] + share
    return _of_unit(d, unit)


def _of_unit(values, unit):
    def pick(key, value):
        name = key if isinstance(key, str) else key[0]
        return value if name in ("x", "h_prev") else float(value[unit])

    return {key: pick(key, value) for key, value in values.items()}


def _check_step(cell, x, prev, unit):
    graph_of(type(cell))
    D, H = cell.input_size, cell.hidden_size
    owner = f"{type(cell).__name__}(input_size={D})"
    check_finite("x", check_array("x", x, owner, cell.dtype, f"{D}", (D,)))
    _check_state("prev", prev, cell)
    if not isinstance(unit, int | np.integer) or unit not in range(H):
        raise ValueError(f"unit is {unit!r}; expected 0 to H - 1 = {H - 1}")


def _check_state(name, state, cell):
    kind = type(cell).__name__
    if not isinstance(state, cell.State):
        wanted, passed = cell.State.__name__, type(state).__name__
        raise TypeError(f"{name} is a {passed}; {kind} expects {wanted}")
    H, owner = cell.hidden_size, f"{kind} with H = {cell.hidden_size}"
    for field, value in zip(state._fields, state, strict=True):
        path = f"{name}.{field}"
        check_finite(path, check_array(path, value, owner, cell.dtype, "H", (H,)))
