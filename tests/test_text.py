"""Text read one character at a time: the corpus, its windows, counting, the net."""

import io
import math
import tokenize
from itertools import pairwise

import numpy as np
import pytest
import torch

from lstmbook import tree
from lstmbook.course import nets
from lstmbook.course.experiments import characters
from lstmbook.course.ngrams import ngram_bits
from lstmbook.losses import softmax_cross_entropy
from lstmbook.tasks.text import (
    ALPHABET,
    decode,
    encode,
    library,
    syntax,
    text_windows,
)

MODULES = {name: text for part in library() for name, text in part.items()}


def test_the_library_is_split_by_module():
    parts = library()
    assert [len(part) for part in parts] == [54, 7, 7]
    assert len(MODULES) == 68  # no module in two parts
    names = sorted(MODULES)
    assert list(parts.validation) == names[3::10]
    assert list(parts.test) == names[7::10]
    assert [sum(map(len, part.values())) for part in parts] == [884481, 185698, 135508]


def test_the_modules_are_python_and_under_its_licence():
    for name, text in MODULES.items():
        compile(text, name, "exec", dont_inherit=True)
        assert "copyright" not in text.lower()
        assert 6_000 <= len(text) <= 40_000 and text.endswith("\n")


def test_no_held_out_module_copies_the_training_text():
    """Less than a twentieth of each stands in a training module, word for word."""
    size = 60
    seen = {
        text[k : k + size]
        for text in library().train.values()
        for k in range(len(text) - size + 1)
    }
    for part in library()[1:]:
        for text in part.values():
            copied = np.zeros(len(text), bool)
            for k in range(len(text) - size + 1):
                if text[k : k + size] in seen:
                    copied[k : k + size] = True
            assert copied.mean() < 0.05


def test_encode_and_decode():
    assert len(ALPHABET) == 96 and len(set(ALPHABET)) == 96
    codes = encode("a b\n")
    assert [ALPHABET[code] for code in codes] == list("a b\n")
    assert decode(codes) == "a b\n"
    assert decode(encode(ALPHABET)) == ALPHABET
    assert len(encode("")) == 0 and decode([]) == ""


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (b"abc", TypeError, "text is a bytes; expected a str"),
        ("a\tb", ValueError, r"text has '\\t' at 1; expected printable ASCII"),
        ("ab€", ValueError, "text has '€' at 2"),
    ],
)
def test_what_cannot_be_encoded(text, error, message):
    with pytest.raises(error, match=message):
        encode(text)


@pytest.mark.parametrize("codes", [[0, 96], [-1, 3]])
def test_what_cannot_be_decoded(codes):
    with pytest.raises(ValueError, match="expected 0 to 95"):
        decode(codes)


def test_windows_are_the_text_and_its_next_characters():
    text = "".join(np.random.default_rng(0).choice(list(ALPHABET), 103))
    cut = list(text_windows(text, batch_size=4, length=10, dtype=np.float64))
    assert [len(window.xs) for window in cut] == [10, 10, 5]
    assert all(window.xs.dtype == np.float64 for window in cut)
    for window in cut:
        assert (window.xs.sum(axis=-1) == 1).all()
    inputs = np.concatenate([window.xs.argmax(axis=-1) for window in cut])
    targets = np.concatenate([window.targets for window in cut])
    for n in range(4):
        start = 25 * n
        assert decode(inputs[:, n]) == text[start : start + 25]
        assert decode(targets[:, n]) == text[start + 1 : start + 26]


def test_a_text_too_short_for_its_streams():
    with pytest.raises(ValueError, match="text has 4 characters; expected 5 or more"):
        text_windows("abcd", 4, 10)
    assert len(list(text_windows("abcde", 4, 10))) == 1
    with pytest.raises(ValueError, match="length is 0"):
        text_windows("abcde", 1, 0)


# --- strings, comments, brackets


def by_tokenizer(text):
    """The same as :func:`syntax`, from Python's own tokenizer."""
    starts = np.cumsum([0, *(len(line) for line in text.splitlines(keepends=True))])
    string, comment = np.zeros((2, len(text)), bool)
    brackets = np.zeros(len(text), int)
    opened = []  # of f-strings, which are several tokens since Python 3.12
    names = {getattr(tokenize, n, None): n for n in ("FSTRING_START", "FSTRING_END")}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start, end = (starts[row - 1] + column for row, column in token[2:4])
        if names.get(token.type) == "FSTRING_START":
            opened.append(start)
        elif names.get(token.type) == "FSTRING_END":
            string[first_quote(text, opened.pop()) : end - 1] = True
        elif token.type == tokenize.STRING:
            string[first_quote(text, start) : end - 1] = True
        elif token.type == tokenize.COMMENT:
            comment[start:end] = True
        elif token.type == tokenize.OP and not opened:
            brackets[start] = (token.string in "([{") - (token.string in ")]}")
    return string, comment, np.cumsum(brackets)


def first_quote(text, start):
    return min(place for q in "'\"" if (place := text.find(q, start)) >= 0)


@pytest.mark.parametrize("name", sorted(MODULES)[::5])
def test_syntax_is_that_of_the_tokenizer(name):
    text = MODULES[name]
    for ours, theirs in zip(syntax(text), by_tokenizer(text), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_syntax_of_what_is_hard_to_read():
    text = "a = '\\'#(' + \"\"\"'\n#(\\\"\"\"\"  # it's (\nb['x'](  '"
    found = syntax(text)
    marks = "".join(
        "s" if s else "c" if c else "."
        for s, c in zip(found.string, found.comment, strict=True)
    )
    assert marks == "....sssss....sssssssssss...cccccccc...ss......"
    assert "".join(map(str, found.depth)) == 37 * "0" + "111101111"
    assert not syntax("")[0].size


# --- counting


def by_dictionaries(train, test, order):
    """Witten and Bell's method C, one character at a time."""
    counts = {}
    for n in range(1, order + 1):
        for k in range(n - 1, len(train)):
            context = train[k - n + 1 : k]
            followers = counts.setdefault(context, {})
            followers[train[k]] = followers.get(train[k], 0) + 1
    rows = np.zeros((order + 1, len(test)))
    for k, character in enumerate(test):
        p = 1 / 96
        rows[0, k] = p
        for n in range(1, order + 1):
            if n - 1 <= k:
                context = test[k - n + 1 : k]
                if followers := counts.get(context):
                    N, D = sum(followers.values()), len(followers)
                    p = (followers.get(character, 0) + D * p) / (N + D)
            rows[n, k] = p
    return -np.log2(rows)


def test_ngrams():
    text = MODULES["sched"]
    train, test = text[:4000], text[4000:4500] + "~`~"
    np.testing.assert_allclose(
        ngram_bits(train, test, 5), by_dictionaries(train, test, 5), rtol=1e-12
    )


@pytest.mark.parametrize("order", [1, 4])
def test_ngrams_are_a_distribution(order):
    train = MODULES["sched"][:2000]
    context = train[700:710]
    total = sum(
        2 ** -ngram_bits(train, context + character, order)[order, -1]
        for character in ALPHABET
    )
    assert math.isclose(total, 1, rel_tol=1e-9)


def test_ngrams_of_nine_and_no_more():
    text = "\n" * 3 + "~" * 12 + " abcdefghi" * 2
    np.testing.assert_allclose(
        ngram_bits(text, text, 9), by_dictionaries(text, text, 9), rtol=1e-12
    )
    with pytest.raises(ValueError, match="order is 10; expected 1 to 9"):
        ngram_bits(text, text, 10)


def test_longer_contexts_help_at_first():
    bits = ngram_bits(MODULES["sched"], MODULES["queue"], 3).mean(axis=1)
    assert bits[0] == pytest.approx(math.log2(96))
    assert all(later < sooner for sooner, later in pairwise(bits))


# --- nets that read text


def small_net():
    torch.manual_seed(0)
    text = MODULES["sched"]
    return characters.fit(text, 12, 2, 1e-2, 0, window=16), text


def test_a_net_of_pytorch_moves_into_numpy():
    (core, readout), text = small_net()
    model = characters.to_model(core, readout)
    (window,) = list(text_windows(text[:81], 4, 20))
    hs, _ = core(torch.from_numpy(window.xs))
    theirs = readout(hs).detach().numpy()
    np.testing.assert_allclose(model.forward(window.xs)[0], theirs, atol=1e-6)
    bits = characters.bits_per_character(core, readout, text[:81], streams=4)
    loss, _ = softmax_cross_entropy(model.forward(window.xs)[0], window.targets)
    assert bits == pytest.approx(loss / math.log(2), rel=1e-5)


@pytest.mark.parametrize("where", ["readout", "each step", "each window"])
def test_without_dropout_all_ways_are_the_same(where):
    (core, _), text = small_net()
    xs = torch.from_numpy(next(text_windows(text, 3, 9)).xs)
    state = tuple(torch.randn(2, 1, 3, 12))
    expected, (h, c) = core(xs, state)
    hs, found = characters.forward(core, xs, state, 0.0, where)
    for ours, theirs in zip((hs, *found), (expected, h, c), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_where_dropout_acts():
    """Before the readout the memory stays; in the loop it changes."""
    (core, _), text = small_net()
    xs = torch.from_numpy(next(text_windows(text, 3, 9)).xs)
    whole, (_, c) = core(xs)
    hs, (_, same) = characters.forward(core, xs, None, 0.5, "readout")
    torch.testing.assert_close(same, c)
    kept = hs != 0
    torch.testing.assert_close(hs[kept], 2 * whole[kept])
    assert 0.3 < kept.float().mean() < 0.7
    for where in ("each step", "each window"):
        hs, (_, other) = characters.forward(core, xs, None, 0.5, where)
        torch.testing.assert_close(hs[0], whole[0])  # nothing to drop before it
        assert (hs != 0).all() and not torch.allclose(other, c)


def test_one_mask_a_window_drops_the_same_units_at_all_steps(monkeypatch):
    (core, _), text = small_net()
    xs = torch.from_numpy(next(text_windows(text, 3, 9)).xs)
    drawn = []
    true = torch.nn.functional.dropout

    def counted(tensor, share):
        drawn.append(share)
        return true(tensor, share)

    monkeypatch.setattr(torch.nn.functional, "dropout", counted)
    characters.forward(core, xs, None, 0.5, "each window")
    assert len(drawn) == 1
    characters.forward(core, xs, None, 0.5, "each step")
    assert len(drawn) == 1 + 1 + 9


def test_overfitting_reads_both_texts_at_each_check(monkeypatch):
    for name, value in (("CHECKS", range(1, 3)), ("LEARNED", 600), ("HELD", 700)):
        monkeypatch.setattr(characters, name, value)
    asked = []

    def bits(core, readout, text):
        asked.append(text)
        return len(asked)

    monkeypatch.setattr(characters, "bits_per_character", bits)
    found = characters.overfitting(5, 3000, 0.5, "each step", 0.1, "cosine", 0)
    assert found == {"train_1": 1, "held_1": 2, "train_2": 3, "held_2": 4}
    trained, held = ("".join(part.values()) for part in library()[:2])
    assert asked[:2] == [trained[:600], held[:700]]


def test_schedules():
    assert [characters.cosine(s) for s in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert characters.constant(0.7) == 1


def test_the_rate_follows_the_schedule():
    """With a rate of 0 after the first update nothing changes any more."""
    text, seen = MODULES["sched"], []

    def look(done, core, readout, value):
        seen.append((core.weight_hh_l0.detach().clone(), readout.bias.detach().clone()))

    characters.fit(
        text, 5, 3, 1e-2, 0, window=8, schedule=lambda s: float(s == 0), look=look
    )
    assert len(seen) == 4
    for part in (0, 1):
        assert not torch.equal(seen[0][part], seen[1][part])
        assert torch.equal(seen[1][part], seen[3][part])


def test_weights_decay_and_biases_do_not():
    text, seen = MODULES["sched"], []

    def look(done, core, readout, value):
        seen.append([p.detach().clone() for p in core.parameters()])

    characters.fit(text, 5, 1, 1e-2, 0, window=8, decay=50.0, look=look)
    (W_x, W_h, b, _), (new_x, new_h, new_b, none) = seen
    for old, new in ((W_x, new_x), (W_h, new_h)):
        # Half is gone; Adam's first step is as long as the rate.
        assert (new - old / 2).abs().max() < 0.0101
        assert (new - old / 2).abs().max() > 0.005
    assert (new_b - b).abs().max() < 0.0101 and not none.any()


def test_writing():
    (core, readout), _ = small_net()
    model = characters.to_model(core, readout)
    rng = np.random.default_rng
    one = characters.write(model, rng(0), 30, start="def ")
    assert len(one) == 30 and one == characters.write(model, rng(0), 30, start="def ")
    assert one != characters.write(model, rng(1), 30, start="def ")
    # Nearly at 0 the likeliest character is drawn, given all that came before.
    cold = characters.write(model, rng(0), 6, temperature=1e-6, start="ab")
    for k in range(6):
        codes = encode("ab" + cold[:k])
        scores, _ = model.forward(np.eye(96, dtype=np.float32)[codes][:, None])
        assert encode(cold[k])[0] == scores[-1, 0].argmax()


def test_the_stored_net_is_that_of_its_card():
    net, card = nets.character_net(), nets.character_card()
    assert net.cell.hidden_size == card["settings"]["hidden"]
    assert net.readout == "all" and net.cell.dtype == np.float32
    by_updates = {done: bits for done, _, bits in card["history"]}
    kept = by_updates[card["kept_after"]]
    assert kept == min(by_updates.values())
    text, state, losses = "".join(library().validation.values())[:40_000], None, []
    for window in text_windows(text, 40, 250):
        scores, trace = net.forward(window.xs, state)
        state = trace.final
        losses.append(softmax_cross_entropy(scores, window.targets)[0])
    # The history has all of the text, in other streams.
    assert np.mean(losses) / math.log(2) == pytest.approx(kept, abs=0.25)


def test_a_net_in_half_precision():
    net = nets.character_net()
    halves = nets.halved(net)
    assert sorted(halves) == ["W_y", "b_y", "cell.W_h", "cell.W_x", "cell.b"]
    for name, array in tree.leaves(net):
        assert halves[name].dtype == np.float16
        np.testing.assert_array_equal(halves[name].astype(np.float32), array)
