from collections import Counter
from pathlib import Path

import nbformat
import pytest

from tools.minutes import MAX_LINES, MAX_WORDS, measure, stated
from tools.notebooks import faults, figure_names
from tools.toc import notebooks

ROOT = Path(__file__).parents[1]
NOTEBOOKS = notebooks(ROOT)
CHAPTERS = [p for p in NOTEBOOKS if p.match("book/[0-9][0-9]-*.ipynb")]


def test_toc_names_exactly_the_notebooks_on_disk():
    on_disk = {
        path
        for path in (ROOT / "book").rglob("*.ipynb")
        if not {".ipynb_checkpoints", "_build"}.intersection(path.parts)
    }
    assert NOTEBOOKS, "_toc.yml names no notebook"
    assert set(NOTEBOOKS) == on_disk


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_no_faults(path):
    assert faults(path) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_keeps_its_budget_and_states_its_time(path):
    load = measure(path)
    assert load.words <= MAX_WORDS and load.lines <= MAX_LINES
    assert stated(path) == load.minutes


@pytest.mark.parametrize(
    ("reader", "pages"),
    [
        ("want the idea", ["ten-minutes"]),
        (
            "want the cell in one sitting",
            ["ten-minutes", "04-two-paths", "09-six-equations"],
        ),
        ("want all of it", [path.stem for path in CHAPTERS]),
        ("have a net that does not learn", ["13-when-it-does-not-learn"]),
    ],
)
def test_welcome_states_the_minutes_of_its_paths(reader, pages):
    cells = nbformat.read(ROOT / "book" / "welcome.ipynb", as_version=4).cells
    (table,) = (cell.source for cell in cells if "| you | read |" in cell.source)
    (row,) = (line for line in table.splitlines() if line.startswith(f"| {reader} |"))
    minutes = sum(measure(ROOT / "book" / f"{page}.ipynb").minutes for page in pages)
    assert row.split("|")[3].strip() == str(minutes)


def test_figure_names_are_unique_across_the_book():
    counts = Counter(name for path in NOTEBOOKS for name in figure_names(path))
    assert [name for name, count in counts.items() if count > 1] == []
