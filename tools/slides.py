"""Build the lecture and a deck for each chapter: for the browser, and as PDF.

    python -m tools.slides

reads `book/slides/lecture.md`, takes the chapters' decks from `tools.decks`, and writes
`_build/slides`; PDF only where there is a Chromium. Slides are separated by lines of
three hyphens; the first line of each ends with its minutes. What the book has is not
written again: `{figure} 04 fig-cell` is a chapter's figure, as its notebook stores it,
with the number of the built site, and `{vote} 06 f-is-share` is a question of its quiz,
with a second slide for the answer. What follows `Notes:` is for the speaker.
"""

import base64
import io
import re
import shutil
import sys
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from PIL import Image

from lstmbook.doctor import chromium
from tools.decks import decks
from tools.figure_files import BOOK, LICENCE, SITE, Figure, figures, numbers
from tools.quizzes import Question, quizzes
from tools.typeset import typeset

OUT = Path("_build/slides")
SOURCE = BOOK / "slides/lecture.md"
STYLE = Path(__file__).with_name("slides.css")
MINUTES = re.compile(r" \((\d+) min\)$")
DIRECTIVE = re.compile(r"^\{(figure|vote)\} (\d\d) ([\w-]+)$")
KEYS = """\
addEventListener("keydown", (event) => {
  const step = {ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1}[event.key];
  if (!step) return;
  event.preventDefault();
  const here = Math.round(scrollY / innerHeight);
  document.querySelectorAll("section")[here + step]?.scrollIntoView();
});
"""

_MARKDOWN = MarkdownIt("commonmark").use(
    dollarmath_plugin,
    renderer=lambda formula, options: typeset(formula, options["display_mode"]),
)


@cache
def _chapter(number: str) -> tuple[dict[str, Figure], dict[str, str], list[Question]]:
    (path,) = BOOK.glob(f"{number}-*.ipynb")
    found = {figure.name: figure for figure in figures(nbformat.read(path, 4))}
    built = SITE / f"book/{path.stem}.html"
    return found, numbers(built), quizzes()[path.stem]


def minutes(source: str) -> list[int]:
    """
    Return the minutes of each slide.

    Raises
    ------
    ValueError
        If a slide's first line does not end with them, as in `(2 min)`.
    """
    found = []
    for slide in slides(source):
        first = slide.splitlines()[0]
        if not (match := MINUTES.search(first)):
            raise ValueError(f"slide {first!r} does not end with its minutes: (2 min)")
        found.append(int(match[1]))
    return found


def slides(source: str) -> list[str]:
    """Return the source of each slide."""
    return [slide.strip() for slide in re.split(r"^---$", source, flags=re.M)]


def to_html(slide: str) -> str:
    """
    Write one slide; a vote makes two.

    Parameters
    ----------
    slide
        Its source.

    Returns
    -------
    str
        One or two sections.

    Raises
    ------
    KeyError
        If the book has no such figure or question.
    """
    text, _, notes = slide.partition("\nNotes: ")
    first, *rest = text.splitlines()
    first = MINUTES.sub("", first)
    if match := DIRECTIVE.match(first):
        return _vote(match[2], match[3])
    lines = [
        _figure(match[2], match[3]) if (match := DIRECTIVE.match(line)) else line
        for line in (first, *rest)
    ]
    told = f'<details class="notes"><summary>Notes</summary>{escape(notes)}</details>'
    name = ' class="first"' if first.startswith("# ") else ""
    body = _MARKDOWN.render("\n".join(lines))
    return f"<section{name}>{body}{told if notes else ''}</section>\n"


def _figure(chapter: str, name: str) -> str:
    found, number, _ = _chapter(chapter)
    png = base64.b64encode(found[name].png).decode()
    alt = escape(found[name].alt)
    with Image.open(io.BytesIO(found[name].png)) as image:
        shape = "tall" if image.height > 0.7 * image.width else "flat"
    return (
        f'<figure class="{shape}"><img src="data:image/png;base64,{png}" alt="{alt}">'
        f"<figcaption>{number[name]}</figcaption></figure>"
    )


def _vote(chapter: str, name: str) -> str:
    question = {each.name: each for each in _chapter(chapter)[2]}[name]
    asked = f"<h2>{_MARKDOWN.renderInline(question.text)}</h2>"
    choices = "".join(
        f"<li>{_MARKDOWN.renderInline(choice.text)}</li>" for choice in question.choices
    )
    answers = "".join(
        f"<li class={'right' if choice.right else 'wrong'}><b>"
        f"{_MARKDOWN.renderInline(choice.text)}</b><br>"
        f"{_MARKDOWN.renderInline(choice.why)}</li>"
        for choice in question.choices
    )
    return (
        f'<section><p class="vote">Vote</p>{asked}<ol>{choices}</ol></section>\n'
        f'<section class="answer"><p class="vote">Answer</p>{asked}'
        f"<ol>{answers}</ol></section>\n"
    )


def build(source: str) -> str:
    """Return the page of a lecture."""
    title = MINUTES.sub("", source.splitlines()[0]).removeprefix("# ")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        '<link rel="stylesheet" href="katex/katex.min.css">'
        '<link rel="stylesheet" href="slides.css"></head><body><main>\n'
        f"{''.join(map(to_html, slides(source)))}</main><!-- {LICENCE} -->\n"
        f"<script>{KEYS}</script></body></html>\n"
    )


def print_pdfs(pages: list[Path]) -> None:
    """Print the slides of each page, one a sheet, into a PDF beside it."""
    from playwright.sync_api import sync_playwright

    from tools.browser import launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        tab = browser.new_page()
        for page in pages:
            tab.goto(page.resolve().as_uri())
            tab.pdf(
                path=page.with_suffix(".pdf"),
                prefer_css_page_size=True,
                print_background=True,
                tagged=True,
            )
        browser.close()


def sources() -> dict[str, str]:
    """Return the source of the lecture and of each chapter's deck, by name."""
    return {"lecture": SOURCE.read_text("utf-8"), **decks()}


def write(folder: Path) -> list[Path]:
    """Write the lecture, the decks and what they need; return their pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("fonts", "katex"):
        shutil.copytree(BOOK / "assets" / name, folder / name, dirs_exist_ok=True)
    shutil.copy(STYLE, folder)
    pages = []
    for name, source in sources().items():
        pages.append(folder / f"{name}.html")
        pages[-1].write_text(build(source), "utf-8")
        print(f"{pages[-1]}: {sum(minutes(source))} minutes", flush=True)
    return pages


def main() -> None:
    """Build the lecture and the decks."""
    pages = write(OUT)
    if chromium() is None:
        sys.exit("no PDFs: there is no Chromium or Chrome")
    print_pdfs(pages)
    print(f"and a PDF of each: {pages[0].with_suffix('.pdf')}, …")


if __name__ == "__main__":
    main()
