"""One look for each quantity, the same in equations, diagrams and plots."""

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap

__all__ = ["BACKWARD", "BOLD", "LOOKS", "NEGATIVE", "SIGNED", "Look", "use_style"]


class Look(NamedTuple):
    """How a quantity is drawn; dashes and marker tell it apart without colour."""

    color: str  #: from the palette of Okabe and Ito, safe for colour-blind readers
    linestyle: str | tuple
    marker: str


#: Quantity to look.
LOOKS = {
    "h": Look("#0072B2", "-", "o"),
    "c": Look("#D55E00", (0, (6, 1.5)), "s"),
    "i": Look("#009E73", (0, (1, 1)), "^"),
    "f": Look("#E69F00", (0, (4, 1, 1, 1)), "v"),
    "g": Look("#CC79A7", (0, (3, 1)), "D"),
    "o": Look("#56B4E9", (0, (5, 1, 1, 1, 1, 1)), "P"),
    "x": Look("#555555", "-", "."),
}

#: The colour of cotangents, which flow backwards.
BACKWARD = "#A50026"

#: The colour of negative memories in an image; positive ones have that of c.
NEGATIVE = "#5E3C99"

#: Colours of an image of memories: each is an ink of the book, blended with white.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [NEGATIVE, "white", LOOKS["c"].color]
)

#: The site's sans-serif, so that a figure looks the same wherever it is drawn.
FONTS = Path(__file__).with_name("fonts")

#: Its bold, by file: asked for by weight, matplotlib warns that DejaVu has another.
BOLD = FONTS / "sans-bold.ttf"

STYLE = {
    "figure.figsize": (7, 3),
    "figure.dpi": 192,  # the site's column is seven inches wide: two pixels for each
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.family": ["LSTM Book Sans", "DejaVu Sans"],
    "font.size": 11.5,
    "mathtext.fontset": "cm",  # as the site sets its equations
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(
        color=[look.color for look in LOOKS.values()],
        linestyle=[look.linestyle for look in LOOKS.values()],
    ),
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def use_style():
    """Draw all further figures in the book's style, on an opaque background."""
    for font in sorted(FONTS.glob("*.ttf")):
        font_manager.fontManager.addfont(font)
    mpl.rcParams.update(STYLE)
