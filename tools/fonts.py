"""
The book's fonts, cut from Adobe's Source families: `python -m tools.fonts FOLDER`.

FOLDER holds the npm packages source-serif 4.5, source-sans 3.52 and source-code-pro
2.42, each unpacked under its own name; fonttools and brotli must be installed. Adobe
reserves the name "Source" for the unmodified fonts, so these go by other names.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

SITE = Path("book/assets/fonts")
FIGURES = Path("lstmbook/plots/fonts")

ASCII = range(0x20, 0x7F)
#: Accents, dashes, quotation marks, arrows, Greek, and what formulas in text need.
TEXT = [
    *ASCII,
    *range(0xA0, 0x100),
    *map(ord, "šč–—‘’“”…•←↑→↓′‖✓✗▲∂∏∑√∞≈≠≤≥−⊙⊤"),
    *map(ord, "αβγδεηθκλμπρστφχψωΓΔΘΠΣΦΩ"),
    *map(ord, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉₋₊"),
    *map(ord, "ᵀᵃᵏ½"),
]


class Cut(NamedTuple):
    """One file: where it comes from, and what of it is kept."""

    source: str
    target: Path
    family: str
    limits: dict[str, float | tuple[float, float]] = {}
    letters: list[int] = TEXT


SERIF = "source-serif/VAR/SourceSerif4Variable"
SANS = "source-sans/VF/SourceSans3VF-Upright.ttf"
CODE = "source-code-pro/target/VAR/SourceCodeVF-Roman.ttf"
CUTS = [
    Cut(
        f"{SERIF}-Roman.ttf",
        SITE / "serif.woff2",
        "LSTM Book Serif",
        {"opsz": 16, "wght": (400, 700)},
    ),
    Cut(
        f"{SERIF}-Italic.ttf",
        SITE / "serif-italic.woff2",
        "LSTM Book Serif",
        {"opsz": 16, "wght": 400},
    ),
    Cut(
        f"{SERIF}-Roman.ttf",
        SITE / "display.woff2",
        "LSTM Book Display",
        {"opsz": 40, "wght": 560},
        [*ASCII, *map(ord, "–’−·σ∂")],
    ),
    Cut(SANS, SITE / "sans.woff2", "LSTM Book Sans", {"wght": (400, 700)}),
    Cut(CODE, SITE / "code.woff2", "LSTM Book Code", {"wght": (400, 600)}),
    Cut(SANS, FIGURES / "sans.ttf", "LSTM Book Sans", {"wght": 400}),
    Cut(SANS, FIGURES / "sans-bold.ttf", "LSTM Book Sans", {"wght": 600}),
]
FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "sups", "subs", "lnum"]


def cut(folder: Path, wanted: Cut) -> None:
    """Write one font: fewer letters, fixed axes, a name of its own."""
    font = TTFont(folder / wanted.source)
    options = subset.Options(layout_features=[*FEATURES, "tnum"], hinting=False)
    letters = subset.Subsetter(options)
    letters.populate(unicodes=wanted.letters)
    letters.subset(font)
    # The instancer wants a font that was saved once.
    saved = BytesIO()
    font.save(saved)
    font = instancer.instantiateVariableFont(TTFont(saved), wanted.limits)
    _rename(font, wanted)
    font.flavor = "woff2" if wanted.target.suffix == ".woff2" else None
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    font.save(wanted.target)
    missing = set(wanted.letters) - set(font.getBestCmap())
    without = "".join(map(chr, sorted(missing)))
    print(f"{wanted.target}: {wanted.target.stat().st_size} bytes, without {without}")


def _rename(font: TTFont, wanted: Cut) -> None:
    bold = wanted.limits["wght"] == 600
    style = "Bold" if bold else "Italic" if "Italic" in wanted.source else "Regular"
    names = {1: wanted.family, 2: style, 4: f"{wanted.family} {style}"}
    names |= {3: f"{wanted.family} {style}", 6: f"{wanted.family}-{style}"}
    for record in list(font["name"].names):
        if record.nameID in {16, 17, 21, 22, 25}:
            font["name"].removeNames(record.nameID)
        elif record.nameID in names:
            record.string = names[record.nameID].replace(
                " ", "" if record.nameID == 6 else " "
            )
    if bold:
        font["OS/2"].usWeightClass = 600


if __name__ == "__main__":
    for wanted in CUTS:
        cut(Path(sys.argv[1]), wanted)
