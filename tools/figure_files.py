"""Write every figure of the book as files, for slides and handouts.

    python -m tools.figure_files

writes `_build/figures`: for each figure a PNG on white and one on the ground of a dark
page, from what the notebooks store. With `--svg` it also runs the notebooks, in memory,
and writes both as SVG. `index.html` shows all with number, caption and alternative
text; `index.json` has the same for programs. Numbers are those of the built site.
"""

import argparse
import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from PIL import Image

from tools.figures import dark
from tools.notebooks import CellFailedError, chosen, figure_name, pngs, run
from tools.quizzes import to_html
from tools.toc import notebooks

BOOK = Path(__file__).parents[1] / "book"
OUT = Path("_build/figures")
SITE = Path("_build/html")
LICENCE = "CC BY 4.0, The lstmbook authors, https://lstmbook.github.io/lstmbook/"
SVG = "image/svg+xml"
DATA = "data:image/png;base64,"
PAINT = re.compile(rf"{DATA}(?P<png>[A-Za-z0-9+/=\s]+)|#[0-9a-fA-F]{{6}}\b")
ROLE = re.compile(r"\{\w+\}`([^`<]*?)(?: <[^`]*>)?`")


class Figure(NamedTuple):
    """A figure of a notebook, as it is stored."""

    name: str
    caption: str  #: in MyST
    alt: str
    png: bytes


def figures(nb: NotebookNode) -> Iterator[Figure]:
    """List the figures of a notebook that have a name."""
    for cell in nb.cells:
        if name := figure_name(cell):
            about = cell.metadata["mystnb"]
            (png,) = pngs(cell.outputs)
            yield Figure(
                name,
                about["figure"]["caption"],
                about["image"]["alt"],
                base64.b64decode(png),
            )


def numbers(page: Path) -> dict[str, str]:
    """
    Read the numbers of a built page's figures.

    Parameters
    ----------
    page
        The page of the site.

    Returns
    -------
    dict
        A figure's name to its number, such as "Fig. 4.1".
    """
    soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
    found = {}
    for figure in soup.find_all("figure", id=True):
        if number := figure.select_one(".caption-number"):
            found[figure["id"]] = number.get_text().strip()
    return found


def dark_png(png: bytes) -> bytes:
    """Return an image's form on a dark page, at the same size."""
    with Image.open(io.BytesIO(png)) as image:
        dpi, pixels = image.info.get("dpi"), np.asarray(image.convert("RGB"))
    file = io.BytesIO()
    options = {"dpi": dpi} if dpi else {}
    Image.fromarray(dark(pixels)).save(file, "PNG", optimize=True, **options)
    return file.getvalue()


def dark_svg(svg: str) -> str:
    """Return a drawing's form on a dark page: each colour, and images in it."""

    def change(found: re.Match[str]) -> str:
        if found["png"]:
            png = dark_png(base64.b64decode(found["png"]))
            return DATA + base64.b64encode(png).decode()
        return _dark_color(found[0])

    # What has no colour of its own is black.
    ink = f'<svg fill="{_dark_color("#000000")}" '
    return PAINT.sub(change, svg).replace("<svg ", ink, 1)


def _dark_color(color: str) -> str:
    pixel = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)]], np.uint8)
    return "#{:02x}{:02x}{:02x}".format(*dark(pixel)[0])


def drawn_as_svg(nb: NotebookNode, path: Path) -> dict[str, str]:
    """
    Run a notebook so that it draws SVG.

    Parameters
    ----------
    nb
        The notebook; it is left as it is.
    path
        Where it is stored.

    Returns
    -------
    dict
        A figure's name to its drawing.
    """
    copy = nbformat.from_dict(nb)
    first = nbformat.v4.new_code_cell("%config InlineBackend.figure_formats = ['svg']")
    copy.cells = [first, *copy.cells]
    run(copy, path)
    return {
        figure_name(cell): output.data[SVG]
        for cell in copy.cells
        if figure_name(cell)
        for output in cell.outputs
        if SVG in output.get("data", {})
    }


def plain(caption: str, number: dict[str, str]) -> str:
    """Return a caption without roles: of links the text, of figures the number."""
    return ROLE.sub(lambda found: number.get(found[1], found[1]), caption)


def index(entries: list[dict]) -> str:
    """Return a page that shows the figures."""
    shown = []
    for entry in entries:
        links = ", ".join(
            f'<a href="{name}">{name.split(".", 1)[1]}</a>' for name in entry["files"]
        )
        shown.append(
            f'<figure id="{entry["name"]}"><img src="{entry["files"][0]}" '
            f'alt="{escape(entry["alt"])}" loading="lazy"><figcaption>'
            f"<b>{entry['number']}</b> {entry['caption']}<br>{links}"
            "</figcaption></figure>"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<title>Figures of The LSTM Book</title>"
        "<style>body { max-width: 50em; margin: 2em auto; padding: 0 1em; "
        "font: 1em/1.5 sans-serif } figure { margin: 3em 0 } "
        "img { max-width: 100% }</style>"
        f"<h1>Figures of The LSTM Book</h1><p>{LICENCE}</p>" + "\n".join(shown) + "\n"
    )


def write(paths: list[Path], site: Path, out: Path, svg: bool = False) -> list[dict]:
    """
    Write the figures of some notebooks.

    Parameters
    ----------
    paths
        The notebooks.
    site
        The built site, for the numbers.
    out
        The folder, made if need be.
    svg
        Whether to run the notebooks for SVG, too.

    Returns
    -------
    list of dict
        What `index.json` holds: for each figure `page`, `name`, `number`, `caption`
        (HTML with formulas in TeX), `alt`, `licence` and `files`.

    Raises
    ------
    ValueError
        If the built site lacks a figure.
    """
    entries = []
    for path in paths:
        nb = nbformat.read(path, as_version=4)
        page = "-".join(path.relative_to(BOOK).with_suffix("").parts)
        built = site / "book" / path.relative_to(BOOK).with_suffix(".html")
        number = numbers(built)
        drawings = drawn_as_svg(nb, path) if svg else {}
        for figure in figures(nb):
            if figure.name not in number:
                raise ValueError(f"{built} has no {figure.name}: run `make book`")
            files = {"light.png": figure.png, "dark.png": dark_png(figure.png)}
            if svg:
                drawing = drawings[figure.name]
                files["light.svg"] = drawing.encode()
                files["dark.svg"] = dark_svg(drawing).encode()
            folder = out / page
            folder.mkdir(parents=True, exist_ok=True)
            for ending, content in files.items():
                (folder / f"{figure.name}.{ending}").write_bytes(content)
            entries.append(
                {
                    "page": page,
                    "name": figure.name,
                    "number": number[figure.name],
                    "caption": to_html(plain(figure.caption, number)),
                    "alt": figure.alt,
                    "licence": LICENCE,
                    "files": [f"{page}/{figure.name}.{ending}" for ending in files],
                }
            )
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entries, ensure_ascii=False, indent=1)
    (out / "index.json").write_text(text + "\n", "utf-8")
    (out / "index.html").write_text(index(entries), "utf-8")
    return entries


def main() -> None:
    """Write the figures of the book, or of one chapter."""
    parser = argparse.ArgumentParser(description="Write the book's figures as files.")
    parser.add_argument("--svg", action="store_true", help="run the notebooks for SVG")
    parser.add_argument(
        "--chapter", default="", help="a chapter's number, or how a file name begins"
    )
    options = parser.parse_args()
    try:
        paths = chosen(notebooks(BOOK.parent), options.chapter)
        entries = write(paths, SITE, OUT, options.svg)
    except (ValueError, CellFailedError) as error:
        sys.exit(str(error))
    print(f"{len(entries)} figures in {OUT}: see {OUT}/index.html")


if __name__ == "__main__":
    main()
