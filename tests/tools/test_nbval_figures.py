import base64
import io
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from tools import notebooks

ROOT = Path(__file__).parents[2]
PLOT = "plt.figure(figsize=(4, 3))\nplt.plot([0, 1])\nprint('drawn')"


def repaint(change):
    """Return a plant that changes the pixels of the stored figure."""

    def plant(cell):
        [data] = [
            out.data for out in cell.outputs if "image/png" in out.get("data", {})
        ]
        png = io.BytesIO(base64.b64decode(data["image/png"]))
        pixels = np.array(Image.open(png).convert("RGBA"))
        changed = io.BytesIO()
        Image.fromarray(change(pixels)).save(changed, format="png")
        data["image/png"] = base64.b64encode(changed.getvalue()).decode()

    return plant


def black_block(pixels):
    pixels[40:50, 40:50, :3] = 0
    return pixels


def one_level(pixels):
    pixels[..., :3] ^= 1
    return pixels


def wrong_text(cell):
    [stream] = [out for out in cell.outputs if out.output_type == "stream"]
    stream.text = "drown\n"


def second_figure(cell):
    # Without its text, which nbval would compare, only our plugin sees the image.
    [data] = [out.data for out in cell.outputs if "image/png" in out.get("data", {})]
    png = {"image/png": data["image/png"]}
    cell.outputs.append(v4.new_output("display_data", png))


def tagged(tag, plant):
    def tag_and_plant(cell):
        cell.metadata["tags"] = [tag]
        plant(cell)

    return tag_and_plant


BLOCK = repaint(black_block)
CROPPED = repaint(lambda pixels: pixels[:-1])
CASES = {  # what is done to the stored cell, and what the failure must say
    "fresh": (lambda cell: None, None),
    "one level off": (repaint(one_level), None),
    "altered block": (BLOCK, "Figure fig-1 altered block: RMS difference"),
    "other shape": (CROPPED, "pixels stored"),
    "one figure too many": (second_figure, "2 stored, 1 drawn"),
    "wrong text": (wrong_text, "Cell outputs differ"),
    "live figure, altered": (tagged("live-figure", BLOCK), None),
    "live figure, wrong text": (
        tagged("live-figure", wrong_text),
        "Cell outputs differ",
    ),
    "ignored by nbval": (tagged("nbval-ignore-output", BLOCK), None),
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Run nbval once, over one notebook with a cell a case; its messages by case."""
    folder = tmp_path_factory.mktemp("book")
    path, report = folder / "figures.ipynb", folder / "report.xml"
    nb = v4.new_notebook(metadata={"kernelspec": notebooks.KERNELSPEC})
    nb.cells = [v4.new_code_cell("import matplotlib.pyplot as plt")]
    for name in CASES:
        figure = {"name": f"fig-1 {name}", "caption": "A line."}
        metadata = {"mystnb": {"figure": figure}}
        nb.cells.append(v4.new_code_cell(PLOT, metadata=metadata))
    nbformat.write(nb, path)
    notebooks.execute(path)
    nb = nbformat.read(path, as_version=4)
    for cell, (plant, _) in zip(nb.cells[1:], CASES.values(), strict=True):
        plant(cell)
    nbformat.write(nb, path)
    options = ["--nbval", "--nbval-current-env", "-p", "tools.nbval_figures"]
    options += ["--color=no", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    cells = list(ElementTree.parse(report).iter("testcase"))
    messages = ["\n".join(cell.itertext()) for cell in cells]
    assert messages[0] == ""
    return dict(zip(CASES, messages[1:], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_cell_is_red_where_its_figure_or_text_is_stale(case, failures):
    _, message = CASES[case]
    if message is None:
        assert failures[case] == ""
    else:
        assert message in failures[case]


def test_stale_figure_says_what_to_do(failures):
    assert "make run" in failures["altered block"]
