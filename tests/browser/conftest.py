"""One Chromium for all browser tests; pages from disk, no network."""

import os
from pathlib import Path

import pytest

from lstmbook.doctor import chromium

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
LIVING = ROOT / "book/assets/living"


def _missing(what):
    """Skip a test, or fail it where the environment says that none may be skipped."""
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the test is skipped where the system has none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if chromium() is None:
        _missing("Chromium or Chrome; on Debian: apt-get install chromium")
    from tools.browser import launch

    with sync_api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def context(browser):
    """A function that opens a context without network: one size, one theme.

    Its arguments are those of Playwright's ``new_context``.
    """
    opened = []

    def open_context(**options):
        new = browser.new_context(offline=True, **options)
        new.set_default_timeout(60_000)
        opened.append(new)
        return new

    yield open_context
    for each in opened:
        each.close()


@pytest.fixture
def bare(context):
    """An empty page, for scripts alone."""
    page = context().new_page()
    page.set_content("<!doctype html><title>test</title>")
    return page


@pytest.fixture(scope="session")
def site():
    """The built site's folder; the test is skipped where it is not built."""
    if not (SITE / "index.html").exists():
        _missing("the built site: make book")
    return SITE
