"""The system's Chromium, which prints the PDF."""

from lstmbook.doctor import chromium

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def launch(playwright):
    """Start it, for a `playwright.sync_api.Playwright`; return the `Browser`."""
    return playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
