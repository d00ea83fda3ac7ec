"""The ablation: variants × tasks, and the rates chosen for it."""

import numpy as np
import pytest

from lstmbook import CELLS, tree
from lstmbook.course import experiments
from lstmbook.course.experiments import ablation
from lstmbook.course.experiments.ablation import CHOSEN, RATES, TASKS, VARIANTS
from lstmbook.model import value_and_grads
from lstmbook.tasks.reber import reber


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_begins_as_it_says(variant):
    name, biases = VARIANTS[variant]
    model = ablation.build(variant, "notepad", np.random.default_rng(0))
    plain = CELLS[name].init(np.random.default_rng(0), 4, 12, np.float32)
    assert type(model.cell) is CELLS[name] and model.cell.dtype == np.float32
    assert model.readout == "all" and model.b_y.shape == (1,)
    for layer, bias in biases.items():
        assert (getattr(model.cell, f"b_{layer}") == bias).all()
        getattr(plain, f"b_{layer}")[:] = bias
    pairs = zip(tree.leaves(model.cell), tree.leaves(plain), strict=True)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in pairs)


def test_a_gate_with_an_infinite_bias_learns_nothing_and_is_not_counted():
    rng = np.random.default_rng(0)
    model = ablation.build("no input gate", "notepad", rng)
    batches, _, _ = TASKS["notepad"].data(rng)
    _, grads, _ = value_and_grads(model, next(iter(batches)), TASKS["notepad"].loss)
    for part in ("W_xi", "W_hi", "b_i"):
        assert (getattr(grads.cell, part) == 0).all()
    assert (grads.cell.b_f != 0).all()
    # 4 inputs, 12 units, three layers that learn, and the readout.
    assert ablation.parameters(model) == 3 * 12 * (4 + 12 + 1) + 12 + 1


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_has_the_same_data_for_all_variants(task, monkeypatch):
    """And data that have nothing to do with the weights."""
    seen = []

    def record(model, batches, *arguments, hook, **options):
        seen.append([batch for batch, _ in zip(batches, range(2), strict=False)])
        raise StopIteration

    monkeypatch.setattr(ablation, "train", record)
    for variant in ("vanilla", "GRU"):
        with pytest.raises(StopIteration):
            ablation.ablation(task, variant, 0.01, seed=3)
    for ours, theirs in zip(*seen, strict=True):
        assert np.array_equal(ours.xs, theirs.xs)
        assert np.array_equal(ours.targets, theirs.targets)
    assert not np.array_equal(seen[0][0].targets, seen[0][1].targets)


def test_masked_strings_have_the_loss_and_gradient_of_strings_with_lengths():
    batch = reber(np.random.default_rng(0), 9)
    inside = np.arange(len(batch.xs))[:, None] < batch.lengths
    masked = batch._replace(lengths=None, loss_mask=inside)
    model = ablation.build("vanilla", "embedded Reber", np.random.default_rng(1))
    model = tree.map(lambda a: a.astype(np.float64), model)
    loss = TASKS["embedded Reber"].loss
    ours, theirs = (value_and_grads(model, b, loss) for b in (masked, batch))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-12)
    for (_, a), (_, b) in zip(
        tree.leaves(ours[1]), tree.leaves(theirs[1]), strict=True
    ):
        assert np.abs(a - b).max() < 1e-12
    batches, _, _ = TASKS["embedded Reber"].data(np.random.default_rng(2))
    drawn, same = next(batches), reber(np.random.default_rng(2), 32, np.float32)
    assert drawn.lengths is None and np.array_equal(drawn.xs, same.xs)
    assert np.array_equal(drawn.loss_mask.sum(axis=0), same.lengths)


def test_learning_stops_at_the_goal_or_at_the_limit(monkeypatch):
    easy = TASKS["digits"]._replace(goal=0.6)
    monkeypatch.setitem(TASKS, "digits", easy)
    model = ablation.build("vanilla", "digits", np.random.default_rng(0))
    found = ablation.learn(model, "digits", 0.03, seed=1)
    assert found["solved"] and found["miss"] <= 0.6 and not found["diverged"]
    assert found["updates"] % 20 == 0 and 20 <= found["updates"] < 200
    monkeypatch.setitem(TASKS, "digits", easy._replace(goal=0, limit=20))
    late = ablation.learn(model, "digits", 0.03, seed=1)
    assert not late["solved"] and late["updates"] is None and late["miss"] > 0


def test_a_training_that_diverges_is_a_failure(monkeypatch):
    model = ablation.build("vanilla", "digits", np.random.default_rng(0))
    lost = TASKS["digits"]._replace(loss=lambda scores, *_: (np.nan, scores))
    monkeypatch.setitem(TASKS, "digits", lost)
    with pytest.warns(UserWarning, match="training stopped"):
        found = ablation.learn(model, "digits", 0.03, seed=1)
    assert found["diverged"] and not found["solved"] and found["updates"] is None


def test_digits_to_stop_by_and_digits_to_score_are_others():
    _, first, second = TASKS["digits"].data(np.random.default_rng(0))
    assert first.xs.shape == second.xs.shape == (8, 180, 8)
    images = {image.tobytes() for image in first.xs.swapaxes(0, 1)}
    assert not images & {image.tobytes() for image in second.xs.swapaxes(0, 1)}


def row(rate, solved, updates, miss=0.5):
    return {"rate": rate, "solved": solved, "updates": updates, "miss": miss}


def test_the_best_rate():
    slow_and_sure = [row(1, True, 500), row(1, True, 400)]
    quick = [row(2, True, 100), row(2, False, None)]
    assert ablation.best([*quick, *slow_and_sure]) == 1
    assert ablation.best([*quick, row(3, True, 90), row(3, False, None)]) == 3
    hopeless = [row(1, False, None, 0.2), row(2, False, None, 0.1)]
    assert ablation.best(hopeless) == 2


def test_rates_are_the_best_of_the_pilot():
    rows = experiments.load("ablation-rates")
    for task, chosen in CHOSEN.items():
        for variant, rate in zip(VARIANTS, chosen, strict=True):
            tried = [
                row for row in rows if (row["task"], row["variant"]) == (task, variant)
            ]
            assert {row["rate"] for row in tried} == set(RATES)
            assert ablation.best(tried) == rate


def test_rates_are_chosen_on_seeds_that_are_not_reported(monkeypatch):
    asked = []
    monkeypatch.setattr(ablation, "ablation", lambda *told: asked.append(told[-1]))
    for seed in range(experiments.find("ablation-rates").seeds):
        ablation.ablation_rates("digits", "GRU", 0.1, seed)
    assert not set(asked) & set(range(experiments.find("ablation").seeds))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["notepad", "temporal order"])
def test_a_stored_run_is_repeated(task):
    rows = [r for r in experiments.load("ablation") if r["task"] == task]
    stored = min((r for r in rows if r["solved"]), key=lambda r: r["updates"])
    fresh = ablation.ablation(task, stored["variant"], stored["rate"], stored["seed"])
    assert fresh["solved"] and 1 / 2 <= fresh["updates"] / stored["updates"] <= 2
    assert fresh["parameters"] == stored["parameters"]
