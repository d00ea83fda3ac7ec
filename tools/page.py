"""Sphinx extension: what the book's own template shows, and only files that it needs.

The template is `book/templates/layout.html`. It replaces the theme's, whose style
sheets, scripts and icon fonts weigh more than a chapter.
"""

import base64
import html
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup
from sphinx import addnodes
from sphinx.application import Sphinx

ASSETS = "book/assets"
STYLE = "book.css"
#: Parts of the contents that are folded until one of their pages is open.
FOLDED = {"Solutions", "Appendices"}
#: Name of a theme's button to the words and the icon of ours, above the text.
ABOVE = {"Colab": ("Colab", "play"), ".ipynb": ("Notebook", "download")}
#: The same for links in the foot.
BELOW = {"Repository": "Repository", "Open issue": "Report a mistake"}


class Entry(NamedTuple):
    """A page in the contents."""

    page: str
    number: str
    title: str


class Part(NamedTuple):
    """A part of the book in the contents."""

    caption: str
    entries: list[Entry]
    folded: bool


@cache
def contents(app: Sphinx) -> list[Part]:
    """List the parts of the book with their pages, as `_toc.yml` has them."""
    parts = []
    for toctree in app.env.get_doctree(app.config.root_doc).findall(addnodes.toctree):
        entries = [
            Entry(
                page,
                ".".join(map(str, app.env.toc_secnumbers.get(page, {}).get("", ()))),
                html.escape(title or app.env.titles[page].astext()),
            )
            for title, page in toctree["entries"]
        ]
        caption = toctree["caption"] or ""
        parts.append(Part(caption, entries, caption in FOLDED))
    return parts


def links(buttons: list[dict]) -> dict[str, str]:
    """List what the theme's buttons link to: a button's text to its address."""
    found = {}
    for button in buttons:
        if button["type"] == "group":
            found |= links(button["buttons"])
        elif button["type"] == "link":
            found[button["text"]] = button["url"]
    return found


def prepare(app, name, template, context, doctree) -> None:
    """Give the template its contents and the files of the book alone."""
    context["parts"] = contents(app)
    found = links(context.get("header_buttons", []))
    context["above"] = [(*ABOVE[key], found[key]) for key in ABOVE if key in found]
    context["below"] = [(BELOW[key], found[key]) for key in BELOW if key in found]
    here = [(p, e) for p in context["parts"] for e in p.entries if e.page == name]
    context["part"], context["entry"] = here[0] if here else (None, None)
    context["page_sections"] = sections(context.get("toc", ""))
    for kind in ("css_files", "script_files"):
        context[kind] = [file for file in context[kind] if _ours(app, file)]


def _ours(app: Sphinx, file) -> bool:
    name = str(getattr(file, "filename", None) or "").removeprefix("_static/")
    return bool(name) and Path(app.srcdir, ASSETS, name).is_file()


def sections(toc: str) -> list[tuple[str, str]]:
    """List the anchors and titles of a page's sections, from its local contents."""
    top = BeautifulSoup(toc, "html.parser").select(":root > li > ul > li > a")
    return [(link["href"], link.decode_contents()) for link in top]


def keep_letters(app, what, name, obj, options, lines: list[str]) -> None:
    """Keep a description such as "N." from being read as the item N of a list."""
    lines[:] = [re.sub(r"^(\s*)([A-Z]\.)$", r"\1\\\2", line) for line in lines]


FONT_AT_ONCE = re.compile(
    r'url\((?P<path>[^)]+)\)( format\("woff2"\);) /\* at once \*/'
)


def write_fonts_into_style(app: Sphinx, error: Exception | None) -> None:
    """Write the fonts of the first text into the style sheet, as its comments ask."""
    style = Path(app.outdir, "_static", STYLE)
    if error or not style.is_file():
        return

    def replace(found: re.Match[str]) -> str:
        font = base64.b64encode((style.parent / found["path"]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{font}){found[2]}"

    text = style.read_text(encoding="utf-8")
    style.write_text(FONT_AT_ONCE.sub(replace, text), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the build, after the theme and the plain notebooks."""
    app.connect("html-page-context", prepare, priority=950)
    # Before napoleon, which turns the descriptions into lists.
    app.connect("autodoc-process-docstring", keep_letters, priority=400)
    app.connect("build-finished", write_fonts_into_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
