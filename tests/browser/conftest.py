"""One Chromium for all browser tests; pages from disk, no network."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
LIVING = ROOT / "book/assets/living"
#: Names of Chromium and Chrome on Linux, macOS and GitHub's runners.
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()


def find_chromium():
    """Path of a Chromium or Chrome of this system, or None."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [shutil.which(name) for name in NAMES]
    return next(filter(None, [*found, MAC if Path(MAC).exists() else None]), None)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium or Chrome: apt-get install chromium")
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
        pytest.skip("needs the built site: make book")
    return SITE
