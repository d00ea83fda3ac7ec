"""Every page asks no other host, complains of nothing, is light, and cuts nothing."""

import pytest

from tools.site_report import load, pages, served, speed

from .conftest import SITE

PAGES = pages(SITE) if SITE.exists() else []
NARROW = {"width": 375, "height": 812}
WIDE = {"width": 1280, "height": 800}

#: Most that a page may load, with all its figures: kilobytes, compressed, and files.
BUDGET = {"book/welcome.html": (600, 30)}
OTHERS = (900, 50)

PAST_THE_EDGE = """() => [...document.querySelectorAll("span.math, .eqno, h1, summary")]
  .filter((e) => e.checkVisibility())
  .filter((e) => {
    const box = e.getBoundingClientRect();
    if (e.closest(".pst-scrollable-table-container, .formula, pre")) return false;
    return box.left < -1 || box.right > innerWidth + 1;
  }).map((e) => e.textContent.slice(0, 60))"""
SCROLLING_CODE = """() => [...document.querySelectorAll(".cell_input pre")]
  .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.textContent.split("\\n").sort((a, b) => b.length - a.length)[0])"""


def root(site):
    return site.as_uri() + "/"


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_loads(site, context, name):
    loaded = load(context(viewport=WIDE), site, root(site), name)
    assert loaded.off_host == []
    assert loaded.errors == []
    kilobytes, files = BUDGET.get(name, OTHERS)
    assert loaded.bytes < 1000 * kilobytes
    assert loaded.requests <= files


def test_another_host_and_a_complaint_are_seen(tmp_path, context):
    tmp_path.joinpath("page.html").write_text(
        "<!doctype html><title>t</title><script>console.error('no')</script>"
        "<script src='https://example.org/a.js'></script>"
        "<link rel=stylesheet href=a.css><p>text"
    )
    tmp_path.joinpath("a.css").write_text("p { color: red; }" * 500)
    loaded = load(context(), tmp_path, tmp_path.as_uri() + "/", "page.html")
    assert loaded.off_host == ["https://example.org/a.js"]
    assert "no" in loaded.errors
    assert loaded.requests == 3
    assert 100 < loaded.bytes < 1000  # compressed


@pytest.fixture(scope="module")
def narrow(browser):
    context = browser.new_context(offline=True, viewport=NARROW)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_on_a_phone(site, narrow, name):
    narrow.goto(root(site) + name)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert narrow.evaluate(PAST_THE_EDGE) == []


@pytest.fixture(scope="module")
def wide(browser):
    context = browser.new_context(offline=True, viewport=WIDE)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_ordinary_lines_of_code_do_not_scroll(site, wide, name):
    wide.goto(root(site) + name)
    longest = wide.evaluate(SCROLLING_CODE)
    assert [line for line in longest if len(line) <= 78] == []


def test_a_line_has_65_to_75_characters(site, wide):
    wide.goto(root(site) + "book/06-forget-gate.html")
    lines = wide.evaluate(
        """() => [...document.querySelectorAll("section > p")].map((e) => {
          const range = document.createRange();
          range.selectNodeContents(e);
          const boxes = [...range.getClientRects()];
          const rows = boxes.map((r) => Math.round(r.bottom / 12));
          return [e.textContent.length, new Set(rows).size, e.querySelector(".math")];
        }).filter(([length, lines, math]) => lines >= 3 && !math)"""
    )
    assert len(lines) >= 5
    # The last line of a paragraph is half full, on average.
    measure = sum(n for n, _, _ in lines) / sum(rows - 0.5 for _, rows, _ in lines)
    assert 65 <= measure <= 75


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_has_the_theme_s_inks(site, context, theme):
    page = context(viewport=WIDE, color_scheme=theme).new_page()
    page.goto(root(site) + "book/04-two-paths.html")
    shown = """[...document.querySelectorAll(".picture img")]
      .filter((e) => e.checkVisibility()).map((e) => e.className)"""
    times = page.evaluate(shown)
    assert set(times) == {"day" if theme == "light" else "night"}
    page.click(".theme-button")
    other = page.evaluate(shown)
    assert set(other) == {"night" if theme == "light" else "day"}
    assert len(times) == len(other) > 5


def test_the_choice_of_theme_is_kept(site, context):
    with served(site) as address:  # browsers keep nothing for pages from disk
        page = context(color_scheme="light").new_page()
        page.context.set_offline(False)
        page.goto(address + "book/glossary.html")
        page.click(".theme-button")
        page.goto(address + "book/speed.html")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_contents_open_and_close_on_a_phone(site, context):
    page = context(viewport=NARROW).new_page()
    page.goto(root(site) + "book/04-two-paths.html")
    contents, button = page.locator("#contents"), page.locator(".menu-button")
    assert not contents.is_visible()
    button.click()
    assert contents.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert not contents.is_visible()
    button.click()
    page.click("#contents >> text=The forget gate")
    assert page.url.endswith("06-forget-gate.html")


def test_a_page_reads_without_scripts(site, context):
    page = context(viewport=NARROW, java_script_enabled=False).new_page()
    page.goto(root(site) + "book/04-two-paths.html")
    assert page.locator("#contents").is_visible()
    assert page.locator("article .katex").first.is_visible()
    assert not page.locator(".theme-button").is_visible()


def test_the_text_stays_where_it_is(site, context):
    with served(site) as address:
        slow = context(viewport=NARROW)
        slow.set_offline(False)
        assert speed(slow, address + "book/04-two-paths.html").shift <= 0.02
