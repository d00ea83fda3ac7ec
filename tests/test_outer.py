"""Probes, exchanges and held gates: what finds the unit that holds a symbol."""

import numpy as np
import pytest

from lstmbook import LSTM, LSTMState, tree
from lstmbook.course import experiments
from lstmbook.course.experiments import outer
from lstmbook.model import Model
from lstmbook.tasks import reber as grammar

H = 3


def random_model(rng):
    model = Model.init(rng, LSTM.init(rng, 7, H), 7, readout="all")
    return tree.map(lambda a: rng.standard_normal(a.shape), model)


def pairs(number=20, seed=0):
    return outer.twins(np.random.default_rng(seed), number)


def test_twins_differ_in_the_outer_symbol_alone():
    with_t, with_p = map(grammar.strings, pairs(40))
    assert len({string[2:-2] for string in with_t}) == 40
    for t, p in zip(with_t, with_p, strict=True):
        assert t[1] == t[-2] == "T" and p[1] == p[-2] == "P"
        assert t[2:-2] == p[2:-2] and t[0] + t[-1] == p[0] + p[-1] == "BE"


def test_an_exchange_by_the_loop():
    """One string at a time, one step at a time."""
    rng = np.random.default_rng(1)
    model, (own, donor) = random_model(rng), pairs()
    step = rng.integers(1, own.lengths - 2)
    units = [0, 2]
    scores = outer.exchange(model, own, donor, step, units)
    for n, string in enumerate(grammar.strings(own)):
        states = []
        for batch in (own, donor):
            alone = grammar.encode([grammar.strings(batch)[n]])
            _, trace = model.forward(alone.xs[: step[n] + 1])
            states.append(trace.final)
        mixed = LSTMState(*(part.copy() for part in states[0]))
        for unit in units:
            mixed.h[0, unit] = states[1].h[0, unit]
            mixed.c[0, unit] = states[1].c[0, unit]
        rest = grammar.encode([string]).xs[step[n] + 1 :]
        expected = model.forward(rest, mixed)[0][-2, 0]
        np.testing.assert_allclose(scores[n], expected, atol=1e-12)


def test_without_units_nothing_follows_and_with_all_everything_does():
    model, pair = random_model(np.random.default_rng(2)), pairs()
    step = pair[0].lengths - 3
    scores = [outer.exchange(model, *pair, step, units) for units in ([], [0, 1, 2])]
    for batch, came in zip(pair, scores, strict=True):
        full, _ = model.forward(batch.xs, None, batch.lengths)
        at = full[batch.lengths - 2, np.arange(20)]
        np.testing.assert_allclose(came, at, atol=1e-12)


def carrier():
    """A net set by hand: unit 1 holds the first T or P, and unit 0 shuts it then."""
    cell = LSTM(np.zeros((7, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H))
    T, P = map(grammar.SYMBOLS.index, "TP")
    cell.b_o[:] = cell.b_f[:] = 40
    cell.W_xg[[T, P], 1] = 40, -40
    # Unit 0 is up from the second symbol on: then unit 1 no longer writes.
    cell.W_xg[[T, P], 0] = 40
    cell.b_i[:2] = 40
    cell.W_hi[0, 1] = -200
    W_y = np.zeros((H, 7))
    W_y[1, T], W_y[1, P] = 1, -1
    return Model(cell, W_y, np.zeros(7), "all")


def test_a_unit_that_holds_the_symbol_by_construction_is_found():
    model, pair = carrier(), pairs(60)
    step = pair[0].lengths - 3
    assert outer.follows(model, pair, step, []) == 0
    assert [outer.follows(model, pair, step, [k]) for k in range(H)] == [0, 1, 0]
    assert outer.follows(model, pair, step, [0, 2]) == 0
    states, labels = outer.read(model, pair, step)
    for unit, score in ((0, 0.5), (1, 1), (2, 0.5)):
        probe = outer.fit_probe(states[:, [unit]], labels)
        assert outer.probe_score(probe, states[:, [unit]], labels) == score


def test_a_probe_is_least_squares():
    rng = np.random.default_rng(3)
    states, labels = rng.standard_normal((50, 4)), rng.random(50) > 0.4
    probe = outer.fit_probe(states, labels)
    residual = states @ probe[:-1] + probe[-1] - np.where(labels, 1, -1)
    assert np.abs(states.T @ residual).max() < 1e-10 and abs(residual.sum()) < 1e-10
    told = [s @ probe[:4] + probe[4] > 0 for s in states]
    assert outer.probe_score(probe, states, labels) == np.mean(np.equal(told, labels))


def test_explained_is_the_variance_between_symbols():
    symbols = np.array([0, 0, 1, 1, 1])
    gate = np.array([[0.9, 0.2], [0.7, 0.2], [0.1, 0.4], [0.3, 0.4], [0.2, 0.4]])
    between = (2 * (0.8 - 0.44) ** 2 + 3 * (0.2 - 0.44) ** 2) / 5
    total = np.mean((gate[:, 0] - 0.44) ** 2)
    assert outer.explained(gate, symbols) == pytest.approx([between / total, 1])


@pytest.mark.parametrize("gate", "ifo")
def test_a_held_gate_of_one_unit(gate):
    rng = np.random.default_rng(4)
    model = random_model(rng)
    xs = rng.standard_normal((5, 2, 7))
    _, before = model.forward(xs)
    held = outer.hold_gate(model, gate, 1, 0.3)
    _, after = held.forward(xs)
    np.testing.assert_allclose(getattr(after.gates, gate)[..., 1], 0.3, atol=1e-14)
    for name in "ifgo":
        for k in range(H):
            if (name, k) != (gate, 1):
                ours, theirs = (
                    getattr(t.gates, name)[0, :, k] for t in (after, before)
                )
                np.testing.assert_allclose(ours, theirs, atol=1e-14)


@pytest.mark.slow
def test_a_stored_net_is_trained_again():
    """The quickest, as closely as processors agree."""
    row = min(experiments.load("outer-unit"), key=lambda row: row["updates"])
    fresh = outer.outer_unit(row["hidden"], row["rate"], row["seed"])
    assert set(fresh) == set(experiments.find("outer-unit").results)
    assert 1 / 2 <= fresh["updates"] / row["updates"] <= 2
    assert min(fresh["right"], row["right"]) > 0.95
    assert min(fresh["all_swap_late"], row["all_swap_late"]) > 0.95
    assert fresh["untrained_early"] == row["untrained_early"]
