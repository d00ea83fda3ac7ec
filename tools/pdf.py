"""The whole book as one PDF: `python -m tools.pdf` (`make pdf`), from the built site.

The pages of `_build/html` are joined into one, `_build/pdf/lstm-book.html`, which
Chromium prints. All numbers and links are therefore the site's. The contents need the
pages' numbers, which are known only after printing: so it is printed twice.
"""

import html
import re
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, SoupStrainer, Tag
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab
from pypdf import PdfReader
from sphinx_external_toc.parsing import parse_toc_yaml

from lstmbook.doctor import check_programs
from tools.browser import PATIENCE, launch

SITE = "https://lstmbook.github.io/lstmbook/"
TITLE = "The LSTM Book"
AUTHOR = "The lstmbook authors"
STYLE = Path(__file__).with_name("pdf.css")


#: What only a screen can use, what a title says already, and folded code.
SCREEN_ONLY = (
    "script, button, a.headerlink, .kicker, img.night, details.hide, details.quiz"
)
#: Pages whose sections are listed in the contents: the chapters, not the solutions.
LISTED = re.compile(r"book/(\d\d-|ten-minutes|deeper|relatives)")


class Page(NamedTuple):
    """A page of the site."""

    part: str  #: the caption above it, empty for all but the first page of a part
    name: str  #: as in `_toc.yml`
    runs_on: bool = False  #: it follows its predecessor on the same sheet

    @property
    def key(self) -> str:
        """What its anchors begin with."""
        return self.name.removeprefix("book/").replace("/", "-")


class Line(NamedTuple):
    """A line of the contents."""

    level: int  #: 0 for a part, 1 for a chapter, 2 for a section
    text: str
    anchor: str


class PDFError(Exception):
    """The site is not built, or does not fit together."""


def pages(root: Path) -> list[Page]:
    """List the pages of the book, in reading order.

    Parameters
    ----------
    root
        The folder of `_toc.yml`.

    Returns
    -------
    list of Page
    """
    site = parse_toc_yaml(root / "_toc.yml")
    found = [Page("", site.root.docname)]
    for part in site.root.subtrees:
        names = map(str, part.items)
        found.append(Page(part.caption or "", next(names)))
        runs_on = part.caption == "Solutions"  # they are short
        found += [Page("", name, runs_on) for name in names]
    return found


def article(site: Path, page: Page, names: set[str]) -> Tag:
    """Read a page's text, for its place in the one long page.

    Parameters
    ----------
    site
        Folder of the built site, absolute.
    page
        The page.
    names
        All pages that are printed: links between them stay inside the PDF.

    Returns
    -------
    bs4.Tag
        The `article`, with folded code and all that only a screen can use left out,
        dropdowns open, headings one level lower, and anchors that begin with the
        page's key.
    """
    file = site / f"{page.name}.html"
    if not file.is_file():
        raise PDFError(f"{file} does not exist: run `make book` first")
    strainer = SoupStrainer("article")
    soup = BeautifulSoup(file.read_text("utf-8"), "html.parser", parse_only=strainer)
    body = soup.find("article")
    for tag in body.select(SCREEN_ONLY):
        tag.decompose()
    for tag in body.select("details"):
        tag["open"] = ""
    for tag in body.find_all(re.compile("^h[1-5]$")):
        tag.name = f"h{int(tag.name[1]) + 1}"
    for tag in body.find_all(id=True):
        tag["id"] = f"{page.key}--{tag['id']}"
    _anchor_headings(body)
    for tag in body.find_all("img"):
        tag["src"] = _file(site, page, tag["src"])
        tag.attrs.pop("loading", None)
    for tag in body.find_all("a", href=True):
        tag["href"] = _link(page, tag["href"], names)
    body["id"] = page.key
    if page.runs_on:
        body["class"] = [*body.get("class", []), "runs-on"]
    return body


def _anchor_headings(body: Tag) -> None:
    """Move sections' anchors into their headings, which may begin on a later sheet."""
    for section in body.find_all("section", id=True):
        heading = section.find(re.compile("^h[2-6]$"), recursive=False)
        if heading is None:
            continue
        for span in heading.find_previous_siblings("span", id=True):
            heading.insert(0, span.extract())
        heading["id"] = section.attrs.pop("id")


def _inside(page: Page, where: str) -> str:
    """Resolve a page's relative address, from the folder of the site."""
    return urljoin(f"/{page.name}.html", where).removeprefix("/")


def _file(site: Path, page: Page, where: str) -> str:
    return f"{site.as_uri()}/{_inside(page, where)}"


def _link(page: Page, where: str, names: set[str]) -> str:
    if urlsplit(where).scheme:
        return where
    path, _, fragment = _inside(page, where).partition("#")
    name = path.removesuffix(".html")
    if name in names:
        key = Page("", name).key
        return f"#{key}--{fragment}" if fragment else f"#{key}"
    return urljoin(SITE, _inside(page, where))


def contents(articles: list[tuple[Page, Tag]]) -> list[Line]:
    """List what the contents show.

    Parameters
    ----------
    articles
        Each page with its text.

    Returns
    -------
    list of Line
    """
    lines = []
    for page, body in articles:
        if page.part:
            lines.append(Line(0, page.part, page.key))
        lines.append(Line(1, body.find("h2").get_text(), page.key))
        if LISTED.match(page.name):
            for heading in body.find_all("h3"):
                lines.append(Line(2, heading.get_text(), heading["id"]))
    return lines


def document(site: Path, listed: list[Page]) -> tuple[str, list[Line]]:
    """Join pages into one.

    Parameters
    ----------
    site
        Folder of the built site, absolute.
    listed
        The pages.

    Returns
    -------
    str
        HTML. `{page:ANCHOR}` stands where the number of that anchor's page belongs.
    list of Line
        The contents.

    Raises
    ------
    PDFError
        If the site is not built, or a link leads nowhere.
    """
    names = {page.name for page in listed}
    articles = [(page, article(site, page, names)) for page in listed]
    _check_links([text for _, text in articles])
    lines = contents(articles)
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title>\n{_head(site, listed[0])}\n"
        f"<style>{STYLE.read_text('utf-8')}{_running_heads(articles)}</style></head>\n"
        f'<body><div class="bd-content">{_cover(site)}{_contents(lines)}\n'
        + "\n".join(_opened(page, text) for page, text in articles)
        + "</div></body></html>\n",
        lines,
    )


def _check_links(articles: list[Tag]) -> None:
    found = {tag["id"] for text in articles for tag in [text, *text.find_all(id=True)]}
    wanted = {
        tag["href"].removeprefix("#")
        for text in articles
        for tag in text.select("a[href^='#']")
    }
    if lost := sorted(wanted - found):
        raise PDFError(f"links of the site lead nowhere: {', '.join(lost)}")


def _running_heads(articles: list[tuple[Page, Tag]]) -> str:
    """Write each chapter's title into the margin of its sheets; it begins a new one."""
    rules, name = [], ""
    for page, text in articles:
        if not page.runs_on:
            name = f"sheet-{page.key}"
            title = page.part if page.part == "Solutions" else text.h2.get_text()
            head = title.replace("\\", r"\\").replace('"', r"\"")
            rules.append(f'@page {name} {{ @top-right {{ content: "{head}" }} }}')
        rules.append(f'[id="{page.key}"] {{ page: {name} }}')
    return "\n".join(rules)


def _opened(page: Page, text: Tag) -> str:
    """Write a page out, the part's title above it and its address below the title."""
    where = html.escape(f"{SITE}{page.name}.html")
    online = f'<p class="online"><a href="{where}">{where}</a></p>'
    text.h2.insert_after(BeautifulSoup(online, "html.parser"))
    if page.part:
        part = f'<h1 class="part">{html.escape(page.part)}</h1>'
        text.insert(0, BeautifulSoup(part, "html.parser"))
    return str(text)


def _head(site: Path, page: Page) -> str:
    """Return the site's styles, and those of its scripts that paper needs."""
    text = (site / f"{page.name}.html").read_text("utf-8")
    head = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer("head"))
    chosen = []
    for tag in head.find_all(["link", "script"]):
        name = "href" if tag.name == "link" else "src"
        where = tag.get(name, "")
        style = tag.name == "link" and "stylesheet" in tag.get("rel", [])
        if style or where.partition("?")[0].endswith("/print.js"):
            tag[name] = _file(site, page, where)
            chosen.append(str(tag))
    return "\n".join(chosen)


def _cover(site: Path) -> str:
    return (
        '<div class="cover">'
        f'<p class="cover-title">{TITLE}</p>'
        '<p class="cover-subtitle">From the vanishing gradient to every equation</p>'
        f'<img src="{site.as_uri()}/_static/cell.png" alt="The LSTM cell">'
        f"<p>{AUTHOR}</p></div>\n"
        '<div class="imprint">'
        f'<p>The pages of <a href="{SITE}">{SITE}</a> on paper. Chapters, figures and '
        "equations have the same numbers there. Figures that answer to the reader "
        "are still here.</p>"
        "<p>The code that draws the figures, imports and checks is left out. It is on "
        "the site, folded, and in the notebook of each page; the address stands under "
        "the page’s title.</p>"
        "<p>Prose and figures: CC BY 4.0. Code: MIT.</p></div>\n"
    )


def _contents(lines: list[Line]) -> str:
    rows = [
        f'<li class="level-{line.level}"><a href="#{line.anchor}">'
        f"<span>{html.escape(line.text)}</span>"
        f"<span>{{page:{line.anchor}}}</span></a></li>"
        for line in lines
    ]
    return (
        '<nav class="book-contents"><h2 id="contents">Contents</h2><ul>'
        + "\n".join(rows)
        + "</ul></nav>"
    )


def build(site: Path, listed: list[Page], pdf: Path, browser: Browser) -> None:
    """Print pages of the book.

    Parameters
    ----------
    site
        Folder of the built site, absolute.
    listed
        The pages.
    pdf
        The file to write; the HTML that is printed stays beside it.
    browser
        What prints it.

    Raises
    ------
    PDFError
        If the site is not built, or the contents cannot be filled in.
    """
    text, lines = document(site, listed)
    pdf.parent.mkdir(parents=True, exist_ok=True)
    source = pdf.with_suffix(".html")
    numbers = {line.anchor: 0 for line in lines}
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE)
    for final in (False, True):
        source.write_text(filled(text, numbers), encoding="utf-8")
        _print(tab, source, pdf, final)
        numbers, expected = destinations(PdfReader(pdf)), numbers
    tab.close()
    moved = [
        line.text for line in lines if numbers[line.anchor] != expected[line.anchor]
    ]
    if moved:
        raise PDFError(f"the contents moved what they list: {moved}")


def filled(text: str, numbers: dict[str, int]) -> str:
    """Write the pages' numbers into the contents.

    Parameters
    ----------
    text
        The book as one page.
    numbers
        Anchor to number.

    Returns
    -------
    str
    """
    return re.sub(r"\{page:([^}]*)\}", lambda found: str(numbers[found[1]]), text)


def destinations(reader: PdfReader) -> dict[str, int]:
    """Say on which page each anchor of a PDF is, counted from 1.

    Parameters
    ----------
    reader
        The PDF.

    Returns
    -------
    dict of str to int
    """
    return {
        unquote(name).removeprefix("/"): reader.get_destination_page_number(where) + 1
        for name, where in reader.named_destinations.items()
    }


def _print(tab: Tab, source: Path, pdf: Path, final: bool) -> None:
    tab.goto(source.resolve().as_uri())
    tab.evaluate("document.fonts.ready.then(() => true)")
    tab.pdf(
        path=pdf,
        prefer_css_page_size=True,
        print_background=True,
        outline=final,
        tagged=final,
    )


def main() -> None:
    """Write `_build/pdf/lstm-book.pdf`."""
    root = Path.cwd()
    pdf = root / "_build" / "pdf" / "lstm-book.pdf"
    for finding in check_programs():
        if finding.name == "chromium":
            sys.exit(f"{finding.problem}\n{finding.cure}")
    try:
        with sync_playwright() as playwright:
            build(root / "_build" / "html", pages(root), pdf, launch(playwright))
    except PDFError as error:
        sys.exit(str(error))
    count, size = len(PdfReader(pdf).pages), pdf.stat().st_size / 1e6
    print(f"{pdf.relative_to(root)}: {count} pages, {size:.1f} MB")


if __name__ == "__main__":
    main()
