"""State tracking, with cups that are really moved."""

from itertools import permutations

import numpy as np
import pytest

from lstmbook.course import experiments
from lstmbook.course.experiments import tracking as study
from lstmbook.tasks.state_tracking import GROUPS, state_tracking


@pytest.mark.equation("eq-word-problem")
@pytest.mark.parametrize(("group", "things"), [("Z2", 2), ("S3", 3)])
def test_targets_are_where_the_cups_stand(group, things):
    moves = list(permutations(range(things)))
    batch = state_tracking(np.random.default_rng(0), group, 9, 300)
    assert batch.xs.shape == (9, 300, len(moves)) and batch.targets.shape == (9, 300)
    assert (batch.xs.sum(axis=-1) == 1).all()
    shown = batch.xs.argmax(axis=-1)
    for n in range(300):
        places = tuple(range(things))  # cup k stands at place k
        for t in range(9):
            places = tuple(moves[shown[t, n]][place] for place in places)
            assert moves[batch.targets[t, n]] == places
    assert set(shown.ravel()) == set(batch.targets.ravel()) == set(range(len(moves)))


def test_parity_is_a_running_sum():
    batch = state_tracking(np.random.default_rng(1), "Z2", 20, 50, np.float32)
    assert batch.xs.dtype == np.float32
    assert (batch.xs[..., 1].cumsum(axis=0) % 2 == batch.targets).all()


@pytest.mark.parametrize("group", GROUPS)
def test_one_missed_step_leaves_chance(group):
    batch = state_tracking(np.random.default_rng(2), group, 4, 60_000)
    missed, targets = batch.xs[[0, 1, 3]].argmax(axis=-1), batch.targets[-1]
    G = len(GROUPS[group])
    for seen in ((0, 0, 0), (1, 0, 1), (0, 1, 1)):
        after = targets[(missed == np.array(seen)[:, None]).all(axis=0)]
        found = np.bincount(after, minlength=G) / len(after)
        # five standard errors of a share
        assert np.abs(found - 1 / G).max() < 5 * np.sqrt(1 / G / len(after))


def test_the_order_of_two_shuffles_counts():
    table = GROUPS["S3"]
    assert (table != table.T).any() and (GROUPS["Z2"] == GROUPS["Z2"].T).all()
    for table in GROUPS.values():
        assert (table[0] == np.arange(len(table))).all()  # 0 moves nothing
        assert all(len(set(row)) == len(table) for row in (*table, *table.T))


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match=r"group is 'Z5'; expected one of Z2, S3"):
        state_tracking(np.random.default_rng(0), "Z5", 4, 2)


def test_rates_are_those_that_the_records_choose():
    rows = experiments.load("tracking-rates")
    for group in GROUPS:
        for net, rate in zip(study.NETS, study.CHOSEN[group], strict=True):
            of_net = [r for r in rows if (r["group"], r["net"]) == (group, net)]
            assert study.best(of_net) == rate, (group, net)


def test_the_best_rate_has_most_right_then_goes_farthest_then_is_quickest():
    def row(rate, right_20, far, updates):
        rights = {f"right_{t}": far for t in study.STEPS}
        return {"rate": rate, **rights, "right_20": right_20, "updates": updates}

    assert study.best([row(1, 0.9, 1.0, 5), row(2, 1.0, 0.5, 9)]) == 2
    assert study.best([row(1, 1.0, 0.9, 9), row(2, 1.0, 0.5, 5)]) == 1
    assert study.best([row(1, 1.0, 0.9, 9), row(2, 1.0, 0.9, 5)]) == 2
    two = [row(1, 1.0, 1, 5), row(1, 0.6, 1, 5), row(2, 0.9, 1, 5), row(2, 0.9, 1, 5)]
    assert study.best(two) == 2  # the mean over the seeds


@pytest.mark.parametrize("net", study.NETS)
def test_a_short_run_of_each_net(net):
    found = study.track("Z2", net, 0.01, seed=3, budget=50)
    assert found["updates"] == 50
    assert all(0 <= found[f"right_{t}"] <= 1 for t in study.STEPS)
    again = study.track("Z2", net, 0.01, seed=3, budget=50)
    assert found == again


def test_attention_sees_no_later_step():
    import torch

    from lstmbook.course.trackers import Tracker

    torch.manual_seed(0)
    for net in study.NETS:
        model = Tracker(net, 3, 4)
        xs = torch.randn(7, 2, 3)
        changed = xs.clone()
        changed[5:] = torch.randn(2, 2, 3)
        with torch.no_grad():
            before, after = model(xs), model(changed)
        assert torch.allclose(before[:5], after[:5], atol=1e-6), net
        assert not torch.allclose(before[5:], after[5:], atol=1e-3), net


def test_the_edges_lie_beyond_a_chosen_extreme():
    for group, net, rate in study.EDGES:
        chosen = study.CHOSEN[group][study.NETS.index(net)]
        assert chosen in (min(study.RATES), max(study.RATES))
        assert rate < min(study.RATES) or rate > max(study.RATES)
        assert (rate < chosen) == (chosen == min(study.RATES))
    without = study.NETS[study.NETS.index("minLSTM") : study.NETS.index("attention")]
    at_an_edge = {
        (group, net)
        for group in GROUPS
        for net in without
        if study.CHOSEN[group][study.NETS.index(net)] != sorted(study.RATES)[1]
    }
    assert at_an_edge == {(group, net) for group, net, _ in study.EDGES}


def test_wider_linear_cells_have_more_parameters_than_the_lstm():
    def parameters(name, group, net):
        (found,) = {
            row["parameters"]
            for row in experiments.load(name)
            if (row["group"], row["net"]) == (group, net)
        }
        return found

    for group, net in study.WIDER:
        lstm = parameters("tracking", group, "LSTM")
        assert parameters("tracking-wider", group, net) > lstm
        found = study.track(group, net, 0.01, seed=0, budget=1, width=64)
        assert found["parameters"] == parameters("tracking-wider", group, net)
