"""Mathematics is set when the site is built, or the build fails."""

import pytest
from docutils import nodes
from docutils.utils import new_document
from py_mini_racer import JSEvalException

from tools.typeset import keep_together, typeset


def test_a_formula_is_seen_and_read_aloud():
    text = typeset(r"c_t = f_t \odot c_{t-1}")
    assert '<span class="katex">' in text
    assert "<math" in text and "<mo>⊙</mo>" in text
    assert "katex-display" not in text
    assert "katex-display" in typeset("c", display=True)


@pytest.mark.parametrize("latex", [r"\frac{1", r"\nosuchword", "x & y"])
def test_a_formula_that_cannot_be_read_fails_the_build(latex):
    with pytest.raises(JSEvalException, match="KaTeX"):
        typeset(latex)


def paragraph(*children):
    page = new_document("page")
    page += nodes.paragraph("", "", *children)
    keep_together(None, page, "page")
    return page[0]


def test_no_line_is_broken_between_a_formula_and_its_punctuation():
    line = paragraph(
        nodes.Text("both ("),
        nodes.math("", "f"),
        nodes.Text("), and "),
        nodes.math("", "g"),
        nodes.Text(" end"),
    )
    assert [part.astext() for part in line] == ["both ", "(f),", " and ", "g", " end"]
    assert line[1]["classes"] == ["keep"]


@pytest.mark.parametrize("kind", [nodes.literal, nodes.reference])
def test_short_code_and_links_stay_on_a_line(kind):
    line = paragraph(kind("", "x @ W_x"), kind("", "x" * 21))
    assert [part["classes"] for part in line] == [["keep"], []]


def test_a_shape_of_one_number_has_no_gap():
    assert "mspace" in typeset("(T, N)")
    assert "mspace" not in typeset("(H,)")


def test_a_letter_stays_with_its_word_in_a_title():
    page = new_document("page")
    page += nodes.title("", "Paths: long-term c and h of a cell")
    keep_together(None, page, "page")
    assert (
        page[0].astext()
        == "Paths: long-term\N{NO-BREAK SPACE}c and\N{NO-BREAK SPACE}h of a cell"
    )
