import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from docutils import nodes
from PIL import Image
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.found import SIZE, Figure, description, mended, places, preview

ROOT = Path(__file__).parents[2]


def git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


# --- redirects


def pages_in(toc, folder):
    """Names of the pages that the text of a `_toc.yml` lists."""
    path = folder / "_toc.yml"
    path.write_text(toc, encoding="utf-8")
    return set(parse_toc_yaml(path))


def lost(published, present, redirects):
    """Pages that once stood in the book and now lead nowhere."""
    return sorted(
        page for page in published - present if redirects.get(page) not in present
    )


def test_every_page_that_once_stood_is_there_or_redirects(tmp_path):
    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("needs the repository with its whole history")
    commits = git("log", "--first-parent", "--format=%H", "--", "_toc.yml").stdout
    published = set()
    for commit in commits.split():
        published |= pages_in(git("show", f"{commit}:_toc.yml").stdout, tmp_path)
    assert len(published) > 30
    present = set(parse_toc_yaml(ROOT / "_toc.yml"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    redirects = config["sphinx"]["config"]["rediraffe_redirects"]
    assert lost(published, present, redirects) == []
    assert not present & set(redirects)


@pytest.mark.parametrize(
    ("redirects", "expected"),
    [({}, ["old"]), ({"old": "gone"}, ["old"]), ({"old": "new"}, [])],
)
def test_a_lost_page_is_found(redirects, expected):
    assert lost({"old", "same"}, {"new", "same"}, redirects) == expected


# --- what a page says of itself


def page(*paragraphs):
    document = nodes.document(None, None, source="page.md")
    section = nodes.section("", nodes.title("", "Title"))
    section += nodes.note("", nodes.paragraph("", "Not this."))
    section += paragraphs
    document += section
    return document


def test_description_is_the_first_paragraph_with_plain_mathematics():
    first = nodes.paragraph("", "Why is it\nsquashed by ")
    first += [nodes.math("", r"\tanh"), nodes.Text(", "), nodes.math("", "c")]
    first += nodes.Text("?")
    assert description(page(first, nodes.paragraph("", "Second."))) == (
        "Why is it squashed by tanh, c?"
    )


def test_a_page_without_opening_is_an_error():
    with pytest.raises(ValueError, match=r"page\.md: no opening paragraph"):
        description(page())


def test_preview_shows_title_and_figure():
    dot = io.BytesIO()
    Image.new("RGBA", (30, 10), (200, 0, 0, 255)).save(dot, "PNG")
    title = "A long title, longer than any other, that must be made smaller to fit"
    card = np.asarray(preview(title, Figure(dot.getvalue(), "")))
    assert card.shape == (SIZE[1], SIZE[0], 3)
    red = np.argwhere((card == (200, 0, 0)).all(-1))
    width, height = np.ptp(red, axis=0)[::-1] + 1
    assert width / height == pytest.approx(3, rel=0.02) and width > 1000
    dark = np.argwhere(card.max(-1) < 60)
    assert dark[:, 1].min() > 40 and dark[:, 1].max() < SIZE[0] - 40


def test_an_empty_figure_is_transparent_on_white():
    clear = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")
    card = np.asarray(preview("", Figure(clear.getvalue(), "")))
    assert card[110:580].min() == 255


GLOSSARY = """\
# Glossary

See {doc}`notation`.

```{glossary}
forget gate
  A gate. See {doc}`06-forget-gate`.

LSTM
long short-term memory
  A net
  with gates.
  See {doc}`ten-minutes`.

lag
  Steps; see {doc}`notation`.
```
"""


def test_places_are_read_from_the_glossary():
    assert places(GLOSSARY) == {
        "forget gate": "book/06-forget-gate",
        "lstm": "book/ten-minutes",
        "long short-term memory": "book/ten-minutes",
    }


def test_the_glossary_names_pages_of_the_book():
    known = places((ROOT / "book/glossary.md").read_text(encoding="utf-8"))
    assert len(known) > 40
    assert set(known.values()) <= set(parse_toc_yaml(ROOT / "_toc.yml"))


# --- others' faults


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            "<title>6. The gate &#8212; The LSTM Book</title>",
            "<title>The gate · The LSTM Book</title>",
        ),
        (
            "<title>The LSTM Book &#8212; The LSTM Book</title>",
            "<title>The LSTM Book</title>",
        ),
        ('<summary aria-label="Toggle hidden content">', "<summary>"),
        ('<div role="doc-biblioentry">', '<div role="listitem">'),
        (
            '<th class="head text-right"><p></p></th>',
            '<td class="head text-right"></td>',
        ),
        ("<th><p>line</p></th>", "<th><p>line</p></th>"),
    ],
)
def test_faults_are_mended_once_and_for_all(page, expected):
    assert mended(page) == expected
    assert mended(expected) == expected
