"""The same hand-ins, graded by nbgrader: `make test-course` runs this."""

import copy
import csv
import os
import subprocess
from pathlib import Path

import nbformat
import pytest

from lstmbook.course.exercises import EXERCISES
from tests.submissions import HANDED, NAME, SCORES, assignment, blank
from tools.course import bundles, public

NBGRADER = os.environ.get("NBGRADER")
pytestmark = pytest.mark.skipif(
    not NBGRADER, reason="needs nbgrader, in an environment of its own"
)
LIMITS = {"cell_seconds": 0.5, "call_seconds": 0.5, "seconds": 60}


def nbgrader(folder, *arguments):
    """Run one of nbgrader's commands; its exit code says nothing."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"JUPYTER_PREFER_ENV_PATH": "1", "HOME": str(folder)}
    program = Path(NBGRADER).absolute()
    # nbgrader calls alembic by its name, as in an activated environment.
    environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which all have handed in and are graded."""
    folder = tmp_path_factory.mktemp("course")
    package = public.package_files(EXERCISES[name] for name in HANDED)
    bundles.nbgrader_course([assignment()], [71, 72], package, folder, LIMITS)
    print(nbgrader(folder, "generate_assignment", NAME))
    released = folder / "release" / NAME / f"{NAME}.ipynb"
    marks = {
        cell.id: cell.metadata for cell in nbformat.read(released, as_version=4).cells
    }
    for make in SCORES:
        notebook = copy.deepcopy(make())
        for cell in notebook.cells:  # what nbgrader adds when it releases
            own = cell.metadata.get("nbgrader", {})
            for key, value in marks[cell.id].get("nbgrader", {}).items():
                own.setdefault(key, value)
        target = folder / "submitted" / make.__name__ / NAME / f"{NAME}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
    print(nbgrader(folder, "autograde", NAME, "--create"))
    print(nbgrader(folder, "export"))
    print(nbgrader(folder, "generate_feedback", NAME))
    return folder


def test_what_is_released_is_the_students_edition(course):
    released = course / "release" / NAME / f"{NAME}.ipynb"
    cells = nbformat.read(released, as_version=4).cells
    assert [c.source for c in cells] == [c.source for c in blank().cells]


def test_points_in_the_exported_table(course):
    with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: float(row["score"]) for name, row in rows.items()} == {
        make.__name__: float(sum(points)) for make, points in SCORES.items()
    }
    assert {float(row["max_score"]) for row in rows.values()} == {12.0}


def test_feedback_says_what_the_books_check_says(course):
    pages = course / "feedback" / "partly" / NAME / f"{NAME}.html"
    text = pages.read_text(encoding="utf-8")
    assert "its own gate counted" in text and "the other sign would be right" in text
