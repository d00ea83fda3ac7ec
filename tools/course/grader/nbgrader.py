"""Let nbgrader grade what an isolated run answered, and run nothing itself."""

import json
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.apps import NbGraderApp  # noqa: F401  (its traits must be known first)
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor

from lstmbook.course.exercises import ALL

from .isolate import Limits
from .score import Grade, grade

YOUR_TURN = "...  # your turn"
YOUR_WORDS = "*Your answer.*"
BUNDLE = Path(__file__).resolve().parents[1]


class IsolatedGrading(NbGraderPreprocessor):
    """Takes the place of nbgrader's `Execute`: no code of a student runs in here."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Write each question's points and feedback as the output of its check."""
        settings = json.loads((BUNDLE / "settings.json").read_text(encoding="utf-8"))
        names = settings["assignments"][resources["nbgrader"]["assignment"]]
        grades = grade(
            [cell.source for cell in nb.cells if cell.cell_type == "code"],
            [ALL[name] for name in names],
            settings["seeds"],
            BUNDLE / "student",
            Limits(**settings["limits"]),
        )
        found = {g.exercise.name: g for g in grades}
        for cell in nb.cells:
            if cell.cell_type == "code":
                marks = cell.metadata.get("nbgrader", {})
                known = marks.get("grade") and marks.get("grade_id") in found
                cell.outputs = _outputs(found[marks["grade_id"]]) if known else []
        return nb, resources


def _outputs(grade: Grade) -> list[NotebookNode]:
    """Outputs in which nbgrader reads the points: an error is none."""
    if not grade.points:
        lines = grade.feedback.splitlines()
        return [new_output("error", ename="Not yet", evalue="", traceback=lines)]
    return [
        new_output("stream", name="stdout", text=grade.feedback + "\n"),
        new_output(
            "execute_result", data={"text/plain": str(grade.points)}, execution_count=1
        ),
    ]


def configure(config: Any, home: Path) -> None:
    """
    Set nbgrader up.

    Parameters
    ----------
    config
        From `get_config`.
    home
        Folder of the course.
    """
    defaults = Autograde.class_traits()["autograde_preprocessors"].default()
    config.Autograde.autograde_preprocessors = [
        IsolatedGrading if kind is Execute else kind for kind in defaults
    ]
    config.CourseDirectory.root = str(home)
    config.CourseDirectory.course_id = "lstmbook"
    config.ClearSolutions.code_stub = {"python": YOUR_TURN}
    config.ClearSolutions.text_stub = YOUR_WORDS
    # Kernels of `generate_assignment` and `validate` find the library here.
    sys.path.insert(0, str(BUNDLE))
