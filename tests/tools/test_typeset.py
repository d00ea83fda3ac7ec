"""Mathematics is set when the site is built, or the build fails."""

import pytest
from py_mini_racer import JSEvalException

from tools.typeset import typeset


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
