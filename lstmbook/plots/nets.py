"""Drawings of nets."""

from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lstmbook.plots.style import BACKWARD, LOOKS

__all__ = ["lstm_chain", "rnn_chain", "unrolled_net"]

CELL = 0.42


def unrolled_net(ax, steps=4, backward=False):
    """Draw a vanilla RNN folded, with its loop, and unrolled over time.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.
    steps : int
        Steps to draw.
    backward : bool
        Also draw the two cotangents that meet in each state: the one of its own output
        and the one that comes back from the next step.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if not backward:
        _cell(ax, 0, "x_t", "h_t")
        _arrow(ax, (CELL, 0.2), (CELL, -0.2), LOOKS["h"].color, "arc3,rad=-2.2")
        ax.text(1.02, 0, "$W_h$", color=LOOKS["h"].color, ha="left", va="center")
        ax.text(1.75, 0, "=", fontsize=20, ha="center", va="center")
    first = 0 if backward else 3.95
    pitch = 1.75
    for t in range(1, steps + 1):
        x = first + pitch * (t - 1)
        _cell(ax, x, f"x_{t}", f"h_{t}")
        start, end = x - pitch + CELL, x - CELL
        middle = (start + end) / 2
        _arrow(ax, (start, 0), (end, 0), LOOKS["h"].color)
        ax.text(middle, 0.1, "$W_h$", color=LOOKS["h"].color, ha="center")
        if backward:
            _arrow(ax, (end, -0.22), (start, -0.22), BACKWARD, dashed=True)
            sent = f"$W_h\\,\\delta_{t}$"
            ax.text(middle, -0.5, sent, color=BACKWARD, ha="center")
        if backward:
            _arrow(ax, (x - 0.18, 1.0), (x - 0.18, CELL), BACKWARD, dashed=True)
            ax.text(
                x - 0.26,
                0.72,
                f"$\\partial L/\\partial h_{t}$",
                color=BACKWARD,
                ha="right",
                va="center",
                fontsize=10.5,
            )
    start = first - pitch + CELL
    ax.text(start - 0.05, 0, "$h_0$", ha="right", va="center")
    right = first + pitch * (steps - 1) + 0.6
    left = start - 0.4 if backward else -CELL - 0.1
    ax.set(xlim=(left, right), ylim=(-1.3, 1.4), aspect="equal")
    ax.axis("off")
    return ax


def _cell(ax, x, name_in, name_out):
    """One step: input from below, tanh, output above."""
    box = FancyBboxPatch(
        (x - CELL + 0.08, -CELL + 0.08),
        2 * CELL - 0.16,
        2 * CELL - 0.16,
        boxstyle="round,pad=0.08",
        facecolor="#eef4f8",
        edgecolor=LOOKS["h"].color,
        linewidth=1.6,
    )
    ax.add_patch(box)
    ax.text(x, 0, "tanh", ha="center", va="center")
    _arrow(ax, (x, -1.0), (x, -CELL), LOOKS["x"].color)
    ax.text(x + 0.08, -0.72, "$W_x$", color=LOOKS["x"].color, va="center")
    ax.text(x, -1.08, f"${name_in}$", ha="center", va="top")
    _arrow(ax, (x, CELL), (x, 1.0), LOOKS["h"].color)
    ax.text(x, 1.06, f"${name_out}$", ha="center", va="bottom")


def _arrow(ax, start, end, color, connection="arc3", dashed=False, size=11):
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=size,
            connectionstyle=connection,
            color=color,
            linewidth=1.6,
            linestyle=(0, (3, 2)) if dashed else "-",
            shrinkA=0,
            shrinkB=0,
        )
    )


# A chain: width of a cell, distance between cells, heights of their contents.
WIDTH, PITCH = 3.0, 3.8
TOP, LAYER, BOTTOM = 2.6, 0.95, 0.2
READ = 2.64


def rnn_chain(ax):
    """Draw three cells of a vanilla RNN in a row: one layer, one path.

    Made for a figure 7 inches wide and 1.9 high.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.

    Returns
    -------
    matplotlib.axes.Axes
    """
    for x in _chain(ax, height=1.9):
        layer = x + WIDTH / 2
        _wire(ax, "h", (x + WIDTH - PITCH, BOTTOM), (layer, BOTTOM), (layer, 0.7))
        _layer_box(ax, layer, LAYER, "tanh", "g")
        corners = (layer, 1.55), (x + READ, 1.55), (x + READ, BOTTOM)
        _wire(ax, "h", (layer, 1.2), *corners, (x + WIDTH, BOTTOM), head=False)
    return ax


def lstm_chain(ax):
    """Draw three cells of an LSTM in a row: four layers, two paths; and a legend.

    Made for a figure 7 inches wide and 2.9 high.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.

    Returns
    -------
    matplotlib.axes.Axes
    """
    for x in _chain(ax, height=2.95):
        start = x + WIDTH - PITCH
        columns = {"f": x + 0.4, "i": x + 1.0, "g": x + 1.6, "o": x + 2.2}
        kept = columns["f"], TOP
        written = (columns["i"] + columns["g"]) / 2, 1.72
        read = x + READ, 1.5
        _wire(ax, "c", (start, TOP), (x + WIDTH, TOP), head=False)
        for name, column in columns.items():
            _wire(ax, "h", (start, BOTTOM), (column, BOTTOM), (column, 0.7))
            _layer_box(ax, column, LAYER, "tanh" if name == "g" else "σ", name)
            side = "right" if name == "o" else "left"  # its wire turns right
            at = column - 0.08 if name == "o" else column + 0.08
            ax.text(at, 1.4, f"${name}$", ha=side, va="center", size=12)
        _wire(ax, "f", (kept[0], 1.2), (kept[0], TOP - 0.17))
        for name in "ig":
            corner = columns[name], written[1]
            _wire(ax, name, (columns[name], 1.2), corner, written, head=False)
        _wire(ax, "c", written, (written[0], TOP - 0.17))
        _wire(ax, "c", (read[0], TOP), (read[0], 1.67))
        _layer_box(ax, read[0], 2.1, "tanh", "c")
        corner = columns["o"], read[1]
        _wire(ax, "o", (columns["o"], 1.2), corner, (read[0] - 0.17, read[1]))
        _wire(ax, "h", read, (read[0], BOTTOM), (x + WIDTH, BOTTOM), head=False)
        for point in (kept, written, read):
            _sign(ax, point, ".")
        _sign(ax, (written[0], TOP), "+")
    end = x + WIDTH
    _wire(ax, "c", (end, TOP), (end + PITCH - WIDTH, TOP))
    left = WIDTH - PITCH - 0.05
    ax.text(left, TOP, "$c$", color=LOOKS["c"].color, ha="right", va="center", size=13)
    _legend(ax)
    return ax


def _chain(ax, height):
    """Draw a chain's frames, inputs and path of h; return where the cells begin."""
    starts = [PITCH * k for k in range(3)]
    for x, step in zip(starts, ("t-1", "t", "t+1"), strict=True):
        frame = FancyBboxPatch(
            (x, -0.1),
            WIDTH,
            height,
            boxstyle="round,pad=0,rounding_size=0.2",
            facecolor="#f6f6f3",
            edgecolor="#9a9a9a",
            zorder=0,
        )
        ax.add_patch(frame)
        _wire(ax, "x", (x + 0.2, -0.5), (x + 0.2, BOTTOM))
        ax.text(x + 0.32, -0.3, f"$x_{{{step}}}$", va="center", size=12)
    end = starts[-1] + WIDTH
    _wire(ax, "h", (end, BOTTOM), (end + PITCH - WIDTH, BOTTOM))
    color, left = LOOKS["h"].color, WIDTH - PITCH - 0.05
    ax.text(left, BOTTOM, "$h$", color=color, ha="right", va="center", size=13)
    ax.set(xlim=(-1.2, end + 0.9), ylim=(-0.6, height), aspect="equal")
    ax.axis("off")
    return starts


def _legend(ax):
    """What boxes, circles and lines mean, in a row under the chain."""
    y, words = -1.15, {"va": "center", "size": 10.5}
    _layer_box(ax, -0.8, y, "σ", "f")
    layer = "a layer: weights, then σ\nor tanh; the orange tanh\nhas no weights"
    ax.text(-0.4, y, layer, **words)
    for at, sign, meaning in ((3.2, ".", "times"), (4.7, "+", "plus")):
        _sign(ax, (at, y), sign)
        ax.text(at + 0.3, y, meaning, **words)
    for at, name, term in ((6.1, "c", "long-term"), (8.8, "h", "short-term")):
        _wire(ax, name, (at, y), (at + 0.5, y), head=False)
        ax.text(at + 0.62, y, f"${name}$: {term}\nmemory", **words)
    ax.set_ylim(-1.6, None)


def _layer_box(ax, x, y, text, name):
    box = FancyBboxPatch(
        (x - 0.24, y - 0.2),
        0.48,
        0.4,
        boxstyle="round,pad=0.03",
        facecolor="white",
        edgecolor=LOOKS[name].color,
        linewidth=1.8,
        zorder=4,
    )
    ax.add_patch(box)
    ax.text(x, y, text, ha="center", va="center", size=9.5, zorder=5)


def _sign(ax, point, sign):
    color = LOOKS["c"].color
    ax.add_patch(Circle(point, 0.17, facecolor="white", edgecolor=color, zorder=4))
    ax.plot(*point, sign, color="black", markersize=7, zorder=5)


def _wire(ax, name, *points, head=True):
    color = LOOKS[name].color
    # Only the long-term path itself is broad, not the wires that read from it.
    broad = name == "c" and points[0][1] == points[-1][1]
    style = {"linewidth": 4.5 if broad else 1.8, "solid_capstyle": "butt"}
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=color, linestyle="-", zorder=2, **style)
    if head:
        _arrow(ax, *points[-2:], color, size=18 if broad else 11)
