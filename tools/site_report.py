"""
What a page of the built site costs its reader: `python -m tools.site_report [PAGE …]`.

Each page is opened in Chromium from a small server that compresses text, scrolled to
its end, so that every figure is loaded, and measured twice: with everything at hand
for bytes and requests, and on a slow connection and a slow processor for times.
"""

import argparse
import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from lstmbook.doctor import chromium
from tools.browser import launch

SITE = Path("_build/html")
TEXT = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}
#: Slow 4G as Lighthouse has it, and a processor four times slower than this one.
SLOW = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
SLOWDOWN = 4
SIZE = {"width": 412, "height": 823}

OBSERVE = """
  window.seen = {lcp: 0, cls: 0};
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.lcp = entry.startTime;
  }).observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput) seen.cls += entry.value;
  }).observe({type: "layout-shift", buffered: true});
"""
TIMES = """() => ({
  fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  ...seen,
})"""
SCROLL = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise((done) => setTimeout(done, 30));
  }
  await Promise.all(
    [...document.images]
      .filter((image) => image.checkVisibility() && !image.complete)
      .map((image) => new Promise((done) => (image.onload = image.onerror = done))),
  );
}"""


class Load(NamedTuple):
    """What a page loads, and what it says."""

    bytes: int
    requests: int
    off_host: list[str]
    errors: list[str]


class Speed(NamedTuple):
    """When a page shows something, in seconds, and how far it then moves."""

    first_paint: float
    largest_paint: float
    shift: float


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in TEXT:
            body = gzip.compress(body, 6, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a built site on this machine; gives its address."""
    handler = partial(_Handler, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def load(context, site: Path, root: str, name: str) -> Load:
    """
    Open a page, scroll through it, and sum up what was loaded.

    Parameters
    ----------
    context
        Playwright's, without anything in its cache.
    site
        Folder of the built site.
    root
        Address under which the site is found, from a server or from disk.
    name
        The page, as a path from there.

    Returns
    -------
    Load
        Bytes are compressed as a server sends them; images and fonts count as they are.
    """
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: errors.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text))
    page.goto(root + name)
    page.evaluate(SCROLL)
    page.wait_for_timeout(200)
    page.close()
    # An address asked for twice comes from the browser's memory.
    wanted = [url for url in dict.fromkeys(asked) if not url.startswith("data:")]
    off_host = [url for url in wanted if not url.startswith(root)]
    own = [site / url.removeprefix(root).split("?")[0] for url in wanted]
    total = sum(weight(path) for path in own if path.is_file())
    return Load(total, len(wanted), off_host, errors)


def weight(path: Path) -> int:
    """Size of a file as it travels: text compressed, the rest as it is."""
    body = path.read_bytes()
    return len(gzip.compress(body, 6) if path.suffix in TEXT else body)


def speed(context, url: str) -> Speed:
    """Open a page as on slow 4G and a slow phone, and see when it shows."""
    page = context.new_page()
    page.add_init_script(OBSERVE)
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", SLOW)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    page.goto(url, timeout=120_000)
    page.wait_for_timeout(1500)
    seen = page.evaluate(TIMES)
    page.close()
    return Speed(seen["fcp"] / 1000, seen["lcp"] / 1000, seen["cls"])


def pages(site: Path) -> list[str]:
    """List the site's pages as paths from its root."""
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    # 404.html names its files from the root of the host: it is whole on the host alone.
    # index.html leads on to the first page.
    left_out = {"404.html", "index.html"}
    return [p for p in found if not p.startswith("_static/") and p not in left_out]


def main() -> None:
    """Print a line for each page, and fail if one asks another host or complains."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("page", nargs="*", help="pages, as book/welcome.html")
    chosen = parser.parse_args().page or pages(SITE)
    if chromium() is None:
        sys.exit("needs Chromium or Chrome: apt-get install chromium")
    faults = []
    head = f"{'page':<46} {'kB':>5} {'files':>5} {'FCP':>5} {'LCP':>5} {'shift':>6}"
    print(head + "  off host, complaints")
    with served(SITE) as root, sync_playwright() as playwright:
        browser = launch(playwright)
        for name in chosen:
            context = browser.new_context(viewport=SIZE)
            loaded = load(context, SITE, root, name)
            context.close()
            context = browser.new_context(viewport=SIZE)
            fast = speed(context, root + name)
            context.close()
            said = [*loaded.off_host, *loaded.errors]
            faults += said
            print(
                f"{name:<46} {loaded.bytes / 1000:5.0f} {loaded.requests:5d} "
                f"{fast.first_paint:5.2f} {fast.largest_paint:5.2f} "
                f"{fast.shift:6.3f}  {'; '.join(said) or 'none'}",
                flush=True,
            )
        browser.close()
    if faults:
        sys.exit("a page asks another host, or complains")


if __name__ == "__main__":
    main()
