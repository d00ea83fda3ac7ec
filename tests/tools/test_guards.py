"""The guards of the notebooks find the faults that they are meant to find."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.minutes import measure, stated
from tools.notebooks import printed_findings


@pytest.mark.parametrize(
    "source",
    [
        'print("3 of 3 runs: RMSE above 0.25")',
        "print(f'{worst:.2f}: 3 of 3 runs')",
        'print("all gradients are equal")',
        'print("above", 0.25)\nprint(x)',
        'for _ in rows:\n    print("below 1e-12", end="")\nprint(f"{x}")',
        '%matplotlib inline\nprint("at chance in 5 runs")',
    ],
)
def test_typed_findings_are_seen(source):
    assert printed_findings(source)


@pytest.mark.parametrize(
    "source",
    [
        'print(f"{count} of {len(runs)} runs: RMSE above 0.25")',
        'print("equal to within 1e-12:", difference < 1e-12)',
        'print("seed   error")\nfor s, e in rows:\n    print(f"{s:4}   {e:.2f}")',
        "print()\nprint(table)",
        'if new:\n    %pip install -q x\nlabel = "3 of 3"',
    ],
)
def test_computed_findings_and_headings_pass(source):
    assert not printed_findings(source)


@pytest.fixture
def page(tmp_path):
    """A chapter of 400 words, 20 lines, one figure and one equation, and decoys."""
    png = new_output("display_data", data={"image/png": ""})
    hide_input, hide_cell = ({"tags": [tag]} for tag in ("hide-input", "hide-cell"))
    words = "word " * 200
    cells = [
        new_markdown_cell(f"{words}\n$$\na b\n$$\n"),
        new_markdown_cell("```{math}\n:label: eq-a\na = b c d\n```\n" + words),
        new_markdown_cell('<div class="living" id="living-a" data-figure="a"></div>'),
        new_markdown_cell(f"```{{dropdown}} More\n{words}\n```"),
        new_markdown_cell(f"```{{admonition}} More\n:class: dropdown\n{words}\n```"),
        new_code_cell("x = 1\n\n" * 20),
        new_code_cell("y = 1\n" * 20, metadata=hide_cell, outputs=[png]),
        new_code_cell("y = 1\n" * 20, metadata=hide_input, outputs=[png]),
        new_markdown_cell(
            "**Time:** 4 minutes to read, exercises apart.\n\n## Exercises"
        ),
        new_markdown_cell(words),
        new_code_cell("x = 1\n" * 20),
    ]
    path = tmp_path / "01-page.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_reading_time_counts_what_stands_open_before_the_exercises(page):
    load = measure(page)
    assert (load.words, load.lines, load.figures, load.equations) == (407, 20, 1, 1)
    assert load.minutes == 4 == stated(page)
