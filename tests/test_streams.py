"""The experiments on streams: what they train on, and what the book stores of them."""

import numpy as np
import pytest

from lstmbook import LSTM
from lstmbook.course import experiments
from lstmbook.course.experiments import streams
from lstmbook.data import windows
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, clip_by_global_norm
from lstmbook.tasks.notepad import by_hand, notepad
from tests.cases import largest


@pytest.mark.parametrize(("shortest", "longest"), [(20, 20), (1, 20), (3, 7)])
def test_recalls(shortest, longest):
    rng = np.random.default_rng(0)
    xs, targets, mask, lengths = streams.recalls(rng, 500, 8, shortest, longest)
    assert xs.shape == (500, 8, 3) and targets.shape == (500, 8, 1) and lengths is None
    assert set(np.unique(xs[..., 1:])) == {0, 1} and np.abs(xs[..., 0]).max() <= 1
    assert np.array_equal(mask, xs[..., 2] == 1) and (targets[~mask] == 0).all()
    lags = set()
    for n in range(8):
        noted, (asked,) = None, np.nonzero(mask[:, n])
        for t in range(500):
            if t in asked:
                assert targets[t, n, 0] == xs[noted, n, 0]
                lags.add(t - noted)
            # Never both at once, never a note before the last was asked for.
            if xs[t, n, 1]:
                assert t not in asked
                assert noted is None or ((noted < asked) & (asked < t)).sum() == 1
                noted = t
    assert lags == set(range(shortest, longest + 1))


def test_some_stream_asks_in_any_window():
    rng = np.random.default_rng(0)
    stream = streams.recalls(rng, 2_000, streams.STREAMS, streams.LAG, streams.LAG)
    asked = [part.loss_mask.any() for part in windows(stream, 5)]
    assert all(asked[streams.LAG // 5 :]) and not any(asked[: streams.LAG // 5])


def start():
    rng = np.random.default_rng(0)
    stream = streams.recalls(rng, 60, 4, shortest=1, longest=5)
    return Model.init(rng, LSTM.init(rng, 3, 2), 1, readout="all"), stream


def test_one_window_is_one_step_of_ordinary_training():
    model, stream = start()
    _, grads, _ = value_and_grads(model, stream, mse)
    grads, _ = clip_by_global_norm(grads, 1.0)
    expected, _ = SGD(0.1).update(model, grads, None)
    assert largest(streams.train_on_stream(model, stream, 60, SGD(0.1)), expected) == 0


def test_the_state_is_carried_from_window_to_window():
    """At a learning rate of 0 the windows' answers are the whole stream's."""
    model, stream = start()
    answers, _ = model.forward(stream.xs)
    seen = []

    class Watching(Model):
        def forward(self, xs, state=None, lengths=None):
            found = super().forward(xs, state, lengths)
            seen.append(found[0])
            return found

    watching = Watching(model.cell, model.W_y, model.b_y, "all")
    streams.train_on_stream(watching, stream, 7, SGD(0.0))
    assert np.abs(np.concatenate(seen) - answers).max() <= 1e-14


def test_a_training_that_stops_is_no_result():
    """In the last window too, after which no state is carried."""
    model, stream = start()
    model.W_y[:] = np.nan
    words = "loss is nan"
    with pytest.warns(match=words), pytest.raises(ArithmeticError, match=words):
        streams.train_on_stream(model, stream, 60, SGD(0.1))


def test_between():
    """Each recall's lag counted anew, stream by stream."""
    stream = streams.recalls(np.random.default_rng(0), 300, 4, shortest=1, longest=9)
    chosen = streams.between(stream, 3, 6)
    kept = set()
    for n in range(4):
        noted = None
        for t, (_, note, recall) in enumerate(stream.xs[:, n]):
            noted = t if note else noted
            counts = bool(recall) and 3 <= t - noted <= 6
            assert chosen.loss_mask[t, n] == counts
            kept |= {t - noted} if counts else set()
    assert kept == {3, 4, 5, 6}
    assert chosen.xs is stream.xs and chosen.targets is stream.targets


def test_some():
    """A share of the recalls at every lag, and nothing else."""
    stream = streams.recalls(np.random.default_rng(0), 3_000, 32, 1, 20)
    fifth = streams.some(stream, np.random.default_rng(1), 0.2)
    assert not (fifth.loss_mask & ~stream.loss_mask).any()
    assert fifth.loss_mask.sum() / stream.loss_mask.sum() == pytest.approx(
        0.2, abs=0.02
    )
    for lag in range(1, 21):
        of_this_lag = streams.between(stream, lag, lag).loss_mask
        assert 0 < (fifth.loss_mask & of_this_lag).sum() < of_this_lag.sum()


def test_short_recalls_and_a_fifth_at_random_are_equally_many():
    """So the two differ in the lag only, and five times the steps make up for it."""
    rows = experiments.load("truncation")

    def scored(counts, steps=streams.STEPS):
        chosen = {"shortest": 1, "window": 5, "counts": counts, "steps": steps}
        return np.array([r["scored"] for r in rows if chosen.items() <= r.items()])

    assert scored("short") == pytest.approx(scored("fifth"), rel=0.06)
    assert scored("all") == pytest.approx(scored("short", 5 * streams.STEPS), rel=0.06)
    assert (scored("short") + scored("long") == scored("all")).all()


def test_which_recalls_count():
    """Short and long ones are all there are, and a fifth is drawn from both."""
    few = streams.USUAL | {"shortest": 1, "steps": 400, "window": 40, "seed": 0}
    scored = {
        counts: streams.truncation(**few | {"counts": counts})["scored"]
        for counts in ("all", "short", "long", "fifth")
    }
    stream = streams.recalls(np.random.default_rng(0), 400, streams.STREAMS, 1, 20)
    assert scored["short"] + scored["long"] == scored["all"]
    assert scored["short"] == pytest.approx(scored["all"] / 5, rel=0.3)
    assert scored["fifth"] == pytest.approx(scored["all"] / 5, rel=0.3)
    assert scored["all"] == pytest.approx(stream.loss_mask.sum(), rel=0.02)


def test_rmse():
    test = notepad(np.random.default_rng(0), 50, 20)
    silent = streams.rmse(by_hand(""), test)
    assert silent == pytest.approx(np.sqrt((test.targets**2).mean()), rel=1e-12)
    assert streams.rmse(by_hand(), test) < 0.002 < 0.1 < silent


@pytest.mark.slow
def test_a_stored_truncation():
    """The cheapest run with long windows learns again, whatever the processor."""
    rows = [r for r in experiments.load("truncation") if r["window"] == 40]
    stored = min(rows, key=lambda row: row["seconds"])
    settings = {key: stored[key] for key in (*streams.USUAL, "window", "seed")}
    fresh = streams.truncation(**settings)
    assert fresh["mse"] == pytest.approx(stored["mse"], abs=0.02)


@pytest.mark.slow
def test_a_stored_notepad():
    """Trained in float64 with rates that fall: processors agree."""
    (stored,) = [
        row
        for row in experiments.load("learned-notepad")
        if (row["hidden"], row["rate"], row["seed"]) == (2, 0.03, 1)
    ]
    fresh = streams.learned_notepad(hidden=2, rate=0.03, seed=1)
    assert fresh == pytest.approx({name: stored[name] for name in fresh}, abs=0.005)
