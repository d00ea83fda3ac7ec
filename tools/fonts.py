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
#: What almost every line has. These letters travel within the style sheet, so that
#: the first thing a reader sees is set in the book's type and does not move.
CORE = [*ASCII, 0xA0, *map(ord, "–’“”…·−×")]
#: Accents, dashes, arrows, and what formulas in running text need.
LATIN = [
    *ASCII,
    *range(0xA0, 0x100),
    *map(ord, "šč–—‘’“”…•←↑→↓′‖✓✗▲∂∏∑√∞≈≠≤≥−"),
    *map(ord, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉₋₊ᵀᵃᵏ"),
]
GREEK = [*map(ord, "αβγδεηθκλμπρστφχψωΓΔΘΠΣΦΩ")]


class Cut(NamedTuple):
    """One file: where it comes from, and what of it is kept."""

    source: str
    target: Path
    family: str
    limits: dict[str, float | tuple[float, float]]
    letters: list[int]


SERIF = "source-serif/VAR/SourceSerif4Variable-Roman.ttf"
ITALIC = "source-serif/VAR/SourceSerif4Variable-Italic.ttf"
SANS = "source-sans/VF/SourceSans3VF-Upright.ttf"
CODE = "source-code-pro/target/VAR/SourceCodeVF-Roman.ttf"
MORE = sorted({*LATIN, *GREEK} - {*CORE})
CUTS = [
    Cut(
        SERIF, SITE / "serif.woff2", "LSTM Book Serif", {"opsz": 16, "wght": 400}, CORE
    ),
    Cut(
        SERIF,
        SITE / "serif-more.woff2",
        "LSTM Book Serif",
        {"opsz": 16, "wght": 400},
        MORE,
    ),
    Cut(
        SERIF,
        SITE / "serif-bold.woff2",
        "LSTM Book Serif",
        {"opsz": 16, "wght": 600},
        LATIN,
    ),
    Cut(
        ITALIC,
        SITE / "serif-italic.woff2",
        "LSTM Book Serif",
        {"opsz": 16, "wght": 400},
        [*CORE, *map(ord, "äëíöüšč")],
    ),
    Cut(
        SERIF,
        SITE / "display.woff2",
        "LSTM Book Display",
        {"opsz": 40, "wght": 560},
        CORE,
    ),
    Cut(SANS, SITE / "sans.woff2", "LSTM Book Sans", {"wght": (400, 600)}, LATIN),
    Cut(
        CODE,
        SITE / "code.woff2",
        "LSTM Book Code",
        {"wght": (400, 600)},
        LATIN + GREEK,
    ),
    Cut(SANS, FIGURES / "sans.ttf", "LSTM Book Sans", {"wght": 400}, LATIN + GREEK),
    Cut(
        SANS, FIGURES / "sans-bold.ttf", "LSTM Book Sans", {"wght": 600}, LATIN + GREEK
    ),
]
FEATURES = ["kern", "liga", "ccmp", "locl", "mark", "lnum", "tnum"]


def cut(folder: Path, wanted: Cut) -> None:
    """Write one font: fewer letters, fixed axes, a name of its own."""
    font = TTFont(folder / wanted.source)
    options = subset.Options(layout_features=FEATURES, hinting=False)
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
