"""Sphinx extension: write each notebook so that any program can show it.

JupyterLab, VS Code and Colab show MyST's roles and directives as raw text. When the
site has been built, this writes `notebooks/` beside its pages: the same code cells and
outputs, with the Markdown resolved to what the site shows, and links to the site. The
site's download and Colab buttons point there.
"""

import re
import subprocess
import textwrap
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import nbformat
from docutils import nodes
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

FOLDER = "notebooks"
BRANCH = "notebooks"  # the workflow `pages` publishes the folder there, for Colab
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
INSTALL = "git+https://github.com/lstmbook/lstmbook"

#: Role to its domain and the type of its references.
ROLES = {
    "doc": ("std", "doc"),
    "numref": ("std", "numref"),
    "ref": ("std", "ref"),
    "term": ("std", "term"),
    "eq": ("math", "eq"),
    "cite": ("cite", "p"),
    "cite:p": ("cite", "p"),
    "cite:t": ("cite", "t"),
    "py:func": ("py", "func"),
    "py:class": ("py", "class"),
    "py:mod": ("py", "mod"),
}
ROLE = re.compile(r"\{([a-z:]+)\}`(?:([^`<]*?)\s*<([^`>]*)>|([^`]*))`")
TARGET = re.compile(r"^\(([\w-]+)\)=\s*$\n?", re.M)
LIVING = re.compile(r'^<div class="living" id="([\w-]+)"[^>]*></div>$', re.M)
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})\{(?P<name>[a-z-]+)\} *(?P<title>.*)\n"
    r"(?P<options>(?: *:[a-z-]+:.*\n)*)(?P<body>(?:.*\n)*?)(?P=indent)(?P=fence) *$",
    re.M,
)


class UnresolvedError(Exception):
    """Markup of the source has no plain form, or points nowhere."""


class Page(NamedTuple):
    """A page of the site, from which references are resolved."""

    app: Sphinx
    name: str

    @property
    def url(self) -> str:
        """Address of the page on the site."""
        return f"{self.app.config.html_baseurl}{self.name}.html"

    def number(self, kind: str, label: str) -> str:
        """Return the number that the site prints at a figure or an equation."""
        numbers = self.app.env.toc_fignumbers[self.name][kind]
        number = numbers[nodes.make_id(label)]
        return ".".join(map(str, number))

    def reference(self, role: str, target: str, text: str) -> str:
        """Resolve a role to a link with the text that the site prints."""
        if role not in ROLES:
            raise UnresolvedError(f"{self.name}: no plain form of the role {role!r}")
        domain, kind = ROLES[role]
        node = pending_xref(
            "",
            refdomain=domain,
            reftype=kind,
            reftarget=target,
            refdoc=self.name,
            refexplicit=bool(text),
            refwarn=True,
        )
        inner = nodes.inline(text, text or target)
        env, builder = self.app.env, self.app.builder
        found = env.domains[domain].resolve_xref(
            env, self.name, builder, kind, target, node, inner
        )
        links = [] if found is None else list(found.findall(nodes.reference))
        if not links:
            raise UnresolvedError(f"{self.name}: {role} {target!r} is not found")
        shown = text or re.sub(r"^\[(.*)\]$", r"(\1)", found.astext())
        if role == "cite:t":
            shown = re.sub(r"\[([^\]]*)\]", r"(\1)", shown)
        where = links[0].get("refuri") or f"#{links[0]['refid']}"
        return f"[{shown}]({urljoin(self.url, where)})"

    def link(self, text: str, where: str) -> str:
        """Point a link of the source to the site."""
        if re.match(r"[a-z]+:", where):
            return f"[{text}]({where})"
        if where.startswith("#"):
            std = self.app.env.domains["std"]
            label = where[1:]
            if label not in std.anonlabels:
                raise UnresolvedError(f"{self.name}: no place is called {label!r}")
            page, anchor = std.anonlabels[label]
            return f"[{text}]({self.app.config.html_baseurl}{page}.html#{anchor})"
        where = re.sub(r"\.(ipynb|md)(?=#|$)", ".html", where)
        return f"[{text}]({urljoin(self.url, where)})"


def plain_markdown(page: Page, source: str) -> str:
    """Resolve a cell's MyST Markdown to what any notebook program shows.

    Parameters
    ----------
    page
        The page it stands on.
    source
        The cell's source.

    Returns
    -------
    str
        Markdown without roles, directives and targets.

    Raises
    ------
    UnresolvedError
        If a reference leads nowhere, or a role or directive has no plain form.
    """
    text = _resolve_fences(page, TARGET.sub("", source))
    text = LIVING.sub(rf"[Operate this figure on the site]({page.url}#\1).", text)
    code_and_prose = re.split(r"(^```.*?^```[ ]*$)", text, flags=re.S | re.M)
    return "".join(
        part if part.startswith("```") else _inline(page, part)
        for part in code_and_prose
    )


def _resolve_fences(page: Page, text: str) -> str:
    def resolve(found: re.Match[str]) -> str:
        return textwrap.indent(_fence(page, found), found["indent"])

    return FENCE.sub(resolve, f"{text}\n").rstrip("\n")


def _inline(page: Page, text: str) -> str:
    text = LINK.sub(lambda found: page.link(found[1], found[2]), text)
    return ROLE.sub(
        lambda found: page.reference(found[1], found[3] or found[4], found[2] or ""),
        text,
    )


def _fence(page: Page, found: re.Match[str]) -> str:
    name, title = found["name"], found["title"]
    body = textwrap.dedent(found["body"]).strip("\n")
    if name == "math":
        label = re.search(r":label: (\S+)", found["options"])
        tag = ""
        if label:
            tag = f" \\tag{{{page.number('displaymath', f'equation-{label[1]}')}}}"
        return f"$$\n{body}{tag}\n$$"
    if name == "quiz":
        return f"The [quiz of this chapter]({page.url}#quiz) is on its page."
    inner = _resolve_fences(page, body)
    if name == "dropdown" or ":class: dropdown" in found["options"]:
        return f"<details><summary><b>{title}</b></summary>\n\n{inner}\n\n</details>"
    if name in {"admonition", "note", "tip", "warning", "important"}:
        heading = title if name == "admonition" else name.capitalize()
        quoted = re.sub(r"^", "> ", f"**{heading}**\n\n{inner}", flags=re.M)
        return re.sub(r"[ ]+$", "", quoted, flags=re.M)
    raise UnresolvedError(f"{page.name}: no plain form of the directive {name!r}")


def plain_notebook(page: Page, nb: NotebookNode, version: str) -> NotebookNode:
    """Write a notebook so that it reads in any program.

    Parameters
    ----------
    page
        The page it is the source of.
    nb
        The notebook, changed in place.
    version
        What Colab installs: a commit or tag of the repository.

    Returns
    -------
    NotebookNode
        The same notebook; below each figure a cell with its number and caption is new.
    """
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(page, cell.source)
            continue
        if cell.cell_type != "code":
            continue
        if INSTALL in cell.source:
            cell.source = cell.source.replace(INSTALL, f"{INSTALL}@{version}")
        if FOLDED.intersection(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab, VS Code
            cell.metadata["cellView"] = "form"  # Colab
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure:
            number = page.number("figure", figure["name"])
            caption = plain_markdown(page, figure["caption"])
            below = new_markdown_cell(f"**Fig. {number}.** {caption}")
            # The same source gives the same file.
            below.id = f"{cell.id[:50]}-caption"
            cells.append(below)
    nb.cells = cells
    _number_title(page, nb)
    return nb


def _number_title(page: Page, nb: NotebookNode) -> None:
    number = page.app.env.toc_secnumbers.get(page.name, {}).get("")
    if number:
        chapter = ".".join(map(str, number))
        first = next(cell for cell in nb.cells if cell.cell_type == "markdown")
        first.source = first.source.replace("# ", f"# {chapter}. ", 1)


def write_all(app: Sphinx, error: Exception | None) -> None:
    """Write the plain form of every notebook that the site shows."""
    if error or app.builder.name != "html":
        return
    version = _commit(Path(app.srcdir))
    for name in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(name))
        if source.suffix == ".ipynb":
            text = [source.read_text(encoding="utf-8")]
            app.emit("source-read", name, text)  # as Sphinx itself read it
            page, nb = Page(app, name), nbformat.reads(text[0], as_version=4)
            target = Path(app.outdir, FOLDER, *Path(name).parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(
                plain_notebook(page, nb, version), target.with_suffix(".ipynb")
            )


def _commit(root: Path) -> str:
    asked = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "main"  # a copy without git
    return done.stdout.strip()


def point_buttons(app, name, template, context, doctree) -> None:
    """Let a page's download and Colab buttons lead to its plain notebook."""
    if not app.env.found_docs or name not in app.env.found_docs:
        return
    if Path(app.env.doc2path(name)).suffix != ".ipynb":
        return
    path = "/".join(Path(name).parts[1:]) + ".ipynb"
    up = "../" * name.count("/")
    repository = "https://colab.research.google.com/github/lstmbook/lstmbook/blob"
    for button in _buttons(context.get("header_buttons", [])):
        url = button.get("url", "")
        if "colab.research.google.com" in url:
            button["url"] = f"{repository}/{BRANCH}/{path}"
        elif url.endswith(".ipynb") and "_sources" in url:
            button["url"] = f"{up}{FOLDER}/{path}"


def _buttons(buttons):
    for button in buttons:
        yield button
        yield from _buttons(button.get("buttons", []))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the build, after the theme has made its buttons."""
    app.connect("build-finished", write_all)
    app.connect("html-page-context", point_buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
