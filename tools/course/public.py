"""The students' package: the library, and public checks in place of the solutions."""

import base64
import csv
import hashlib
import io
import json
import pickle
import secrets
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lstmbook.course.exercises.checking import Exercise
from lstmbook.course.exercises.kinds import Band
from tools.course.student import check

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "student"
EXERCISES = "lstmbook/course/exercises"
#: Files of that folder which hold nothing of the solutions.
HARMLESS = {"answers.py", "mutants.py"}
GRID = 32  # cells across the band of what is right, at least
STEPS = range(1, 6)
WHEEL = """\
Wheel-Version: 1.0
Generator: lstmbook
Root-Is-Purelib: true
Tag: py3-none-any
"""


def seal(exercise: Exercise, salt: str) -> dict:
    """
    Write down what the public check needs, without the answer.

    Around every number that is right lies a band of what is accepted. The line of
    numbers is cut into cells far smaller than the band, and the digests of the cells
    inside are kept. Of an array that code returns, weighted sums are sealed.

    Parameters
    ----------
    exercise
        The exercise.
    salt
        In hexadecimal.

    Returns
    -------
    dict
        Ready for JSON.
    """
    cases = exercise.draw_cases() if exercise.cases else None
    bands = exercise.bands(cases or [()])
    sealed: dict[str, list] = {name: [] for name in exercise.quantities}
    for (name, number), band in bands.items():
        label = f"{exercise.name}/{name}/{number - 1}"
        inner = _sums(band, label) if cases else _entries(band, exercise.decimals)
        sealed[name].append(
            {
                "shape": list(np.shape(band.low)),
                "places": [
                    _place(bytes.fromhex(salt), f"{label}/{k}", *ends)
                    for k, ends in enumerate(inner)
                ],
            }
        )
    public = None
    if cases:
        public = base64.b64encode(pickle.dumps(exercise.draw_cases(), 4)).decode()
    return {
        "quantities": list(exercise.quantities),
        "shares": list(exercise.shares),
        "cases": public,
        "salt": salt,
        "sealed": sealed,
    }


def _entries(band: Band, decimals: int | None) -> Iterator[tuple]:
    """Ends of the band of each entry, and the value that rounding makes right."""
    for low, high in zip(np.ravel(band.low), np.ravel(band.high), strict=True):
        middle = (low + high) / 2
        rounded = [] if decimals is None else [np.round(middle, decimals)]
        yield low, high, rounded


def _sums(band: Band, label: str) -> Iterator[tuple]:
    """Ends of the band of each weighted sum of an array."""
    shape = np.shape(band.low)
    margin = np.max(np.subtract(band.high, band.low)) / 2
    for weight in check.weights(shape, label):
        value, reach = (weight * band.middle).sum(), margin * weight.sum()
        yield value - reach, value + reach, []


def _place(salt: bytes, label: str, low: float, high: float, also: list) -> dict:
    """Digests of the cells whose middle is in the band; the order says nothing."""
    low, high = check.compress(low), check.compress(high)
    # A power of two: an exact width would tell how large the number is.
    width = 2.0 ** np.floor(np.log2((high - low) / GRID))
    cells = set(
        range(int(np.ceil(low / width - 0.5)), int(np.ceil(high / width - 0.5)))
    )
    cells |= {check.cell_of(value, width) for value in also}
    marks = sorted(check.digest(salt, label, cell) for cell in cells)
    return {"width": width, "marks": marks}


def suspects() -> dict:
    """Record which gradients of chapter 10's suspects are wrong."""
    from lstmbook.course.exercises.ch10 import SUSPECTS, wrong_arrays

    return {
        letter: {str(steps): wrong_arrays(kind, steps) for steps in STEPS}
        for letter, kind in SUSPECTS.items()
    }


def package_files(exercises: Iterable[Exercise]) -> dict[str, bytes]:
    """
    List the files of the students' package.

    Parameters
    ----------
    exercises
        Those that it can check.

    Returns
    -------
    dict of str to bytes
        Path within the package to content.
    """
    files = {
        name: content for name, content in library_files().items() if _harmless(name)
    }
    table = {e.name: seal(e, secrets.token_hex(8)) for e in exercises}
    return (
        files
        | metadata("+student")
        | {
            f"{EXERCISES}/__init__.py": (HERE / "check.py").read_bytes(),
            f"{EXERCISES}/checks.json": json.dumps(table).encode(),
            f"{EXERCISES}/ch10.py": (HERE / "suspects.py").read_bytes(),
            f"{EXERCISES}/suspects.json": json.dumps(suspects()).encode(),
        }
    )


def library_files() -> dict[str, bytes]:
    """Files of the library, the solutions among them."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in sorted((ROOT / "lstmbook").rglob("*"))
        if path.suffix == ".py" or path.name == "py.typed"
    }


def metadata(edition: str = "") -> dict[str, bytes]:
    """Write what pip and the library ask about a package, above all its version.

    Parameters
    ----------
    edition
        Appended to the version.

    Returns
    -------
    dict of str to bytes
        Path to content.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version, extras = project["version"] + edition, project["optional-dependencies"]
    lines = [
        "Metadata-Version: 2.1",
        "Name: lstmbook",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {line}" for line in project["dependencies"]),
    ]
    for name in ("torch", "data", "plots", "progress"):
        lines.append(f"Provides-Extra: {name}")
        lines += [f"Requires-Dist: {line}; extra == '{name}'" for line in extras[name]]
    return {
        f"lstmbook-{version}.dist-info/METADATA": "\n".join([*lines, ""]).encode(),
        f"lstmbook-{version}.dist-info/WHEEL": WHEEL.encode(),
    }


def _harmless(name: str) -> bool:
    """Whether a file of the library may be given to students."""
    folder, _, file = name.rpartition("/")
    return folder != EXERCISES or file in HARMLESS


def write_wheel(files: dict[str, bytes], folder: Path) -> Path:
    """
    Write the students' package as a wheel that pip installs.

    Parameters
    ----------
    files
        Its files, from `package_files`.
    folder
        Where to write it.

    Returns
    -------
    Path
        The wheel.
    """
    (info,) = {name.split("/")[0] for name in files if ".dist-info/" in name}
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, content in files.items():
        value = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
        rows.writerow([name, f"sha256={value.decode().rstrip('=')}", len(content)])
    rows.writerow([f"{info}/RECORD", "", ""])
    target = folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", record.getvalue())
    return target


def write_tree(files: dict[str, bytes], folder: Path) -> None:
    """Write files into a folder, which a grader puts on its path."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
