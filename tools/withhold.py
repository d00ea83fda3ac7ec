"""Sphinx extension: a site without the solutions, for `make book SOLUTIONS=0`.

`python -m tools.withhold` prints the table of contents without them. With SOLUTIONS=0
in the environment the links to them are dropped as pages are read.
"""

import os
import re
import sys
from pathlib import Path

import yaml

FOLDER = "book/solutions/"
# In a notebook's JSON, a line break of the text is a backslash and an n.
LINKS = re.compile(
    r"(?:\s|\\n)?\[Solution\]\((?:\.\./)*solutions/[^)]*\)"
    r"|(?:, their )?\{doc\}`[^`<]*<(?:/book/)?solutions/[^>]*>`"
)


def contents(toc: dict) -> dict:
    """
    Take the solutions out of a table of contents.

    Parameters
    ----------
    toc
        What `_toc.yml` holds.

    Returns
    -------
    dict
        The same without them, and without parts that are then empty.
    """
    parts = [
        part | {"chapters": [c for c in part["chapters"] if not _withheld(c["file"])]}
        for part in toc["parts"]
    ]
    return toc | {"parts": [part for part in parts if part["chapters"]]}


def _withheld(name: str) -> bool:
    return name.startswith(FOLDER)


def drop_links(source: str) -> str:
    """Drop the links to solutions from a page's source."""
    return LINKS.sub("", source)


def read(app, name, source) -> None:
    """Change a page as Sphinx reads it."""
    source[0] = drop_links(source[0])


def clean_sources(app, error) -> None:
    """Drop the links from the sources that are published beside the pages, too."""
    if error:
        return
    for path in Path(app.outdir, "_sources").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        path.write_text(drop_links(text), encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Connect to the build, where solutions are withheld."""
    if os.environ.get("SOLUTIONS") == "0":
        app.connect("source-read", read)
        app.connect("build-finished", clean_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    toc = yaml.safe_load(Path("_toc.yml").read_text(encoding="utf-8"))
    yaml.safe_dump(contents(toc), sys.stdout, sort_keys=False)
