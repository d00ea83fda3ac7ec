"""Each chapter has a deck, and all that it shows stands in the chapter."""

import re

import nbformat
import pytest

from tools import decks, slides
from tools.figure_files import BOOK, figures

DECKS = decks.decks()


def notebook(*cells):
    nb = nbformat.v4.new_notebook()
    nb.cells = [nbformat.v4.new_markdown_cell(text) for text in cells]
    return nb


def test_every_chapter_has_a_deck():
    chapters = {path.stem for path in BOOK.glob("[0-9][0-9]-*.ipynb")}
    assert set(DECKS) == chapters


@pytest.mark.parametrize("chapter", DECKS)
def test_a_deck_shows_all_figures_and_equations_of_its_main_line(chapter):
    source = DECKS[chapter]
    nb = nbformat.read(BOOK / f"{chapter}.ipynb", 4)
    assert set(re.findall(r"^\{figure\} \d\d ([\w-]+)$", source, re.M)) == {
        figure.name for figure in figures(nb)
    }
    body = "\n".join(c.source for c in nb.cells if c.cell_type == "markdown")
    main = body.split("## Exercises")[0]
    labels = re.findall(r"^:label: (eq-[\w-]+)$", main, re.M)
    assert len(re.findall(r"^\$\$ .* \$\$$", source, re.M)) == len(labels)


@pytest.mark.parametrize("chapter", DECKS)
def test_a_deck_is_a_lesson_in_plain_words(chapter):
    source = DECKS[chapter]
    minutes = slides.minutes(source)
    assert 15 <= sum(minutes) <= 60
    assert source.count("{vote}") >= 2
    assert "## Summary (2 min)" in source
    source = re.sub(r"^\{(figure|vote)\}.*$", "", source, flags=re.M)
    words = re.sub(r"\$+[^$]*\$+|`[^`]*`", "x", source)
    assert not re.search(r"\{\w[\w:]*\}`|\]\(|^\(\w+-", source, re.M)
    assert not re.search(r" [.,;] |,[.,]", words)


def test_words_of_the_page_become_plain():
    text = "See {doc}`chapter 4 <04-two-paths>`, {doc}`06-forget-gate` {cite}`x2000`."
    assert decks.plain(text) == "See chapter 4, chapter 6."
    assert (
        decks.plain("{cite:t}`gers2000` say, {eq}`eq-a`, so") == "Gers (2000) say, so"
    )
    assert (
        decks.plain("as [shown](#there) in {numref}`fig-a`") == "as shown in the figure"
    )


def test_sections_keep_labels_equations_and_leads():
    nb = notebook(
        "# Title\n\nA question?",
        "(ch9-one)=\n## One\n\n**A lead.** More of it.\n\nNo lead.\n\n"
        "```{math}\n:label: eq-one\na = b\n```\n\n- **A point** that goes on. And on.",
    )
    _, one = decks.sections(nb)
    assert one.title == "One" and one.labels == {"ch9-one", "eq-one"}
    assert one.equations == ["a = b"]
    assert decks.points(one) == ["**A lead.** More of it.", "**A point** that goes on."]


def test_without_leads_the_first_sentences_are_the_points():
    _, section = decks.sections(notebook("# T", "## S\n\nFirst one. Second.\n\nThird."))
    assert decks.points(section) == ["First one.", "Third."]
