"""The notepad task, its solution by hand, and its chart."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstmbook import plots
from lstmbook.tasks.notepad import (
    MARKS,
    VALUE,
    by_hand,
    example,
    notepad,
    notes,
    render,
)

STORE, RECALL, CLEAR = MARKS.values()


def replay(xs):
    """The task as told to a person, one stream."""
    note, announced, wanted = 0.0, False, []
    for value, store, recall, clear in xs:
        if announced:
            note = value
        if clear:
            note = 0.0
        announced = bool(store)
        wanted.append(note if recall else 0.0)
    return wanted


def test_targets():
    batch = notepad(np.random.default_rng(0), 30, 200)
    assert batch.xs.shape == (30, 200, 4) and batch.targets.shape == (30, 200, 1)
    for n in range(200):
        assert batch.targets[:, n, 0].tolist() == replay(batch.xs[:, n])
    assert (batch.targets != 0).any()


def test_marks():
    xs = notepad(np.random.default_rng(0), 40, 5000).xs
    marks = xs[..., 1:]
    assert set(np.unique(marks)) == {0, 1} and marks.sum(axis=-1).max() == 1
    announced = xs[:-1, :, STORE] == 1
    assert not marks[1:][announced].any()
    assert not xs[-1, :, STORE].any() and xs[-2, :, STORE].any()
    assert -1 <= xs[..., VALUE].min() < -0.99 and 0.99 < xs[..., VALUE].max() < 1
    # At free steps the marks occur at the given rates.
    free = xs[1:-1][~announced[:-1]]
    assert free[:, 1:].mean(axis=0) == pytest.approx([0.1, 0.2, 0.05], abs=0.004)


def test_rates():
    xs = notepad(np.random.default_rng(0), 9, 50, store=0, recall=1, clear=0).xs
    assert (xs[..., RECALL] == 1).all()
    xs = notepad(np.random.default_rng(0), 9, 50, store=1, recall=0, clear=0).xs
    assert xs[:, 0, STORE].tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 0]


def test_dtype():
    batch = notepad(np.random.default_rng(0), 9, 5, dtype=np.float32)
    assert batch.xs.dtype == batch.targets.dtype == np.float32
    answers, _ = by_hand(dtype=np.float32).forward(batch.xs)
    assert answers.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length is 0; expected an integer of at least 1"),
        ({"batch_size": 0}, "batch_size is 0; expected an integer of at least 1"),
        ({"clear": np.nan}, "expected probabilities"),
        ({"store": -0.1}, "expected probabilities that add up to at most 1"),
        ({"recall": 0.9}, r"\(0.1, 0.9, 0.05\); expected probabilities"),
    ],
)
def test_bad_arguments(arguments, message):
    arguments = {"length": 5, "batch_size": 2} | arguments
    with pytest.raises(ValueError, match=message):
        notepad(np.random.default_rng(0), **arguments)


def test_solved_by_hand():
    batch = notepad(np.random.default_rng(0), 100, 10_000)
    answers, _ = by_hand().forward(batch.xs)
    assert np.abs(answers - batch.targets).max() < 0.02


@pytest.mark.parametrize("layer", "ifgo")
def test_each_layer_is_needed(layer):
    """With one layer wired off this solution fails, and plainly."""
    batch = notepad(np.random.default_rng(0), 100, 100)
    answers, trace = by_hand("ifgo".replace(layer, "")).forward(batch.xs)
    assert np.abs(answers - batch.targets).max() > 0.5
    if layer == "g":
        assert not trace.gates.g.any()
    else:
        assert (getattr(trace.gates, layer) == 1).all()


def test_unknown_layer():
    with pytest.raises(ValueError, match="layers is 'ix'; expected letters of 'ifgo'"):
        by_hand("ix")


def test_example():
    batch = example()
    marks = "".join(
        next((name[0] for name, k in MARKS.items() if x[k]), ".")
        for x in batch.xs[:, 0]
    )
    assert marks == "r..s...r...s.rc..rrr"
    assert np.round(batch.targets[[7, 13], 0, 0], 2).tolist() == [-0.88, 0.82]
    assert not batch.targets[[0, 17, 18, 19]].any()


def test_render():
    batch = example()
    lines = render(batch, predictions=np.full_like(batch.targets, 0.25)).splitlines()
    assert len(lines) == 21 and len({line.index("  ") for line in lines[1:]}) == 1
    assert lines[0].split() == ["t", "value", "mark", "note", "target", "answer"]
    assert lines[4].split() == ["4", "-0.40", "store", "·", "·", "+0.25"]
    assert lines[5].split() == ["5", "-0.88→", "-0.88", "·", "+0.25"]
    assert lines[8].split() == ["8", "+0.61", "recall", "-0.88", "-0.88", "+0.25"]
    assert "answer" not in render(batch)
    assert np.array_equal(notes(batch.xs)[4:12, 0], np.full(8, batch.xs[4, 0, 0]))


def test_any_of_several_streams_is_shown():
    batch = notepad(np.random.default_rng(0), 9, 3)
    alone = batch._replace(xs=batch.xs[:, 1:2], targets=batch.targets[:, 1:2])
    answers, trace = by_hand().forward(batch.xs)
    assert render(batch, 1, answers) == render(alone, 0, answers[:, 1:2])
    assert render(batch, 1, answers) != render(batch, 0, answers)
    axs, drawn = Figure().subplots(4, 1), []
    plots.notepad_chart(axs, batch, answers, trace, sequence=1)
    answers, trace = by_hand().forward(alone.xs)
    others = plots.notepad_chart(Figure().subplots(4, 1), alone, answers, trace)
    for ax, other in zip(axs, others, strict=True):
        for line, same in zip(ax.lines, other.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), same.get_ydata(), atol=1e-12)
            drawn.append(line)
    assert len(drawn) > 4


def test_chart():
    batch = example()
    answers, trace = by_hand("gf").forward(batch.xs)
    axs = Figure().subplots(4, 1, sharex=True)
    assert plots.notepad_chart(axs, batch, answers, trace) is axs
    came, gates, memories, shown = axs
    assert [text.get_text() for text in came.texts].count("R") == 6
    # Lanes from below: o, f, i; each bar as high as its gate is open.
    heights = np.array([bar.get_height() for bar in gates.patches[:60]])
    for lane, name in enumerate("ofi"):
        share = getattr(trace.gates, name)[:, 0, 1]
        assert np.abs(heights[20 * lane : 20 * lane + 20] - share).max() < 1e-12
    for line, name in zip(memories.lines, "ch", strict=True):
        assert np.array_equal(line.get_ydata(), getattr(trace.states, name)[:, 0, 1])
    assert memories.get_ylim()[1] > trace.states.c[:, 0, 1].max() > 0.1
    wanted, answer = shown.lines
    assert np.array_equal(wanted.get_ydata(), batch.targets[:, 0, 0])
    assert np.array_equal(answer.get_ydata(), answers[:, 0, 0])
