"""Living figures on the site's pages, opened from disk, without network."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from pypdf import PdfReader

from tests.browser.conftest import ROOT, SITE
from tools.toc import notebooks

PAGES = [
    path.relative_to(ROOT).with_suffix(".html")
    for path in notebooks(ROOT)
    if 'data-figure=\\"cell\\"' in path.read_text("utf-8")
]
each = pytest.mark.parametrize("name", PAGES, ids=lambda path: path.stem)


def url(name):
    return (SITE / name).as_uri()


def bring_to_life(page):
    """Open the cell as a reader does: by its button, or by coming near."""
    figure = page.locator("#living-cell")
    figure.scroll_into_view_if_needed()
    button = figure.locator(".living-offer")
    if button.count():
        button.click()
    figure.locator(".cell-svg .has-number").first.wait_for()
    return figure


def test_the_cell_is_where_it_is_promised():
    chapters = {path.stem[:2] for path in PAGES if path.stem[0].isdigit()}
    assert {"04", "05", "06", "07", "08", "09", "10"} <= chapters
    assert {"welcome", "ten-minutes"} <= {path.stem for path in PAGES}


@each
def test_it_comes_to_life_and_the_console_is_clean(site, context, name):
    page, problems = context(viewport={"width": 1280, "height": 800}).new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on(
        "console",
        lambda said: problems.append(said.text) if said.type == "error" else None,
    )
    page.goto(url(name), wait_until="domcontentloaded")
    figure = bring_to_life(page)
    assert figure.locator(".question").inner_text().endswith("?")
    assert figure.locator(".tries li").count() == 3
    before = figure.locator(".stream").get_attribute("aria-valuenow")
    figure.locator(".stream").press("ArrowLeft")
    assert figure.locator(".stream").get_attribute("aria-valuenow") != before
    assert not problems


@each
def test_without_scripts_the_static_figure_stands_there_alone(site, context, name):
    page = context(java_script_enabled=False).new_page()
    page.goto(url(name), wait_until="domcontentloaded")
    assert page.locator("#living-cell").inner_text() == ""
    assert page.locator("#living-cell").bounding_box()["height"] < 1
    still = page.locator("figure img").first
    assert still.is_visible() and still.get_attribute("alt")
    assert page.locator("figcaption").first.is_visible()


@each
def test_print_has_the_static_figure(site, context, name):
    page = context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url(name), wait_until="domcontentloaded")
    bring_to_life(page)
    page.emulate_media(media="print")
    assert not page.locator("#living-cell").is_visible()
    assert page.locator("figure img").first.is_visible()
    assert page.locator("figcaption").first.is_visible()


def test_the_handout_fits_two_sheets(site, context, tmp_path):
    page = context().new_page()
    page.goto(url("book/ten-minutes.html"), wait_until="domcontentloaded")
    bring_to_life(page)
    margin = dict.fromkeys(("top", "bottom", "left", "right"), "14mm")
    page.pdf(path=tmp_path / "handout.pdf", format="A4", margin=margin)
    assert len(PdfReader(tmp_path / "handout.pdf").pages) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_accessible_where_it_stands(site, context, width, scheme):
    view = {"width": width, "height": 812}
    page = context(
        viewport=view, color_scheme=scheme, reduced_motion="reduce"
    ).new_page()
    page.goto(url("book/06-forget-gate.html"), wait_until="domcontentloaded")
    for _ in range(2):  # closed, then open
        page.locator("#living-cell").scroll_into_view_if_needed()
        found = Axe().run(page, context="#living-cell")
        assert not [v["id"] for v in found.response["violations"]]
        bring_to_life(page)
    assert page.locator("#living-cell").bounding_box()["width"] <= width


@pytest.mark.parametrize("width", [375, 1280])
def test_a_link_to_the_open_figure_leads_there(site, context, width):
    view = {"width": width, "height": 800}
    page = context(viewport=view, reduced_motion="reduce").new_page()  # a jump
    page.goto(url("book/ten-minutes.html"), wait_until="load")
    page.evaluate("location.hash = 'living-cell'")
    figure = page.locator("#living-cell")
    figure.locator(".cell-svg .has-number").first.wait_for()
    page.wait_for_timeout(500)
    assert 0 <= figure.bounding_box()["y"] < 200


@pytest.mark.parametrize("name", ["welcome", "06-forget-gate"])
def test_the_offer_shifts_nothing(site, context, name):
    page = context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(
        """globalThis.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries())
            for (const source of entry.sources)
              if (source.node?.closest?.(".living, .living ~ *")) shift += entry.value;
        }).observe({type: "layout-shift", buffered: true});"""
    )
    page.goto(url(f"book/{name}.html"), wait_until="load")
    page.locator("#living-cell").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert page.evaluate("shift") <= 0.02
