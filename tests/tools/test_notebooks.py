import base64
import io
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from tools import notebooks
from tools.nbval_figures import difference
from tools.notebooks import lighter

ALT = "One straight line that rises from left to right."


def figure_cell(name="fig-line"):
    return v4.new_code_cell(
        "plt.plot([0, 1])",
        execution_count=2,
        outputs=[
            v4.new_output("stream", text="drawn\n"),
            v4.new_output("display_data", {"image/png": "aGVsbG8="}),
        ],
        metadata={
            "mystnb": {
                "image": {"alt": ALT},
                "figure": {"name": name, "caption": "A line."},
            }
        },
    )


@pytest.fixture
def nb():
    """A notebook without a fault: words, a printing cell, a figure, a blank cell."""
    return v4.new_notebook(
        metadata={"kernelspec": dict(notebooks.KERNELSPEC)},
        cells=[
            v4.new_markdown_cell("Words."),
            v4.new_code_cell(
                "print(len('a'))",
                execution_count=1,
                outputs=[v4.new_output("stream", text="1\n")],
            ),
            figure_cell(),
            v4.new_code_cell(""),
        ],
    )


@pytest.fixture
def faults(tmp_path):
    def stored_faults(nb):
        nbformat.write(nb, tmp_path / "01.ipynb")
        return notebooks.faults(tmp_path / "01.ipynb")

    return stored_faults


def test_sound_notebook_has_no_faults(nb, faults):
    assert faults(nb) == []


def test_notebook_of_words_alone_has_no_faults(nb, faults):
    nb.cells = nb.cells[:1]
    assert faults(nb) == []


def tag(name):
    return lambda nb: nb.cells[1].metadata.update(tags=[name])


def output(kind, **content):
    return lambda nb: nb.cells[1].outputs.append(v4.new_output(kind, **content))


def strip(nb):
    for cell in nb.cells[1:]:
        cell.outputs, cell.execution_count = [], None


def mystnb(**content):
    return lambda nb: nb.cells[2].metadata["mystnb"].update(content)


def live(source):
    def plant(nb):
        nb.cells[2].metadata["tags"] = ["live-figure"]
        nb.cells[2].source = source

    return plant


FAULTS = {
    "no kernelspec": (lambda nb: nb.metadata.pop("kernelspec"), "kernelspec"),
    "other kernel": (
        lambda nb: nb.metadata.kernelspec.update(name="mine"),
        "kernelspec",
    ),
    "stripped": (strip, "no cell has outputs"),
    "not run": (
        lambda nb: nb.cells[1].update(execution_count=None),
        "cell [1]: its execution count",
    ),
    "out of order": (
        lambda nb: nb.cells[2].update(execution_count=3),
        "cell [2]: its execution count",
    ),
    "error": (
        output("error", ename="ValueError", evalue="", traceback=[]),
        "stores an error, ValueError",
    ),
    "stderr": (output("stream", name="stderr", text="oh"), "stderr"),
    "svg": (output("display_data", data={"image/svg+xml": "<svg/>"}), "SVG"),
    "no alt": (mystnb(image={}), "alt has 0 characters"),
    "short alt": (mystnb(image={"alt": "A line." + " " * 20}), "alt has 7 characters"),
    "no name": (mystnb(figure={"caption": "A line."}), "figure.name is missing"),
    "no caption": (mystnb(figure={"name": "fig-line"}), "figure.caption is missing"),
    "blank caption": (
        mystnb(figure={"name": "fig-line", "caption": " "}),
        "figure.caption is missing",
    ),
    "two figures in a cell": (
        lambda nb: nb.cells[2].outputs.append(nb.cells[2].outputs[1]),
        "more than one figure is named 'fig-line'",
    ),
    "result beside the figure": (
        lambda nb: nb.cells[2].outputs.append(
            v4.new_output("execute_result", {"text/plain": "[<Line2D>]"})
        ),
        "beside another result",
    ),
    "live figure without assert": (live("plt.plot([0, 1])"), "asserts nothing"),
    "live figure, assert in words": (live("# assert x\n'assert x'"), "asserts nothing"),
    "live tag without figure": (tag("live-figure"), "has no figure"),
    "comment": (
        lambda nb: nb.cells[1].update(source="# NBVAL_IGNORE_OUTPUT\nprint(1)"),
        "steers nbval",
    ),
} | {
    name: (tag(name), f"the tag '{name}' is refused")
    for name in (
        "nbval-skip",
        "nbval-ignore-output",
        "nbval-raises-exception",
        "skip-execution",
        "raises-exception",
    )
}


@pytest.mark.parametrize(("plant", "message"), FAULTS.values(), ids=FAULTS)
def test_planted_fault_is_named(plant, message, nb, faults):
    plant(nb)
    assert message in "\n".join(faults(nb))


def test_figure_names_are_unique_in_a_notebook(nb, faults):
    second = figure_cell()
    second.execution_count = 3
    nb.cells.append(second)
    assert faults(nb) == ["more than one figure is named 'fig-line'"]


def test_live_figure_with_an_assert_passes(nb, faults):
    live("%matplotlib inline\nplt.plot([0, 1])\nassert 1 < 2")(nb)
    assert faults(nb) == []


SOURCES = [
    "import os, pathlib\nprint(str('one'))",
    "print(pathlib.Path.cwd().name, os.environ['OMP_NUM_THREADS'])",
    "for i in range(3):\n    print(i, flush=True)",
    "",
    "pathlib.Path.cwd()",
]


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of two chapters, of which the second fails in its second cell."""
    (tmp_path / "chapters").mkdir()
    sources = {"01-good": SOURCES, "02-bad": ["print(1)", "1 / 0", "print(2)"]}
    for name, cells in sources.items():
        nb = v4.new_notebook(cells=[v4.new_code_cell(source) for source in cells])
        nb.metadata = {"widgets": {"state": {}}, "kernelspec": {"name": "mine"}}
        nb.cells[0].metadata = {"execution": {"iopub.status.busy": "2026"}}
        nb.cells[0].id = "kept"
        nbformat.write(nb, tmp_path / f"chapters/{name}.ipynb")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/01-good\nchapters:\n- file: chapters/02-bad\n"
    )
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["notebooks", "run", *arguments])
        notebooks.main()

    return tmp_path / "chapters", run


def test_run_stores_a_sound_notebook_and_the_same_bytes_again(book, capsys):
    chapters, run = book
    path = chapters / "01-good.ipynb"
    run("--chapter", "01")
    assert capsys.readouterr().out.startswith("chapters/01-good.ipynb: ")
    first = path.read_bytes()
    assert first.endswith(b"}\n")
    nb = nbformat.read(path, as_version=4)
    assert nb.metadata == {
        "kernelspec": notebooks.KERNELSPEC,
        "language_info": {"name": "python"},
    }
    assert nb.cells[0].id == "kept"
    assert all(cell.metadata == {} for cell in nb.cells)
    assert nb.cells[1].outputs[0].text == "chapters 1\n"
    assert [output.text for output in nb.cells[2].outputs] == ["0\n1\n2\n"]
    assert notebooks.faults(path) == []
    run("--chapter", "01")
    assert path.read_bytes() == first


def test_failing_cell_is_named_and_its_notebook_left_alone(book):
    chapters, run = book
    before = (chapters / "02-bad.ipynb").read_bytes()
    with pytest.raises(SystemExit) as stop:
        run("--chapter", "02")
    assert "02-bad.ipynb, cell [2]: " in stop.value.code
    assert "ZeroDivisionError" in stop.value.code
    assert (chapters / "02-bad.ipynb").read_bytes() == before


def test_chapter_that_matches_nothing_is_an_error(book):
    _, run = book
    with pytest.raises(SystemExit, match=r"CHAPTER is '03'; expected one of 1, 2$"):
        run("--chapter", "03")


def as_base64(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return base64.b64encode(file.getvalue()).decode()


def test_a_figure_is_stored_lighter_and_looks_the_same():
    drawn = Image.new("RGBA", (300, 200), "white")
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    drawn.paste(Image.fromarray(np.tile(ramp, (100, 1))).convert("RGBA"), (0, 50))
    png = as_base64(drawn, dpi=(192, 192), compress_level=1)
    stored = lighter(png)
    assert len(stored) < len(png)
    assert difference([stored], [png]) == ""
    with Image.open(io.BytesIO(base64.b64decode(stored))) as image:
        assert round(image.info["dpi"][0]) == 192
        assert image.size == (300, 200)


def test_a_figure_with_many_colours_is_left_alone():
    noise = np.random.default_rng(0).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    png = as_base64(Image.fromarray(noise))
    assert lighter(png) == png


PATHS = [
    Path("book") / f"{name}.ipynb"
    for name in (
        "welcome",
        "02-rnn",
        "12-train",
        "20-late",
        "deeper",
        "solutions/02-rnn",
    )
]


@pytest.mark.parametrize(
    ("chapter", "names"),
    [
        ("2", ["02-rnn", "solutions/02-rnn"]),
        ("02", ["02-rnn", "solutions/02-rnn"]),
        ("02-rnn", ["02-rnn", "solutions/02-rnn"]),
        ("20", ["20-late"]),
        ("deeper", ["deeper"]),
        (
            "",
            ["welcome", "02-rnn", "12-train", "20-late", "deeper", "solutions/02-rnn"],
        ),
    ],
)
def test_a_chapter_is_chosen_by_number_or_name(chapter, names):
    expected = [Path("book") / f"{name}.ipynb" for name in names]
    assert notebooks.chosen(PATHS, chapter) == expected


def test_an_unknown_chapter_is_told_which_there_are():
    message = "CHAPTER is '1'; expected one of welcome, 2, 12, 20, deeper"
    with pytest.raises(ValueError, match=f"^{message}$"):
        notebooks.chosen(PATHS, "1")
