"""Each slide fits its screen, complains of nothing and turns by keyboard."""

import pytest

from tools import slides

OVERFULL = """() => [...document.querySelectorAll("section")]
  .map((e, k) => [k + 1, e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth,
    Math.min(...[...e.querySelectorAll("figure img")].map((i) => i.clientHeight), 720)])
  .filter(([, down, right, tall]) => down > 1 || right > 1 || tall < 200)"""


@pytest.fixture(scope="module")
def decks(site, tmp_path_factory):
    return {page.stem: page for page in slides.write(tmp_path_factory.mktemp("slides"))}


@pytest.fixture(scope="module")
def deck(decks):
    return decks["lecture"]


def test_each_slide_of_each_chapter_fits(decks, context):
    page = context(viewport={"width": 1280, "height": 720}).new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    overfull = {}
    for name, path in decks.items():
        page.goto(path.as_uri())
        page.evaluate("document.fonts.ready.then(() => true)")
        if found := page.evaluate(OVERFULL):
            overfull[name] = found
    assert overfull == {}
    assert complaints == []


@pytest.mark.parametrize("size", [(1280, 720), (1024, 768), (1920, 1080)])
def test_each_slide_fits(deck, context, size):
    page = context(
        viewport=dict(zip(("width", "height"), size, strict=True))
    ).new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(deck.as_uri())
    page.evaluate("document.fonts.ready.then(() => true)")
    assert page.evaluate(OVERFULL) == []
    assert complaints == []


def test_slides_turn_by_keyboard(deck, context):
    page = context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(deck.as_uri())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("Math.round(scrollY / innerHeight) === 1")


def test_one_sheet_for_each_slide(deck, browser, tmp_path):
    pypdf = pytest.importorskip("pypdf")
    page = browser.new_page()
    page.goto(deck.as_uri())
    sections = page.locator("section").count()
    sheets = page.pdf(prefer_css_page_size=True)
    page.close()
    pdf = tmp_path / "lecture.pdf"
    pdf.write_bytes(sheets)
    assert len(pypdf.PdfReader(pdf).pages) == sections
