"""Sphinx extension: what search engines, previews and the site's own search are told.

Each page is described by its own opening: the title, the first paragraph and the first
figure. The site's search learns from the glossary which page explains a term.
"""

import html
import io
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import NamedTuple

import nbformat
from docutils import nodes
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx

PREVIEWS = "_static/previews"
SIZE = (1200, 630)  # what services that show previews ask for
MARGIN = 48
RANKING = "book/assets/search.js"
GLOSSARY = "book/glossary.md"

#: What is wrong in the HTML that others' code writes, and what stands there instead.
MENDS = [
    # Titles: the page first, without its number.
    (
        r"<title>(?:[\d.]+ )?(.*?) (?:&#8212;|-) (The LSTM Book)</title>",
        r"<title>\1 · \2</title>",
    ),
    (r"<title>(The LSTM Book) · \1</title>", r"<title>\1</title>"),
    # sphinxcontrib-bibtex gives the entries of its list a role that is deprecated.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # myst-nb gives all its folded cells one name and so hides what each says.
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # A header cell with nothing in it heads nothing.
    (r"<th( class=\"[^\"]*\")?>(?:<p>\s*</p>)?</th>", r"<td\1></td>"),
]


class Figure(NamedTuple):
    """A picture of a page and what it shows."""

    png: bytes
    alt: str


def description(doctree: nodes.document) -> str:
    """
    Return the first paragraph of a page, mathematics as plain letters.

    Parameters
    ----------
    doctree
        The page.

    Returns
    -------
    str
        Its opening in one line.

    Raises
    ------
    ValueError
        If the page's first section has no paragraph of its own.
    """
    for section in doctree.findall(nodes.section):
        for paragraph in section.children:
            if isinstance(paragraph, nodes.paragraph):
                return " ".join(_plain(paragraph).split())
    raise ValueError(f"{doctree.get('source')}: no opening paragraph")


def _plain(node: nodes.Node) -> str:
    if isinstance(node, nodes.math):
        return re.sub(r"\\([a-z]+) ?|[{}$]", r"\1", node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(map(_plain, node.children))


def first_figure(source: Path) -> Figure | None:
    """Return the first picture that a page's notebook has stored, if it has one."""
    if source.suffix != ".ipynb":
        return None
    for cell in nbformat.read(source, as_version=4).cells:
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                image = cell.metadata.get("mystnb", {}).get("image", {})
                return Figure(b64decode(png), image.get("alt", ""))
    return None


def figure_of(app: Sphinx, name: str) -> Figure:
    """Return a page's figure: its own, its chapter's, or the book's."""
    chapter = name.replace("/solutions/", "/")
    for page in (name, chapter, app.config.root_doc):
        if page in app.env.found_docs:
            figure = first_figure(Path(app.env.doc2path(page)))
            if figure:
                return figure
    raise ValueError(f"{app.config.root_doc} has no figure to show for {name}")


def preview(title: str, figure: Figure) -> Image.Image:
    """Draw the card that stands beside a link: the title above the figure."""
    card = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(card)
    bold, small = _font("DejaVuSans-Bold.ttf", 44), _font("DejaVuSans.ttf", 24)
    width = SIZE[0] - 2 * MARGIN
    while draw.textlength(title, bold) > width:
        bold = bold.font_variant(size=bold.size - 1)
    draw.text((MARGIN, 36), title, "#1a1a1a", bold)
    draw.text((SIZE[0] - MARGIN, 612), "The LSTM Book", "#595959", small, anchor="rs")
    top, bottom = 110, 580
    image = Image.open(io.BytesIO(figure.png)).convert("RGBA")
    scale = min(width / image.width, (bottom - top) / image.height)
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    corner = ((SIZE[0] - image.width) // 2, (top + bottom - image.height) // 2)
    card.paste(image, corner, image)
    return card


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path(), "fonts/ttf", name), size)


def describe(app: Sphinx, name, template, context, doctree) -> None:
    """Put title, description and picture where other sites look for them."""
    if doctree is None:
        return
    text = description(doctree)
    context["meta"] = {
        **(context.get("meta") or {}),
        "og:title": app.env.titles[name].astext(),
        "og:description": text,
        "og:image": f"{app.config.html_baseurl}{PREVIEWS}/{name}.png",
        "og:image:width": str(SIZE[0]),
        "og:image:height": str(SIZE[1]),
        "og:image:alt": figure_of(app, name).alt,
    }
    context["metatags"] += (
        f'\n<meta name="description" content="{html.escape(text)}" />'
        '\n<meta name="twitter:card" content="summary_large_image" />\n'
    )


def places(glossary: str) -> dict[str, str]:
    """
    Read from the glossary which page explains a term.

    Parameters
    ----------
    glossary
        Source of the glossary. An entry ends with ``See {doc}`page```.

    Returns
    -------
    dict
        Term, in small letters, to the page.
    """
    found = {}
    entries = glossary.partition("```{glossary}\n")[2].rpartition("\n```")[0]
    for entry in entries.split("\n\n"):
        page = re.search(r"\bSee \{doc\}`([^`<>]+)`", entry)
        if page:
            terms = [line for line in entry.splitlines() if not line.startswith("  ")]
            found |= {term.lower(): f"book/{page[1]}" for term in terms}
    return found


def rank_search(app: Sphinx) -> None:
    """Hand the ranking of the site's search to Sphinx, with the glossary's pages."""
    known = json.dumps(places(Path(app.srcdir, GLOSSARY).read_text(encoding="utf-8")))
    code = Path(app.srcdir, RANKING).read_text(encoding="utf-8")
    target = Path(app.doctreedir, "search.js")
    target.write_text(code.replace("{/* term: page */}", known), encoding="utf-8")
    app.config.html_search_scorer = str(target)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Write the previews and robots.txt; mend the pages."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for name in app.env.found_docs:
        target = out / PREVIEWS / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        card = preview(app.env.titles[name].astext(), figure_of(app, name))
        card.quantize(128).save(target, optimize=True)
    sitemap = f"{app.config.html_baseurl}sitemap.xml"
    robots = f"User-agent: *\nAllow: /\nSitemap: {sitemap}\n"
    (out / "robots.txt").write_text(robots, encoding="utf-8")
    write_index(out, app.config.root_doc)
    for path in [*out.glob("*.html"), *(out / "book").rglob("*.html")]:
        path.write_text(mended(path.read_text(encoding="utf-8")), encoding="utf-8")


def write_index(out: Path, first: str) -> None:
    """Let the site's address lead to its first page, and show as that page does."""
    page = (out / f"{first}.html").read_text(encoding="utf-8")
    told = re.findall(r'<meta (?:property|name)="(?:og:|twitter:|desc).*?>', page)
    told += re.findall(r'<link rel="canonical".*?>', page)
    (out / "index.html").write_text(
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>The LSTM Book</title>\n{chr(10).join(told)}\n"
        f'<meta http-equiv="refresh" content="0; url={first}.html">\n'
        f'<a href="{first}.html">The LSTM Book</a>\n</html>\n',
        encoding="utf-8",
    )


def mended(page: str) -> str:
    """Return a page of the site with others' faults put right."""
    for pattern, replacement in MENDS:
        page = re.sub(pattern, replacement, page)
    return page


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the build, before the tags for previews are written."""
    app.connect("builder-inited", rank_search)
    app.connect("html-page-context", describe, priority=400)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
