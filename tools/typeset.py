"""Sphinx extension: typeset mathematics when the site is built.

KaTeX runs once here, in an embedded JavaScript engine, and not in each reader's
browser. A page then needs no script for its equations, does not jump while they are
set, and shows them without JavaScript and without network. The result carries MathML
beside what is seen, for screen readers.
"""

from functools import cache
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator
from sphinxcontrib import katex

STYLE = "katex/katex.min.css"


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
    return _engine().call("katex.renderToString", latex, options)


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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
