"""Write the course kit: `python -m tools.course`."""

import argparse
import re
import secrets
import sys
from pathlib import Path

from lstmbook.course.exercises import ALL
from tools import quizzes
from tools.course import bundles, public
from tools.course.labs import labs
from tools.course.sheets import from_chapter

ROOT = Path.cwd()
PLAIN = ROOT / "_build" / "html" / "notebooks"
OUT = ROOT / "_course"
INSTALLED = ("numpy", "scikit-learn", "matplotlib", "statsmodels", "torch")


def main() -> None:
    """Write all editions."""
    parser = argparse.ArgumentParser(description="Write the course kit.")
    parser.add_argument("--seed", type=int, help="of the hidden tests, above 0")
    parser.add_argument("--chapter", default="", help="only this one, as in 06")
    options = parser.parse_args()
    if options.seed is not None and options.seed < 1:
        sys.exit(f"--seed is {options.seed}; expected a number above 0")
    seed = options.seed or _kept_seed()
    seeds = [seed, seed + 1]
    chapters = sorted(PLAIN.glob(f"{options.chapter}*.ipynb"))
    chapters = [path for path in chapters if path.name[:2].isdigit()]
    if not chapters:
        sys.exit(f"{PLAIN} has no chapter {options.chapter!r}; run `make book` first")
    assignments = [from_chapter(path) for path in chapters]
    assignments += [lab for lab in labs() if lab.name[4:].startswith(options.chapter)]
    package = public.package_files(ALL.values())

    bundles.write_students(assignments, OUT / "student")
    public.write_wheel(package, OUT / "student")
    (OUT / "student" / "README.md").write_text(STUDENTS, encoding="utf-8")
    bundles.write_instructors(assignments, seeds, OUT / "instructor")
    (OUT / "instructor" / "seed.txt").write_text(f"{seed}\n")
    requirements = _requirements()
    for assignment in assignments:
        target = OUT / "gradescope" / f"{assignment.name}.zip"
        bundles.gradescope_zip(assignment, seeds, package, requirements, target)
    bundles.nbgrader_course(assignments, seeds, package, OUT / "nbgrader")
    quizzes.export(OUT / "quizzes", options.chapter)
    for a in assignments:
        size = f"{len(a.items)} questions, {a.minutes} minutes, {a.points} points"
        print(f"{a.name}: {size}")
    print(f"hidden tests have the seeds {seeds}\nwritten to {OUT}")


def _kept_seed() -> int:
    """Draw a seed at the first time, and keep it: regrading asks the same."""
    kept = OUT / "instructor" / "seed.txt"
    return int(kept.read_text()) if kept.is_file() else 1 + secrets.randbelow(2**31)


def _requirements() -> list[str]:
    """Pins of what students' code may import, and where PyTorch for the CPU is."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    index = re.search(r"TORCH_INDEX \?= (\S+)", (ROOT / "Makefile").read_text("utf-8"))
    assert index is not None
    lines = [line for line in pins.splitlines() if line.split("==")[0] in INSTALLED]
    return [f"--extra-index-url {index[1]}", *lines]


STUDENTS = """\
# For students

1. With Python 3.11 or newer: `pip install lstmbook-*.whl`, the file in this folder, and
   for some experiments `pip install scikit-learn matplotlib statsmodels torch`. In
   Colab the first cell installs it. Each notebook begins with a link.
2. Open the notebook in JupyterLab, VS Code or Colab.
3. Fill in the cells that say `your turn`. Run the check below each.
4. Restart the kernel, run all cells, save, and hand in the notebook under its own name.

No step but the first needs the network, and with the packages in place none does.
The check compares with digests and knows public cases only. Grading uses other cases.
"""


if __name__ == "__main__":
    main()
