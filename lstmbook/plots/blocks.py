"""How a framework stores a cell's weights, drawn to scale."""

from matplotlib.patches import Rectangle

from lstmbook.plots.style import LOOKS

__all__ = ["weight_blocks"]

GAP = 1.3  # between two arrays, in entries


def weight_blocks(ax, order, transposed=False, biases=1, sizes=(3, 2)):
    """Draw W_x, W_h and the biases of a cell, a coloured block for each of its layers.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis is switched off.
    order : str
        The blocks' names, in the order in which they are stored.
    transposed : bool
        (G·H, D) and (G·H, H), blocks below one another, where ours are (D, G·H) and
        (H, G·H), blocks side by side.
    biases : int
        1 or 2.
    sizes : tuple of int
        D and H.

    Returns
    -------
    matplotlib.axes.Axes
    """
    D, H = sizes
    width = len(order) * H
    letters = "D", "H", *[""] * biases
    names = "$W_x$", "$W_h$", *["$b$"] * biases
    start = 0.0
    for k, (name, letter, depth) in enumerate(
        zip(names, letters, [D, H, *[1] * biases], strict=True)
    ):
        for block, layer in enumerate(order):
            at, size = (block * H, start), (H, depth)
            if transposed:
                at, size = at[::-1], size[::-1]
            gid = f"{k} {layer}"
            color = LOOKS[layer].color if layer in LOOKS else "#bbbbbb"
            face = dict(facecolor=color, alpha=0.45, edgecolor="none", gid=gid)
            ax.add_patch(Rectangle(at, *size, **face))
            ax.add_patch(Rectangle(at, *size, fill=False, edgecolor="#444444"))
            middle = [a + s / 2 for a, s in zip(at, size, strict=True)]
            if depth > 1:
                ax.text(*middle, f"${layer}$", ha="center", va="center", fontsize=15)
        if letter and transposed:
            name += f"\n${letter}$ cols"
        elif letter:
            name += f", ${letter}$ rows"
        at = (start + depth / 2, -0.3) if transposed else (-0.3, start + depth / 2)
        side = {"ha": "center", "va": "bottom"} if transposed else {"ha": "right"}
        ax.text(*at, name, **{"va": "center", "fontsize": 12.5, **side})
        start += depth + GAP
    across, down = (start, width) if transposed else (width, start)
    # Row 0 is on top, as an array is printed.
    ax.set(
        xlim=(-0.8 if transposed else -4.6, across + 0.2),
        ylim=(down + 0.2, -3 if transposed else -0.4),
        aspect="equal",
    )
    ax.axis("off")
    return ax
