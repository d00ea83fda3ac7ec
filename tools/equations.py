"""The appendix "Equations": label → chapter → code → tests.

``python -m tools.equations`` writes it; ``tests/test_equations.py`` checks that every
label has code and a test, and that the page is up to date.
"""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

from tools.toc import pages

PAGE = Path("book/equations.md")
LABEL = r"eq-[\w-]+"
DISPLAY = re.compile(
    rf"```\{{math\}}\n *(?::label: (?P<fenced>{LABEL})\n)?(?P<in_fence>.*?)```"
    rf"|\$\$(?P<in_dollars>.+?)\$\$(?:[ \n]?\((?P<dollars>{LABEL})\))?",
    re.DOTALL,
)


class Place(NamedTuple):
    """Where something is found."""

    file: Path  #: relative to the root
    name: str  #: a page's title, an object's dotted name, a test's name


def markdown(page):
    """Return the prose of a page; for a notebook, its Markdown cells.

    Parameters
    ----------
    page : Path
        An ``.md`` or ``.ipynb`` file.

    Returns
    -------
    str
    """
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
    )


def equations(root):
    """Find all display equations of the book.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    list of (str or None, Place, str)
        Label, page and TeX, in the order of the book.
    """
    found = []
    for page in pages(root):
        text = markdown(page)
        title = re.search(r"^# (.+)$", text, re.MULTILINE)[1]
        place = Place(page.relative_to(root), title)
        for match in DISPLAY.finditer(text):
            tex = match["in_fence"] or match["in_dollars"]
            found.append((match["fenced"] or match["dollars"], place, tex))
    return found


def implementations(root):
    """Find what each docstring of the package cites.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    dict of str to list of Place
        Label to the functions and classes that implement it.
    """
    found = {}
    for path in sorted((root / "lstmbook").rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        for name, node in _definitions(ast.parse(path.read_text(encoding="utf-8"))):
            docstring = ast.get_docstring(node) or ""
            for label in re.findall(rf":eq:`({LABEL})`", docstring):
                place = Place(path.relative_to(root), ".".join([module, *name]))
                found.setdefault(label, []).append(place)
    return found


def tests(root):
    """Find the tests that carry each label.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    dict of str to list of Place
        Label to the tests marked ``pytest.mark.equation(label)``.
    """
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, node in _definitions(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if ast.unparse(decorator).startswith("pytest.mark.equation("):
                    for argument in decorator.args:
                        place = Place(path.relative_to(root), name[-1])
                        found.setdefault(argument.value, []).append(place)
    return found


def faults(root):
    """Say what is wrong between equations, code and tests.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    list of str
        One line for each fault.
    """
    lines = []
    code, proofs, seen = implementations(root), tests(root), {}
    for label, place, tex in equations(root):
        if label is None:
            if r"\begin{aligned}" not in tex:
                lines.append(f"{place.file}: an equation without label: {tex.strip()}")
            continue
        if label in seen:
            lines.append(f"{place.file}: {label} is already in {seen[label]}")
        seen[label] = place.file
        if label not in code:
            lines.append(f"{place.file}: {label} is implemented nowhere")
        if label not in proofs:
            lines.append(f"{place.file}: {label} has no test")
    for what, cited in (("docstring", code), ("test", proofs)):
        for label, places in cited.items():
            if label not in seen:
                at = f"{places[0].file}: the {what} of {places[0].name}"
                lines.append(f"{at} cites {label}, which no page has")
    return lines


def page(root):
    """Write out the appendix.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    str
        MyST Markdown.
    """
    code, proofs = implementations(root), tests(root)
    rows = []
    for label, place, _ in equations(root):
        if label is None:
            continue
        target = place.file.relative_to("book").with_suffix("")
        numbered = re.match(r"0?(\d+)-", place.file.name)
        chapter = numbered[1] if numbered else re.match(r"\w+", place.name)[0]
        implemented = "<br>".join(
            f"{{py:obj}}`{p.name.removeprefix('lstmbook.')} <{p.name}>`"
            for p in code.get(label, [])
        )
        tested = "<br>".join(
            f"`{p.file.stem}`<br>`::{p.name}`" for p in proofs.get(label, [])
        )
        rows.append(
            f"| {{eq}}`{label}` `{label}` | {{doc}}`{chapter} <{target}>` "
            f"| {implemented} | {tested} |"
        )
    return (
        "# Equations\n\n"
        "Every labelled equation of the book, the code that implements it and the\n"
        "tests that check it. `make equations` writes this page. A test fails if a\n"
        "label has no code or no test. For each label another test breaks the code\n"
        "on purpose and checks that the tests named here fail.\n\n"
        "| equation | chapter | code in `lstmbook` | tests |\n"
        "| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def _definitions(tree, prefix=()):
    """Yield (name, node) for each class and function, methods included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield (*prefix, node.name), node
            yield from _definitions(node, (*prefix, node.name))


if __name__ == "__main__":
    PAGE.write_text(page(Path.cwd()), encoding="utf-8")
