"""Tables and the map of the instructor's guide: `python -m tools.course.guide`.

They are made from the chapters' boxes, the exercises and the counted minutes, and stand
in the page between marks; what is around them is written by hand.
"""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat

from lstmbook.course.exercises import EXERCISES
from lstmbook.course.exercises.checking import Exercise
from tools.course.labs import labs
from tools.exercises import name_of
from tools.minutes import exercise_minutes, measure
from tools.toc import notebooks

PAGE = Path("book/instructors.md")
BOX = re.compile(
    r"\*\*After it you can\*\* (?P<can>.*?) \*\*You need\*\* (?P<need>.*?) \*\*Time",
    re.S,
)
DOC = re.compile(r"\{doc\}`[^`]*<(\d\d)-[^>]*>`(?: to \{doc\}`[^`]*<(\d\d)-[^>]*>`)?")
SHOWN = 4  # mistakes of an exercise in the table


class Chapter(NamedTuple):
    """What the guide says of a chapter, from the chapter itself."""

    path: Path
    title: str
    can: str  #: its outcomes
    need: str  #: its prerequisites, in words
    needs: tuple[int, ...]  #: chapters among them
    beliefs: tuple[str, ...]  #: statements of its "true or false"
    exercises: tuple[Exercise, ...]

    @property
    def number(self) -> int:
        """Its number."""
        return int(self.path.name[:2])

    @property
    def link(self) -> str:
        """A link to it, for the page."""
        return f"[{self.number}]({self.path.name})"

    @property
    def minutes(self) -> int:
        """Minutes to read it."""
        return measure(self.path).minutes


class Session(NamedTuple):
    """A meeting of a class."""

    subject: str
    read: tuple[str, ...]  #: before it; names of notebooks, as they begin
    work: tuple[str, ...]  #: exercises and labs, in class and after


SYLLABI = {
    "One lecture of 50 minutes": [
        Session(
            "Why a loop forgets, two paths, six equations",
            ("ten-minutes",),
            ("one-step-by-hand",),
        ),
    ],
    "Two weeks, four meetings of 90 minutes": [
        Session("The loop and its gradient", ("02",), ("bptt-by-hand",)),
        Session("Why it vanishes; two paths", ("03", "04"), ("loop-and-carousel",)),
        Session(
            "The gates, one after the other",
            ("06", "07"),
            ("dial-by-hand", "forget-products"),
        ),
        Session("The whole cell", ("09",), ("one-step-by-hand", "lab-09")),
    ],
    "Half a semester, seven weeks of two meetings": [
        Session("Memory, and what it costs to forget", ("01",), ("adding-by-hand",)),
        Session("The vanilla RNN", ("02",), ("bptt-by-hand", "lab-02")),
        Session("Gradients that vanish", ("03",), ("shear-by-hand", "thousandfold")),
        Session("Two paths", ("04",), ("loop-and-carousel", "total-jacobians")),
        Session("The main layer and the forget gate", ("05", "06"), ("dial-by-hand",)),
        Session("A memory with a dial", (), ("forget-bias", "lab-06")),
        Session("Writing and reading", ("07", "08"), ("nearly-shut", "read-by-hand")),
        Session("The whole cell", ("09",), ("one-step-by-hand", "lab-09")),
        Session("Back through the cell", ("10",), ("step-back-by-hand", "lab-10")),
        Session("Hunting wrong gradients", (), ("hunt-a", "hunt-b", "hunt-c")),
        Session("The gradient that survives", ("11",), ("two-ways-back",)),
        Session("What survives, measured", (), ("cell-gradient", "leak-at-a-distance")),
        Session("Training", ("12",), ("windows-by-hand", "last-valid")),
        Session(
            "When it does not learn", ("13",), ("chance-by-hand", "early-stopping")
        ),
    ],
}


def chapters(root: Path) -> list[Chapter]:
    """List the chapters of the book."""
    paths = [p for p in notebooks(root) if re.match(r"\d\d-", p.name)]
    return [_chapter(path) for path in paths if path.parent.name == "book"]


def _chapter(path: Path) -> Chapter:
    cells = nbformat.read(path, as_version=4).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    text = "\n\n".join(prose)
    box = BOX.search(" ".join(text.split()))
    assert box is not None, f"{path.name} has no box"
    needs: set[int] = set()
    for first, last in DOC.findall(box["need"]):
        needs |= set(range(int(first), int(last or first) + 1))
    # "chapters {doc}`4 <…>`": the link's text alone is left.
    need = re.sub(r"\{doc\}`([^`<]*) <[^>]*>`", r"\1", box["need"])
    section = re.search(r"^## True or false.*?$(.*?)^`{3,}", text, re.M | re.S)
    beliefs = re.findall(r"^\d+\. (.*)$", section[1], re.M) if section else []
    return Chapter(
        path,
        prose[0].splitlines()[0].removeprefix("# "),
        _cell(box["can"]),
        _cell(need),
        tuple(sorted(needs)),
        tuple(beliefs),
        tuple(EXERCISES[name] for name in filter(None, map(name_of, cells))),
    )


def _cell(text: str) -> str:
    """Fit a sentence into a cell of a table."""
    text = " ".join(text.split()).rstrip(".").replace("|", "\\|")
    return text[0].upper() + text[1:]


def outcomes(book: list[Chapter]) -> str:
    """Tabulate what each chapter is for."""
    rows = [
        f"| [{c.number} {c.title}]({c.path.name}) | {c.can} | {c.need} | {c.minutes} "
        f"| {sum(map(exercise_minutes, c.exercises))} |"
        for c in book
    ]
    head = "| chapter | after it one can | needs | read | exercises |"
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *rows])


def drawn(book: list[Chapter]) -> str:
    """Draw which chapter needs which: a row of numbers, an arc for each need."""
    step, base, radius = 58, 178, 15
    x = {c.number: 30 + step * k for k, c in enumerate(book)}
    parts, words = [], []
    for c in book:
        for need in c.needs:
            wide = x[c.number] - x[need]
            if need == c.number - 1:
                start, end = x[need] + radius, x[c.number] - radius - 6
                parts.append(f'<path d="M{start} {base}H{end}"/>')
                continue
            start, end = x[need] + 4, x[c.number] - 4
            top = base - radius - wide * 0.36
            parts.append(
                f'<path d="M{start} {base - radius}C{start} {top:.0f} {end} {top:.0f} '
                f'{end} {base - radius - 6}"/>'
            )
        if c.needs:
            words.append(f"{c.number} needs {_listed(c.needs)}")
    circles = [
        f'<circle cx="{x[c.number]}" cy="{base}" r="{radius}"/>'
        f'<text x="{x[c.number]}" y="{base + 5}">{c.number}</text>'
        for c in book
    ]
    said = "; ".join(words)
    width = x[book[-1].number] + 30
    return f"""\
```{{raw}} html
<svg role="img" viewBox="0 0 {width} {base + 26}" style="max-width: 100%"
  xmlns="http://www.w3.org/2000/svg" aria-label="Map of the chapters: {said}.">
<defs><marker id="need" viewBox="0 0 6 6" refX="0" refY="3" markerWidth="6"
  markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6Z" fill="currentColor"/></marker>
</defs>
<g fill="none" stroke="currentColor" stroke-width="1.2" marker-end="url(#need)">
{chr(10).join(parts)}
</g>
<g fill="none" stroke="currentColor" text-anchor="middle" font-size="14">
{chr(10).join(circles).replace("<text", '<text fill="currentColor" stroke="none"')}
</g>
</svg>
```

In words: {said}."""


def _listed(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def syllabi(root: Path) -> str:
    """Tabulate the three syllabi."""
    pages = {path.name: path for path in notebooks(root) if path.parent.name == "book"}
    sheets = {lab.name[:6]: lab for lab in labs()}
    text = []
    for title, sessions in SYLLABI.items():
        rows, reading, working = [], 0, 0
        for number, session in enumerate(sessions, 1):
            read = [p for name, p in pages.items() if name.startswith(session.read)]
            read = read if session.read else []
            minutes = sum(measure(path).minutes for path in read)
            work = sum(
                sheets[name].minutes
                if name in sheets
                else exercise_minutes(EXERCISES[name])
                for name in session.work
            )
            links = ", ".join(f"[{_short(path)}]({path.name})" for path in read)
            names = ", ".join(
                name.replace("lab-0", "lab ").replace("lab-1", "lab 1")
                for name in session.work
            )
            rows.append(
                f"| {number} | {session.subject} | {links or '–'} | {minutes or '–'} "
                f"| {names} | {work} |"
            )
            reading, working = reading + minutes, working + work
        text.append(
            "\n".join(
                [
                    f"### {title}",
                    "",
                    "| | subject | read before | min | work | min |",
                    "| --- | --- | --- | --- | --- | --- |",
                    *rows,
                    f"| | **in all** | | **{reading}** | | **{working}** |",
                ]
            )
        )
    return "\n\n".join(text)


def _short(path: Path) -> str:
    return path.stem[:2].lstrip("0") if path.name[0].isdigit() else "ten minutes"


def misconceptions(book: list[Chapter]) -> str:
    """Tabulate what people believe, and what brings it to light."""
    rows = []
    for c in book:
        for number, belief in enumerate(c.beliefs, 1):
            rows.append(f"| {c.link} | {_plain(belief)} | true or false, {number} |")
        for e in c.exercises:
            names = [m.name for m in e.mistakes]
            more = f"; {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            rows.append(
                f"| {c.link} | {_plain('; '.join(names[:SHOWN]))}{more} | `{e.name}` |"
            )
    head = "| ch. | misconception, or mistake by the name the check gives it | item |"
    return "\n".join([head, "| --- | --- | --- |", *rows])


def _plain(text: str) -> str:
    """Leave out what would need the chapter's own context."""
    text = re.sub(r"\{numref\}`[^`]*`", "the figure", text)
    text = re.sub(r",? \{eq\}`[^`]*`", "", text)
    text = re.sub(r"\{doc\}`([^`<]*)(?: <[^>]*>)?`", r"\1", text)
    text = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", text)
    return text.replace("|", "\\|").strip()


def blocks(root: Path) -> dict[str, str]:
    """Make all that stands in the page between marks."""
    book = chapters(root)
    return {
        "outcomes": outcomes(book),
        "map": drawn(book),
        "syllabi": syllabi(root),
        "misconceptions": misconceptions(book),
    }


def fill(page: str, made: dict[str, str]) -> str:
    """
    Put what is made between its marks.

    Parameters
    ----------
    page
        The page's source.
    made
        Name to what stands between its marks.

    Returns
    -------
    str
        The page, brought up to date.

    Raises
    ------
    ValueError
        If the page lacks a mark.
    """
    for name, text in made.items():
        begin, end = f"<!-- made: {name} -->\n", f"<!-- /made: {name} -->"
        if begin not in page or end not in page:
            raise ValueError(f"the guide has no place for {name}")
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text}\n\n{end}{rest.split(end)[1]}"
    return page


def main() -> None:
    """Bring the page up to date."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill(page, blocks(Path.cwd())), encoding="utf-8")


if __name__ == "__main__":
    main()
