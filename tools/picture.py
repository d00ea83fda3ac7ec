"""The picture in the README, `book/assets/cell.png`: `python -m tools.picture`."""

import io
from pathlib import Path

import matplotlib.pyplot as plt

from lstmbook import plots

PICTURE = Path("book/assets/cell.png")


def draw() -> bytes:
    """Draw the whole cell and return the PNG."""
    plots.use_style()
    figure, ax = plt.subplots(figsize=(7, 4.2))
    plots.cell_diagram(ax)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    plt.close(figure)
    return png.getvalue()


if __name__ == "__main__":
    PICTURE.write_bytes(draw())
