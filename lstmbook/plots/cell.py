"""The LSTM cell, drawn: one diagram whose parts light up, and the step it stands for.

The diagram is data. ``NODES`` says what each node computes from its parents, how a
cotangent goes back through it, and where it stands. The drawing, :func:`step_values`
and :func:`step_cotangents` all go by it: what is drawn is what is computed.
"""

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from lstmbook.cells.lstm import LSTM, LSTMState
from lstmbook.checks import check_array, check_finite
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.plots.style import BACKWARD, LOOKS

__all__ = [
    "NODES",
    "PARTS",
    "Node",
    "Op",
    "cell_diagram",
    "evaluate",
    "step_cotangents",
    "step_values",
]


class Op(NamedTuple):
    """What a node computes from its parents' values, and the way back."""

    forward: Callable | None = None  #: (cell, \*parents) → value
    backward: Callable | None = None  #: (cell, value, d, \*parents) → one d each


GIVEN = Op()
PRODUCT = Op(lambda _, a, b: a * b, lambda _, value, d, a, b: (d * b, d * a))
SUM = Op(lambda _, a, b: a + b, lambda _, value, d, a, b: (d, d))
TANH = Op(lambda _, a: tanh(a), lambda _, value, d, a: (d * tanh_prime(value),))
COPY = Op(lambda _, a: a, lambda _, value, d, a: (d,))


class Node(NamedTuple):
    """One node of the cell: what it computes and where it stands."""

    name: str
    label: str  #: what is written in it
    parents: tuple
    op: Op
    position: tuple  #: x from 0 to 10, y from 0 to 6
    look: str  #: the quantity of :data:`~lstmbook.plots.style.LOOKS`


# Heights of the lanes and of the rows between them; columns, from left to right.
LONG, MIDDLE, LAYERS, SHORT = 4.95, 3.85, 2.5, 1.3
LEFT, IN, READ, OUT, RIGHT = 0.45, 1.32, 8.28, 9.1, 9.5
COLUMNS = {"f": 1.88, "i": 3.58, "g": 5.28, "o": 6.98}
WRITTEN = (COLUMNS["i"] + COLUMNS["g"]) / 2


def _layer(name, symbol, squash, squash_prime):
    def weights(cell):
        return (getattr(cell, kind + name) for kind in ("W_x", "W_h", "b_"))

    def forward(cell, x, h):
        W_x, W_h, b = weights(cell)
        return squash(x @ W_x + h @ W_h + b)

    def backward(cell, value, d, x, h):
        W_x, W_h, _ = weights(cell)
        d_a = d * squash_prime(value)
        return W_x @ d_a, W_h @ d_a

    label, op = f"${name}_t$  {symbol}", Op(forward, backward)
    return Node(name, label, ("x", "h_prev"), op, (COLUMNS[name], LAYERS), name)


#: The cell; parents come before children.
#:
#: :meta hide-value:
NODES = (
    Node("x", "$x_t$", (), GIVEN, (IN, 0.28), "x"),
    Node("h_prev", "$h_{t-1}$", (), GIVEN, (LEFT, SHORT), "h"),
    Node("c_prev", "$c_{t-1}$", (), GIVEN, (LEFT, LONG), "c"),
    _layer("f", "σ", sigmoid, sigmoid_prime),
    _layer("i", "σ", sigmoid, sigmoid_prime),
    _layer("g", "tanh", tanh, tanh_prime),
    _layer("o", "σ", sigmoid, sigmoid_prime),
    Node("kept", "⊙", ("f", "c_prev"), PRODUCT, (COLUMNS["f"], LONG), "c"),
    Node("written", "⊙", ("i", "g"), PRODUCT, (WRITTEN, MIDDLE), "c"),
    Node("c", "+", ("kept", "written"), SUM, (WRITTEN, LONG), "c"),
    Node("squashed", "tanh", ("c",), TANH, (READ, MIDDLE), "c"),
    Node("h", "⊙", ("o", "squashed"), PRODUCT, (READ, LAYERS), "h"),
    Node("c_next", "$c_t$", ("c",), COPY, (RIGHT, LONG), "c"),
    Node("h_next", "$h_t$", ("h",), COPY, (9.8, SHORT), "h"),
    Node("y", "$y_t$", ("h",), COPY, (OUT, 2.35), "h"),
)
BY_NAME = {node.name: node for node in NODES}
#: (parent, child) for each wire.
EDGES = tuple((parent, node.name) for node in NODES for parent in node.parents)

#: Part to the names of its nodes, for ``lit``.
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


def _bus(layer):
    """The lane of x and h below the layers, up to one of them."""
    return tuple((x, SHORT) for x in COLUMNS.values() if x <= COLUMNS[layer])


#: Where a wire bends, or another wire from its node branches off.
BENDS = {
    **{("x", layer): ((IN, SHORT), *_bus(layer)) for layer in COLUMNS},
    **{("h_prev", layer): _bus(layer) for layer in COLUMNS},
    ("i", "written"): ((COLUMNS["i"], MIDDLE),),
    ("g", "written"): ((COLUMNS["g"], MIDDLE),),
    ("c", "squashed"): ((READ, LONG),),
    ("c", "c_next"): ((READ, LONG),),
    ("h", "h_next"): ((READ, SHORT), (OUT, SHORT)),
    ("h", "y"): ((READ, SHORT), (OUT, SHORT)),
}

#: What is written on wires, by the node that it is about, or the nodes.
WORDS = {
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

#: Where words and numbers stand, and on which side of that point the text is flush.
#: The wire from c to tanh has a number of its own, on the way back.
PLACES = {
    "x": (IN + 0.3, 0.28, "left"),
    "h_prev": (LEFT + 0.02, SHORT + 0.3, "center"),
    "c_prev": (LEFT + 0.02, LONG + 0.43, "center"),
    "c_next": (RIGHT, LONG + 0.43, "center"),
    "h_next": (RIGHT, SHORT - 0.4, "center"),
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

DIM = "#c4c4c4"
INK = "#1a1a1a"
BOX = 0.76, 0.5  # half the width and height of a layer
TANH_BOX = 0.42, 0.27
RADIUS = 0.24  # of a ⊙ or +
JUNCTION = 0.15  # radius of the + where cotangents meet
MOST = 4  # entries of x or h that there is room for


def evaluate(cell, x, prev, override=None):
    """Compute every node of one step.

    Parameters
    ----------
    cell : LSTM
        Its weights.
    x : ndarray, shape (D,)
        Input.
    prev : LSTMState of ndarray, shape (H,)
        The memories before the step.
    override : dict of str to ndarray, optional
        Values that some nodes take instead of their own.

    Returns
    -------
    dict of str to ndarray
        Node name to value, (D,) for x and (H,) for all others.
    """
    values = {"x": x, "h_prev": prev.h, "c_prev": prev.c}
    for node in NODES:
        if override and node.name in override:
            values[node.name] = override[node.name]
        elif node.parents:
            parents = (values[name] for name in node.parents)
            values[node.name] = node.op.forward(cell, *parents)
    return values


def step_values(cell, x, prev, unit):
    """What ``cell_diagram`` writes at the nodes: one step, seen from one unit.

    Parameters
    ----------
    cell : LSTM
        The cell.
    x : ndarray, shape (D,)
        Input of the step.
    prev : LSTMState of ndarray, shape (H,)
        The memories before it.
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
        If the cell is not an LSTM, the state not its state, or a dtype is another.
    ValueError
        If a shape does not fit, a value is not finite, or there is no such unit.
    """
    _check_step(cell, x, prev, unit)
    return _of_unit(evaluate(cell, x, prev), unit)


def step_cotangents(cell, x, prev, unit, d_y, d_next):
    """The numbers of the way back: the loss by each node of one step, for one unit.

    Parameters
    ----------
    cell, x, prev, unit
        As for :func:`step_values`.
    d_y : ndarray, shape (H,)
        What the loss says of this step's output y = h directly, ∂L/∂h.
    d_next : LSTMState of ndarray, shape (H,)
        What comes back from the next step, by h and by c.

    Returns
    -------
    dict of (str or tuple) to (float or ndarray)
        Node name to dL/d(node), x and h_prev whole and from all units; and (parent,
        child) to what comes by that wire. A node's is the sum of its wires'.

    Raises
    ------
    TypeError, ValueError
        As for :func:`step_values`.
    """
    _check_step(cell, x, prev, unit)
    H, owner = cell.hidden_size, f"LSTM with H = {cell.hidden_size}"
    check_finite("d_y", check_array("d_y", d_y, owner, cell.dtype, "H", (H,)))
    _check_state("d_next", d_next, cell)
    values = evaluate(cell, x, prev)
    d = {name: np.zeros_like(value) for name, value in values.items()}
    d |= {"y": d_y, "h_next": d_next.h, "c_next": d_next.c}
    for node in reversed(NODES):
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
    if not isinstance(cell, LSTM):
        raise TypeError(f"cell is a {type(cell).__name__}; expected an LSTM")
    D, H = cell.input_size, cell.hidden_size
    owner = f"LSTM(input_size={D})"
    check_finite("x", check_array("x", x, owner, cell.dtype, f"{D}", (D,)))
    _check_state("prev", prev, cell)
    if not isinstance(unit, int | np.integer) or unit not in range(H):
        raise ValueError(f"unit is {unit!r}; expected 0 to H - 1 = {H - 1}")


def _check_state(name, state, cell):
    if not isinstance(state, LSTMState):
        raise TypeError(f"{name} is a {type(state).__name__}; expected an LSTMState")
    H, owner = cell.hidden_size, f"LSTM with H = {cell.hidden_size}"
    for field, value in zip(state._fields, state, strict=True):
        path = f"{name}.{field}"
        check_finite(path, check_array(path, value, owner, cell.dtype, "H", (H,)))


def cell_diagram(ax, lit=None, values=None, backward=False):
    """Draw the LSTM cell: two paths, four layers, x in, y = h out.

    Made for a figure of 7 by 4.2 inches, on which its letters can be read on a phone.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.
    lit : iterable of str, or str, optional
        Names of parts (the keys of ``PARTS``) or of nodes. All the rest is dimmed; a
        wire is lit where both its ends are. All are lit by default.
    values : dict of str to (float or ndarray), optional
        Node name to its number: gates are written as percentages, the rest with two
        decimals. From :func:`step_values`, or, on the way back, with three decimals,
        from :func:`step_cotangents`.
    backward : bool
        Draw the way of the cotangents: all wires reversed and dashed, and a + where
        what comes by several wires is summed.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If ``lit`` or ``values`` holds an unknown name.
    """
    shown = _lit_nodes(lit)
    values = {} if values is None else dict(values)
    _refuse_unknown("values", values, [*BY_NAME, *EDGES])
    _frame(ax)
    # The wires of x first: they run under those of h, as a sheath.
    for edge in sorted(EDGES, key=lambda edge: edge[0] != "x"):
        _edge(ax, edge, set(edge) <= shown, backward)
    for node in NODES:
        _node(ax, node, node.name in shown)
    _words(ax, values, shown, backward)
    ax.set(xlim=(0, 10), ylim=(0, 6), aspect="equal")
    ax.axis("off")
    return ax


def _lit_nodes(lit):
    if lit is None:
        return set(BY_NAME)
    names = {lit} if isinstance(lit, str) else set(lit)
    _refuse_unknown("lit", names, [*PARTS, *BY_NAME])
    return set().union(*(PARTS.get(name, {name}) for name in names))


def _refuse_unknown(argument, names, known):
    unknown = [name for name in names if name not in known]
    if unknown:
        expected = ", ".join(map(str, known))
        raise ValueError(f"{argument} names {unknown[0]!r}; expected one of {expected}")


def _frame(ax):
    """The cell's outline; what lies beyond it is the step before and after."""
    ax.add_patch(
        FancyBboxPatch(
            (0.95, 0.66),
            7.9,
            5.1,
            boxstyle="round,pad=0,rounding_size=0.3",
            facecolor="#f6f6f3",
            edgecolor="#9a9a9a",
            linewidth=1,
            zorder=0,
            gid="frame",
        )
    )


def _edge(ax, edge, is_lit, backward):
    """One wire, in pieces where wires from the same node branch."""
    look = LOOKS[BY_NAME[edge[0]].look]
    color = DIM if not is_lit else BACKWARD if backward else look.color
    style = dict(color=color, gid=f"{edge[0]}->{edge[1]}", zorder=2 if is_lit else 1)
    dashes = look.linestyle if edge[0] in COLUMNS else "-"
    pieces = _pieces(edge)
    for piece in pieces:
        corners = piece[::-1] if backward else piece
        broad = all(y == LONG for _, y in corners)
        width = 6 if broad else 4.6 if edge[0] == "x" and not backward else 2
        if backward or piece is pieces[-1]:
            gap = JUNCTION if backward and piece is not pieces[0] else 0
            corners = _head(ax, corners, broad, gap, style)
        wire = PathPatch(
            _rounded(corners),
            fill=False,
            linewidth=width,
            linestyle=(0, (2.5, 1.2)) if backward else dashes,
            capstyle="butt",
            **style,
        )
        ax.add_patch(wire)
    for piece in pieces[1:]:
        _junction(ax, piece[0], color, backward, style["zorder"] + 2)


def _head(ax, corners, broad, gap, style):
    """Draw a wire's arrowhead; returns the corners of what is left of the wire."""
    length, half = (0.34, 0.19) if broad else (0.24, 0.12)
    *rest, before, end = map(np.array, corners)
    way = (end - before) / np.linalg.norm(end - before)
    tip = end - gap * way
    base, side = tip - length * way, half * way[::-1]
    ax.add_patch(Polygon([tip, base + side, base - side], linewidth=0, **style))
    return [*rest, before, base]


def _junction(ax, point, color, backward, zorder):
    """Where wires branch; on the way back, what comes by them is summed."""
    radius, face = (JUNCTION, "white") if backward else (0.07, color)
    style = dict(edgecolor=color, linewidth=1.5, zorder=zorder)
    ax.add_patch(Circle(point, radius, facecolor=face, **style))
    if backward:
        plus = dict(color=color, markersize=7, markeredgewidth=1.5, zorder=zorder)
        ax.plot(*point, "+", **plus)


def _route(edge):
    """Corners of a wire, from the rim of its parent to the rim of its child."""
    start, end = (BY_NAME[name] for name in edge)
    bends = BENDS.get(edge, ())
    first = _rim(start, bends[0] if bends else end.position)
    last = _rim(end, bends[-1] if bends else start.position)
    return [first, *bends, last]


def _rim(node, toward):
    """Where a level or upright wire to a point leaves the node's outline."""
    return tuple(
        at if at == to else at + (size if to > at else -size)
        for at, to, size in zip(node.position, toward, _half_size(node), strict=True)
    )


def _half_size(node):
    if node.op in (GIVEN, COPY):
        return 0.46 if node.op is GIVEN else 0.24, 0.3
    if node.op in (PRODUCT, SUM):
        return RADIUS, RADIUS
    return TANH_BOX if node.op is TANH else BOX


def _pieces(edge):
    """A wire's corners, in lists: cut where its node's wires part."""
    onward = defaultdict(set)
    for sibling in EDGES:
        if sibling[0] == edge[0]:
            for here, there in pairwise(_route(sibling)):
                onward[here].add(there)
    pieces = [[]]
    for point in _route(edge):
        pieces[-1].append(point)
        if len(onward[point]) > 1:
            pieces.append([point])
    return pieces


def _rounded(points, radius=0.16):
    """A path through the points, its corners rounded."""
    first, *corners, last = map(np.array, points)
    vertices, codes = [first], [Path.MOVETO]
    for before, corner, after in zip(points, corners, points[2:], strict=False):
        vertices += [
            corner + radius * np.sign(before - corner),
            corner,
            corner + radius * np.sign(after - corner),
        ]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, last], [*codes, Path.LINETO])


def _node(ax, node, is_lit):
    """The node itself, without its number."""
    look, (x, y), (width, height) = LOOKS[node.look], node.position, _half_size(node)
    color, ink = (look.color, INK) if is_lit else (DIM, DIM)
    outline = dict(facecolor="white", edgecolor=color, linewidth=2, zorder=4)
    label = {"ha": "center", "va": "center", "color": ink, "zorder": 5}
    if node.op in (PRODUCT, SUM):
        ax.add_patch(Circle((x, y), width, gid=node.name, **outline))
        marker, size = (".", 11) if node.op is PRODUCT else ("+", 11)
        ax.plot(x, y, marker, color=ink, markersize=size, markeredgewidth=2, zorder=5)
        return
    if node.op in (GIVEN, COPY):
        ax.text(x, y, node.label, fontsize=19, gid=node.name, **label)
        return
    corners = "round,pad=0,rounding_size=0.12"
    box = (x - width, y - height), 2 * width, 2 * height
    ax.add_patch(FancyBboxPatch(*box, boxstyle=corners, gid=node.name, **outline))
    if node.op is TANH:
        ax.text(x, y, node.label, fontsize=13, **label)
    else:
        ax.text(x, y + 0.2, node.label, fontsize=16, **label)


def _words(ax, values, shown, backward):
    """The words on the wires, and the numbers."""
    copied = {n.parents[0] for n in NODES if n.op is COPY and n.name in values}
    for key, (x, y, side) in PLACES.items():
        text, size, ink = WORDS.get(key, ""), 13, INK
        # On the way forward a copy says it for its node.
        if key in values and (backward or key not in copied):
            number = _number(key, values[key], backward)
            # In a layer there is room for one of the two.
            text = number if key in COLUMNS else f"{text} {number}".strip()
            size = 15 if key in COLUMNS else 12 if backward else 13
            ink = BACKWARD if backward else INK
        elif key in COLUMNS:
            size = 11.5
        if not text:
            continue
        about = {key} if isinstance(key, str) else set(key)
        color = ink if about <= shown else DIM
        # The entries of h pile up.
        align = dict(ha=side, va="bottom" if key == "h_prev" else "center")
        gid = f"{key} words"
        ax.text(x, y, text, fontsize=size, color=color, zorder=6, gid=gid, **align)


def _number(name, value, backward):
    """A number as it is written."""
    if np.ndim(value):
        entries = [_number("", entry, backward) for entry in value]
        if len(entries) > MOST:
            entries = [f"{len(entries)}", "values"]
            return " ".join(entries) if name == "x" else "\n".join(entries)
        return f"({', '.join(entries)})" if name == "x" else "\n".join(entries)
    if name in ("i", "f", "o") and not backward:
        return f"{value:.0%}".replace("%", " %")
    digits = 3 if backward else 2
    # + 0.0 makes a zero of a rounded −0.
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
