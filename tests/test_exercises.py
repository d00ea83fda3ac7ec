"""Every exercise: right answers pass, stubs and wrong ones fail kindly, by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from lstmbook.course import exercises
from lstmbook.course.exercises.checking import Exercise
from tools.toc import notebooks

ROOT = Path(__file__).parents[1]
every = pytest.mark.parametrize(
    "exercise", exercises.EXERCISES.values(), ids=exercises.EXERCISES
)


def right_answer(exercise):
    if exercise.cases:
        return exercise.solution
    return exercise.expected or exercise.solution()


@every
def test_solution_passes(exercise):
    result = exercises.check(exercise.name, right_answer(exercise))
    assert result and result.passed and "Right." in repr(result)
    assert len(result.rows) >= len(exercise.quantities)


@every
def test_stub_fails_kindly(exercise):
    namespace = {"exercises": exercises, "np": np}
    body, call = exercise.stub.rsplit("\n", 1)
    exec(body, namespace)
    result = eval(call, namespace)
    assert not result and "Not yet" in repr(result)


@every
def test_wrong_shape_fails_kindly(exercise):
    wrong = dict.fromkeys(exercise.quantities, np.zeros((7, 1, 7)))
    answer = (lambda *_: wrong) if exercise.cases else wrong
    result = exercises.check(exercise.name, answer)
    assert not result and "another shape" in repr(result)


@every
@pytest.mark.parametrize("answer", ["text", None, 3.5, [], (1, "a"), object(), print])
def test_nonsense_never_raises(exercise, answer):
    for given in (answer, lambda *_: answer, lambda: answer):
        assert not exercises.check(exercise.name, given)


@every
def test_nan_is_not_right(exercise):
    right = exercise._evaluate(right_answer(exercise))
    answer = {name: np.full_like(next(iter(right.values())), np.nan) for name in right}
    given = (lambda *_: answer) if exercise.cases else answer
    assert not exercises.check(exercise.name, given)


@every
def test_each_mistake_is_named(exercise):
    assert exercise.mistakes
    for mistake in exercise.mistakes:
        result = exercises.check(exercise.name, mistake.answer)
        assert not result
        assert mistake.name in result.verdict and mistake.hint in result.verdict


@every
def test_stub_and_solution_stand_in_the_book(exercise):
    """Each stub in one chapter, each solution in the notebook of the same name."""

    def holding(source):
        found = []
        for path in notebooks(ROOT):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            if any("".join(cell["source"]) == source for cell in cells):
                found.append(path)
        return found

    (chapter,) = holding(exercise.stub)
    assert holding(exercise.worked) == [ROOT / "book/solutions" / chapter.name]
    text = chapter.read_text(encoding="utf-8")
    assert f"solutions/{chapter.stem}" in text


def test_every_chapter_has_three_exercises():
    for path in notebooks(ROOT):
        if path.parent.name == "book" and path.name[:2].isdigit():
            text = path.read_text(encoding="utf-8")
            assert sum(f'(\\"{name}\\"' in text for name in exercises.EXERCISES) >= 3


def test_unknown_exercise():
    with pytest.raises(ValueError, match="did you mean 'bptt-by-hand'"):
        exercises.check("bptt-by-hnad", 1)
    with pytest.raises(ValueError, match="there are adding-by-hand, "):
        exercises.check("?", 1)


def double(x):
    """Twice x."""
    return 2 * x


TINY = Exercise("tiny", ("y",), double, lambda rng: [(rng.standard_normal(3),)])


def test_answers_come_in_many_forms():
    by_hand = Exercise("sum", ("a", "b"), lambda: {"a": 1.0, "b": np.ones(2)})
    for answer in ((1, [1, 1]), {"b": [1, 1], "a": 1}, (np.float32(1), np.ones(2))):
        assert by_hand.check(answer)
    assert "b is missing" in by_hand.check({"a": 1}).verdict
    assert "1 values came; expected a, b" in by_hand.check(1).verdict


def test_raising_answer_is_reported():
    result = TINY.check(lambda x: 1 / 0)
    assert not result and "ZeroDivisionError: division by zero" in repr(result)
    assert "a float came; expected a function" in TINY.check(2.0).verdict


def test_answer_cannot_change_the_question():
    def spoil(x):
        x *= 2
        return x

    assert TINY.check(spoil) and TINY.check(double)


def test_stub_keeps_name_and_docstring_only():
    assert TINY.stub == (
        'def double(x):\n    """Twice x."""\n    ...  # your turn\n\n\n'
        'exercises.check("tiny", double)'
    )
    assert TINY.worked.startswith(TINY.stub.split("    ...")[0])
