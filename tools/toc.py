"""The pages that `_toc.yml` names: `python -m tools.toc _build/html`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def pages(root: Path) -> list[Path]:
    """
    List the pages of the book, in reading order.

    Parameters
    ----------
    root
        The folder of `_toc.yml`.

    Returns
    -------
    list of Path
        The `.md` or `.ipynb` file behind every entry.

    Raises
    ------
    FileNotFoundError
        If an entry has no such file.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [_resolve(root, entry) for entry in _entries(toc)]


def notebooks(root: Path) -> list[Path]:
    """List those of the pages that are notebooks."""
    return [page for page in pages(root) if page.suffix == ".ipynb"]


def missing_pages(root: Path, html: Path) -> list[Path]:
    """List the pages, as paths below `html`, that the build did not write."""
    built = [page.relative_to(root).with_suffix(".html") for page in pages(root)]
    return [page for page in built if not (html / page).is_file()]


def _entries(node: dict[str, Any]) -> Iterator[str]:
    yield from (node[key] for key in ("root", "file") if key in node)
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, []):
            yield from _entries(child)


def _resolve(root: Path, entry: str) -> Path:
    for page in (root / entry, root / f"{entry}.md", root / f"{entry}.ipynb"):
        if page.suffix in {".md", ".ipynb"} and page.is_file():
            return page
    raise FileNotFoundError(f"_toc.yml names {entry!r}: no such .md or .ipynb file")


def main() -> None:
    """Exit with the names of the pages missing from the built site."""
    parser = argparse.ArgumentParser(description="Name the pages that were not built.")
    parser.add_argument("html", type=Path)
    missing = missing_pages(Path.cwd(), parser.parse_args().html)
    if missing:
        sys.exit("\n".join(f"not built: {page}" for page in missing))


if __name__ == "__main__":
    main()
