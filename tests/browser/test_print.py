"""Pages on paper, and the book's PDF, from the built site."""

import io
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import pdf

A4 = {
    "format": "A4",
    "margin": dict.fromkeys(("top", "bottom", "left", "right"), "14mm"),
}


@pytest.fixture
def printed(context, site):
    """A function that prints a page as a reader's browser does."""

    def print_page(name, **options):
        page = context(**options).new_page()
        page.goto((site / f"{name}.html").as_uri())
        return PdfReader(io.BytesIO(page.pdf(**A4)))

    return print_page


def words(reader):
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def test_the_handout_has_two_pages(printed):
    assert len(printed("book/ten-minutes").pages) == 2


def test_a_dark_page_prints_as_a_light_one(printed):
    name = "book/02-vanilla-rnn"
    light, dark = (printed(name, color_scheme=mode) for mode in ("light", "dark"))
    drawn = [
        [page.get_contents().get_data() for page in pdf.pages] for pdf in (light, dark)
    ]
    assert drawn[0] == drawn[1]


def test_paper_has_the_text_and_no_more(printed, site):
    name = "book/03-vanishing-and-exploding"
    text = words(printed(name))
    soup = BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser")
    dropdowns = soup.select("details.sd-dropdown .sd-summary-content > p:first-child")
    assert dropdowns
    opening = soup.article.find("h1").get_text(" ", strip=True).split("#")[0]
    assert opening.split(". ")[-1].strip() in text[:120]
    for paragraph in dropdowns:  # they are open
        first = paragraph.find(string=True).strip()
        assert re.sub(r"\s+", " ", first)[:30] in text
    folded = soup.select_one("details.hide pre").get_text().strip().splitlines()[0]
    for screen_only in (folded, "Previous", "Skip to the text", "Copy", "Colab"):
        assert screen_only not in text


# --- the PDF; of three pages, because all would take a minute

NAMES = (
    "book/ten-minutes",
    "book/03-vanishing-and-exploding",
    "book/solutions/03-vanishing-and-exploding",
)


class Book:
    """A PDF with what it was made from."""

    def __init__(self, site, path, browser):
        listed = pdf.pages(Path(__file__).parents[2])
        self.listed = [page for page in listed if page.name in NAMES]
        pdf.build(site, self.listed, path, browser)
        self.reader = PdfReader(path)
        self.where = pdf.destinations(self.reader)
        self.texts = [page.extract_text() for page in self.reader.pages]
        source = path.with_suffix(".html").read_text("utf-8")
        self.soup = BeautifulSoup(source, "html.parser")

    def page(self, anchor):
        """Text of the page on which an anchor is."""
        return re.sub(r"\s+", " ", self.texts[self.where[anchor] - 1])


@pytest.fixture(scope="module")
def book(browser, site, tmp_path_factory):
    return Book(site, tmp_path_factory.mktemp("pdf") / "book.pdf", browser)


def packed(text):
    return re.sub(r"\s+", "", text)


def test_the_contents_say_on_which_page_each_title_is(book):
    rows = book.soup.select(".book-contents li a")
    assert len(rows) > 20
    printed = packed("".join(book.texts[: min(book.where.values()) - 1]))
    for row in rows:
        title, number = (span.get_text() for span in row.select("span"))
        anchor = row["href"].removeprefix("#")
        assert int(number) == book.where[anchor]
        assert packed(f"{title}{number}") in printed
        assert packed(title) in packed(book.page(anchor))


def test_the_outline_leads_to_all_that_the_contents_list(book):
    found = {}

    def walk(entries):
        for entry in entries:
            if isinstance(entry, list):
                walk(entry)
            else:
                page = book.reader.get_destination_page_number(entry) + 1
                found[packed(entry.title)] = page

    walk(book.reader.outline)
    for line in book.soup.select(".book-contents li a"):
        anchor = line["href"].removeprefix("#")
        assert found[packed(line.span.get_text())] == book.where[anchor]


def test_links_lead_somewhere(book):
    inside, outside = [], []
    for page in book.reader.pages:
        for link in page.get("/Annots", []):
            link = link.get_object()
            if "/Dest" in link:
                inside.append(str(link["/Dest"]).removeprefix("/"))
            else:
                outside.append(link["/A"]["/URI"])
    assert len(inside) > 50 and set(inside) <= set(book.where)
    assert outside and all(uri.startswith("https://") for uri in outside)


def test_figures_and_equations_have_the_numbers_of_the_site(book, site):
    checked = 0
    for page in book.listed:
        text = (site / f"{page.name}.html").read_text("utf-8")
        article = BeautifulSoup(text, "html.parser").article
        numbers = [
            (
                tag["id"],
                tag.select_one(".caption-number, .eqno").get_text().split("#")[0],
            )
            for tag in article.select("figure[id], div.math[id]")
            if tag.select_one(".caption-number, .eqno")
        ]
        for anchor, number in numbers:
            if f"{page.key}--{anchor}" in book.where:  # something links to it
                assert number.strip() in book.page(f"{page.key}--{anchor}")
                checked += 1
    assert checked > 5


def test_it_is_tagged_and_images_say_what_is_seen(book):
    root = book.reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en"
    assert book.reader.metadata.title == pdf.TITLE
    said = [
        obj["/Alt"]
        for obj in map(book.reader.get_object, range(1, len(book.reader.xref[0])))
        if isinstance(obj, dict) and "/Alt" in obj
    ]
    written = [tag["alt"] for tag in book.soup.select("img")]
    assert len(written) > 10 and sorted(said) == sorted(written)


def test_folded_code_is_left_out_and_mathematics_is_set(book):
    text = " ".join(book.texts)
    assert "import matplotlib" not in text
    assert r"\frac" not in text and r"\(" not in text


def test_chapters_begin_on_a_page_of_their_own(book):
    starts = [book.where[page.key] for page in book.listed]
    assert len(set(starts)) == len(starts)
    for page in book.listed:
        above = book.page(page.key).split(pdf.SITE)[0]
        assert len(above) < 200


def test_pages_are_numbered(book):
    for number, text in enumerate(book.texts, start=1):
        margins = text.splitlines()[:2]  # they are drawn first
        assert (str(number) in margins) == (number > 2)  # the cover has two sides
