"""One Chromium for all browser tests; pages from disk, no network."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
LIVING = ROOT / "book/assets/living"
NAMES = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()


def _missing(what):
    """Skip a test, or fail it where the environment says that none may be skipped."""
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the test is skipped where the system has none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _missing("Chromium or Chrome; on Debian: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, timeout=120_000
        )
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
