"""What search engines, previews and the site's own search find."""

import html
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
BASE = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
PAGES = list(parse_toc_yaml(ROOT / "_toc.yml"))
CHAPTERS = [page for page in PAGES if re.match(r"book/(\d\d|ten)", page)]


def tags(page):
    """{name: content} of a page's meta tags; its title, canonical address as well."""
    pairs = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page)
    found = {name: html.unescape(content) for name, content in pairs}
    (found["title"],) = re.findall(r"<title>(.*?)</title>", page)
    found["canonical"] = re.findall(r'<link rel="canonical" href="([^"]*)"', page)
    return found


def read(site, page):
    return tags((site / f"{page}.html").read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_it_shows(site, page):
    found = read(site, page)
    name = found["og:title"]
    assert found["title"] in {f"{name} · The LSTM Book", name}
    assert found["canonical"] == [f"{BASE}{page}.html"] == [found["og:url"]]
    text = found["description"]
    assert text == found["og:description"]
    assert 40 <= len(text) <= 300 and text[-1] in ".?"
    assert not re.search(r"[\\$_{}<>]|\.\.\.", name + text)
    with Image.open(site / found["og:image"].removeprefix(BASE)) as image:
        assert image.size == (1200, 630)
    assert len(found["og:image:alt"]) > 40


def test_each_chapter_has_a_title_a_text_and_a_picture_of_its_own(site):
    found = [read(site, page) for page in CHAPTERS]
    for tag in ("title", "description", "og:image:alt"):
        assert len({each[tag] for each in found}) == len(CHAPTERS)
    pictures = {
        (site / each["og:image"].removeprefix(BASE)).read_bytes() for each in found
    }
    assert len(pictures) == len(CHAPTERS)


def test_the_address_of_the_site_leads_to_its_first_page(site):
    found, first = read(site, "index"), read(site, PAGES[0])
    assert found["og:image"] == first["og:image"]
    assert found["canonical"] == first["canonical"]
    text = (site / "index.html").read_text("utf-8")
    assert f'content="0; url={PAGES[0]}.html"' in text


def test_sitemap_lists_the_pages_and_robots_names_it(site):
    root = ElementTree.parse(site / "sitemap.xml").getroot()
    listed = [element.text for element in root.iter() if element.tag.endswith("loc")]
    assert sorted(listed) == sorted(f"{BASE}{page}.html" for page in PAGES)
    robots = (site / "robots.txt").read_text("utf-8").split()
    assert robots[-2:] == ["Sitemap:", f"{BASE}sitemap.xml"]


# --- in the browser


class Handler(SimpleHTTPRequestHandler):
    """Serves the site under the path of its address, as GitHub Pages does."""

    def translate_path(self, path):
        prefix = "/" + BASE.split("/", 3)[3]
        return super().translate_path("/" + path.removeprefix(prefix))

    def send_error(self, code, *_):
        text = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served."""
    handler = partial(Handler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/" + BASE.split("/", 3)[3]
        server.shutdown()


@pytest.fixture
def tab(browser):
    """A page of a browser that reaches the server; ends where it cannot."""
    with browser.new_context() as context:
        context.set_default_timeout(60_000)
        yield context.new_page()


RESULTS = """() => [...document.querySelectorAll("#search-results li")].map((li) => ({
  href: li.querySelector("a").getAttribute("href"),
  summary: li.querySelector(".context")?.textContent}))"""
SHOWN = """() => {
  const found = document.querySelectorAll("#search-results li");
  return found.length > 1 && !document.querySelector("#search-results h2 span") &&
    [...found].slice(0, 10).every((li) => li.querySelector(".context, span"));
}"""
#: Words of buttons, menus and folded parts.
NOT_TEXT = re.compile(
    r"Download|Report a mistake|Repository|Colab|Contents|Previous|"
    r"Show imports|Show how this|\\\("
)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("forget gate", "book/06-forget-gate"),
        ("gate order", "book/framework-layouts"),
        ("half-life", "book/06-forget-gate"),
        ("clipping", "book/03-vanishing-and-exploding"),
        ("LSTM", "book/ten-minutes"),
        ("peephole", "book/relatives"),
        ("gradient check", "book/10-backward"),
    ],
)
def test_search_shows_the_chapter_first(address, tab, query, page):
    tab.goto(f"{address}search.html?q={query}")
    tab.wait_for_function(SHOWN)
    found = tab.evaluate(RESULTS)
    first = found[0]["href"].partition("#")[0]
    assert first == f"{page}.html"
    low = [bool(re.search(r"/solutions/|book/api\.", hit["href"])) for hit in found]
    chapter = [bool(re.match(r"book/\d\d-|book/ten", hit["href"])) for hit in found]
    assert not any(low[: sum(chapter)])
    for hit in found:
        assert not NOT_TEXT.search(hit["summary"] or "")
    assert query.lower().split()[0] in (found[0]["summary"] or "").lower()


def test_an_unknown_address_shows_a_page_of_the_book(address, tab):
    requests = []
    tab.on(
        "response", lambda response: requests.append((response.status, response.url))
    )
    tab.goto(f"{address}book/solutions/no-such-page.html")
    assert tab.title() == "Page not found · The LSTM Book"
    failed = [url for status, url in requests[1:] if status >= 400]
    assert requests[0][0] == 404 and failed == []
    tab.get_by_role("link", name="first page").click()
    tab.wait_for_url(f"{address}{PAGES[0]}.html")
