"""Each chapter has a quiz; its page, Canvas and Moodle get the same questions."""

import html
import json
import re
import zipfile
from collections import Counter
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import nbformat
import pytest
import yaml
from docutils import nodes

from tools import quizzes
from tools.quizzes import BOOK, Choice, Question, Quiz, add_quiz, export, read, to_html

QUIZZES = quizzes.quizzes()
ALL = [
    (chapter, question)
    for chapter, questions in QUIZZES.items()
    for question in questions
]
QTI = f"{{{quizzes.QTI}}}"


def test_each_chapter_has_six_questions_or_more():
    chapters = sorted(path.stem for path in BOOK.glob("[01][0-9]-*.ipynb"))
    assert list(QUIZZES) == chapters
    assert min(map(len, QUIZZES.values())) >= 6


def test_a_chapter_can_be_exported_alone(tmp_path):
    written = export(tmp_path, "06")
    assert [path.name for path in written] == [
        "06-forget-gate.moodle.xml",
        "06-forget-gate.qti.zip",
    ]


def test_neither_place_nor_length_gives_the_right_choice_away():
    letters = Counter("ABCDE"[question.right] for _, question in ALL)
    assert set(letters) == set("ABCD")
    assert max(letters.values()) <= 1.2 * min(letters.values())
    longest, shortest = (
        sum(
            len(question.choices[question.right].text)
            == pick(len(choice.text) for choice in question.choices)
            for _, question in ALL
        )
        for pick in (max, min)
    )
    assert max(longest, shortest) <= 0.4 * len(ALL)


@pytest.mark.parametrize("chapter", QUIZZES)
def test_a_question_names_a_place_in_its_chapter(chapter):
    nb = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    sources = "\n".join(cell.source for cell in nb.cells)
    labels = set(re.findall(r"^\(([\w-]+)\)=$", sources, re.M))
    figures = re.findall(r'"name": "(fig-[\w-]+)"', json.dumps(nb.cells))
    asked = {question.see for question in QUIZZES[chapter]}
    assert asked <= labels | set(figures)


RIGHT = {
    "id": "a",
    "ask": "Which?",
    "see": "ch1-constant",
    "choices": [
        {"wrong": "One", "why": "No."},
        {"right": "Two", "why": "Yes."},
        {"wrong": "Three", "why": "No."},
    ],
}


def without_why(entry):
    del entry["choices"][0]["why"]


def two_right(entry):
    entry["choices"][0] = {"right": "One", "why": "Yes."}


def none_right(entry):
    entry["choices"][1] = {"wrong": "Two", "why": "No."}


def two_choices(entry):
    del entry["choices"][0]


def six_choices(entry):
    entry["choices"] += [{"wrong": "More", "why": "No."}] * 3


def a_number(entry):
    entry["choices"][0]["wrong"] = 1


def misspelt(entry):
    entry["choices"][0] = {"false": "One", "why": "No."}


def without_place(entry):
    del entry["see"]


def test_a_right_file_is_read(tmp_path):
    path = tmp_path / "01.yml"
    path.write_text(yaml.safe_dump([RIGHT]))
    choices = [
        Choice("One", False, "No."),
        Choice("Two", True, "Yes."),
        Choice("Three", False, "No."),
    ]
    assert read(path) == [Question("a", "Which?", "ch1-constant", choices)]
    assert read(path)[0].right == 1


@pytest.mark.parametrize(
    "spoil",
    [
        without_why,
        two_right,
        none_right,
        two_choices,
        six_choices,
        a_number,
        misspelt,
        without_place,
    ],
)
def test_a_wrong_file_is_named(tmp_path, spoil):
    entry = json.loads(json.dumps(RIGHT))
    spoil(entry)
    path = tmp_path / "01.yml"
    path.write_text(yaml.safe_dump([entry]))
    with pytest.raises(ValueError, match=r"01\.yml, question 'a'.*expected"):
        read(path)


def test_a_name_stands_once(tmp_path):
    path = tmp_path / "01.yml"
    path.write_text(yaml.safe_dump([RIGHT, {**RIGHT, "ask": "Which one?"}]))
    with pytest.raises(ValueError, match="twice"):
        read(path)


# --- in the page


def notebook(*sources):
    cells = [nbformat.v4.new_markdown_cell(source) for source in sources]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


def test_a_quiz_stands_before_the_exercises():
    source = [notebook("# Title\n\ntext", "## True or false\n\n## Exercises\n\n**1.**")]
    add_quiz(None, "book/01-sequences-and-memory", source)
    texts = [cell.source for cell in nbformat.reads(source[0], 4).cells]
    assert texts[0] == "# Title\n\ntext"
    assert texts[1] == (
        "## True or false\n\n```{quiz} 01\n```\n\n## Exercises\n\n**1.**"
    )


@pytest.mark.parametrize(
    "page", ["book/welcome", "book/solutions/01-x", "book/99-beyond"]
)
def test_other_pages_stay_as_they_are(page):
    source = [text := notebook("## Exercises")]
    add_quiz(SimpleNamespace(), page, source)
    assert source == [text]


def test_a_chapter_without_exercises_is_named():
    with pytest.raises(ValueError, match="book/01-x has no heading"):
        add_quiz(None, "book/01-x", [notebook("# Title", "## Summary")])


@pytest.mark.parametrize(("solutions", "told"), [("0", False), ("1", True)])
def test_a_site_without_solutions_tells_no_answer(monkeypatch, solutions, told):
    monkeypatch.setenv("SOLUTIONS", solutions)
    quiz = Quiz.__new__(Quiz)
    quiz.state = SimpleNamespace(inline_text=lambda text, _: ([nodes.Text(text)], []))
    quiz.lineno = 1
    choices = [Choice("One", False, "Too few."), Choice("Two", True, "As many.")]
    item = quiz._question(Question("a", "How many?", "ch1-constant", choices))
    words = item.astext()
    assert "How many?" in words and "One" in words and "Two" in words
    for answer in ("Too few.", "As many.", "Right", "Wrong", "ch1-constant"):
        assert (answer in words) == told


# --- for Canvas and Moodle


def test_text_becomes_html():
    text = r"Is $a < b$ *here*, `x < y`, & 5 %?"
    assert to_html(text) == (
        r'Is <span class="math inline">\(a &lt; b\)</span> <em>here</em>, '
        "<code>x &lt; y</code>, &amp; 5 %?"
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quizzes") / "new"
    assert len(export(folder)) == 2 * len(QUIZZES)
    return folder


def words(markup):
    """The words of HTML, with formulas as they were."""
    inside = re.sub(r"<[^>]+>", "", markup.replace("</p>", " "))
    return html.unescape(inside).split()


def wanted(text):
    return words(to_html(text))


@pytest.mark.parametrize("chapter", QUIZZES)
def test_moodle_gets_the_questions(exported, chapter):
    root = ET.parse(exported / f"{chapter}.moodle.xml").getroot()
    category, *items = root.findall("question")
    assert category.get("type") == "category"
    assert chapter in category.findtext("category/text")
    assert len(items) == len(QUIZZES[chapter])
    for item, question in zip(items, QUIZZES[chapter], strict=True):
        assert item.get("type") == "multichoice"
        assert item.findtext("name/text") == f"{chapter[:2]} {question.name}"
        assert words(item.findtext("questiontext/text")) == wanted(question.text)
        assert item.findtext("single") == "true"
        answers = item.findall("answer")
        for answer, choice in zip(answers, question.choices, strict=True):
            assert answer.get("fraction") == ("100" if choice.right else "0")
            assert words(answer.findtext("text")) == wanted(choice.text)
            told = answer.findtext("feedback/text")
            assert words(told)[: len(wanted(choice.why))] == wanted(choice.why)
            assert (f"{chapter}.html#{question.see}" in told) == choice.right


#: What may stand in an element, in this order: from the DTD of QTI 1.2.1, as far as
#: it is used here.
MODELS = {
    "questestinterop": "assessment",
    "assessment": "section+",
    "section": "item+",
    "item": "itemmetadata? presentation? resprocessing* itemfeedback*",
    "itemmetadata": "qtimetadata*",
    "qtimetadata": "qtimetadatafield+",
    "qtimetadatafield": "fieldlabel fieldentry",
    "fieldlabel": "",
    "fieldentry": "",
    "presentation": "material response_lid",
    "response_lid": "render_choice",
    "render_choice": "response_label+",
    "response_label": "material",
    "material": "mattext+",
    "mattext": "",
    "resprocessing": "outcomes respcondition+",
    "outcomes": "decvar+",
    "decvar": "",
    "respcondition": "conditionvar setvar* displayfeedback*",
    "conditionvar": "varequal",
    "varequal": "",
    "setvar": "",
    "displayfeedback": "",
    "itemfeedback": "flow_mat",
    "flow_mat": "material+",
}
ATTRIBUTES = {
    "assessment": {"ident": r"[\w-]+", "title": ".+"},
    "section": {"ident": r"\w+"},
    "item": {"ident": r"[\w-]+", "title": ".+"},
    "response_lid": {"ident": r"\w+", "rcardinality": "Single"},
    "response_label": {"ident": "[A-E]"},
    "mattext": {"texttype": "text/html"},
    "decvar": {
        "varname": "SCORE",
        "vartype": "Decimal",
        "minvalue": "0",
        "maxvalue": "100",
    },
    "respcondition": {"continue": "Yes|No"},
    "varequal": {"respident": "response1"},
    "setvar": {"varname": "SCORE", "action": "Set"},
    "displayfeedback": {"feedbacktype": "Response", "linkrefid": "[A-E]_fb"},
    "itemfeedback": {"ident": "[A-E]_fb"},
}


def holds(element):
    """Whether an element and all in it fit the models of QTI 1.2."""
    tag = element.tag.removeprefix(QTI)
    model = re.findall(r"(\w+)([?*+]?)", MODELS[tag])
    pattern = "".join(f"(?:{name} ){count}" for name, count in model)
    inside = "".join(child.tag.removeprefix(QTI) + " " for child in element)
    given, known = element.attrib, ATTRIBUTES.get(tag, {})
    return (
        re.fullmatch(pattern, inside) is not None
        and set(given) == set(known)
        and all(re.fullmatch(known[key], given[key]) for key in given)
        and all(map(holds, element))
    )


def assessment(exported, chapter):
    with zipfile.ZipFile(exported / f"{chapter}.qti.zip") as archive:
        names = archive.namelist()
        packed = ET.fromstring(archive.read("imsmanifest.xml"))
        space = f"{{{quizzes.PACKAGE}}}"
        (resource,) = packed.iter(f"{space}resource")
        assert resource.get("type") == "imsqti_xmlv1p2"
        listed = [file.get("href") for file in resource.findall(f"{space}file")]
        assert names == ["imsmanifest.xml", *listed]
        return ET.fromstring(archive.read(listed[0]))


@pytest.mark.parametrize("chapter", QUIZZES)
def test_canvas_gets_the_questions(exported, chapter):
    root = assessment(exported, chapter)
    assert holds(root)
    items = list(root.iter(f"{QTI}item"))
    for item, question in zip(items, QUIZZES[chapter], strict=True):
        texts = {
            letter: wanted(choice.text)
            for letter, choice in zip("ABCDE", question.choices, strict=False)
        }
        asked = item.findtext(f"{QTI}presentation/{QTI}material/{QTI}mattext")
        assert words(asked) == wanted(question.text)
        labels = item.iter(f"{QTI}response_label")
        assert texts == {
            label.get("ident"): words(label.findtext(f".//{QTI}mattext"))
            for label in labels
        }
        *told, scored = item.iter(f"{QTI}respcondition")
        assert scored.findtext(f".//{QTI}varequal") == "ABCDE"[question.right]
        assert scored.findtext(f"{QTI}setvar") == "100"
        feedback = {
            part.get("ident"): words(part.findtext(f".//{QTI}mattext"))
            for part in item.iter(f"{QTI}itemfeedback")
        }
        for condition, choice in zip(told, question.choices, strict=True):
            letter = condition.findtext(f".//{QTI}varequal")
            shown = condition.find(f"{QTI}displayfeedback").get("linkrefid")
            assert shown == f"{letter}_fb"
            why = wanted(choice.why)
            assert feedback[shown][: len(why)] == why


def test_the_models_refuse_another_order(exported):
    root = assessment(exported, next(iter(QUIZZES)))
    item = next(root.iter(f"{QTI}item"))
    item[:] = reversed(item)
    assert not holds(root)


def test_names_are_unique_in_the_book(exported):
    names = [
        item.get("ident")
        for chapter in QUIZZES
        for item in assessment(exported, chapter).iter(f"{QTI}item")
    ]
    assert len(names) == len(set(names)) == len(ALL)


def test_the_same_questions_make_the_same_files(exported, tmp_path):
    for path in export(tmp_path):
        assert path.read_bytes() == (exported / path.name).read_bytes()
