"""The experiments on gates: wired open, held constant, and in trained nets."""

import numpy as np
import pytest

from lstmbook import LSTM, tree
from lstmbook.course import experiments
from lstmbook.course.experiments import gates
from lstmbook.model import Model
from lstmbook.tasks.notepad import FLAG, NOTE, by_hand, example, notepad

T, N, D, H = 5, 3, 4, 2


def random_model(rng):
    model = Model.init(rng, LSTM.init(rng, D, H), 1, readout="all")
    return tree.map(lambda a: rng.standard_normal(a.shape), model)


@pytest.mark.parametrize("gate", "ifo")
def test_a_held_gate_stands_still_and_the_others_keep_their_weights(gate):
    rng = np.random.default_rng(0)
    model = random_model(rng)
    before = tree.map(np.copy, model)
    share = np.array([0.3, 0.9])
    still = gates.hold(model, gate, share)
    xs = rng.standard_normal((T, N, D))
    _, trace = still.forward(xs)
    np.testing.assert_allclose(
        getattr(trace.gates, gate), np.broadcast_to(share, (T, N, H)), atol=1e-14
    )
    for layer in set("ifgo") - {gate}:
        for part in ("W_x", "W_h", "b_"):
            ours, theirs = (getattr(m.cell, part + layer) for m in (still, model))
            assert (ours == theirs).all()
    assert (still.W_y == model.W_y).all()
    pairs = zip(tree.leaves(model), tree.leaves(before), strict=True)
    assert all((now == then).all() for (_, now), (_, then) in pairs)


def test_between():
    assert gates.between(np.array([[0.0, 0.1, 0.11], [0.5, 0.89, 0.95]])) == 0.5


def test_the_unit_read_most_is_the_one_that_moves_the_answers():
    asked = np.array([[True, False], [True, True]])
    hs = np.zeros((2, 2, 3))
    hs[..., 0] = 5  # large, but always the same
    hs[asked, 1] = 0.1, -0.1, 0.1
    hs[~asked, 2] = 9  # moves where nothing is asked
    cell = LSTM.init(np.random.default_rng(0), D, 3)
    model = Model(cell, np.ones((3, 1)), np.zeros(1))
    assert gates.unit_read_most(model, hs, asked) == 1


def test_of_the_cell_set_by_hand_the_note_is_read():
    batch = example()
    model = by_hand()
    _, trace = model.forward(batch.xs)
    asked = batch.xs[..., 2] == 1
    assert gates.unit_read_most(model, trace.hs, asked) == NOTE != FLAG


def test_events_share_out_all_steps():
    batch = notepad(np.random.default_rng(0), 40, 7)
    events = gates._events(batch.xs)
    assert (np.sum(list(events.values()), axis=0) == 1).all()
    assert (events["announced"][1:] == events["store"][:-1]).all()


def test_the_rates_are_the_best_of_the_pilot():
    rows = experiments.load("wired-open-rates")
    for (gate, hidden), chosen in gates.CHOSEN.items():
        medians = {
            rate: np.median(
                [
                    row["rmse"]
                    for row in rows
                    if (row["gate"], row["hidden"], row["rate"]) == (gate, hidden, rate)
                ]
            )
            for rate in gates.RATES
        }
        assert min(medians, key=medians.get) == chosen


@pytest.mark.slow
def test_a_stored_net_that_read_digits():
    """The same run again, as closely as processors agree."""
    row = experiments.load("open-digits")[0]
    fresh = gates.open_digits(hidden=row["hidden"], seed=row["seed"])
    for name in experiments.find("open-digits").results:
        assert abs(fresh[name] - row[name]) < 0.15
    assert fresh["accuracy"] > 0.85


@pytest.mark.slow
def test_a_stored_net_with_open_input_gates():
    row = next(
        row
        for row in experiments.load("wired-open")
        if (row["gate"], row["hidden"]) == ("i", 8)
    )
    fresh = gates.wired_open("i", 8, row["seed"])
    assert max(fresh["rmse"], row["rmse"]) < 0.04
