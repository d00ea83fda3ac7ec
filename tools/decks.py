"""The slides of a chapter, taken from its notebook and its quiz.

What a deck shows stands in the chapter: its question and outcomes, for each section the
bold leads of its paragraphs, its labelled equations and its figures, a question of the
quiz about every ten minutes, and the summary. The section's text is the speaker's note.
So a deck has no source of its own; `tools.slides` builds it like the lecture.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from tools.figure_files import figures
from tools.notebooks import figure_name
from tools.quizzes import SITE, Question, quizzes

VOTE_AFTER = 8  # minutes without a vote
POINTS = 6  # bullets on a slide
EQUATIONS = 3  # displayed on a slide
LONG = 150  # characters of a bullet
FULL = 700  # characters of a slide's bullets
LIVING = {
    "cell": "the cell",
    "hears": "who still hears?",
    "text": "your own text",
}

_LABEL = re.compile(r"^\(([\w-]+)\)=$", re.M)
_MATH = re.compile(r"```\{math\}\n(?::label: ([\w-]+)\n)?(.*?)```", re.S)
_FENCE = re.compile(r"^(`{3,})\{?.*?^\1$", re.M | re.S)
_ROLE = re.compile(r"\{([\w:]+)\}`([^`<]*?)(?:\s*<[^`]*>)?`")
_EQUATIONS = re.compile(
    r"[:,]?\s*\(?\{eq\}`[^`]*`(?:(?:,? and|,? to|,)\s*\{eq\}`[^`]*`)*\)?"
)
_KEY = re.compile(r"([a-z]+)(\d{4})")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_SENTENCE = re.compile(r"(?<=[.?!])(?:\*\*)?\s")


@dataclass
class Section:
    """What one section of a chapter has to show."""

    title: str
    labels: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    living: list[str] = field(default_factory=list)


def plain(text: str) -> str:
    """Take MyST's roles, labels and links out of a text; formulas and bold stay."""

    def said(match):
        role, words = match.groups()
        if role == "cite":
            return ""
        if role == "cite:t" and (key := _KEY.match(words)):
            return f"{key[1].title()} ({key[2]})"
        if role == "numref":
            return "the figure"
        number = re.match(r"(\d\d)-", words)
        return f"chapter {int(number[1])}" if number else words

    text = _ROLE.sub(said, _EQUATIONS.sub("", _LABEL.sub("", text)))
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"\s*\(\s*[,;\s]*\)", "", text)
    text = re.sub(r"\s+([.,;:])", r"\1", text)
    text = re.sub(r",+(?=[.;:])", "", re.sub(r",,+", ",", text))
    return " ".join(text.split())


def sections(nb: nbformat.NotebookNode) -> list[Section]:
    """
    Divide a chapter at its headings; what precedes the first has no title.

    Parameters
    ----------
    nb
        The chapter's notebook.

    Returns
    -------
    list of Section
    """
    found = [Section("")]
    for cell in nb.cells:
        if cell.cell_type == "code":
            if name := figure_name(cell):
                found[-1].figures.append(name)
                found[-1].labels.add(name)
            continue
        waiting: list[str] = []
        for part in re.split(r"^(?=\([\w-]+\)=$|## )", cell.source, flags=re.M):
            if part.startswith("## "):
                title, _, rest = part[3:].partition("\n")
                found.append(Section(title.strip(), set(waiting)))
                part, waiting = rest, []
            else:
                waiting += _LABEL.findall(part)
            _add(found[-1], part)
    return found


def _add(section: Section, part: str) -> None:
    section.labels.update(_LABEL.findall(part))
    for label, formula in _MATH.findall(part):
        if label:
            section.labels.add(label)
            section.equations.append(" ".join(formula.split()))
    section.living += re.findall(r'class="living".*?data-figure="(\w+)"', part)
    prose = re.sub(r"<[^>]+>", "", _FENCE.sub("", part))
    section.text += [p for p in re.split(r"\n\s*\n|\n(?=- )", prose) if p.strip()]


def points(section: Section) -> list[str]:
    """First sentences: of the paragraphs that begin in bold, or of the first three."""
    leads, first = [], []
    for paragraph in section.text:
        clean = plain(paragraph.strip().removeprefix("- "))
        if not clean or clean.startswith(("|", "#", "1.", "```")):
            continue
        sentence, *others = _SENTENCE.split(clean)
        if sentence.count("**") % 2:
            sentence += "**"
        if sentence.endswith("**") and others and len(sentence + others[0]) < LONG:
            sentence += f" {others[0]}"
        if sentence.count("$") % 2 or sentence.endswith(":"):
            continue
        (leads if clean.startswith("**") else first).append(sentence)
    return leads or [sentence for sentence in first if len(sentence) < LONG][:3]


def source(path: Path, questions: list[Question]) -> str:
    """
    Write a chapter's deck in the language of the lecture.

    Parameters
    ----------
    path
        The chapter's notebook.
    questions
        Of its quiz, in the order of the chapter.

    Returns
    -------
    str
        Slides between lines of three hyphens, each with its minutes.
    """
    nb = nbformat.read(path, 4)
    number = path.stem[:2]
    named = {figure.name for figure in figures(nb)}
    head, *rest = sections(nb)
    title, _, asked = head.text[0].partition("\n")
    question = asked or (head.text[1] if len(head.text) > 1 else "")
    made = [f"# {title.removeprefix('# ').strip()} (1 min)\n\n{plain(question)}"]
    box = "\n".join(cell.source for cell in nb.cells if "chapter-box" in cell.source)
    if able := re.search(r"\*\*After it you can\*\* (.*?)\*\*You need", box, re.S):
        made.append(f"## After it you can … (1 min)\n\n… {plain(able[1])}")
    made += [
        _figure_slide("The question", number, name)
        for name in head.figures
        if name in named
    ]
    passed, since, waiting = set(head.labels), 2, list(questions)
    for section in rest:
        if section.title.startswith(("True or false", "Exercises", "Further reading")):
            continue
        if section.title == "Summary":
            bullets = [plain(p) for p in section.text if p.startswith("- ")]
            bullets = [bullet.removeprefix("- ") for bullet in bullets]
            made += _text_slides("Summary", bullets, [], "")
            continue
        slides = _section_slides(section, number, named, path.stem)
        made += slides
        passed |= section.labels
        since += 2 * len(slides)
        ready = [q for q in waiting if q.see in passed]
        if since >= VOTE_AFTER and ready:
            made.append(f"{{vote}} {number} {ready[0].name} (3 min)")
            waiting.remove(ready[0])
            since = 0
    if since >= VOTE_AFTER / 2 and waiting:
        made.append(f"{{vote}} {number} {waiting[0].name} (3 min)")
    return "\n\n---\n\n".join(made)


def _section_slides(section, number, named, page) -> list[str]:
    notes = plain("\n".join(p for p in section.text if not p.startswith("|")))
    shown = [name for name in section.figures if name in named]
    bullets, made = points(section), []
    if shown and len(bullets) == 1 and not section.equations:
        made = [_figure_slide(section.title, number, shown.pop(0), bullets[0], notes)]
    else:
        made = _text_slides(section.title, bullets, section.equations, notes)
    made += [_figure_slide(section.title, number, name) for name in shown]
    made += [
        f"## Live: {LIVING[kind]} (3 min)\n\n"
        f"Open `{SITE}{page}.html#living-{kind}`\n\n"
        "- What do you expect before it is tried?\n- Try the three steps beside it.\n"
        "- What was different, and why?"
        for kind in section.living
    ]
    return made


def _text_slides(title, bullets, equations, notes) -> list[str]:
    """Slides of at most four bullets or two equations; the first has the notes."""
    made, bullets = [], list(bullets)
    while bullets or equations:
        shown, equations = equations[:EQUATIONS], equations[EQUATIONS:]
        room = FULL - 120 * len(shown)
        said: list[str] = []
        while bullets and len(said) < POINTS - len(shown):
            if said and sum(map(len, said)) + len(bullets[0]) > room:
                break
            said.append(bullets.pop(0))
        body = [f"$$ {formula} $$" for formula in shown]
        body.append("\n".join(f"- {bullet}" for bullet in said))
        told = f"\n\nNotes: {notes}" if notes and not made else ""
        made.append(f"## {plain(title)} (2 min)\n\n" + "\n\n".join(body).strip() + told)
    return made


def _figure_slide(title, number, name, bullet="", notes="") -> str:
    return (
        f"## {plain(title)} (2 min)\n\n{{figure}} {number} {name}"
        + (f"\n\n- {bullet}" if bullet else "")
        + (f"\n\nNotes: {notes}" if notes else "")
    )


def decks() -> dict[str, str]:
    """Return the source of each chapter's deck, by the chapter's file name."""
    folder = Path(__file__).parents[1] / "book"
    return {
        chapter: source(folder / f"{chapter}.ipynb", questions)
        for chapter, questions in quizzes().items()
    }
