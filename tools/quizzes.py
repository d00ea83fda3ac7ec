r"""Quizzes: a fold in each chapter's page, and files for Canvas and Moodle.

The questions are in `book/quizzes/NN.yml`. As a Sphinx extension this puts chapter NN's
before its exercises, as plain HTML: each choice is a `<details>` with its explanation;
with SOLUTIONS=0 in the environment the choices stand alone.

    python -m tools.quizzes

writes `_build/quizzes`: for each chapter a package in the format QTI 1.2, which Canvas
imports, and a file in Moodle's XML. Formulas become `\(…\)`, which both typeset.
"""

import os
import re
import zipfile
from html import escape
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import nbformat
import yaml
from docutils import nodes
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

BOOK = Path(__file__).parents[1] / "book"
OUT = Path("_build/quizzes")
SITE = "https://lstmbook.github.io/lstmbook/book/"
QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


class Choice(NamedTuple):
    """One answer to choose, in Markdown."""

    text: str
    right: bool
    why: str  #: why it is right or wrong


class Question(NamedTuple):
    """One question, in Markdown, with one right choice."""

    name: str
    text: str
    see: str  #: label of the passage or figure in the chapter that shows the answer
    choices: list[Choice]

    @property
    def right(self) -> int:
        """Where the right choice stands."""
        return [choice.right for choice in self.choices].index(True)


def read(path: Path) -> list[Question]:
    """
    Read a chapter's questions.

    Parameters
    ----------
    path
        A file of `book/quizzes`.

    Returns
    -------
    list of Question

    Raises
    ------
    ValueError
        If a question is not as the others are; names the file and the question.
    """
    questions: list[Question] = []
    for entry in yaml.safe_load(path.read_text("utf-8")):
        where = f"{path.name}, question {entry.get('id', len(questions) + 1)!r}"
        _expect({"id", "ask", "see", "choices"} == set(entry), where, f"{set(entry)}")
        choices = []
        for given in entry["choices"]:
            parts = set(given)
            _expect(
                parts in ({"right", "why"}, {"wrong", "why"}), where, f"choice {parts}"
            )
            for text in given.values():
                _expect(isinstance(text, str), where, f"{text!r} is no text")
            right = "right" in given
            text = given["right" if right else "wrong"]
            choices.append(Choice(text, right, given["why"]))
        _expect(3 <= len(choices) <= 5, where, f"{len(choices)} choices")
        count = sum(choice.right for choice in choices)
        _expect(count == 1, where, f"{count} right choices")
        new = entry["id"] not in [question.name for question in questions]
        _expect(new, where, "the name stands twice")
        questions.append(Question(entry["id"], entry["ask"], entry["see"], choices))
    return questions


def _expect(condition: bool, where: str, found: str) -> None:
    if not condition:
        raise ValueError(
            f"{where}: {found}; expected id, ask, see and choices under a name of its "
            "own, with 3 to 5 choices, each right or wrong with why, one of them right"
        )


def quizzes() -> dict[str, list[Question]]:
    """Return all quizzes: a chapter's file name without its ending to its questions."""
    chapters = {path.stem[:2]: path.stem for path in BOOK.glob("[0-9][0-9]-*.ipynb")}
    paths = sorted(BOOK.glob("quizzes/*.yml"))
    return {chapters[path.stem]: read(path) for path in paths}


# --- in the page


class quiz_fold(nodes.General, nodes.Element):
    """A `<details>`; its first child is a `quiz_line`."""


class quiz_line(nodes.TextElement):
    """The `<summary>` of a fold."""


class Quiz(SphinxDirective):
    """The questions of one chapter, folded; its argument is the chapter's number."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the fold."""
        path = BOOK / "quizzes" / f"{self.arguments[0]}.yml"
        self.env.note_dependency(str(path))
        questions = read(path)
        items = nodes.enumerated_list("", enumtype="arabic")
        items += [self._question(question) for question in questions]
        explained = "" if withheld() else ", each choice explained"
        title = f"Quiz: {len(questions)} questions{explained}"
        return [
            quiz_fold("", quiz_line("", title), items, classes=["quiz"], ids=["quiz"])
        ]

    def _question(self, question: Question) -> nodes.list_item:
        choices = nodes.enumerated_list("", enumtype="upperalpha", classes=["choices"])
        for choice in question.choices:
            shown = self._inline(choice.text)
            if withheld():
                choices += nodes.list_item("", nodes.paragraph("", "", *shown))
                continue
            why = f"**{'Right' if choice.right else 'Wrong'}.** {choice.why}"
            if choice.right:
                why += f" Shown {place(question.see)}."
            answer = nodes.paragraph("", "", *self._inline(why))
            line = quiz_line("", "", *shown)
            choices += nodes.list_item("", quiz_fold("", line, answer))
        asked = nodes.paragraph("", "", *self._inline(question.text))
        return nodes.list_item("", asked, choices)

    def _inline(self, text: str) -> list[nodes.Node]:
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]


def withheld() -> bool:
    """Tell whether this site is built without solutions."""
    return os.environ.get("SOLUTIONS") == "0"


def place(label: str) -> str:
    """Say where a passage or a figure is, in MyST."""
    if label.startswith("fig-"):
        return f"in {{numref}}`{label}`"
    return f"in [this passage](#{label})"


def add_quiz(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a chapter's quiz before its exercises, in the source that is parsed."""
    chapter = re.fullmatch(r"book/(\d\d)-[^/]*", docname)
    if not chapter or not (BOOK / "quizzes" / f"{chapter[1]}.yml").exists():
        return
    notebook = nbformat.reads(source[0], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source, count = re.subn(
                r"^## Exercises$",
                f"```{{quiz}} {chapter[1]}\n```\n\n## Exercises",
                cell.source,
                flags=re.M,
            )
            if count:
                break
    else:
        raise ValueError(f"{docname} has no heading 'Exercises' to put its quiz before")
    source[0] = nbformat.writes(notebook)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of the sources."""

    def open_fold(self, node):
        self.body.append(self.starttag(node, "details"))

    def open_line(self, node):
        self.body.append("<summary>")

    def close_fold(self, node):
        self.body.append("</details>")

    def close_line(self, node):
        self.body.append("</summary>")

    app.add_node(quiz_fold, html=(open_fold, close_fold))
    app.add_node(quiz_line, html=(open_line, close_line))
    app.add_directive("quiz", Quiz)
    app.connect("source-read", add_quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# --- for Canvas and Moodle

_MARKDOWN = MarkdownIt("commonmark").use(
    dollarmath_plugin, renderer=lambda formula, _: rf"\({escape(formula)}\)"
)


def to_html(text: str) -> str:
    r"""Return a text's HTML, with formulas as `\(…\)`."""
    return _MARKDOWN.renderInline(text)


def explanation(chapter: str, question: Question, choice: Choice) -> str:
    """Return the HTML of what a reader is told who chose this."""
    told = f"<p>{to_html(choice.why)}</p>"
    if choice.right:
        address = f"{SITE}{chapter}.html#{question.see}"
        told += f'<p><a href="{address}">Where the book shows it</a></p>'
    return told


def to_moodle(chapter: str, questions: list[Question]) -> str:
    """
    Write a quiz in Moodle's XML.

    Parameters
    ----------
    chapter
        The chapter's file name without its ending.
    questions
        Its quiz.

    Returns
    -------
    str
        The file's text.
    """
    quiz = ET.Element("quiz")
    category = ET.SubElement(quiz, "question", type="category")
    _text(ET.SubElement(category, "category"), f"$course$/The LSTM Book/{chapter}")
    for question in questions:
        item = ET.SubElement(quiz, "question", type="multichoice")
        _text(ET.SubElement(item, "name"), f"{chapter[:2]} {question.name}")
        asked = ET.SubElement(item, "questiontext", format="html")
        _text(asked, f"<p>{to_html(question.text)}</p>")
        for setting, value in (
            ("defaultgrade", "1"),
            ("penalty", "0.3333333"),
            ("single", "true"),
            ("shuffleanswers", "true"),
            ("answernumbering", "ABCD"),
        ):
            ET.SubElement(item, setting).text = value
        for choice in question.choices:
            share = "100" if choice.right else "0"
            answer = ET.SubElement(item, "answer", fraction=share, format="html")
            _text(answer, to_html(choice.text))
            told = ET.SubElement(answer, "feedback", format="html")
            _text(told, explanation(chapter, question, choice))
    return _xml(quiz)


def to_qti(chapter: str, questions: list[Question]) -> str:
    """
    Write a quiz in the format QTI 1.2, with what Canvas adds to it.

    Parameters
    ----------
    chapter
        The chapter's file name without its ending.
    questions
        Its quiz.

    Returns
    -------
    str
        The text of the assessment.
    """
    root = ET.Element("questestinterop", xmlns=QTI)
    quiz = ET.SubElement(
        root, "assessment", ident=f"lstmbook-{chapter}", title=f"Quiz {chapter}"
    )
    section = ET.SubElement(quiz, "section", ident="root_section")
    for question in questions:
        _qti_item(section, chapter, question)
    return _xml(root)


def _qti_item(section: ET.Element, chapter: str, question: Question) -> None:
    name = f"lstmbook-{chapter[:2]}-{question.name}"
    item = ET.SubElement(section, "item", ident=name, title=question.name)
    fields = ET.SubElement(ET.SubElement(item, "itemmetadata"), "qtimetadata")
    for label, entry in (
        ("question_type", "multiple_choice_question"),
        ("points_possible", "1.0"),
    ):
        field = ET.SubElement(fields, "qtimetadatafield")
        ET.SubElement(field, "fieldlabel").text = label
        ET.SubElement(field, "fieldentry").text = entry
    shown = ET.SubElement(item, "presentation")
    _material(shown, f"<p>{to_html(question.text)}</p>")
    response = ET.SubElement(
        shown, "response_lid", ident="response1", rcardinality="Single"
    )
    render = ET.SubElement(response, "render_choice")
    process = ET.SubElement(item, "resprocessing")
    ET.SubElement(
        ET.SubElement(process, "outcomes"),
        "decvar",
        maxvalue="100",
        minvalue="0",
        varname="SCORE",
        vartype="Decimal",
    )
    for letter, choice in zip("ABCDE", question.choices, strict=False):
        label = ET.SubElement(render, "response_label", ident=letter)
        _material(label, to_html(choice.text))
        condition = _qti_condition(process, letter, go_on=True)
        told = {"feedbacktype": "Response", "linkrefid": f"{letter}_fb"}
        ET.SubElement(condition, "displayfeedback", told)
        feedback = ET.SubElement(item, "itemfeedback", ident=f"{letter}_fb")
        flow = ET.SubElement(feedback, "flow_mat")
        _material(flow, explanation(chapter, question, choice))
    scored = _qti_condition(process, "ABCDE"[question.right], go_on=False)
    ET.SubElement(scored, "setvar", action="Set", varname="SCORE").text = "100"


def _qti_condition(process: ET.Element, letter: str, go_on: bool) -> ET.Element:
    # As Canvas itself writes them: each letter's feedback first, then the score.
    then = {"continue": "Yes" if go_on else "No"}
    condition = ET.SubElement(process, "respcondition", then)
    variable = ET.SubElement(condition, "conditionvar")
    ET.SubElement(variable, "varequal", respident="response1").text = letter
    return condition


def _material(parent: ET.Element, html: str) -> None:
    material = ET.SubElement(parent, "material")
    ET.SubElement(material, "mattext", texttype="text/html").text = html


def _text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "text").text = text


def _xml(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def manifest(chapter: str) -> str:
    """Return the list of contents of a QTI package, `imsmanifest.xml`."""
    name = f"lstmbook-{chapter}"
    root = ET.Element("manifest", xmlns=PACKAGE, identifier=f"{name}-package")
    metadata = ET.SubElement(root, "metadata")
    ET.SubElement(metadata, "schema").text = "IMS Content"
    ET.SubElement(metadata, "schemaversion").text = "1.1.3"
    ET.SubElement(root, "organizations")
    resource = ET.SubElement(
        ET.SubElement(root, "resources"),
        "resource",
        identifier=name,
        type="imsqti_xmlv1p2",
    )
    ET.SubElement(resource, "file", href=f"{name}.xml")
    return _xml(root)


def export(out: Path, chosen: str = "") -> list[Path]:
    """
    Write the quizzes in both formats.

    Parameters
    ----------
    out
        The folder, made if need be.
    chosen
        How a chapter's file name begins; by default all chapters.

    Returns
    -------
    list of Path
        What was written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for chapter, questions in quizzes().items():
        if not chapter.startswith(chosen):
            continue
        moodle, package = out / f"{chapter}.moodle.xml", out / f"{chapter}.qti.zip"
        moodle.write_text(to_moodle(chapter, questions), "utf-8")
        with zipfile.ZipFile(package, "w") as archive:
            for name, text in (
                ("imsmanifest.xml", manifest(chapter)),
                (f"lstmbook-{chapter}.xml", to_qti(chapter, questions)),
            ):
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), text)
        written += [moodle, package]
    return written


if __name__ == "__main__":
    files = export(OUT)
    print(f"{len(files)} files in {OUT}: *.qti.zip for Canvas, *.moodle.xml for Moodle")
