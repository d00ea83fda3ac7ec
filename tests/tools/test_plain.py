"""Plain notebooks: no raw markup, the site's numbers, the source's code."""

import html
import re
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import nbformat
import pytest
import yaml

from tools.plain import FOLDED, FOLDER, INSTALL, ROLE, UnresolvedError, plain_markdown
from tools.toc import notebooks

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
BASE = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
each = pytest.mark.parametrize("source", notebooks(ROOT), ids=lambda path: path.stem)
built = pytest.mark.skipif(
    not (SITE / FOLDER).is_dir(), reason="there is no built site: make book"
)


def plain(source):
    path = SITE / FOLDER / source.relative_to(ROOT / "book")
    return nbformat.read(path, as_version=4)


def page(source):
    path = SITE / source.relative_to(ROOT).with_suffix(".html")
    return html.unescape(path.read_text(encoding="utf-8"))


def markdown(nb):
    return "\n\n".join(c.source for c in nb.cells if c.cell_type == "markdown")


@built
@each
def test_nothing_is_raw(source):
    text = markdown(plain(source))
    assert not ROLE.findall(text)
    assert not re.findall(r"^`{3,}\{.*|^\([\w-]+\)=", text, re.M)
    assert not re.findall(r"\]\((?!https?://)[^)]*\)", text)


@built
@each
def test_code_and_outputs_are_the_source_s(source):
    codes = [
        [cell for cell in nb.cells if cell.cell_type == "code"]
        for nb in (nbformat.read(source, as_version=4), plain(source))
    ]
    for ours, theirs in zip(*codes, strict=True):
        written = re.sub(rf"({re.escape(INSTALL)})@\w+", r"\1", theirs.source)
        assert written == ours.source and theirs.outputs == ours.outputs
        folded = bool(FOLDED.intersection(ours.metadata.get("tags", [])))
        assert theirs.metadata.get("jupyter", {}).get("source_hidden", False) == folded
        assert (theirs.metadata.get("cellView") == "form") == folded


@built
@each
def test_numbers_are_the_site_s(source):
    text, shown = markdown(plain(source)), page(source)
    equations = re.findall(r"\\tag\{([\d.]+)\}", text)
    assert equations == re.findall(r'class="eqno">\(([\d.]+)\)', shown)
    figures = re.findall(r"^\*\*(Fig\. [\d.]+?)\.\*\*", text, re.M)
    assert figures == re.findall(r'"caption-number">(Fig\. [\d.]+) ', shown)
    title = re.search(r"<h1>(?:<span[^>]*>)?([\d.]* ?)", shown)[1].strip()
    assert text.startswith(f"# {title} ".replace("  ", " "))


@built
@each
def test_links_lead_to_places_on_the_site(source):
    for url in re.findall(rf"\]\({re.escape(BASE)}([^)]*)\)", markdown(plain(source))):
        path, anchor = urldefrag(url)
        assert (SITE / path).is_file(), url
        if anchor:
            assert f'id="{anchor}"' in (SITE / path).read_text("utf-8"), url


class Book:
    """A site of one page, on which every label is known but one."""

    name = "book/page"
    url = "https://url"

    def number(self, kind, label):
        return "3.2"

    def reference(self, role, target, text):
        if target == "missing":
            raise UnresolvedError(target)
        return f"[{text or role}](url/{target})"

    def link(self, text, where):
        return f"[{text}]({urljoin('site/', where)})"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(a-place)=\n## Title", "## Title"),
        ("see {eq}`eq-a` and {doc}`that <b>`", "see [eq](url/eq-a) and [that](url/b)"),
        ("```{math}\n:label: eq-a\nx &= y\n```", "$$\nx &= y \\tag{3.2}\n$$"),
        ("```{math}\nx\n```", "$$\nx\n$$"),
        ("1. a\n\n   ```{math}\n   x\n   ```", "1. a\n\n   $$\n   x\n   $$"),
        ("```{note}\n{eq}`a`\n```", "> **Note**\n>\n> [eq](url/a)"),
        ("```{admonition} T\n:class: c\nx\n\ny\n```", "> **T**\n>\n> x\n>\n> y"),
        (
            "```{dropdown} More\n$x$ {eq}`a`\n```",
            "<details><summary><b>More</b></summary>\n\n$x$ [eq](url/a)\n\n</details>",
        ),
        ("````{note}\n```{math}\nx\n```\n````", "> **Note**\n>\n> $$\n> x\n> $$"),
        (
            "```{quiz} 01\n```",
            "The [quiz of this chapter](https://url#quiz) is on its page.",
        ),
        ("```sh\n{eq}`a` [b](c)\n```", "```sh\n{eq}`a` [b](c)\n```"),
        ("[a](b.ipynb) ![alt](c.png)", "[a](site/b.ipynb) ![alt](c.png)"),
        (
            'a\n\n<div class="living" id="living-b" data-figure="b"></div>\n\nc',
            "a\n\n[Operate this figure on the site](https://url#living-b).\n\nc",
        ),
    ],
)
def test_markup_becomes_plain(source, expected):
    assert plain_markdown(Book(), source) == expected


@pytest.mark.parametrize("source", ["{eq}`missing`", "```{tableofcontents}\n```"])
def test_markup_without_a_plain_form_is_refused(source):
    with pytest.raises(UnresolvedError):
        plain_markdown(Book(), source)
