"""Drawings of nets."""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lstmbook.plots.style import BACKWARD, LOOKS

__all__ = ["unrolled_net"]

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
                fontsize=9,
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


def _arrow(ax, start, end, color, connection="arc3", dashed=False):
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=11,
            connectionstyle=connection,
            color=color,
            linewidth=1.6,
            linestyle=(0, (3, 2)) if dashed else "-",
            shrinkA=0,
            shrinkB=0,
        )
    )
