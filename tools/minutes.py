"""Reading time of each page, and what it is made of: `python -m tools.minutes`.

A minute is 200 words of the main line, 20 lines of visible code (3 s each), or two
figures or labelled equations (30 s each). The main line ends where the exercises begin;
what is folded, in a dropdown or a hidden cell, is left out, and so are living figures.

An exercise is given five minutes, and one for each line of its worked solution. That is
an estimate: no class has been timed.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from lstmbook.course.exercises.checking import Exercise
from tools.toc import notebooks

MAX_WORDS = 2_500
MAX_LINES = 120
EXERCISES = "## Exercises"
HIDDEN_CODE = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
HIDDEN_OUTPUT = {"hide-output", "hide-cell", "remove-output", "remove-cell"}
FENCE = re.compile(r"^(`{3,})(.*)$")
STATED = re.compile(r"(\d+) minutes to read")


@dataclass(frozen=True)
class Load:
    """What the main line of a page asks of its reader."""

    words: int
    lines: int
    figures: int
    equations: int

    @property
    def minutes(self) -> int:
        """Minutes to read, rounded to the nearest."""
        seconds = self.words * 60 / 200 + self.lines * 3
        return round((seconds + 30 * (self.figures + self.equations)) / 60)


def measure(path: Path) -> Load:
    """Count what is visible in a notebook before its exercises."""
    words = lines = figures = equations = 0
    for cell in nbformat.read(path, as_version=4).cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown":
            before, *after = re.split(rf"^{EXERCISES}", cell.source, flags=re.M)
            prose, labels = _open_prose(before)
            words += len(prose.split())
            equations += labels
            if after:
                break
        elif cell.cell_type == "code":
            if not tags & HIDDEN_CODE:
                lines += sum(bool(line.strip()) for line in cell.source.splitlines())
            if not tags & HIDDEN_OUTPUT:
                figures += sum("image/png" in o.get("data", {}) for o in cell.outputs)
    return Load(words, lines, figures, equations)


def exercise_minutes(exercise: Exercise) -> int:
    """Estimate the minutes for one exercise, rounded up to five."""
    lines = [line for line in exercise.worked.splitlines() if line.strip()]
    return 5 * -(-(5 + len(lines)) // 5)


def stated(path: Path) -> int | None:
    """Return the minutes that the page itself states, None if it states none."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and (found := STATED.search(cell.source)):
            return int(found[1])
    return None


def _open_prose(source: str) -> tuple[str, int]:
    """Prose without mathematics, figures and what is folded; labelled equations."""
    kept, labels, fences = [], 0, []
    for line in source.splitlines():
        fence = FENCE.match(line.strip())
        if fence and fences and not fence[2] and len(fence[1]) >= len(fences[-1][0]):
            fences.pop()
        elif fence:
            fences.append((fence[1], fence[2]))
        elif fences and line.strip() == ":class: dropdown":
            fences[-1] = (fences[-1][0], "{dropdown}")
        elif any("dropdown" in kind for _, kind in fences):
            continue
        elif fences and fences[-1][1].startswith("{math}"):
            labels += line.startswith(":label:")
        elif not (fences and line.startswith(":")) and not line.startswith("<div"):
            kept.append(line)
    text = re.sub(r"\$\$.*?\$\$", " ", "\n".join(kept), flags=re.S)
    return re.sub(r"\$[^$\n]*\$", "x", text), labels


def main() -> None:
    """Print a row for each chapter; exit with 1 if a stated time is wrong."""
    wrong = False
    print("minutes  stated  words  code  figures  equations")
    for path in notebooks(Path.cwd()):
        if path.parent.name != "solutions" and path.name[:2].isdigit():
            load, said = measure(path), stated(path)
            wrong |= said != load.minutes
            print(
                f"{load.minutes:7}  {said or '-':>6}  {load.words:5}  {load.lines:4}"
                f"  {load.figures:7}  {load.equations:9}  {path.name}"
            )
    sys.exit(wrong)


if __name__ == "__main__":
    main()
