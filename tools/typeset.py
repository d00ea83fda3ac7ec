"""Sphinx extension: typeset mathematics when the site is built.

KaTeX runs once here, in an embedded JavaScript engine, and not in each reader's
browser. A page then needs no script for its equations, does not jump while they are
set, and shows them without JavaScript and without network. The result carries MathML
beside what is seen, for screen readers.

A line is not broken between a formula and what touches it, nor within short code
or a short link, nor in a title before a letter that names something.
"""

import re
from functools import cache
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator
from sphinxcontrib import katex

STYLE = "katex/katex.min.css"
TOUCHES_BEFORE = re.compile(r"(?<!\S)\S{1,6}$")
TOUCHES_AFTER = re.compile(r"^\S{1,6}(?!\S)")
LETTER = re.compile(r" (?=[b-z]\b)")
SHORT = 20
"""Most characters of code or of a link that fit on any line."""


@cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    script = Path(katex.__file__).with_name("katex.min.js")
    engine.eval(script.read_text(encoding="utf-8"))
    return engine


@cache
def typeset(latex: str, display: bool = False) -> str:
    """
    Set a formula as HTML and MathML.

    Parameters
    ----------
    latex
        The formula, without its delimiters.
    display
        Whether it stands on a line of its own.

    Returns
    -------
    str
        HTML. A formula that KaTeX cannot read raises an error, and the build fails.
    """
    options = {"displayMode": display, "throwOnError": True, "strict": "error"}
    # A shape of one number: its comma separates nothing, and takes no space.
    latex = latex.replace(",)", "{,})")
    return _engine().call("katex.renderToString", latex, options)


def keep_together(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Keep what belongs together on one line."""
    for formula in list(doctree.findall(nodes.math)):
        parent = formula.parent
        place = parent.index(formula)
        before = _take(parent, place - 1, TOUCHES_BEFORE)
        after = _take(parent, place + 1, TOUCHES_AFTER)
        if before or after:
            parent[place] = nodes.inline("", "", classes=["keep"])
            parent[place] += [*before, formula, *after]
    for node in (*doctree.findall(nodes.literal), *doctree.findall(nodes.reference)):
        if len(node.astext()) <= SHORT:
            node["classes"].append("keep")
    for title in doctree.findall(nodes.title):
        for text in list(title.findall(nodes.Text)):
            text.parent.replace(
                text, nodes.Text(LETTER.sub("\N{NO-BREAK SPACE}", text))
            )


def _take(parent: nodes.Element, place: int, what: re.Pattern[str]) -> list[nodes.Text]:
    """Move the part of a text that matches out of it."""
    if not 0 <= place < len(parent) or not isinstance(parent[place], nodes.Text):
        return []
    text = parent[place].astext()
    found = what.search(text)
    if not found:
        return []
    parent[place] = nodes.Text(text[: found.start()] + text[found.end() :])
    return [nodes.Text(found[0])]


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(f'<span class="math">{typeset(node.astext())}</span>')
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    # Only the formula scrolls on a narrow page; its number stays in sight.
    formula = typeset(node.astext(), display=True)
    self.body.append(f'<div class="formula">{formula}</div>')
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer under the name `typeset`, and link KaTeX's style sheet."""
    app.add_html_math_renderer("typeset", (visit_inline, None), (visit_display, None))
    app.add_css_file(STYLE)
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
