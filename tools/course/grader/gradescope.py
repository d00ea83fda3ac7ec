"""Grade one submission as Gradescope asks for it, and write `results.json`."""

import json
import os
import sys
import time
from pathlib import Path

from lstmbook.course.exercises import ALL

from .isolate import Limits
from .score import SubmissionError, code_cells, grade


def results(submission: Path, settings: dict, library: Path) -> dict:
    """
    Grade the notebook in a folder.

    Parameters
    ----------
    submission
        The folder with what was handed in.
    settings
        Names of the exercises, seeds, limits.
    library
        Folder of the students' package.

    Returns
    -------
    dict
        What Gradescope reads.
    """
    start = time.monotonic()
    exercises = [ALL[name] for name in settings["exercises"]]
    try:
        cells = code_cells(_notebook(submission))
        grades = grade(
            cells, exercises, settings["seeds"], library, Limits(**settings["limits"])
        )
        tests = [
            {
                "name": g.exercise.name,
                "score": g.points,
                "max_score": g.exercise.points,
                "output": g.feedback,
                "output_format": "text",
                "visibility": "visible",
            }
            for g in grades
        ]
        output = ""
    except SubmissionError as error:
        tests, output = [], str(error)
    return {
        "score": sum(test["score"] for test in tests),
        "output": output,
        "output_format": "text",
        "execution_time": round(time.monotonic() - start, 1),
        "tests": tests,
    }


def _notebook(folder: Path) -> Path:
    found = sorted(path for path in folder.rglob("*.ipynb") if not path.is_symlink())
    found = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    if len(found) != 1:
        raise SubmissionError(
            f"Expected one notebook, found {len(found)}. Hand in one."
        )
    return found[0]


def _close(home: Path) -> None:
    """Close to everybody else what submissions must not read or write."""
    (home / "source").chmod(0o755)  # what they run lies in there, too
    for name in ("results", "submission", "source/lstmbook"):
        (home / name).chmod(0o700)
    for name in ("source/settings.json", "source/run_autograder"):
        (home / name).chmod(0o700)


def main(home: Path) -> None:
    """Grade what lies in `submission`; write `results/results.json`, come what may."""
    source = home / "source"
    settings = json.loads((source / "settings.json").read_text(encoding="utf-8"))
    if os.geteuid() == 0 and settings["limits"].get("user") is not None:
        _close(home)
    try:
        found = results(home / "submission", settings, source / "student")
    except Exception as error:  # a fault of ours must not look like the student's
        found = {
            "score": 0,
            "output": f"The autograder failed ({type(error).__name__}): "
            "tell your instructor. This is no fault of yours.",
        }
    target = home / "results" / "results.json"
    target.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
