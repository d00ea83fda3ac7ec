"""The diagram of a cell, whose parts light up, forward or backward.

It draws a :class:`~lstmbook.plots.graph.Graph`.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from lstmbook.cells import LSTM
from lstmbook.plots.graph import (
    COPY,
    GATE,
    GIVEN,
    LAYER_NAMES,
    LONG,
    PRODUCT,
    SUM,
    graph_of,
)
from lstmbook.plots.style import BACKWARD, LOOKS

__all__ = ["cell_diagram"]

DIM = "#c4c4c4"
DIM_INK = "#8f8f8f"  # of dimmed words, which must stay readable
INK = "#1a1a1a"
BOX = 0.76, 0.5  # half the width and height of a layer
SMALL_BOX = 0.42, 0.27
RADIUS = 0.24  # of a ⊙ or +
#: The cell's outline: left, bottom, width, height.
FRAME = 0.95, 0.66, 7.9, 5.1
JUNCTION = 0.15  # radius of the + where cotangents meet
MOST = 4  # most entries of x or h that fit


def cell_diagram(ax, lit=None, values=None, backward=False, kind=LSTM):
    """Draw a cell: its memories' paths, its layers, x in, y = h out.

    Made for a figure of 7 by 4.2 inches; its letters are then readable on a phone.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.
    lit : iterable of str, or str, optional
        Names of parts (of an LSTM the keys of ``PARTS``) or of nodes. All the rest is
        dimmed; a wire is lit if both its ends are. Default: everything is lit.
    values : dict of str to (float or ndarray), optional
        Node name to its number: gates are written as percentages, the rest with two
        decimals. From :func:`~lstmbook.plots.graph.step_values`, or, in the backward
        pass, with three decimals, from :func:`~lstmbook.plots.graph.step_cotangents`.
    backward : bool
        Draw the path of the cotangents: all wires reversed and dashed, and a + where
        cotangents from several wires are summed.
    kind : type
        Which cell: LSTM, PeepholeLSTM, CoupledLSTM or GRU.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If ``kind`` has no graph.
    ValueError
        If ``lit`` or ``values`` holds an unknown name.
    """
    graph = graph_of(kind)
    shown = _lit_nodes(graph, lit)
    values = {} if values is None else dict(values)
    _refuse_unknown("values", values, [*graph.by_name, *graph.edges])
    _frame(ax)
    # The wires of x first: they run under those of h, as a sheath.
    for edge in sorted(graph.edges, key=lambda edge: edge[0] != "x"):
        _edge(ax, graph, edge, set(edge) <= shown, backward)
    for node in graph.nodes:
        _node(ax, node, node.name in shown)
    _words(ax, graph, values, shown, backward)
    ax.set(xlim=(0, 10), ylim=(0, 6), aspect="equal")
    ax.axis("off")
    return ax


def _lit_nodes(graph, lit):
    if lit is None:
        return set(graph.by_name)
    names = {lit} if isinstance(lit, str) else set(lit)
    _refuse_unknown("lit", names, [*graph.parts, *graph.by_name])
    return set().union(*(graph.parts.get(name, {name}) for name in names))


def _refuse_unknown(argument, names, known):
    unknown = [name for name in names if name not in known]
    if unknown:
        expected = ", ".join(map(str, known))
        raise ValueError(f"{argument} names {unknown[0]!r}; expected one of {expected}")


def _frame(ax):
    """The cell's outline; the steps before and after lie outside it."""
    left, bottom, width, height = FRAME
    ax.add_patch(
        FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.3",
            facecolor="#f6f6f3",
            edgecolor="#9a9a9a",
            linewidth=1,
            zorder=0,
            gid="frame",
        )
    )


def _edge(ax, graph, edge, is_lit, backward):
    """One wire, in pieces where wires from the same node branch."""
    parent = graph.by_name[edge[0]]
    look = LOOKS[parent.look]
    color = DIM if not is_lit else BACKWARD if backward else look.color
    style = dict(color=color, gid=f"{edge[0]}->{edge[1]}", zorder=2 if is_lit else 1)
    dashes = look.linestyle if parent.op.name in LAYER_NAMES else "-"
    pieces = wire_pieces(graph, edge)
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
    """Where wires branch; in the backward pass, their cotangents are summed."""
    radius, face = (JUNCTION, "white") if backward else (0.07, color)
    style = dict(edgecolor=color, linewidth=1.5, zorder=zorder)
    ax.add_patch(Circle(point, radius, facecolor=face, **style))
    if backward:
        plus = dict(color=color, markersize=7, markeredgewidth=1.5, zorder=zorder)
        ax.plot(*point, "+", **plus)


def _route(graph, edge):
    """Corners of a wire, from the rim of its parent to the rim of its child."""
    start, end = (graph.by_name[name] for name in edge)
    bends = graph.bends.get(edge, ())
    first = _rim(start, bends[0] if bends else end.position)
    last = _rim(end, bends[-1] if bends else start.position)
    return [first, *bends, last]


def _rim(node, toward):
    """Where a level or upright wire to a point leaves the node's outline."""
    return tuple(
        to if abs(to - at) <= size else at + (size if to > at else -size)
        for at, to, size in zip(node.position, toward, half_size(node), strict=True)
    )


def half_size(node):
    """Half the width and height of a node's outline."""
    if node.op in (GIVEN, COPY):
        return 0.46 if node.op is GIVEN else 0.24, 0.3
    if node.op in (PRODUCT, SUM):
        return RADIUS, RADIUS
    return BOX if node.op.name in LAYER_NAMES else SMALL_BOX


def wire_pieces(graph, edge):
    """A wire's corners, in lists: cut where its node's wires part."""
    onward = defaultdict(set)
    for sibling in graph.edges:
        if sibling[0] == edge[0]:
            for here, there in pairwise(_route(graph, sibling)):
                onward[here].add(there)
    pieces = [[]]
    for point in _route(graph, edge):
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
    look, (x, y), (width, height) = LOOKS[node.look], node.position, half_size(node)
    color, ink = (look.color, INK) if is_lit else (DIM, DIM_INK)
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
    if node.op.name in LAYER_NAMES:
        ax.text(x, y + 0.2, node.label, fontsize=16, **label)
    else:
        ax.text(x, y, node.label, fontsize=13, **label)


def _words(ax, graph, values, shown, backward):
    """The words on the wires, and the numbers."""
    copied = {n.parents[0] for n in graph.nodes if n.op is COPY and n.name in values}
    layers = {n.name for n in graph.nodes if n.op.name in LAYER_NAMES}
    gates = {n.name for n in graph.nodes if n.op.name == GATE}
    for key, (x, y, side, *rise) in graph.places.items():
        text, size, ink = graph.words.get(key, ""), 13, INK
        # In the forward pass a copy shows its node's words.
        if key in values and (backward or key not in copied):
            share = key in gates and not backward
            number = _number(key, values[key], share, 3 if backward else 2)
            # In a layer there is room for one of the two.
            text = number if key in layers else f"{text} {number}".strip()
            size = 15 if key in layers else 12 if backward else 13
            ink = BACKWARD if backward else INK
        elif key in layers:
            size = 11.5
        if not text:
            continue
        about = {key} if isinstance(key, str) else set(key)
        color = ink if about <= shown else DIM_INK
        align = dict(ha=side, va=rise[0] if rise else "center")
        gid = f"{key} words"
        ax.text(x, y, text, fontsize=size, color=color, zorder=6, gid=gid, **align)


def _number(name, value, share, digits):
    """A number as it is written."""
    if np.ndim(value):
        entries = [_number("", entry, share, digits) for entry in value]
        if len(entries) > MOST:
            entries = [f"{len(entries)}", "values"]
            return " ".join(entries) if name == "x" else "\n".join(entries)
        return f"({', '.join(entries)})" if name == "x" else "\n".join(entries)
    if share:
        return f"{value:.0%}".replace("%", " %")
    # + 0.0 makes a zero of a rounded −0.
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
