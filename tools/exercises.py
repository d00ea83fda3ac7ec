"""Write exercises into the notebooks from where they are defined.

`python -m tools.exercises` puts each exercise's stub into its cell of a chapter and the
worked solution into its cell of the solutions. Then run the notebooks that it lists.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lstmbook.course.exercises import EXERCISES
from tools.toc import notebooks

CALL = re.compile(r'^exercises\.check\(\s*"([^"]+)"', re.MULTILINE)


def name_of(cell: NotebookNode) -> str:
    """
    Return the exercise that a cell poses or solves, empty if it does neither.

    Such a cell begins with the answer, a dictionary or a function, and ends with its
    check. Other cells may call `check` too, to show what it says to a mistake.
    """
    if cell.cell_type != "code" or not cell.source.startswith(("answer = {", "def ")):
        return ""
    found = CALL.search(cell.source)
    return found[1] if found else ""


def rewrite(path: Path) -> bool:
    """
    Bring the exercises of one notebook up to date.

    Parameters
    ----------
    path
        A chapter, or a notebook in the folder `solutions`.

    Returns
    -------
    bool
        Whether anything was changed and written. Outputs stay as they were.

    Raises
    ------
    KeyError
        If the notebook has an exercise that is not defined.
    """
    source_of = "worked" if path.parent.name == "solutions" else "stub"
    nb = nbformat.read(path, as_version=4)
    changed = False
    for cell in nb.cells:
        if name := name_of(cell):
            source = getattr(EXERCISES[name], source_of)
            changed |= cell.source != source
            cell.source = source
    if changed:
        nbformat.write(nb, path)
    return changed


def main() -> None:
    """Rewrite all notebooks of the book."""
    for path in notebooks(Path.cwd()):
        try:
            changed = rewrite(path)
        except KeyError as error:
            sys.exit(f"{path}: there is no exercise {error}")
        if changed:
            print(f"{path.relative_to(Path.cwd())}: rewritten, to be run again")


if __name__ == "__main__":
    main()
