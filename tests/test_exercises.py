"""Every exercise, answered as all kinds of students would answer it."""

import json
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import permutations
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from lstmbook.course import exercises
from lstmbook.course.exercises import Band, Mistake, answers, ch01, ch05, ch09, ch10
from lstmbook.course.exercises.checking import Exercise
from lstmbook.course.exercises.mutants import MUTANTS
from tools.exercises import name_of, rewrite
from tools.toc import notebooks

ROOT = Path(__file__).parents[1]
EXERCISES = exercises.EXERCISES
every = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
in_code = pytest.mark.parametrize(
    "exercise", [e for e in EXERCISES.values() if e.cases], ids=lambda e: e.name
)
in_numbers = pytest.mark.parametrize(
    "exercise", [e for e in EXERCISES.values() if not e.cases], ids=lambda e: e.name
)


@pytest.fixture(autouse=True)
def fresh_tries(monkeypatch):
    monkeypatch.setattr(exercises, "_tries", {name: set() for name in EXERCISES})


def right_values(exercise):
    if exercise.expected is None:
        return exercise.solution()
    return {name: band.middle for name, band in exercise.expected.items()}


def right_answer(exercise):
    return exercise.solution if exercise.cases else right_values(exercise)


def wrong_answer(exercise, mistake):
    if exercise.cases:
        return mistake.answer
    wrong = {
        name: value.middle if isinstance(value, Band) else value
        for name, value in mistake.answer.items()
    }
    return right_values(exercise) | wrong


def named(result, exercise):
    """Names of the mistakes that a verdict accuses of."""
    return {m.name for m in exercise.mistakes if m.name + ". " in result.verdict}


# --- each exercise


@every
def test_solution_passes(exercise):
    result = exercises.check(exercise.name, right_answer(exercise))
    assert result and result.passed and "Right." in repr(result)
    assert len(result.rows) >= len(exercise.quantities)
    assert repr(result).startswith(f"✓ {exercise.name}\n")


@every
def test_stub_prints_one_calm_line(exercise):
    namespace = {"exercises": exercises, "np": np}
    body, call = exercise.stub.rsplit("\n", 1)
    exec(body, namespace)
    result = eval(call, namespace)
    assert not result
    assert repr(result) == f"{exercise.name}: not answered yet"
    for blank in (None, ...):
        assert repr(exercise.check(blank)) == repr(result)


@every
def test_wrong_shape_fails_kindly(exercise):
    wrong = dict.fromkeys(exercise.quantities, np.zeros((7, 1, 7)))
    answer = (lambda *_: wrong) if exercise.cases else wrong
    result = exercises.check(exercise.name, answer)
    assert not result and "another shape" in repr(result)


@every
@pytest.mark.parametrize(
    "answer", ["text", None, 3.5, [], (1, "a"), object(), print, {"no": 1}, {1, 2}]
)
def test_nonsense_never_raises(exercise, answer):
    for given in (answer, lambda *_: answer, lambda: answer):
        result = exercises.check(exercise.name, given)
        assert not result and repr(result)


@every
def test_nan_is_not_right(exercise):
    def nan(value):
        return np.full(np.shape(value), np.nan)

    if exercise.cases:

        def answer(*arguments):
            right = exercise.solution(*arguments)
            return [*map(nan, right)] if isinstance(right, tuple) else nan(right)

    else:
        answer = {name: nan(value) for name, value in right_values(exercise).items()}
    result = exercises.check(exercise.name, answer)
    assert not result and "not finite" in repr(result)


@every
def test_each_mistake_is_named_and_no_other(exercise):
    assert exercise.mistakes
    for mistake in exercise.mistakes:
        result = exercise.check(wrong_answer(exercise, mistake))
        assert not result
        assert named(result, exercise) == {mistake.name}
        assert mistake.hint in result.verdict


@in_code
def test_another_seed_asks_the_same_of_other_cases(exercise):
    for seed in range(1, 26):
        assert exercises.check(exercise.name, exercise.solution, seed=seed)
    for seed in range(1, 6):
        for mistake in exercise.mistakes:
            result = exercise.check(mistake.answer, seed)
            assert named(result, exercise) == {mistake.name}, seed
    # An answer that has memorised the book's cases fails on others.
    cases = exercise.cases(np.random.default_rng(0))
    by_heart = iter([exercise.solution(*case) for case in cases] * 2)
    assert exercises.check(exercise.name, lambda *_: next(by_heart))
    assert not exercises.check(exercise.name, lambda *_: next(by_heart), seed=1)


@in_numbers
def test_numbers_take_no_seed(exercise):
    with pytest.raises(ValueError, match=f"{exercise.name} has fixed numbers"):
        exercises.check(exercise.name, right_values(exercise), seed=0)


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
    solution = ROOT / "book/solutions" / chapter.name
    assert holding(exercise.worked) == [solution]
    text = chapter.read_text(encoding="utf-8")
    assert f"solutions/{chapter.stem}" in text
    assert ROOT / f"{exercises._SOLUTIONS[exercise.name]}.ipynb" == solution


def test_every_chapter_has_three_exercises():
    for path in notebooks(ROOT):
        if path.parent.name == "book" and path.name[:2].isdigit():
            text = path.read_text(encoding="utf-8")
            assert sum(f'(\\"{name}\\"' in text for name in EXERCISES) >= 3


def test_unknown_exercise():
    with pytest.raises(ValueError, match="did you mean 'bptt-by-hand'"):
        exercises.check("bptt-by-hnad", 1)
    with pytest.raises(ValueError, match="there are adding-by-hand, "):
        exercises.check("?", 1)


# --- right answers in any sensible form

CHANGES = {
    "float32": lambda a: np.asarray(a, np.float32),
    "nested lists": lambda a: np.asarray(a).tolist(),
    "a tensor": torch.tensor,
    "a tensor with a gradient": lambda a: torch.tensor(
        a, dtype=torch.float32, requires_grad=True
    ),
    "one element": lambda a: np.reshape(a, (1,)) if np.ndim(a) == 0 else a,
    "a list of one tensor": lambda a: [torch.tensor(a)] if np.ndim(a) == 0 else a,
    "a column": lambda a: np.reshape(a, (-1, 1)) if np.ndim(a) == 1 else a,
    "complex": lambda a: np.asarray(a, complex),
}


def forms(values):
    """Every way to hold several values."""
    yield dict(values)
    yield tuple(values.values())
    yield list(values.values())
    yield namedtuple("Answer", values)(*values.values())
    backwards = dict(reversed(values.items()))
    yield namedtuple("Backwards", backwards)(*backwards.values())
    if len(values) == 1:
        yield next(iter(values.values()))


@in_numbers
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_numbers_in_any_form(exercise, change):
    values = {name: change(value) for name, value in right_values(exercise).items()}
    for answer in forms(values):
        assert exercises.check(exercise.name, answer), answer


@in_code
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_code_that_returns_any_form(exercise, change):
    def values_of(*arguments):
        values = exercise.solution(*arguments)
        values = values if isinstance(values, tuple) else (values,)
        return dict(zip(exercise.quantities, map(change, values), strict=True))

    count = len(list(forms(dict.fromkeys(exercise.quantities))))
    for k in range(count):
        assert exercises.check(
            exercise.name, lambda *a, k=k: list(forms(values_of(*a)))[k]
        )


def test_several_numbers_in_one_array():
    by_hand = np.array([0.820, 0.0741, 0.817])
    assert exercises.check("bptt-by-hand", by_hand)
    assert exercises.check("bptt-by-hand", torch.tensor(by_hand, requires_grad=True))
    assert exercises.check("main-layer-by-hand", [[0.604, 0.8], [0.404, 1]])


def test_an_answer_computed_in_float32_and_stored_in_float64():
    def step(*arguments):
        x, h, c, W_x, W_h, b = (np.float32(a) for a in arguments)
        found = np.zeros((2, *h.shape))
        found[0], found[1] = ch09.lstm_step(x, h, c, W_x, W_h, b)
        return found

    assert exercises.check("lstm-step", step)


def test_a_generator_is_an_answer_and_an_endless_one_no_trap():
    def steps(shown):
        kept, reading = [], False
        for symbol in shown:
            yield kept.pop(0) if reading and kept else 8
            if symbol < 8:
                kept.append(symbol)
            reading = reading or symbol == 9

    def endless(shown):
        while True:
            yield 8

    assert exercises.check("say-again", steps)
    assert "another shape" in repr(exercises.check("say-again", endless))


def test_a_tensor_of_a_type_that_numpy_lacks():
    assert exercises.check("hunt-a", torch.tensor([5, 15, 5], dtype=torch.bfloat16))


def test_exact_numbers():
    assert exercises.check("adding-by-hand", (Fraction(1, 12), 9, 5))
    assert exercises.check("adding-by-hand", ("0.0833", "9", "5"))
    assert exercises.check("count-the-parameters", [23808, 24064, 57344])
    assert exercises.check("windows-by-hand", [22, Fraction(1, 5), 200, 0.6])


#: Answers worked out by hand, with intermediate rounding.
ROUNDED = [
    ("adding-by-hand", (0.083, 9, 5)),
    ("other-pixels", (0.89, 0.97)),
    ("other-pixels", (89, 97)),
    ("other-pixels", (0.889, 0.972)),
    ("other-pixels", (88.9, 97.2)),
    ("bptt-by-hand", (0.820, 0.0742, 0.816)),
    ("bptt-by-hand", (0.82, 0.074, 0.816)),
    ("four-rows", 0.86),
    ("four-rows", 84.4),
    ("shear-by-hand", (1.2, 0.6, 0.0907)),
    ("shear-by-hand", (1.2, 0.6, 0.091)),
    ("thousandfold", (17, 26, 47.5)),
    ("loop-and-carousel", (0.107, 1, 0.349)),
    ("loop-and-carousel", (10.7, 100, 34.9)),
    ("leak-through-h", (1, 4.6, 15.2)),
    ("main-layer-by-hand", ([0.604, 0.800], [0.404, 1.000])),
    ("main-layer-by-hand", ([0.604, 0.801], [0.404, 1.0])),
    ("where-it-begins", (0.160, 0.063)),
    ("dial-by-hand", (0.993, 4.97, 0.177)),
    ("dial-by-hand", (0.9931, 4.97, 0.177)),
    ("dial-by-hand", (99.3, 4.97, 17.7)),
    ("forget-bias", (0.325, 0.325, 0.006)),
    ("held-forget-gate", (-0.45, 0.54, 0.22)),
    ("held-forget-gate", (-0.45, 0.53, 0.22)),  # as the cell says it
    ("nearly-shut", (-4.6, 0.1, -9.9)),
    ("nearly-shut", (-4.595, 0.1, -9.903)),
    ("how-sharp", (981, 277, 25, 2.96)),
    ("how-sharp", (962, 271, 24.5, 2.9)),
    ("read-by-hand", ([0.760, 0.657], [0.351, -0.500])),
    ("read-by-hand", ([0.7595, 0.657], [0.351, -0.501])),
    ("wired-open", (0.0175, 0.046, 0.0166)),
    ("one-step-by-hand", (0.75, 0.5, -0.462, 0.731, -1.731, -0.687)),
    ("one-step-by-hand", (0.75, 0.5, -0.462, 0.731, -1.73, -0.686)),
    ("one-step-by-hand", (75, 50, -0.462, 73.1, -1.73, -0.687)),
    ("swapped-blocks", (0.316, 0.197, 3.05)),
    ("swapped-blocks", (0.32, 0.20, 3.05)),
    ("step-back-by-hand", (0.693, 0.166, 0.555)),
    ("step-back-by-hand", (0.693, 0.1663, 0.554)),
    ("two-ways-back", (0.9, 0.431, 41.9)),
    ("two-ways-back", (0.9, 0.431, 43.1)),  # 0.69 / 0.016, from f = 0.984
    ("two-ways-back", (0.9, 0.432, 41.6)),  # ln 2 · u
    ("leak-at-a-distance", (1.73, 1.15, 0.41)),
    ("windows-by-hand", (22, 20, 200, 60)),
    ("carried-memories", (0.0009, 0.108, 0.101, 0.05)),
    ("carried-memories", (0.00094, 0.1084, 0.1012, 0.0499)),
]


@pytest.mark.parametrize(("name", "answer"), ROUNDED)
def test_numbers_rounded_as_the_text_allows(name, answer):
    assert exercises.check(name, answer)


# --- wrong answers

#: Answers that look right; some of them used to pass.
NEARLY = [
    ("dial-by-hand", {"f": 0.5 ** (1 / 78)}),
    ("dial-by-hand", {"f": 0.5 ** (1 / 138)}),
    ("dial-by-hand", {"b_f": 4.955}),  # from f = 0.993
    ("other-pixels", {"first_32": 0.9}),  # the last 32
    ("other-pixels", {"middle_32": 0.9694}),  # seed 0
    ("other-pixels", {"middle_32": 0.975}),  # the median
    ("other-pixels", {"middle_32": 96}),
    ("four-rows", {"accuracy": 0.883}),  # 30 epochs
    ("four-rows", {"accuracy": 0.892}),  # the training digits
    ("four-rows", {"accuracy": 0.877}),  # the lower half
    ("thousandfold", {"lag_07": 18, "lag_08": 28, "lag_09": 54}),  # seed 0
    ("thousandfold", {"lag_08": 25.6, "lag_09": 45.7}),  # mean
    ("thousandfold", {"lag_07": 16, "lag_08": 25}),  # one step short
    ("thousandfold", {"lag_07": 19, "lag_08": 28, "lag_09": 55}),  # the last sequence
    ("leak-through-h", {"half": 4.83, "whole": 19.14}),  # mean
    ("leak-through-h", {"half": 4.27, "whole": 14.8}),  # seed 0
    ("leak-through-h", {"half": 5.05, "whole": 18.2}),  # mean over the sequences
    ("leak-through-h", {"half": 4.35, "whole": 13.5}),  # h kept fixed at c_1
    ("where-it-begins", {"at_half": 0.1588, "near_zero": 0.0599}),  # mean
    ("where-it-begins", {"at_half": 0.1616}),  # seed 0
    ("where-it-begins", {"at_half": 0.1652, "near_zero": 0.1652}),  # always 0
    ("forget-bias", {"loss_3": 0.0253}),  # mean
    ("forget-bias", {"loss_3": 0.0648}),  # seed 0
    ("forget-bias", {"loss_3": 0.0726}),  # all updates
    ("forget-bias", {"loss_1": 0.0499}),  # twenty steps
    ("held-forget-gate", {"at_8": -0.36}),  # four steps
    ("held-forget-gate", {"at_14": 0.66, "at_18": 0.27}),  # the old note dropped
    ("how-sharp", {"sharp_2": 1027, "sharp_20": 2.80}),  # mean
    ("how-sharp", {"sharp_10": 23.8}),  # the gate opened fully
    ("wired-open", {"gate_3": 0.0225}),  # seed 0
    ("wired-open", {"open_8": 0.0134}),  # with the gate
    ("leak-at-a-distance", {"log10_0": 1.749, "log10_1": 1.161, "log10_3": 0.422}),
    ("leak-at-a-distance", {"log10_0": 1.737, "log10_1": 1.157}),  # mean of logs
    ("leak-at-a-distance", {"log10_0": 1.63, "log10_1": 1.08, "log10_3": 0.38}),
    ("carried-memories", {"none": 0.1066, "only_h": 0.0996, "only_c": 0.0469}),
    ("carried-memories", {"both": 0.0022}),  # at recalls alone
    ("swapped-blocks", {"g_and_o": 3.24}),
]


@pytest.mark.parametrize(("name", "wrong"), NEARLY)
def test_nearly_right_is_not_right(name, wrong):
    right = right_values(EXERCISES[name])
    for key, value in wrong.items():
        assert not exercises.check(name, right | {key: value}), key


def test_say_again_that_looks_ahead():
    def fills_in(shown):
        shown = list(shown)
        said = np.full(len(shown), 8)
        signal = shown.index(9)
        said[signal + 1 :] = shown[: len(shown) - signal - 1]
        return said

    def from_the_end(shown):
        shown = list(shown)
        return [8] * (len(shown) - 10) + shown[:10]

    result = exercises.check("say-again", from_the_end)
    assert not result and "looking ahead" in result.verdict
    verdict = exercises.check("say-again", fills_in).verdict
    assert "ValueError" in verdict and "not in list" in verdict


# --- no false accusations

#: Wrong answers that used to be taken for another mistake.
INNOCENT = [
    ("four-rows", {"accuracy": 0.883}, "training digits"),
    ("where-it-begins", {"at_half": 0.0257, "near_zero": 0.004}, "tanh"),
    ("forget-bias", {"loss_0": 0.57, "loss_1": 0.57, "loss_3": 0.02}, "root"),
    ("loop-and-carousel", {"loop": 0, "direct": 0, "total": 0}, "direct path"),
    ("leak-through-h", {"none": 0, "half": 0, "whole": 0}, "forget gate"),
    ("thousandfold", {"lag_07": 17, "lag_08": 26, "lag_09": 50}, "linear"),
    ("carried-memories", {"only_h": 0.05}, "exchanged"),
    ("hunt-a", {"wrong_at_1": 4}, "alibi"),
]


@pytest.mark.parametrize(("name", "wrong", "accusation"), INNOCENT)
def test_no_false_accusation(name, wrong, accusation):
    answer = right_values(EXERCISES[name]) | wrong
    assert accusation not in exercises.check(name, answer).verdict


def test_a_square_is_called_a_square():
    mse = {"at_half": 0.1603**2, "near_zero": 0.063**2}
    result = exercises.check("where-it-begins", mse)
    assert [row.finding for row in result.rows] == [
        "wrong; its root would be right"
    ] * 2


@in_numbers
def test_a_number_out_of_the_blue_is_accused_of_nothing(exercise):
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(50):
        wrong = {
            name: value * np.exp(rng.uniform(-1.5, 1.5, np.shape(value)))
            for name, value in right_values(exercise).items()
        }
        accused += bool(named(exercise.check(wrong), exercise))
    assert accused <= 6


def test_two_mistakes_with_the_same_answer_are_not_named():
    pair = (Mistake("one", {"a": 5}, ""), Mistake("two", {"a": 5}, ""))
    exercise = Exercise("e", ("a",), lambda: {"a": 3.3}, mistakes=pair)
    assert exercise.check(5).verdict == "Not yet."


def test_a_forgotten_return_is_no_stub():
    def no_return(hs, d_ys, W_y):
        d_hs = d_ys @ W_y.T  # noqa: F841

    def only_a_docstring(hs, d_ys, W_y):
        """Do nothing yet."""

    result = exercises.check("readout-backward", no_return)
    assert "returns None" in repr(result) and "return" in repr(result)
    assert "not answered yet" in repr(
        exercises.check("readout-backward", only_a_docstring)
    )
    assert "returns None" in repr(exercises.check("say-again", partial(print, end="")))


# --- feedback where it is due


def findings(result):
    return {row.name: row.finding for row in result.rows}


def test_one_quantity_gets_feedback_on_that_one():
    stub = {"delta_2": 0.82, "delta_1": None, "d_W_h": None}
    result = exercises.check("bptt-by-hand", stub)
    assert not result and "Right so far" in result.verdict
    assert findings(result) == {
        "delta_2": "",
        "delta_1": "not answered yet",
        "d_W_h": "not answered yet",
    }
    result = exercises.check("bptt-by-hand", stub | {"delta_1": 0.410})
    assert "no slope" in result.verdict
    assert findings(exercises.check("bptt-by-hand", (0.82, ..., 3)))["d_W_h"]
    assert "no quantity 'delta2'; did you mean 'delta_2'?" in repr(
        exercises.check("bptt-by-hand", {"delta2": 0.82})
    )

    def only_c(x, h, c, W_x, W_h, b):
        return None, ch09.lstm_step(x, h, c, W_x, W_h, b)[1]

    result = exercises.check("lstm-step", only_c)
    assert findings(result)["h (case 1)"] == "not answered yet"
    assert findings(result)["c (case 2)"] == ""


def test_a_mistake_and_a_slip_in_rounding():
    slip = {"delta_2": 0.82, "delta_1": 0.0741, "d_W_h": 0.424 * 0.82 + 0.0671 + 0.003}
    assert "the same step's h" in exercises.check("bptt-by-hand", slip).verdict
    slip = {"f": 0.99, "b_f": np.log(0.99 / 0.01), "left_after_250": 0.082}
    assert "1/e for a half" in exercises.check("dial-by-hand", slip).verdict
    result = exercises.check(
        "one-step-by-hand", (0.75, 0.5, 0.378, 0.731, -1.31, -0.64)
    )
    assert named(result, EXERCISES["one-step-by-hand"]) == {"σ for g"}


def test_two_mistakes_in_different_quantities():
    both = {"sigma_max": 1.44, "rho": 0.6, "corner": 0.9**10}
    verdict = exercises.check("shear-by-hand", both).verdict
    assert "the root forgotten" in verdict and "entry by entry" in verdict
    result = exercises.check(
        "main-layer-by-hand", {"g": ch05.logistic()["g"], "c": [9, 9]}
    )
    assert named(result, EXERCISES["main-layer-by-hand"]) == {"σ for tanh"}

    def both_in_code(hs, d_last, lengths):
        return hs[-1], np.zeros_like(hs) + d_last

    result = exercises.check("last-valid", both_in_code)
    assert not result

    def two(c_prev, gates, c, d_h, d_c):
        wrong = ch10.written_only(c_prev, gates, c, d_h, d_c)
        return *wrong[:2], d_h, wrong[3]

    assert (
        "the gate only writes" in exercises.check("coupled-step-backward", two).verdict
    )


def test_outputs_in_another_order():
    def swapped(*arguments):
        return ch09.lstm_step(*arguments)[::-1]

    assert (
        "h and c have changed places" in exercises.check("lstm-step", swapped).verdict
    )
    verdict = exercises.check("nearly-shut", (-9.9, 0.1, -4.6)).verdict
    assert "a and a_needed have changed places" in verdict
    verdict = exercises.check(
        "one-step-by-hand", (0.5, 0.75, -0.462, 0.731, 9, 9)
    ).verdict
    assert "f and i have changed places" in verdict
    round_and_round = (0.0741, 0.817, 0.820)
    verdict = exercises.check("bptt-by-hand", round_and_round).verdict
    assert "delta_2 and delta_1 and d_W_h have changed places" in verdict


@pytest.mark.parametrize(
    "order", [o for o in permutations("ifgo") if o != tuple("ifgo")]
)
def test_every_order_of_gates_is_named(order):
    def step(x, h, c, W_x, W_h, b):
        a = dict(zip(order, np.split(x @ W_x + h @ W_h + b, 4, axis=-1), strict=True))
        i, f, o = (1 / (1 + np.exp(-a[name])) for name in "ifo")
        c = f * c + i * np.tanh(a["g"])
        return o * np.tanh(c), c

    verdict = exercises.check("lstm-step", step, seed=3).verdict
    assert f"in the order {', '.join(order)}." in verdict
    assert ("ONNX" in verdict) == (order == tuple("iofg"))
    assert ("TensorFlow 1" in verdict) == (order == tuple("igfo"))


def test_arguments_taken_for_one_another():
    def answer(name, change):
        solution = EXERCISES[name].solution
        return exercises.check(name, lambda *a: solution(*change(*a))).verdict

    assert "if h and c changed places" in answer(
        "lstm-step", lambda x, h, c, *rest: (x, c, h, *rest)
    )
    assert "if gates[1] and gates[2] changed places" in answer(
        "coupled-step-backward",
        lambda p, gates, *rest: (p, (gates[0], *gates[:0:-1]), *rest),
    )
    assert "if weights[1] were transposed" in answer(
        "cell-gradient", lambda g, c, o, W: (g, c, o, (W[0], W[1].T, W[2]))
    )
    assert "if fs were 1 − fs" in answer("forget-products", lambda fs: (1 - fs,))
    assert "if d_h had the other sign" in answer(
        "read-backward", lambda d, o, c: (-d, o, c)
    )


#: What is said of a wrong number, which never gives the right one away.
KINDS = [
    ("shear-by-hand", {"sigma_max": -1.2}, "the other sign would be right"),
    ("shear-by-hand", {"corner": 0.00907}, "ten times as much would be right"),
    ("shear-by-hand", {"sigma_max": 1.7}, "wrong"),
    ("one-step-by-hand", {"f": 0.25}, "1 minus it would be right"),
    ("one-step-by-hand", {"c": 0.4}, "wrong, and of the wrong sign"),
    ("two-ways-back", {"half_life": 1 / 41.9}, "1 divided by it would be right"),
    ("two-ways-back", {"half_life": 83.9}, "half of it would be right"),
    ("two-ways-back", {"half_life": 1000}, "wrong, more than ten times too large"),
    ("two-ways-back", {"half_life": 3}, "wrong, more than ten times too small"),
    ("two-ways-back", {"half_life": 46}, "nearly right; were digits lost on the way?"),
    ("leak-at-a-distance", {"log10_0": 3.975}, "base 10, not e, would be right"),
    ("nearly-shut", {"a": -4.595 / np.log(10)}, "base e, not 10, would be right"),
    ("nearly-shut", {"a": -4.595 / np.log(2)}, "base e, not 2, would be right"),
    ("how-sharp", {"sharp_2": 0.97}, "a thousand times as much would be right"),
    ("adding-by-hand", {"loss": 12**-0.5}, "its square would be right"),
    ("thousandfold", {"lag_09": 50}, "close; other seeds, or drawn in another order?"),
    ("main-layer-by-hand", {"g": [0.604, 0.3]}, "right in 1 of 2 entries"),
    ("main-layer-by-hand", {"g": [0.8, 0.604]}, "it in reversed order would be right"),
]


@pytest.mark.parametrize(("name", "wrong", "kind"), KINDS)
def test_wrong_numbers_are_told_in_kind(name, wrong, kind):
    result = exercises.check(name, right_values(EXERCISES[name]) | wrong)
    (quantity,) = wrong
    assert findings(result)[quantity].endswith(kind)


def test_a_wide_band_proves_no_relation():
    wrong = right_values(EXERCISES["forget-bias"]) | {"loss_3": 0.0866}
    assert "would be" not in repr(exercises.check("forget-bias", wrong))


def test_wrong_arrays_are_told_in_kind():
    def told(change):
        result = exercises.check("rnn-jacobians", lambda *a: change(solution(*a)))
        return result.rows[0].finding

    solution = EXERCISES["rnn-jacobians"].solution
    assert told(lambda J: J.swapaxes(1, 2)) == "wrong; its transpose would be right"
    assert told(lambda J: J[::-1]) == "wrong; it in reversed order would be right"
    assert told(lambda J: 3 * J) == "everywhere 3 times what is right"
    assert told(lambda J: J.T).startswith("has another shape")
    assert "digits lost" in told(lambda J: J * (1 + 3e-5))

    def d_W_y_transposed(*arguments):
        first, *rest = EXERCISES["readout-backward"].solution(*arguments)
        return first.T, *rest

    result = exercises.check("readout-backward", d_W_y_transposed)
    assert "expected (4, 2); its transpose would be right" in repr(result)


@in_numbers
def test_a_guess_learns_nothing(exercise):
    right = right_values(exercise)
    for guess in (0, 1, -1):
        answer = {name: np.full(np.shape(v), guess) for name, v in right.items()}
        result = exercise.check(answer)
        assert set(findings(result).values()) <= {
            "",
            "wrong",
            "right in 1 of 2 entries",
        }


@in_numbers
def test_the_right_numbers_are_never_printed(exercise):
    right = right_values(exercise)
    told = {
        f"{x:.{digits}g}"
        for v in right.values()
        for x in np.ravel(v)
        for digits in (2, 3, 4)
    }
    rng = np.random.default_rng(1)
    for scale in (0, 1, 3, 100):
        answer = {
            name: scale * rng.standard_normal(np.shape(v)) for name, v in right.items()
        }
        result = exercise.check(answer)
        said = " ".join(row.finding for row in result.rows).replace(",", " ").split()
        assert not told.intersection(said) - {"1", "2", "10"}


# --- code that does not return


def test_an_error_shows_its_line(tmp_path):
    source = (
        "def helper(h):\n    return h @ h\n\n\n"
        "def step(x, h, c, W_x, W_h, b):\n    return helper(h)\n"
    )
    file = tmp_path / "student.py"
    file.write_text(source)
    namespace = {}
    exec(compile(source, str(file), "exec"), namespace)
    result = exercises.check("lstm-step", namespace["step"])
    assert not result and "Not yet. ValueError: matmul: " in repr(result)
    assert repr(result).endswith("\n  line 2: return h @ h")


def test_an_error_deep_in_a_library_shows_the_answers_line():
    def step(x, h, c, W_x, W_h, b):
        return np.concatenate([x, "h"], axis=7)

    assert ": return np.concatenate([x" in exercises.check("lstm-step", step).verdict


def test_exit_and_interrupt_end_kindly():
    def leave(fs):
        sys.exit(1)

    def interrupted(fs):
        raise KeyboardInterrupt

    result = exercises.check("forget-products", leave)
    assert "sys.exit" in repr(result) and ": sys.exit(1)" in repr(result)
    result = exercises.check("forget-products", interrupted)
    assert not result and "Interrupted." in repr(result)


def endless(fs):
    while True:
        pass


def endless_and_deaf(fs):
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            pass


@pytest.mark.parametrize("loop", [endless, endless_and_deaf])
def test_an_endless_loop_ends(monkeypatch, loop):
    monkeypatch.setattr(answers, "LIMIT", 0.3)
    start = time.perf_counter()
    result = exercises.check("forget-products", loop)
    assert time.perf_counter() - start < 5
    assert not result
    assert "Stopped after 0.3 seconds: an endless loop?\n  line " in result.verdict


def test_an_endless_loop_ends_in_another_thread(monkeypatch):
    monkeypatch.setattr(answers, "LIMIT", 0.2)
    results = []
    thread = threading.Thread(
        target=lambda: results.append(exercises.check("forget-products", endless))
    )
    thread.start()
    thread.join(timeout=10)
    assert "Stopped after" in results[0].verdict


def test_nothing_is_thrown_after_the_answer(monkeypatch):
    """The time limit falls just as the answer is ready: it is right, or stopped."""
    monkeypatch.setattr(answers, "LIMIT", 0.002)
    threads = threading.active_count()
    for _ in range(100):
        start = time.perf_counter()

        def in_time(x):
            while time.perf_counter() - start < 0.002:  # noqa: B023
                pass
            return 2 * x

        result = TINY.check(in_time)
        assert result or "Stopped after" in result.verdict
    for _ in range(1000):
        pass
    assert threading.active_count() == threads


def test_in_a_notebook_errors_show_their_line_and_loops_end():
    cells = [
        "from lstmbook.course import exercises\n"
        "from lstmbook.course.exercises import answers\n"
        "answers.LIMIT = 0.5",
        "def wrong(fs):\n    kept = fs * None\n    return kept, kept",
        'exercises.check("forget-products", wrong)',
        "def loop(fs):\n    while True:\n        fs = fs + 1",
        'exercises.check("forget-products", loop)',
        "def leave(fs):\n    exit()",
        'exercises.check("forget-products", leave)',
        "1 + 1",
    ]
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(nb, kernel_name="python3", resources=resources).execute()
    said = [cell.outputs[-1]["data"]["text/plain"] for cell in nb.cells if cell.outputs]
    assert "  line 2: kept = fs * None" in said[0]
    assert "Stopped after 0.5 seconds" in said[1] and "\n  line " in said[1]
    assert "forget-products" in said[2] and said[-1] == "2"


# --- tries, seeds, graders


def test_the_solution_is_offered_after_three_different_tries():
    name = "bptt-by-hand"
    stub = dict.fromkeys(EXERCISES[name].quantities)
    for answer in (stub, (0, 0, 0), stub, (0, 0, 0), (1, 2, 3), stub, (1, 2, 3)):
        assert "solution" not in repr(exercises.check(name, answer))
    result = exercises.check(name, (1, 2, 4))
    assert "solution is in book/solutions/02-vanilla-rnn.ipynb" in repr(result)
    assert "lstmbook/book/solutions/02-vanilla-rnn.html" in repr(result)
    assert "solution" not in repr(exercises.check("dial-by-hand", (1, 2, 3)))
    assert "solution" not in repr(exercises.check(name, EXERCISES[name].solution()))
    for wrong in (lambda fs: fs, lambda fs: 1 / 0):
        assert "solution" not in repr(exercises.check("forget-products", wrong))
    assert "solution" in repr(exercises.check("forget-products", lambda fs: (fs, fs)))


def test_site_of_the_solutions_is_the_books():
    assert f"baseurl: {exercises._SITE}/" in (ROOT / "_config.yml").read_text()


def test_require_raises_where_check_does_not():
    assert exercises.require("shear-by-hand", (1.2, 0.6, 0.0907)) is None
    with pytest.raises(AssertionError, match="the Frobenius norm"):
        exercises.require("shear-by-hand", (1.237, 0.6, 0.0907))
    with pytest.raises(AssertionError, match="lstm-step: not answered yet"):
        exercises.require("lstm-step", None)
    with pytest.raises(AssertionError, match="case 2"):
        exercises.require("lstm-step", lambda *_: (1, 2), seed=7)


# --- how it is built


def double(x):
    """Twice x."""
    return 2 * x


TINY = Exercise("tiny", ("y",), double, lambda rng: [(rng.standard_normal(3),)])


def test_answers_of_the_wrong_kind():
    by_hand = Exercise("sum", ("a", "b"), lambda: {"a": 1.3, "b": np.ones(2)})
    assert "Got 1 value; expected 2: a, b" in by_hand.check(1).verdict
    assert "Got 3 values; expected 2: a, b" in by_hand.check((1, 2, 3)).verdict
    assert "a is a str; expected a number" in by_hand.check(("x", 1)).verdict
    assert "a is a complex; expected a number" in by_hand.check((1j, 1)).verdict
    assert "Got a function; expected what it returns" in by_hand.check(len).verdict
    assert "Got a float; expected the function itself" in TINY.check(2.0).verdict


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


def test_no_torch_for_answers_without_it():
    import subprocess

    code = (
        "import sys; from lstmbook.course import exercises as e;"
        "e.require('lstm-step', e.EXERCISES['lstm-step'].solution);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_tool_rewrites_stubs_and_solutions(tmp_path):
    exercise = replace(ch01.EXERCISES[1])
    (tmp_path / "solutions").mkdir()
    cells = [
        "import numpy as np",
        f"{exercise.stub.splitlines()[0]}\n    pass\n\n\n"
        f'exercises.check("{exercise.name}", say_again)',
        'wrong = 3\nexercises.check("say-again", wrong)',
    ]
    for path, source in (
        (tmp_path / "01-x.ipynb", exercise.stub),
        (tmp_path / "solutions/01-x.ipynb", exercise.worked),
    ):
        nb = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
        )
        nbformat.write(nb, path)
        assert rewrite(path) and not rewrite(path)
        after = nbformat.read(path, as_version=4)
        assert [cell.source for cell in after.cells] == [cells[0], source, cells[2]]


def test_every_exercise_is_found_by_the_tool():
    for exercise in EXERCISES.values():
        for source in (exercise.stub, exercise.worked):
            assert name_of(nbformat.v4.new_code_cell(source)) == exercise.name
    assert name_of(nbformat.v4.new_markdown_cell(exercise.stub)) == ""


def test_all_mutants_are_accounted_for():
    from lstmbook.course.exercises import mutants

    assert all(name in mutants.__doc__ for name in MUTANTS) and len(MUTANTS) == 14
