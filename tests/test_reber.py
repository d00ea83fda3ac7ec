"""The embedded Reber grammar, rebuilt as a regular expression."""

import re
from itertools import pairwise

import numpy as np
import pytest

from lstmbook.tasks import reber as task
from lstmbook.tasks.reber import SYMBOLS, encode, follow, legal, outer, reber, right

#: The Reber grammar without a table. The rest of a string, once its two branches meet:
REST = "(?:XT*VP)*(?:S|XT*VV)"
INNER = f"B(?:TS*X{REST}|PT*V(?:V|P{REST}))E"
EMBEDDED = re.compile(f"B(?P<outer>[TP]){INNER}(?P=outer)E")


def drawn(number=500, seed=0):
    rng = np.random.default_rng(seed)
    return [task.draw(rng) for _ in range(number)]


def test_strings_are_those_of_the_grammar():
    strings = drawn()
    assert all(EMBEDDED.fullmatch(string) for string in strings)
    assert {string[1] for string in strings} == set("TP")
    assert min(map(len, strings)) == 9 and max(map(len, strings)) > 25
    assert len(set(strings)) > 100


@pytest.mark.parametrize(
    "string", ["BTBTXSETE", "BPBPVVEPE", "BTBTSSXXTVPSETE", "BPBTXXVPXVVEPE"]
)
def test_strings_found_by_hand(string):
    assert EMBEDDED.fullmatch(string)
    assert follow(string)[-1] == ""


def test_what_may_follow_is_what_some_string_has():
    """Options of a beginning, counted over all strings that begin like this."""
    strings = drawn(20_000)
    seen = {}
    for string in strings:
        for t in range(1, min(len(string), 9)):
            seen.setdefault(string[:t], []).append(string[t])
    common = {prefix: after for prefix, after in seen.items() if len(after) > 60}
    assert len(common) > 30
    for prefix, after in common.items():
        options = follow(prefix)[-1]
        assert set(after) == set(options) and 1 <= len(options) <= 2
        if len(options) == 2:  # each with probability ½
            share = np.mean([symbol == options[0] for symbol in after])
            assert abs(share - 0.5) < 4 * 0.5 / len(after) ** 0.5


def test_the_outer_symbol_is_needed_at_the_last_step_but_one_alone():
    """Exchange it: of the options only those at the end of the inner string change."""
    for string in drawn(200):
        other = "TP"["PT".index(string[1])]
        twin = string[0] + other + string[2:-2] + other + string[-1]
        pairs = zip(follow(string), follow(twin), strict=True)
        differ = [t for t, (ours, theirs) in enumerate(pairs) if ours != theirs]
        assert differ == [len(string) - 3]


def test_a_batch_is_its_strings():
    batch = reber(np.random.default_rng(1), 40)
    T, N, D = batch.xs.shape
    assert (N, D) == (40, 7) and T == batch.lengths.max()
    assert batch.targets.shape == (T, N)
    strings = task.strings(batch)
    for n, string in enumerate(strings):
        assert EMBEDDED.fullmatch(string) and batch.lengths[n] == len(string) - 1
        for t, (now, after) in enumerate(pairwise(string)):
            assert batch.xs[t, n].tolist() == [float(s == now) for s in SYMBOLS]
            assert SYMBOLS[batch.targets[t, n]] == after
        assert (batch.xs[len(string) - 1 :, n] == 0).all()
    assert outer(batch).tolist() == [string[1] for string in strings]
    again = encode(strings, np.float32)
    assert again.xs.dtype == np.float32
    assert np.array_equal(again.xs, batch.xs)
    assert np.array_equal(again.targets, batch.targets)


def test_legal_symbols_are_marked():
    batch = reber(np.random.default_rng(2), 30)
    allowed = legal(batch)
    for n, string in enumerate(task.strings(batch)):
        for t, options in enumerate(follow(string)[:-1]):
            marked = {SYMBOLS[k] for k in np.flatnonzero(allowed[t, n])}
            assert marked == set(options) and string[t + 1] in options
        assert not allowed[len(string) - 1 :, n].any()


def perfect(batch, rng):
    """Scores above 1 for what may come, below 1 for the rest; noise in the padding."""
    scores = rng.uniform(0, 0.9, batch.xs.shape)
    return scores + legal(batch)


def test_the_criterion():
    rng = np.random.default_rng(3)
    batch = reber(rng, 30)
    scores = perfect(batch, rng)
    assert right(scores, batch).all()
    # Any one step, any one symbol: exactly that string becomes wrong.
    for n in range(30):
        t = rng.integers(batch.lengths[n])
        spoilt = scores.copy()
        allowed = np.flatnonzero(legal(batch)[t, n])
        spoilt[t, n, rng.choice(allowed)] = -1
        assert np.flatnonzero(~right(spoilt, batch)).tolist() == [n]
    # A tie is not above.
    tied = scores.copy()
    tied[0, 0] = 1
    assert np.flatnonzero(~right(tied, batch)).tolist() == [0]


def test_without_the_outer_symbol_no_string_is_right():
    """The best predictor that does not know it gives T and P the same score."""
    batch = reber(np.random.default_rng(4), 50)
    scores = legal(batch).astype(float)
    rows = batch.lengths - 2
    scores[rows, np.arange(50)] = [float(s in "TP") for s in SYMBOLS]
    assert not right(scores, batch).any()
    scores[rows, np.arange(50), SYMBOLS.index("T")] += 0.1  # guessing is right in half
    assert np.array_equal(right(scores, batch), outer(batch) == "T")


def test_dtype_and_seed():
    first, second = (reber(np.random.default_rng(5), 6, np.float32) for _ in range(2))
    assert first.xs.dtype == np.float32 and np.array_equal(first.xs, second.xs)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda rng: reber(0, 3), TypeError, "rng is a int"),
        (lambda rng: reber(rng, 0), ValueError, "batch_size is 0"),
        (lambda rng: reber(rng, 3, np.int64), TypeError, "dtype is .*int64"),
        (lambda rng: task.draw(7), TypeError, "rng is a int"),
        (
            lambda rng: follow("BX"),
            ValueError,
            "string is 'BX'; expected T or P after 'B'",
        ),
        (lambda rng: follow("BTBTXSETEE"), ValueError, "expected nothing after"),
        (lambda rng: encode([]), ValueError, "strings is empty; expected at least one"),
        (lambda rng: encode(["BTBTX"]), ValueError, "'BTBTX', which is not whole"),
        (lambda rng: encode(["BTBTXSEPE"]), ValueError, "expected T after 'BTBTXSE'"),
        (
            lambda rng: right(np.zeros((2, 3)), reber(rng, 3)),
            ValueError,
            r"scores has shape \(2, 3\); expected that of xs",
        ),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call(np.random.default_rng(0))
