"""The system's Chromium, without a window, for tests, reports and the printed book."""

from playwright.sync_api import Browser, Playwright

from lstmbook.doctor import chromium

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()
PATIENCE = 300_000
"""Milliseconds for the browser to start, or for a page as long as the book to load."""


def launch(playwright: Playwright) -> Browser:
    """
    Start Chromium.

    Parameters
    ----------
    playwright
        From Playwright's `sync_playwright`.

    Returns
    -------
    Browser
        Playwright's.
    """
    return playwright.chromium.launch(
        executable_path=chromium(), args=FLAGS, timeout=PATIENCE
    )
