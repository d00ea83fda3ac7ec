"""The pages that `_toc.yml` names."""

from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml


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
    return [_file(root, name) for name in parse_toc_yaml(root / "_toc.yml")]


def notebooks(root: Path) -> list[Path]:
    """List those of the pages that are notebooks."""
    return [page for page in pages(root) if page.suffix == ".ipynb"]


def _file(root: Path, name: str) -> Path:
    for page in (root / name, root / f"{name}.md", root / f"{name}.ipynb"):
        if page.suffix in {".md", ".ipynb"} and page.is_file():
            return page
    raise FileNotFoundError(f"_toc.yml names {name!r}: no such .md or .ipynb file")
