"""Assignments: notebooks made from the exercises at the end of the chapters.

One source serves all: with solutions between marks, as nbgrader wants it. From it come
the students' edition and the instructor's.
"""

import ast
import copy
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lstmbook.course.exercises import EXERCISES
from lstmbook.course.exercises.checking import Exercise
from tools.exercises import name_of
from tools.minutes import exercise_minutes
from tools.notebooks import KERNELSPEC

SITE = "https://lstmbook.github.io/lstmbook"
PUBLISHED = f"{SITE}/notebooks/assignments"
COLAB = "https://colab.research.google.com/github/lstmbook/lstmbook/blob/notebooks"
WHEEL_NAME = f"lstmbook-{version('lstmbook')}+student-py3-none-any.whl"
COLAB_CELL = f"""\
# Elsewhere, once: pip install {WHEEL_NAME}
import sys

if "google.colab" in sys.modules:
    %pip install -q {PUBLISHED}/{WHEEL_NAME}"""
YOUR_TURN = "...  # your turn"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
REGION = re.compile(rf"^([ ]*){BEGIN}\n.*?{END}$", re.M | re.S)
SOLUTION_LINK = re.compile(r"\s*\[Solution\]\([^)]*\)")
TASK = re.compile(r"^\*\*\d+\. ", re.M)
WORDS_POINTS = 2
YOUR_WORDS = "*Your answer.*"
WORDS = f"""\
**In words.** What did you expect, and what explains what came out? Three sentences. \
*{WORDS_POINTS} points, graded by hand*

{BEGIN}
See the rubric in the instructor's edition.
{END}"""


@dataclass(frozen=True)
class Item:
    """One part of an assignment."""

    exercise: Exercise
    task: str  #: its text; empty where it belongs to the task before
    helpers: tuple[str, ...] = ()  #: cells that the text needs
    explanation: str = ""  #: from the book's solutions
    words: bool = False  #: whether it also asks for an explanation, graded by hand


@dataclass(frozen=True)
class Assignment:
    """An assignment: a chapter's exercises, or a lab."""

    name: str  #: of its files
    title: str
    about: str  #: what stands below the title
    items: tuple[Item, ...]
    setup: str = "import numpy as np\n\nfrom lstmbook.course import exercises"
    closing: tuple[tuple[str, str], ...] = ()  #: text and code after the last item

    @property
    def exercises(self) -> list[Exercise]:
        """Its exercises, in order."""
        return [item.exercise for item in self.items]

    @property
    def minutes(self) -> int:
        """Minutes that it should take."""
        return sum(map(exercise_minutes, self.exercises))

    @property
    def points(self) -> int:
        """Points that it is worth, those for words included."""
        words = WORDS_POINTS * sum(item.words for item in self.items)
        return sum(e.points for e in self.exercises) + words


def from_chapter(path: Path) -> Assignment:
    """
    Make an assignment of a chapter's exercises.

    Parameters
    ----------
    path
        The chapter, best in its plain form, which any program shows. Its solutions
        are looked for in the folder `solutions` beside it.

    Returns
    -------
    Assignment
    """
    cells = nbformat.read(path, as_version=4).cells
    number, slug = int(path.stem[:2]), path.stem
    heading = next(c.source for c in cells if c.cell_type == "markdown")
    title = re.sub(r"^# (\d+\. )?", "", heading.splitlines()[0])
    explanations = _explanations(path.parent / "solutions" / path.name)
    about = (
        f"The exercises of [chapter {number}]({SITE}/book/{slug}.html). Where a task "
        'says "this chapter", it means that page: copy from it what you need.'
    )
    items = list(_items(cells, explanations))
    for k, item in enumerate(items):
        # Exercises that share a task, as the three hunts do, are explained once.
        last = k + 1 == len(items) or bool(items[k + 1].task)
        words = item.exercise.kind == "an experiment" and last
        items[k] = replace(
            item, words=words, explanation=item.explanation if last else ""
        )
    return Assignment(slug, f"Assignment {number}: {title}", about, tuple(items))


def _items(cells: list[NotebookNode], explanations: dict[str, str]) -> Iterator[Item]:
    imports = _imports(cells)
    task, helpers = "", []
    for cell in _exercise_cells(cells):
        if cell.cell_type == "markdown":
            task = f"{task}\n\n{cell.source}".strip()
        elif name := name_of(cell):
            if needed := _needed(imports, "\n".join([task, *helpers])):
                helpers.insert(0, needed)
            yield Item(EXERCISES[name], task, tuple(helpers), explanations[name])
            task, helpers = "", []
        else:
            helpers.append(cell.source)


def _exercise_cells(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Yield the cells from the first task to the summary, no links to solutions."""
    inside = False
    for cell in cells:
        source = cell.source
        if cell.cell_type == "markdown":
            if source.startswith("## Summary"):
                return
            if (
                not inside
                and (parts := re.split(r"^## Exercises$", source, flags=re.M))[1:]
            ):
                inside = True
                first = TASK.search(parts[1])
                source = parts[1][first.start() :] if first else ""
        if inside and source.strip():
            yield NotebookNode(
                cell_type=cell.cell_type, source=SOLUTION_LINK.sub("", source).strip()
            )


def _imports(cells: list[NotebookNode]) -> dict[str, str]:
    """Map each name that a chapter imports to the line that imports it."""
    found = {}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        source = re.sub(r"^(\s*)[%!].*", r"\1pass", cell.source, flags=re.M)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    line = ast.unparse(ast.ImportFrom(node.module, [alias], 0))
                    found[alias.asname or alias.name] = line
    return found


def _needed(imports: dict[str, str], text: str) -> str:
    """Lines that import what a task names in code."""
    quoted = " ".join([*re.findall(r"`([^`]+)`", text), text.partition("\nfor ")[2]])
    words = set(re.findall(r"(?<![.\w])[A-Za-z_]\w+", quoted)) - {"exercises"}
    return "\n".join(sorted({imports[word] for word in words & imports.keys()}))


def _explanations(path: Path) -> dict[str, str]:
    """Find what the book's solutions say of each exercise."""
    sections: list[list[NotebookNode]] = [[]]
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            sections.append([])
        sections[-1].append(cell)
    return {
        name: "\n\n".join(c.source for c in section if c.cell_type == "markdown")
        for section in sections
        for name in filter(None, map(name_of, section))
    }


def source_notebook(assignment: Assignment) -> NotebookNode:
    """
    Write the notebook from which all editions come.

    Parameters
    ----------
    assignment
        What it poses.

    Returns
    -------
    NotebookNode
        Answers stand in cells of their own, solutions between marks, checks in locked
        cells with points.
    """
    cells = [
        _markdown("head", _head(assignment)),
        _code("install", _install()),
        _code("setup", assignment.setup),
    ]
    for item in assignment.items:
        cells += _item_cells(item)
    for number, (text, code) in enumerate(assignment.closing, 1):
        cells += [_markdown(f"end-{number}", text), _code(f"end-{number}-code", code)]
    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def _item_cells(item: Item) -> Iterator[NotebookNode]:
    e, name = item.exercise, item.exercise.name
    worth = f"*{e.kind} · about {exercise_minutes(e)} minutes · {e.points} points*"
    yield _markdown(f"{name}-task", f"{item.task}\n\n{worth}".strip())
    for number, code in enumerate(item.helpers, 1):
        yield _code(f"{name}-helper-{number}", code)
    yield _code(f"{name}-answer", _answer(e), solution=True)
    check = e.stub.splitlines()[-1]
    yield _code(name, check, grade=True, locked=True, points=e.points)
    if item.words:
        marks = {"grade": True, "solution": True, "points": WORDS_POINTS}
        yield _markdown(f"{name}-words", WORDS, **marks)


def _answer(exercise: Exercise) -> str:
    """Source of the cell for the answer, with the solution between marks."""
    source = inspect.getsource(exercise.solution).rstrip()
    imports = _imports_of(exercise.solution)
    if exercise.cases:
        head = exercise.stub.split(f"\n    {YOUR_TURN}")[0]
        body = source[len(head) :].strip("\n")
        lines = [f"    {line}" for line in [BEGIN, *imports]]
        return "\n".join([head, *lines, body, f"    {END}"])
    blank = exercise.stub.rsplit("\n", 1)[0]
    call = f"answer = {exercise.solution.__name__}()"
    return "\n".join([blank, BEGIN, *imports, source, "", "", call, END])


def _imports_of(solution: Callable) -> list[str]:
    """Lines that import what a solution takes from its module, NumPy apart."""
    nodes = [*ast.walk(ast.parse(inspect.getsource(solution)))]
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - {"np"}
    names -= {node.name for node in nodes if isinstance(node, ast.alias)}
    found = {name: solution.__globals__.get(name) for name in sorted(names)}
    return [
        f"from {value.__module__} import {name}"
        for name, value in found.items()
        if getattr(value, "__module__", "").startswith("lstmbook")
    ]


def _head(assignment: Assignment) -> str:
    rows = "\n".join(
        f"| {item.exercise.name} | {item.exercise.kind} "
        f"| {exercise_minutes(item.exercise)} "
        f"| {item.exercise.points}{f' + {WORDS_POINTS}' * item.words} |"
        for item in assignment.items
    )
    return f"""\
# {assignment.title}

{assignment.about}

[Open in Colab]({COLAB}/assignments/{assignment.name}.ipynb), or work offline: the
package that the first cell names comes with this notebook. Otherwise NumPy is enough.

| question | kind | minutes | points |
| --- | --- | --- | --- |
{rows}
| **all** | | **{assignment.minutes}** | **{assignment.points}** |

**Hand in** this one notebook, under its own name. Each question has a cell for your
answer and below it a check, which knows public cases only; grading uses others. Leave
the checks as they are: what you pass to `exercises.check` is your answer. Write numbers
that you measured into `answer` as numbers, with the code that found them above: grading
stops a cell after a minute, and goes on with the next."""


def _install() -> str:
    """Install the students' package on Colab; say first what is wrong elsewhere."""
    if importlib.util.find_spec("lstmbook.doctor") is None:
        return COLAB_CELL
    return f"{COLAB_CELL}\n\n%run -m lstmbook.doctor -- --for package"


def _markdown(name: str, source: str, **marks: Any) -> NotebookNode:
    cell = new_markdown_cell(source, id=_id(name))
    return _marked(cell, name, marks)


def _code(name: str, source: str, **marks: Any) -> NotebookNode:
    cell = new_code_cell(source, id=_id(name))
    return _marked(cell, name, marks)


def _id(name: str) -> str:
    return name[:60]


def _marked(cell: NotebookNode, name: str, marks: dict[str, Any]) -> NotebookNode:
    """Tell nbgrader what a cell is for."""
    if marks:
        cell.metadata["nbgrader"] = {
            "schema_version": 3,
            "grade_id": name,
            "cell_type": cell.cell_type,
            "grade": False,
            "solution": False,
            "locked": False,
            "task": False,
        } | marks
    return cell


def students_edition(source: NotebookNode) -> NotebookNode:
    """Take the solutions out."""
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        stub = YOUR_TURN if cell.cell_type == "code" else YOUR_WORDS
        cell.source = REGION.sub(rf"\1{stub}", cell.source)
    return notebook


def instructors_edition(
    source: NotebookNode, assignment: Assignment, seeds: list[int]
) -> NotebookNode:
    """
    Add hidden tests, mistakes and rubrics to the solutions.

    Parameters
    ----------
    source
        From `source_notebook`.
    assignment
        What it poses.
    seeds
        Of the hidden cases.

    Returns
    -------
    NotebookNode
    """
    items = {item.exercise.name: item for item in assignment.items}
    notebook, cells = copy.deepcopy(source), []
    for cell in notebook.cells:
        cell.source = _solved(cell.source)
        cells.append(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in items:
            cells += _for_instructors(items[name], seeds)
    notebook.cells = cells
    return notebook


def _solved(source: str) -> str:
    """Keep the solution; of an answer in numbers, keep it alone."""
    found = REGION.search(source)
    kept = found[0] if found and not found[1] else source
    return re.sub(rf"^[ ]*({BEGIN}|{END})\n?", "", kept, flags=re.M).rstrip()


def _for_instructors(item: Item, seeds: list[int]) -> Iterator[NotebookNode]:
    e = item.exercise
    if e.cases:
        lines = [f"# Hidden tests: other cases, seeds {', '.join(map(str, seeds))}."]
        function = e.solution.__name__
        lines += [
            f'exercises.require("{e.name}", {function}, seed={seed})' for seed in seeds
        ]
        yield _code(f"{e.name}-hidden", "\n".join(lines))
    rows = "\n".join(f"| {m.name} | {m.hint} |".replace("\n", " ") for m in e.mistakes)
    text = (
        "**Mistakes that this item exposes.** The feedback names them, and never the "
        "answer.\n\n"
        f"| mistake | hint |\n| --- | --- |\n{rows}"
    )
    if item.words:
        text += f"\n\n{RUBRIC}"
    if item.explanation:
        quoted = re.sub(r"^", "> ", item.explanation, flags=re.M)
        quoted = re.sub(r"^> #+ (.*)", r"> **\1**", quoted, flags=re.M)
        text += f"\n\n**What the book says of it**\n\n{quoted}"
    yield _markdown(f"{e.name}-notes", text)


RUBRIC = f"""\
**Rubric for the words, {WORDS_POINTS} points.** 2: states an expectation and names the
cause of what came out, as below, in words of their own. 1: describes what came out, and
the cause is missing or does not follow. 0: no expectation, or the numbers repeated. An
expectation that turned out wrong costs nothing."""
