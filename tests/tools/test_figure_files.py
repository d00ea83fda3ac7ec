"""Each figure becomes files, light and dark, with its number, caption and text."""

import base64
import io
import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools.figure_files import dark_png, dark_svg, drawn_as_svg, figures, plain, write
from tools.figures import GROUND, NIGHT, dark
from tools.notebooks import figure_names

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "book/04-two-paths.ipynb"
INK, NIGHT_INK = list(NIGHT.items())[1]


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def two_colors():
    """A picture of 3 × 5 pixels: white, with one in an ink."""
    image = np.full((3, 5, 3), 255, np.uint8)
    image[1, 2] = rgb(INK)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", dpi=(192, 192))
    return file.getvalue()


def site(folder, names):
    """A built page with numbered figures."""
    page = folder / "book/04-two-paths.html"
    page.parent.mkdir(parents=True)
    page.write_text(
        "".join(
            f'<figure id="{name}"><figcaption><span class="caption-number">'
            f"Fig. 4.{k} </span></figcaption></figure>"
            for k, name in enumerate(names, start=1)
        )
    )
    return folder


def test_each_figure_of_a_chapter_is_written(tmp_path):
    names = figure_names(CHAPTER)
    out = tmp_path / "out"
    entries = write([CHAPTER], site(tmp_path / "site", names), out)
    assert [entry["name"] for entry in entries] == names
    assert json.loads((out / "index.json").read_text("utf-8")) == entries
    shown = (out / "index.html").read_text("utf-8")
    stored = list(figures(nbformat.read(CHAPTER, as_version=4)))
    for k, (entry, figure) in enumerate(zip(entries, stored, strict=True), start=1):
        assert entry["number"] == f"Fig. 4.{k}"
        assert entry["alt"] == figure.alt
        assert "}`" not in entry["caption"]
        light, night = ((out / name).read_bytes() for name in entry["files"])
        assert light == figure.png
        assert pixels(light).shape == pixels(night).shape
        assert pixels(light)[0, 0].tolist() == [255, 255, 255]
        assert pixels(night)[0, 0].tolist() == rgb(GROUND)
        for name in entry["files"]:
            assert f'href="{name}"' in shown


def test_a_figure_that_the_site_lacks_is_named(tmp_path):
    first, *rest = figure_names(CHAPTER)
    with pytest.raises(ValueError, match=rf"no {first}: run `make book`"):
        write([CHAPTER], site(tmp_path / "site", rest), tmp_path / "out")


def test_a_picture_in_the_dark():
    night = pixels(dark_png(two_colors()))
    assert night[0, 0].tolist() == rgb(GROUND)
    np.testing.assert_allclose(night[1, 2], rgb(NIGHT_INK), atol=4)
    assert (night == dark(pixels(two_colors()))).all()
    assert round(Image.open(io.BytesIO(dark_png(two_colors()))).info["dpi"][0]) == 192


def test_a_drawing_in_the_dark():
    data = base64.b64encode(two_colors()).decode()
    svg = (
        f'<?xml version="1.0"?><svg width="9"><path fill="#ffffff"/><g id="a{INK}"/>'
        f'<use xlink:href="#m12345"/><image href="data:image/png;base64,{data}"/>'
        f'<path style="stroke: {INK}"/></svg>'
    )
    night = dark_svg(svg)
    assert night.startswith('<?xml version="1.0"?><svg fill="#e')  # was black
    assert f'<path fill="{GROUND}"/>' in night
    assert 'href="#m12345"' in night
    assert INK not in night
    assert data not in night
    image = night.split("base64,")[1].split('"')[0]
    assert pixels(base64.b64decode(image))[0, 0].tolist() == rgb(GROUND)


def test_a_caption_has_no_roles():
    numbers = {"fig-a": "Fig. 1.2"}
    caption = "As in {numref}`fig-a`, {doc}`Chapter 4 <04-two-paths>` and $W_{h}$."
    assert plain(caption, numbers) == "As in Fig. 1.2, Chapter 4 and $W_{h}$."


def test_a_notebook_draws_svg(tmp_path):
    source = "import matplotlib.pyplot as plt\nplt.plot([1, 2], color='#123456');"
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["mystnb"] = {"figure": {"name": "fig-line", "caption": "A line."}}
    nb = nbformat.v4.new_notebook(cells=[cell])
    drawings = drawn_as_svg(nb, tmp_path / "any.ipynb")
    assert list(drawings) == ["fig-line"]
    assert "<svg" in drawings["fig-line"]
    assert "#123456" in drawings["fig-line"]
    assert nb.cells == [cell]
    assert not cell.outputs
