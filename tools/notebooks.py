"""Run the notebooks and guard what is stored: `python -m tools.notebooks run`."""

import argparse
import ast
import base64
import io
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, metadata_tags
from PIL import Image

from tools.toc import notebooks

LIVE_FIGURE = "live-figure"
"""Tag of a figure whose pixels differ from one machine to the next."""

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
# nbval's own list, so that no way to skip the comparison is missed.
REFUSED_TAGS = {*metadata_tags, "skip-execution"}
MIN_ALT_LENGTH = 20
UNSEEN = 0.4
"""Root mean square difference, in levels of 0 to 255, that nobody sees in a figure."""

NUMBER = re.compile(r"\d")
COUNT = re.compile(r"\b\d+ of (the )?\d+\b")


class CellFailedError(Exception):
    """A cell raised an error, or took its kernel down."""


def faults(path: Path) -> list[str]:
    """
    List what would make a stored notebook wrong, or let it pass nbval uncompared.

    Parameters
    ----------
    path
        The notebook.

    Returns
    -------
    list of str
        One line for each fault, empty if there is none. Cells are named by the count
        that the reader sees beside them, as in `cell [3]`.
    """
    nb = nbformat.read(path, as_version=4)
    cells = _code_cells(nb)
    found = []
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("the kernelspec is not python3")
    if cells and not any(cell.outputs for cell in cells):
        found.append("no cell has outputs: the notebook was stripped or never run")
    for number, cell in enumerate(cells, start=1):
        found += [f"cell [{number}]: {fault}" for fault in _cell_faults(cell, number)]
    names = figure_names(path)
    repeated = sorted({name for name in names if names.count(name) > 1})
    found += [f"more than one figure is named {name!r}" for name in repeated]
    return found


def figure_names(path: Path) -> list[str]:
    """List the names of a notebook's figures, once for each image that bears it."""
    cells = _code_cells(nbformat.read(path, as_version=4))
    names = [figure_name(cell) for cell in cells for _ in pngs(cell.outputs)]
    return [name for name in names if name]


def figure_name(cell: NotebookNode) -> str:
    """Return the label of a cell's figure, empty if it has none."""
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("name", "")


def pngs(outputs: Iterable[NotebookNode]) -> list[str]:
    """List the PNG images, in base64, among a cell's outputs."""
    return [
        output.data["image/png"]
        for output in outputs
        if "image/png" in output.get("data", {})
    ]


def is_live(cell: NotebookNode) -> bool:
    """Tell whether a cell's figure is exempt from the comparison of pixels."""
    return LIVE_FIGURE in cell.metadata.get("tags", [])


def _code_cells(nb: NotebookNode) -> list[NotebookNode]:
    # Jupyter does not count blank cells, so neither do we.
    return [
        cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()
    ]


def _cell_faults(cell: NotebookNode, number: int) -> Iterator[str]:
    if cell.execution_count != number:
        yield f"its execution count is {cell.execution_count}"
    for tag in sorted(REFUSED_TAGS.intersection(cell.metadata.get("tags", []))):
        yield f"the tag {tag!r} is refused"
    if dict(find_comment_markers(cell.source)):
        yield "a comment that steers nbval is refused"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"it stores an error, {output.ename}"
        if output.get("name") == "stderr":
            yield "it stores output on stderr"
        if "image/svg+xml" in output.get("data", {}):
            yield "it stores an SVG image, which nbval compares as text"
    for text in printed_findings(cell.source):
        yield f"it prints a finding that no code computes: {text!r}"
    if pngs(cell.outputs):
        yield from _figure_faults(cell)
    if is_live(cell):
        if not pngs(cell.outputs):
            yield f"it is tagged {LIVE_FIGURE!r} and has no figure"
        if not _has_assert(cell.source):
            yield f"it is tagged {LIVE_FIGURE!r} and asserts nothing"


def _figure_faults(cell: NotebookNode) -> Iterator[str]:
    mystnb = cell.metadata.get("mystnb", {})
    alt = mystnb.get("image", {}).get("alt", "").strip()
    if len(alt) < MIN_ALT_LENGTH:
        yield f"mystnb.image.alt has {len(alt)} characters, not {MIN_ALT_LENGTH}"
    for key in ("caption", "name"):
        if not mystnb.get("figure", {}).get(key, "").strip():
            yield f"mystnb.figure.{key} is missing"
    # The site would frame each result as a figure, with the same caption. A final
    # semicolon does not help: IPython looks for it in the history, which nbval lacks.
    results = sum("data" in output for output in cell.outputs)
    if results > len(pngs(cell.outputs)):
        yield "its figure is beside another result: assign that one, _ = …"


def _has_assert(source: str) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(_parse(source)))


def _parse(source: str) -> ast.Module:
    return ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE))


def printed_findings(source: str) -> list[str]:
    """
    List what a cell prints as a finding although it is typed, not computed.

    Typed text may head a table or surround a computed value. It is a finding if it
    holds a number with no computed value beside it, if it states a count, as in
    `3 of 3`, or if a cell prints nothing else.

    Parameters
    ----------
    source
        Code of the cell.

    Returns
    -------
    list of str
        The texts at fault.
    """
    prints = [
        node
        for node in ast.walk(_parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    typed = [(_typed_text(node), _computes(node)) for node in prints]
    alone = not any(computes for _, computes in typed)
    return [
        text
        for text, computes in typed
        if text
        and (COUNT.search(text) or (not computes and (alone or NUMBER.search(text))))
    ]


def _typed_text(call: ast.Call) -> str:
    # A blank marks the place of a computed value.
    parts = [
        part.value if isinstance(part, ast.Constant) else " … "
        for argument in call.args
        for part in getattr(argument, "values", [argument])
    ]
    return "".join(map(str, parts)).strip()


def _computes(call: ast.Call) -> bool:
    return any(
        not isinstance(part, ast.Constant)
        for argument in call.args
        for part in getattr(argument, "values", [argument])
    )


def execute(path: Path) -> None:
    """
    Run a notebook from top to bottom and save it, normalised, in place.

    Parameters
    ----------
    path
        The notebook. It runs in its own folder, as a reader runs it.

    Raises
    ------
    CellFailedError
        If a cell fails; the file then stays as it was.
    """
    nb = nbformat.read(path, as_version=4)
    run(nb, path)
    normalise(nb)
    nbformat.write(nb, path)


def run(nb: NotebookNode, path: Path) -> None:
    """
    Run a notebook from top to bottom, in memory.

    Parameters
    ----------
    nb
        The notebook; it gets the outputs.
    path
        Where it is stored. It runs in that folder.

    Raises
    ------
    CellFailedError
        If a cell fails.
    """
    client = NotebookClient(
        nb,
        kernel_name="python3",
        coalesce_streams=True,
        # Each kernel would warn that it talks to this process unencrypted.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    # With several threads, the order of additions would change the last digits.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        client.execute(env=environment)
    except (CellExecutionError, DeadKernelError) as error:
        cell = client.code_cells_executed
        raise CellFailedError(f"{path}, cell [{cell}]: {error}") from error


def normalise(nb: NotebookNode) -> None:
    """Strip, in place, what changes from run to run or from machine to machine."""
    nb.metadata.pop("widgets", None)
    nb.metadata["kernelspec"] = KERNELSPEC
    nb.metadata["language_info"] = {"name": "python"}
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = lighter(output.data["image/png"])


def lighter(png: str) -> str:
    """
    Store a figure in 256 colours, much lighter, if nobody sees the difference.

    Parameters
    ----------
    png
        The image, in base64.

    Returns
    -------
    str
        The lighter image in base64, or the same one if its colours are too many.
    """
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        dpi, full = image.info.get("dpi"), image.convert("RGB")
    few = full.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=0)
    levels = np.asarray(full, float) - np.asarray(few.convert("RGB"), float)
    if np.sqrt(np.mean(levels**2)) > UNSEEN:
        return png
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True, dpi=dpi)
    return base64.b64encode(file.getvalue()).decode() + "\n"


def chosen(paths: list[Path], chapter: str) -> list[Path]:
    """
    Choose the notebooks of a chapter.

    Parameters
    ----------
    paths
        All notebooks.
    chapter
        A chapter's number, such as `2` or `02`, or how the file name begins. An empty
        string chooses all.

    Returns
    -------
    list of Path
        The chapter and its solutions.

    Raises
    ------
    ValueError
        If there is no such chapter; the message lists those there are.
    """
    begins = f"{int(chapter):02}-" if chapter.isdecimal() else chapter
    found = [path for path in paths if path.name.startswith(begins)]
    if not found:
        names = ", ".join(dict.fromkeys(_short(path) for path in paths))
        raise ValueError(f"CHAPTER is {chapter!r}; expected one of {names}")
    return found


def _short(path: Path) -> str:
    number, _, _ = path.stem.partition("-")
    return str(int(number)) if number.isdecimal() else path.stem


def main() -> None:
    """Run the notebooks of the book, or of one chapter."""
    parser = argparse.ArgumentParser(description="Run notebooks in place.")
    parser.add_argument("command", choices=["run"])
    parser.add_argument(
        "--chapter", default="", help="a chapter's number, or how a file name begins"
    )
    chapter = parser.parse_args().chapter
    try:
        paths = chosen(notebooks(Path.cwd()), chapter)
    except ValueError as error:
        sys.exit(str(error))
    for path in paths:
        start = time.perf_counter()
        try:
            execute(path)
        except CellFailedError as error:
            sys.exit(str(error))
        seconds = time.perf_counter() - start
        print(f"{path.relative_to(Path.cwd())}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
