"""Run *Your framework today*, and write into it when, and with which releases.

`python -m tools.frameworks` does so with what is installed. The weekly run calls it
after installing the newest releases, and shows what has changed.
"""

import datetime
import importlib.metadata
import re
from pathlib import Path

import nbformat

from tools.notebooks import execute

PAGE = Path(__file__).parents[1] / "book" / "your-framework.ipynb"
PACKAGES = "torch", "keras", "onnx", "onnxscript"
STAMP = re.compile(r"\*\*Last run\*\* on .*, on a CPU\.")


def stamp(date: datetime.date, versions: dict[str, str]) -> str:
    """Say when and with what, in the page's words."""
    *first, last = (f"{name} {version}" for name, version in versions.items())
    return f"**Last run** on {date} with {', '.join(first)} and {last}, on a CPU."


def installed() -> dict[str, str]:
    """Releases of the packages that the page tries, without local labels."""
    return {name: importlib.metadata.version(name).split("+")[0] for name in PACKAGES}


def write() -> None:
    """Write today's date and the installed releases into the page."""
    nb = nbformat.read(PAGE, as_version=4)
    (cell,) = (cell for cell in nb.cells if STAMP.search(cell.source))
    cell.source = STAMP.sub(stamp(datetime.date.today(), installed()), cell.source)
    nbformat.write(nb, PAGE)


if __name__ == "__main__":
    write()
    execute(PAGE)
