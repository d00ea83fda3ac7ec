"""The course kit: what students get, and what Gradescope's harness says of hand-ins."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from lstmbook.course import exercises
from lstmbook.course.exercises import ALL, EXERCISES, labs
from tests.submissions import HANDED, NAME, SCORES, assignment, blank, hand_in, right
from tools import withhold
from tools.course import bundles, guide, public, sheets
from tools.course.labs import labs as lab_sheets
from tools.course.sheets import (
    REGION,
    from_chapter,
    instructors_edition,
    source_notebook,
    students_edition,
)
from tools.course.student import check as student
from tools.toc import notebooks

ROOT = Path(__file__).parents[1]
CHAPTERS = [p for p in notebooks(ROOT) if p.match("book/[0-9][0-9]-*.ipynb")]
SEEDS = [71, 72]
PYTHON = os.environ.get("COURSE_PYTHON", sys.executable)
LIMITS = {"cell_seconds": 0.5, "call_seconds": 0.5, "seconds": 40, "memory": 4 << 30}


@pytest.fixture(scope="module")
def package():
    return public.package_files(EXERCISES[name] for name in HANDED)


@pytest.fixture(scope="module")
def autograder(package, tmp_path_factory):
    """Gradescope's folder, the archive unpacked in `source`."""
    if sys.platform != "linux":
        pytest.skip("graders run on Linux")
    return unpack(package, tmp_path_factory.mktemp("autograder"), LIMITS)


def unpack(package, home, limits):
    archive = home / "autograder.zip"
    bundles.gradescope_zip(assignment(), SEEDS, package, ["numpy"], archive, limits)
    zipfile.ZipFile(archive).extractall(home / "source")
    archive.unlink()
    return home


def graded(autograder, notebook, name="mine.ipynb"):
    """What `run_autograder` writes about one hand-in."""
    for folder in ("submission", "results"):
        (autograder / folder).mkdir(exist_ok=True)
        for path in (autograder / folder).iterdir():
            path.unlink()
    target = autograder / "submission" / name
    if isinstance(notebook, str):
        target.write_text(notebook)
    else:
        nbformat.write(notebook, target)
    environment = {**os.environ, "AUTOGRADER_HOME": str(autograder)}
    environment |= {"COURSE_PYTHON": PYTHON, "PYTHONPATH": ""}
    script = autograder / "source" / "run_autograder"
    subprocess.run(["bash", str(script)], check=True, env=environment, timeout=120)
    return json.loads((autograder / "results" / "results.json").read_text())


# --- Gradescope


@pytest.mark.slow
@pytest.mark.parametrize("submission", SCORES, ids=lambda s: s.__name__)
def test_points_of_a_hand_in(autograder, submission):
    found = graded(autograder, submission())
    assert [test["name"] for test in found["tests"]] == HANDED
    assert [test["max_score"] for test in found["tests"]] == [3, 4, 3]
    assert tuple(test["score"] for test in found["tests"]) == SCORES[submission]
    assert found["score"] == sum(SCORES[submission])


def test_feedback_is_the_books(autograder):
    wrong = hand_in(
        dial_by_hand='answer = {"f": 0.995, "b_f": 5.293, "left_after_250": 0.2856}',
        forget_products="def forget_products(fs):\n    return fs + None",
    )
    dial, products, bias = graded(autograder, wrong)["tests"]
    assert "the same amount lost at each step" in dial["output"]
    assert "TypeError" in products["output"] and "line 2 " in products["output"]
    assert bias["output"] == "forget-bias: not answered yet"


def test_an_answer_that_no_cell_reaches_is_explained(autograder):
    notebook = hand_in(dial_by_hand="answer = 1 / 0")
    checks = [c for c in notebook.cells if "check(" in c.source]
    notebook.cells.remove(checks[1])
    dial, products, _ = graded(autograder, notebook)["tests"]
    assert "the cell with exercises.check" in products["output"]
    assert "ZeroDivisionError" in dial["output"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not a notebook"), ("[]", "not a notebook"), ("{}", "not a notebook")],
)
def test_what_is_no_notebook_scores_nothing(autograder, text, said):
    found = graded(autograder, text)
    assert found["score"] == 0 and said in found["output"]


def test_a_hand_in_without_a_notebook(autograder):
    assert "found 0" in graded(autograder, "print()", "mine.py")["output"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be nobody"
)
def test_as_nobody_the_solutions_cannot_be_read(package):
    who = {"user": bundles.NOBODY, "group": bundles.NOBODY, "extra_groups": []}
    try:
        subprocess.run([PYTHON, "-c", "import numpy"], check=True, cwd="/", **who)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the user nobody cannot run this Python")
    # Not in pytest's own folder, which is closed to others.
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        limits = {**LIMITS, "user": bundles.NOBODY}
        unpack(package, home, limits)
        assert graded(home, reading(home))["score"] == 0
        assert graded(home, right())["score"] == 10


def reading(home):
    """Looks for the solutions where the grader has them."""
    source = home / "source"
    return hand_in(
        dial_by_hand=(
            f"import sys\nsys.path.insert(0, {str(source)!r})\n"
            "for name in [n for n in sys.modules if n.startswith('lstmbook')]:\n"
            "    del sys.modules[name]\n"
            "from lstmbook.course.exercises import ch06\nanswer = ch06.dial_by_hand()"
        )
    )


def test_the_graders_library_knows_its_version_without_being_installed(autograder):
    for folder, edition in (("source", ""), ("source/student", "+student")):
        (found,) = metadata.distributions(name="lstmbook", path=[autograder / folder])
        assert found.version == metadata.version("lstmbook") + edition


# --- the students' package


@pytest.fixture
def check(package, monkeypatch):
    table = json.loads(package[f"{public.EXERCISES}/checks.json"])
    monkeypatch.setattr(student, "_table", lambda: table)
    return student.check


def answer_of(exercise):
    if exercise.cases:
        return exercise.solution
    if exercise.expected:
        return {name: band.middle for name, band in exercise.expected.items()}
    return exercise.solution()


def wrong_of(exercise, mistake):
    if exercise.cases:
        return mistake.answer
    values = {n: getattr(v, "middle", v) for n, v in mistake.answer.items()}
    return answer_of(exercise) | values


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
def test_the_public_check_tells_right_from_wrong(exercise, monkeypatch):
    table = {exercise.name: public.seal(exercise, "00ff")}
    monkeypatch.setattr(student, "_table", lambda: table)
    right = student.check(exercise.name, answer_of(exercise))
    assert right and "no mistake" in repr(right)
    for mistake in exercise.mistakes:
        assert not student.check(exercise.name, wrong_of(exercise, mistake)), (
            mistake.name
        )
    for nothing in (None, ...):
        assert "not answered yet" in repr(student.check(exercise.name, nothing))
    for nonsense in ("text", {"no": 1}, [1] * 9, object()):
        assert not student.check(exercise.name, nonsense)
        assert not student.check(exercise.name, lambda *a, n=nonsense: n)


def test_the_public_check_allows_what_the_text_allows(check):
    assert check("dial-by-hand", (99.3, 4.97, 17.7))
    assert check("dial-by-hand", [0.993, 4.969, 0.1767])
    assert not check("dial-by-hand", (0.9933, 4.97, 0.177))
    assert not check("dial-by-hand", (0.993, np.nan, 0.177))
    assert "expected (5, 3, 2)" in repr(check("forget-products", lambda fs: (1, 2)))


def test_the_public_check_refuses_what_it_cannot_do(check):
    with pytest.raises(ValueError, match="did you mean 'dial-by-hand'"):
        check("dial-by-hnad", 1)
    with pytest.raises(ValueError, match="seed is 3"):
        check("forget-products", len, seed=3)
    with pytest.raises(AssertionError, match="b_f"):
        student.require("dial-by-hand", (0.993, 0, 0.177))


def leaves(entry):
    """Every number and every text in what the public check reads."""
    if isinstance(entry, dict | list):
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from leaves(part)
    else:
        yield entry


def test_nothing_in_the_package_holds_an_answer(package):
    """Neither sources of solutions, nor expected values, in text or in bytes."""
    everything = b"\n".join(package.values())
    for name in HANDED:
        exercise = EXERCISES[name]
        body = exercise.worked.split('"""')[2].rsplit("exercises.check", 1)[0]
        assert len(body) > 80 and body.strip() not in everything.decode("utf-8")
        for mistake in exercise.mistakes:
            assert mistake.hint not in everything.decode("utf-8")
    table = json.loads(package[f"{public.EXERCISES}/checks.json"])
    for name in HANDED:
        exercise = EXERCISES[name]
        cases = exercise.draw_cases() if exercise.cases else [()]
        right = exercise.bands(cases)
        entry = table[name]
        pickled = base64.b64decode(entry["cases"] or b"")
        open_text = [*leaves({k: v for k, v in entry.items() if k != "cases"})]
        texts = [leaf for leaf in open_text if isinstance(leaf, str)]
        # Names, and digests: nothing else is text.
        words = {*exercise.quantities, *exercise.shares}
        assert all(re.fullmatch("[0-9a-f]{16}", t) for t in {*texts} - words)
        found = [leaf for leaf in open_text if isinstance(leaf, float)]
        assert all(np.log2(width) == round(np.log2(width)) for width in found)
        for band in right.values():
            for x in np.ravel(band.middle):
                if x not in {*np.ravel(cases[0]), *np.ravel(cases[-1]), 0, 1}:
                    assert np.float64(x).tobytes() not in pickled


def test_solutions_stay_out_of_the_package(package):
    assert any(name.endswith("+student.dist-info/METADATA") for name in package)
    folder = {Path(n).name for n in package if n.startswith(public.EXERCISES)}
    assert folder == {
        "__init__.py",
        "answers.py",
        "mutants.py",
        "ch10.py",
        "checks.json",
        "suspects.json",
    }


def test_the_wheel_is_one(package, tmp_path):
    """pip installs it without network, and it is imported under the book's names."""
    wheel = public.write_wheel(package, tmp_path)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", tmp_path / "site", wheel], check=True)
    code = (
        "import lstmbook; from lstmbook.course import exercises, experiments;"
        "exercises.require('dial-by-hand', (0.993, 4.97, 0.177));"
        "assert not exercises.check('dial-by-hand', (0.9, 4.97, 0.177));"
        "from lstmbook.course.exercises.ch10 import SUSPECTS, wrong_arrays;"
        "print(lstmbook.__file__, len(wrong_arrays(SUSPECTS['A'], steps=5)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site") in done.stdout and done.stdout.split()[-1] == "15"


# --- the sheets


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_editions_of_a_chapter(path):
    assignment = from_chapter(path)
    text = path.read_text(encoding="utf-8")
    here = [name for name in EXERCISES if f'check(\\"{name}\\", ' in text]
    assert sorted(e.name for e in assignment.exercises) == sorted(here)
    source = source_notebook(assignment)
    nbformat.validate(source)
    blank = students_edition(source)
    words = "\n".join(cell.source for cell in blank.cells)
    assert "SOLUTION" not in words and "solutions/" not in words
    for item in assignment.items:
        exercise = item.exercise
        assert exercise.stub.splitlines()[-1] in words
        body = exercise.worked.split('"""')[2].splitlines()
        lines = [line.strip() for line in body if len(line.strip()) > 12]
        hidden = [
            line
            for line in lines
            if "exercises.check" not in line
            and not line.startswith(("from ", "import "))
            and line not in item.task  # some tasks give a line
        ]
        assert not [line for line in hidden if line in words]
        solved = "\n".join(c.source for c in source.cells if REGION.search(c.source))
        assert all(line in solved for line in hidden)
    points = [c.metadata.nbgrader.points for c in source.cells if is_graded(c)]
    assert sum(points) == assignment.points


def is_graded(cell):
    return cell.metadata.get("nbgrader", {}).get("grade", False)


def test_the_instructors_edition_has_tests_mistakes_and_a_rubric():
    notebook = instructors_edition(source_notebook(assignment()), assignment(), SEEDS)
    text = "\n".join(cell.source for cell in notebook.cells)
    for name in HANDED:
        for mistake in EXERCISES[name].mistakes:
            assert mistake.name in text and mistake.hint in text
    assert 'require("forget-products", forget_products, seed=71)' in text
    assert "Rubric for the words" in text and "two and a half half-lives" in text


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_solutions_pass_their_hidden_tests(path):
    """Experiments apart, which the book's own notebooks run."""
    sheet = from_chapter(path)
    notebook = instructors_edition(source_notebook(sheet), sheet, SEEDS)
    long = [e.solution.__name__ for e in sheet.exercises if e.expected]
    names = {"np": np, "exercises": exercises, "answer": None}
    passed = 0
    for cell in notebook.cells[2:]:
        if cell.cell_type == "code" and not any(f"{n}(" in cell.source for n in long):
            exec(cell.source, names)
            passed += "require(" in cell.source
    assert passed == sum(bool(e.cases) for e in sheet.exercises)


def test_colab_is_where_the_workflow_publishes():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"COLAB := {sheets.COLAB}\n" in makefile
    workflow = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    assert "cp -r _course/student _build/html/notebooks/assignments" in workflow
    (link,) = re.findall(r"\[Open in Colab\]\((.*?)\)", blank().cells[0].source)
    assert link == f"{sheets.COLAB}/assignments/{NAME}.ipynb"


def test_colab_installs_the_wheel_that_is_written(package, tmp_path):
    wheel = public.write_wheel(package, tmp_path)
    (url,) = re.findall(r"%pip install -q (\S+)", blank().cells[1].source)
    site = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    assert url == f"{site}notebooks/assignments/{wheel.name}"


def test_a_blank_sheet_runs_and_scores_nothing():
    names = {"np": np, "exercises": exercises}
    for cell in blank().cells[2:]:
        if cell.cell_type == "code":
            exec(cell.source, names)
    assert NAME == assignment().name and assignment().points == 12


# --- the guide, and a site without solutions


def test_the_guide_is_up_to_date():
    page = (ROOT / guide.PAGE).read_text(encoding="utf-8")
    made = guide.fill(page, guide.blocks(ROOT))
    assert made == page, "stale: run `python -m tools.course.guide`"
    with pytest.raises(ValueError, match="no place for syllabi"):
        guide.fill(page.replace("made: syllabi", "made: silly"), {"syllabi": ""})


def test_the_guide_knows_the_chapters():
    book = guide.chapters(ROOT)
    assert [c.path for c in book] == CHAPTERS
    assert book[8].needs == (4, 5, 6, 7, 8) and book[12].needs == (11, 12)
    assert "With $f = 1$ the cell forgets everything." in book[5].beliefs
    assert {*HANDED} <= {e.name for e in book[5].exercises}
    assert {*EXERCISES} == {e.name for c in book for e in c.exercises}


def test_no_page_is_left_with_a_link_to_solutions():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [c["file"] for p in withhold.contents(toc)["parts"] for c in p["chapters"]]
    assert "book/glossary" in files
    before = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    assert {*before} - {*files} == {f"book/solutions/{p.stem}" for p in CHAPTERS}
    for name in files:
        (path,) = ROOT.glob(f"{name}.*")
        source = path.read_text(encoding="utf-8")
        left = withhold.drop_links(source)
        assert "solutions/" not in left, name
        if path.suffix == ".ipynb":
            json.loads(left)
            assert (left != source) == (path in CHAPTERS or path.stem == "welcome")


# --- the labs


@pytest.mark.parametrize("step", labs.STEPS, ids=lambda step: step.name)
def test_a_step_of_a_lab(step):
    for seed in (None, 1, 2, 3):
        assert exercises.check(step.name, step.solution, seed)
        for mistake in step.mistakes:
            verdict = step.check(mistake.answer, seed).verdict
            named = {m.name for m in step.mistakes if f"{m.name}. " in verdict}
            assert named == {mistake.name}


def test_steps_agree_with_the_library():
    from lstmbook import LSTM, RNN

    rng = np.random.default_rng(5)
    for kind, forward, backward in (
        (RNN, labs.rnn_forward, labs.rnn_backward),
        (LSTM, labs.lstm_forward, labs.lstm_backward),
    ):
        cell = kind.init(rng, 3, 2)
        cell.b[:] = rng.standard_normal(cell.b.shape)
        xs, d_hs = rng.standard_normal((5, 4, 3)), rng.standard_normal((5, 4, 2))
        state = tuple(rng.standard_normal((4, 2)) for _ in cell.State._fields)
        hs, trace = cell.forward(xs, cell.State(*state))
        made = forward(xs, *state, cell.W_x, cell.W_h, cell.b)
        made = made if isinstance(made, tuple) else (made,)
        np.testing.assert_allclose(made[0], hs, atol=1e-12)
        grads = cell.backward(trace, d_hs)
        d_xs, *d_state, d_W_x, d_W_h, d_b = backward(
            d_hs, xs, *state, *made, cell.W_x, cell.W_h
        )
        pairs = [(d_xs, grads.xs), *zip(d_state, grads.state, strict=True)]
        pairs += [(d_W_x, grads.cell.W_x), (d_W_h, grads.cell.W_h), (d_b, grads.cell.b)]
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_the_labs_forget_cell_is_the_lstm_with_open_gates():
    rng = np.random.default_rng(6)
    xs, h_0, c_0, W_x, W_h, b = labs.forget_cases(rng)[0]
    f_x, g_x = np.split(W_x, 2, axis=-1)
    f_h, g_h = np.split(W_h, 2, axis=-1)
    f_b, g_b = np.split(b, 2)
    hs, cs, gates = labs.lstm_forward(
        xs,
        h_0,
        c_0,
        np.concatenate([0 * f_x, f_x, g_x, 0 * f_x], axis=-1),
        np.concatenate([0 * f_h, f_h, g_h, 0 * f_h], axis=-1),
        np.concatenate([0 * f_b + 40, f_b, g_b, 0 * f_b + 40]),
    )
    ours = labs.forget_forward(xs, h_0, c_0, W_x, W_h, b)
    np.testing.assert_allclose(ours, (hs, cs), atol=1e-12)
    d_cs = labs.direct_gradient(np.ones_like(c_0), np.split(gates, 4, axis=-1)[1])
    np.testing.assert_allclose(
        d_cs[0], np.split(gates, 4, axis=-1)[1].prod(axis=0), atol=1e-12
    )


def run_lab(lab):
    """Run the end of a lab with the book's own steps; return the functions."""
    names = {"np": np, "exercises": exercises}
    names |= {e.solution.__name__: e.solution for e in lab.exercises}
    ((_, code),) = lab.closing
    exec(code, names)
    return names


def test_every_lab_ends_in_something_made(capsys):
    sheets = {lab.name[:6]: lab for lab in lab_sheets()}
    assert set(sheets) == {"lab-02", "lab-06", "lab-09", "lab-10"}
    run_lab(sheets["lab-06"])
    assert "after 20 steps 0.500 is left" in capsys.readouterr().out
    assert run_lab(sheets["lab-09"])["error"] < 2e-3
    assert run_lab(sheets["lab-02"])["loss"] < 0.1


@pytest.mark.parametrize("lab", lab_sheets(), ids=lambda lab: lab.name)
def test_editions_of_a_lab(lab):
    source = source_notebook(lab)
    nbformat.validate(source)
    text = "\n".join(cell.source for cell in students_edition(source).cells)
    assert "SOLUTION" not in text and lab.closing[0][1] in text
    assert all(e.stub.splitlines()[-1] in text for e in lab.exercises)
    compile(lab.closing[0][1], "lab", "exec")
