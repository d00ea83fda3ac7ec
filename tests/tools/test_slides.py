"""The lecture lasts 50 minutes and takes figures and questions from the book."""

import re

import pytest
from bs4 import BeautifulSoup

from tools import slides

SOURCE = slides.SOURCE.read_text("utf-8")
FIGURE = re.compile(r"^\{figure\} \d\d ([\w-]+)$", re.M)


@pytest.fixture
def numbered(monkeypatch):
    """Numbers of figures without a built site."""
    slides._chapter.cache_clear()
    names = FIGURE.findall(SOURCE)
    numbers = {name: f"Fig. 9.{k}" for k, name in enumerate(names)}
    monkeypatch.setattr(slides, "numbers", lambda page: numbers)
    yield numbers
    slides._chapter.cache_clear()


def test_the_lecture_lasts_50_minutes():
    assert sum(slides.minutes(SOURCE)) == 50


def test_the_class_votes_often():
    passed, since, longest = slides.minutes(SOURCE), 0, 0
    for slide, minutes in zip(slides.slides(SOURCE), passed, strict=True):
        if slide.startswith("{vote}"):
            longest, since = max(longest, since), 0
        else:
            since += minutes
    assert max(longest, since) <= 14


def test_a_slide_without_minutes_is_named():
    with pytest.raises(ValueError, match=r"'## Two'.*minutes"):
        slides.minutes("# One (1 min)\n\n---\n\n## Two\n\ntext")


def test_every_figure_has_its_number_and_its_text(numbered):
    page = BeautifulSoup(slides.build(SOURCE), "html.parser")
    figures = page.find_all("figure")
    assert [figure.get_text() for figure in figures] == list(numbered.values())
    assert len(figures) > 10
    assert all(len(figure.img["alt"]) > 20 for figure in figures)
    titles = page.select("section > h1, section > h2")
    assert len(titles) == len(page.find_all("section"))


def test_a_vote_makes_two_slides(numbered):
    made = slides.to_html("{vote} 06 f-is-share (2 min)")
    asked, answered = BeautifulSoup(made, "html.parser").find_all("section")
    assert asked.h2.get_text() == answered.h2.get_text()
    texts = [choice.get_text() for choice in asked.find_all("li")]
    assert len(texts) == 4
    assert [choice.b.get_text() for choice in answered.find_all("li")] == texts
    (right,) = answered.select("li.right")
    assert right.b.get_text() == "It keeps 90 %"
    assert not asked.select(".right")


def test_notes_are_for_the_speaker(numbered):
    made = slides.to_html("## Title (2 min)\n\nText, $x < 1$.\n\nNotes: Say <this>.")
    section = BeautifulSoup(made, "html.parser").section
    assert section.h2.get_text() == "Title"
    assert section.details.get_text() == "NotesSay <this>."
    assert "katex" in made


@pytest.mark.parametrize("line", ["{vote} 06 no-such (2 min)", "{figure} 06 fig-none"])
def test_what_the_book_lacks_is_named(numbered, line):
    with pytest.raises(KeyError, match=r"no-such|fig-none"):
        slides.to_html(line if line.startswith("{vote}") else f"## T (1 min)\n\n{line}")
