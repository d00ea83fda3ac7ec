"""The folders and archives of the kit, for students, instructors and graders."""

import json
import shutil
import zipfile
from pathlib import Path

import nbformat

from tools.course import public
from tools.course.sheets import (
    Assignment,
    instructors_edition,
    source_notebook,
    students_edition,
)

GRADER = Path(__file__).parent / "grader"
#: Gradescope's containers run as root; the user "nobody" can read no solutions there.
NOBODY = 65534
LIMITS = {"cell_seconds": 60.0, "call_seconds": 10.0, "seconds": 900.0}

SETUP = """\
#!/usr/bin/env bash
# Runs once, when Gradescope builds the image.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update && apt-get install -y python3 python3-venv
python=python3
if ! python3 -c "import sys; sys.exit(sys.version_info < (3, 11))"; then
  python=python3.11
  if ! apt-get install -y python3.11 python3.11-venv; then
    echo "This image has no Python 3.11. Choose Ubuntu 22.04 or newer as base image."
    exit 1
  fi
fi
"$python" -m venv /opt/course
/opt/course/bin/pip install -r /autograder/source/requirements.txt
"""
RUN = """\
#!/usr/bin/env bash
# Runs once for each submission; the grader writes results/results.json.
home="${AUTOGRADER_HOME:-/autograder}"
cd "$home/source" && exec "${COURSE_PYTHON:-/opt/course/bin/python}" -B \\
  -m grader.gradescope "$home"
"""
CONFIG = '''\
"""nbgrader's settings: run its commands, as in the instructor's guide, in here."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "bundle"))

from grader.nbgrader import configure  # noqa: E402

configure(get_config(), HERE)  # noqa: F821
'''


def grader_files() -> dict[str, bytes]:
    """Files of the grader and of the library with its solutions."""
    files = {
        f"grader/{path.name}": path.read_bytes() for path in sorted(GRADER.glob("*.py"))
    }
    return files | public.library_files() | public.metadata()


def write_students(assignments: list[Assignment], folder: Path) -> None:
    """Write the notebooks that students are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for assignment in assignments:
        notebook = students_edition(source_notebook(assignment))
        nbformat.write(notebook, folder / f"{assignment.name}.ipynb")


def write_instructors(
    assignments: list[Assignment], seeds: list[int], folder: Path
) -> None:
    """Write the notebooks with solutions, hidden tests, mistakes and rubrics."""
    folder.mkdir(parents=True, exist_ok=True)
    for assignment in assignments:
        source = source_notebook(assignment)
        notebook = instructors_edition(source, assignment, seeds)
        nbformat.write(notebook, folder / f"{assignment.name}.ipynb")


def gradescope_zip(
    assignment: Assignment,
    seeds: list[int],
    student: dict[str, bytes],
    requirements: list[str],
    target: Path,
    limits: dict | None = None,
) -> None:
    """
    Write the archive that Gradescope asks for as "autograder".

    Parameters
    ----------
    assignment
        What it grades.
    seeds
        Of the hidden cases.
    student
        Files of the students' package.
    requirements
        What setup.sh installs.
    target
        The archive.
    limits
        Of time and memory, and the user that submissions run as.
    """
    settings = {
        "exercises": [e.name for e in assignment.exercises],
        "seeds": seeds,
        "limits": limits or {**LIMITS, "user": NOBODY},
    }
    files = {
        "setup.sh": SETUP.encode(),
        "run_autograder": RUN.encode(),
        "requirements.txt": "\n".join([*requirements, ""]).encode(),
        "settings.json": json.dumps(settings).encode(),
        **grader_files(),
        **{f"student/{name}": content for name, content in student.items()},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if "/" not in name else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def nbgrader_course(
    assignments: list[Assignment],
    seeds: list[int],
    student: dict[str, bytes],
    folder: Path,
    limits: dict | None = None,
) -> None:
    """
    Write the folder of a course for nbgrader.

    Parameters
    ----------
    assignments
        Each is written to `source/NAME/NAME.ipynb`.
    seeds
        Of the hidden cases.
    student
        Files of the students' package.
    folder
        Where; what students handed in there stays.
    limits
        Of time and memory.
    """
    bundle = folder / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    public.write_tree(grader_files(), bundle)
    public.write_tree(student, bundle / "student")
    settings = {
        "seeds": seeds,
        "limits": limits or LIMITS,
        "assignments": {a.name: [e.name for e in a.exercises] for a in assignments},
    }
    (folder / "bundle" / "settings.json").write_text(json.dumps(settings))
    (folder / "nbgrader_config.py").write_text(CONFIG)
    for assignment in assignments:
        source = folder / "source" / assignment.name
        source.mkdir(parents=True, exist_ok=True)
        nbformat.write(source_notebook(assignment), source / f"{assignment.name}.ipynb")
