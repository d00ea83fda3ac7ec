"""Text with a number for each character, shown as its background."""

import numpy as np

__all__ = ["colored_text"]

#: From one end of the scale to the other by way of white; also in grey they differ.
COLORS = "PuOr"


def colored_text(ax, text, values, width=76, limit=1.0):
    """Print a text in a figure, each character on a background of its own colour.

    Parameters
    ----------
    ax : Axes
        To draw in; its axes disappear.
    text : str
        The text. Each of its lines is cut into pieces of ``width``.
    values : ndarray, shape (T,)
        A number for each character.
    width : int
        Characters in a line, at most.
    limit : float
        The value of the strongest colour; its negative is the other end.

    Returns
    -------
    matplotlib.collections.QuadMesh
        For a colour bar.

    Raises
    ------
    ValueError
        If there is not one value for each character.
    """
    values = np.asarray(values)
    if values.shape != (len(text),):
        raise ValueError(
            f"values has shape {values.shape}; expected one for each of the "
            f"{len(text)} characters"
        )
    rows, columns, row, column = [], [], 0, 0
    for character in text:
        if column == width:
            row, column = row + 1, 0
        rows.append(row)
        columns.append(column)
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    grid = np.full((rows[-1] + 1, width), np.nan)
    grid[rows, columns] = values
    mesh = ax.pcolormesh(grid, cmap=COLORS, vmin=-limit, vmax=limit)
    for character, r, k in zip(text, rows, columns, strict=True):
        shown = "↵" if character == "\n" else character
        ax.text(k + 0.5, r + 0.52, shown, ha="center", va="center", **FONT)
    ax.set(xlim=(0, width), ylim=(len(grid), 0))
    ax.set_axis_off()
    return mesh


FONT = {"family": "monospace", "size": 6.5, "color": "black"}
