"""Every page holds axe-core's rules and can be used by keyboard.

A few pages, which between them have everything that the style sheets colour, are held
to all rules, wide and light, narrow and dark; the others to the rules of structure.
`AXE=all` holds every page to all rules at both widths in both themes: many minutes.
"""

import os
from itertools import product
from pathlib import Path

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
PAGES = [*parse_toc_yaml(ROOT / "_toc.yml"), "genindex", "py-modindex", "search", "404"]
LOOKS = list(product((1280, 375), ("light", "dark")))
SAMPLE = [
    "book/06-forget-gate",
    "book/framework-layouts",
    "book/bibliography",
    "search",
]
ALL = os.environ.get("AXE") == "all"

# axe-core looks at each element. A formula is one piece of text to it, and a token of
# code has the colour of its class, so one of each class in a block of its kind will do.
PREPARE = """async () => {
  document.querySelectorAll("details").forEach((e) => (e.open = true));
  document.querySelectorAll(".katex").forEach((e) => e.replaceChildren("x"));
  const seen = new Set();
  document.querySelectorAll("pre span, dt.sig span").forEach((e) => {
    const block = e.closest(".cell_output, .highlight, dt");
    const kind = `${block?.className} ${e.className}`;
    if (seen.has(kind)) e.replaceWith(...e.childNodes);
    seen.add(kind);
  });
  await document.fonts.ready;
  await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
}"""
# Where colours are not looked at, code is one piece of text too.
PLAIN_CODE = "document.querySelectorAll('pre').forEach((e) => e.replaceChildren('x'))"
# The entries of the API come from one template.
THIN_API = (
    "document.querySelectorAll('dl.py ~ dl.py ~ dl.py').forEach((e) => e.remove())"
)
AXE = """(contrast) => axe.run({
  resultTypes: ["violations"],
  rules: {
    "color-contrast": {enabled: contrast},
    "label-content-name-mismatch": {enabled: true},
  },
}).then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(
  (node) => [id, `${node.target}`, node.html.slice(0, 200), node.failureSummary]
)))"""


def violations(page, contrast):
    """What axe-core finds wrong on an open page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.evaluate(PREPARE)
    if not contrast:
        page.evaluate(PLAIN_CODE)
    if not ALL:
        page.evaluate(THIN_API)
    page.evaluate(axe.Axe().axe_script)
    return page.evaluate(AXE, contrast)


@pytest.fixture
def tab(context):
    """A function that opens a page of the site at a width, in a theme."""

    def open_tab(url, width=1280, theme="light"):
        size = {"width": width, "height": 800}
        look = dict(color_scheme=theme, reduced_motion="reduce")
        page = context(viewport=size, **look).new_page()
        page.goto(url)
        return page

    return open_tab


@pytest.mark.parametrize("name", [page for page in PAGES if page not in SAMPLE])
def test_structure(site, tab, name):
    assert violations(tab((site / f"{name}.html").as_uri()), contrast=False) == []


@pytest.mark.parametrize(("width", "theme"), LOOKS if ALL else LOOKS[::3])
@pytest.mark.parametrize("name", PAGES if ALL else SAMPLE)
def test_every_rule(site, tab, name, width, theme):
    page = tab((site / f"{name}.html").as_uri(), width, theme)
    assert violations(page, contrast=True) == []


FAULTS = {
    "color-contrast": '<p style="color: #aaa; background: #fff">pale</p>',
    "image-alt": '<img src="logo.svg">',
    "label-content-name-mismatch": '<button aria-label="No">Yes</button>',
    "empty-table-header": "<table><tr><th></th><th>a</th></tr></table>",
    "region": "<p>outside</p>",
}


@pytest.mark.parametrize(("rule", "fault"), FAULTS.items())
def test_a_planted_fault_is_found(bare, rule, fault):
    bare.set_content(
        '<!doctype html><html lang="en"><title>test</title><main><h1>Title</h1>'
        + ("</main>" + fault if rule == "region" else fault + "</main>")
    )
    assert rule in {found[0] for found in violations(bare, contrast=True)}


# --- by keyboard

FOCUS = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    tag: e.tagName, text: (e.getAttribute("aria-label") || e.textContent).trim(),
    href: e.getAttribute("href"),
    ring: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none",
    seen: box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
  };
}"""


@pytest.fixture
def chapter(site, tab):
    """A function that opens the chapter on the forget gate."""
    return lambda **look: tab((site / "book/06-forget-gate.html").as_uri(), **look)


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_each_stop_of_the_tab_key_is_seen(chapter, width, theme):
    page = chapter(width=width, theme=theme)
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    assert [stop for stop in stops if not (stop["ring"] and stop["seen"])] == []


def test_the_first_stop_leads_to_the_text(chapter):
    page = chapter()
    page.keyboard.press("Tab")
    first = page.evaluate(FOCUS)
    assert first["href"] == "#main-content" and first["seen"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_short_formula_is_no_stop(chapter):
    page = chapter(width=375)
    overflows = """[...document.querySelectorAll("span.math")]
      .map((e) => e.scrollWidth - e.clientWidth)"""
    widths = page.evaluate(overflows)
    assert len(widths) > 20 and [width for width in widths if 0 < width < 9] == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_contents_open_and_close(chapter, key):
    page = chapter(width=375)
    contents, button = page.locator("#contents"), page.locator(".menu-button")
    button.focus()
    page.keyboard.press(key)
    assert contents.is_visible() and button.get_attribute("aria-expanded") == "true"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#contents') !== null"):
            break
    stop = page.evaluate(FOCUS)
    assert stop["text"] == "The LSTM in ten minutes" and stop["ring"] and stop["seen"]
    page.keyboard.press("Escape")
    assert not contents.is_visible()
    assert button.get_attribute("aria-expanded") == "false"
    assert button.evaluate("e => e === document.activeElement")


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_search(chapter, key):
    page = chapter()
    page.keyboard.press(key)
    assert page.evaluate(FOCUS)["text"] == "Search the book"
    page.keyboard.type("half-life")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=half-life")
    first = page.locator("#search-results a").first
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/06-forget-gate.html*")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_theme_is_chosen(chapter, key):
    page = chapter()
    page.locator(".theme-button").focus()
    page.keyboard.press(key)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_folded_parts_open_and_close(chapter, key):
    page = chapter()
    summary = page.locator("main details > summary").first
    summary.focus()
    opened = "e => e.parentElement.open"
    assert not summary.evaluate(opened)
    page.keyboard.press(key)
    assert summary.evaluate(opened)
    page.keyboard.press(key)
    assert not summary.evaluate(opened)
