from collections import Counter
from pathlib import Path

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


def test_figure_names_are_unique_across_the_book():
    counts = Counter(name for path in NOTEBOOKS for name in figure_names(path))
    assert [name for name, count in counts.items() if count > 1] == []
