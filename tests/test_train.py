import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lstmbook import GRU, LSTM, RNN, Bidirectional, LSTMState, Stack, tree
from lstmbook import train as train_module
from lstmbook.data import windows
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, Adam, global_norm
from lstmbook.tasks.adding import adding
from lstmbook.tasks.notepad import notepad
from lstmbook.train import train
from tests.cases import largest

ROOT = Path(__file__).parents[1]


def start(kind=LSTM, hidden=6):
    rng = np.random.default_rng(0)
    return Model.init(rng, kind.init(rng, 2, hidden), 1)


def batches(updates, seed=1):
    rng = np.random.default_rng(seed)
    return [adding(rng, 6, 32) for _ in range(updates)]


def test_history_is_that_of_the_updates():
    model, optimizer = start(), Adam(1e-2)
    run = train(model, batches(5), mse, optimizer)
    state, expected = optimizer.init(model), []
    for batch in batches(5):
        value, grads, _ = value_and_grads(model, batch, mse)
        expected.append((value, global_norm(grads)))
        model, state = optimizer.update(model, grads, state)
    assert np.array_equal(np.array(expected).T, [run.losses, run.grad_norms])
    assert largest(run.model, model) == 0 and run.stopped is None


def test_it_learns():
    run = train(start(), batches(300), mse, Adam(2e-2), max_norm=1)
    assert np.mean(run.losses[-20:]) < 0.2 * np.mean(run.losses[:5])


def test_goes_on_where_it_was():
    whole = train(start(), batches(6), mse, Adam(1e-2))
    first = train(start(), batches(6)[:2], mse, Adam(1e-2))
    second = train(
        first.model,
        batches(6)[2:],
        mse,
        Adam(1e-2),
        optimizer_state=first.optimizer_state,
    )
    assert largest(second.model, whole.model) == 0


def test_clipping_bounds_the_step():
    model = start()
    run = train(model, batches(1), mse, SGD(1.0), max_norm=1e-3)
    step = global_norm([*map(np.subtract, *map(arrays, (run.model, model)))])
    assert run.grad_norms[0] > 1e-3 and step == pytest.approx(1e-3, rel=0.01)


def arrays(model):
    return [model.cell.W_x, model.cell.W_h, model.cell.b, model.W_y, model.b_y]


def interrupted(updates):
    yield from batches(updates)
    raise KeyboardInterrupt


@pytest.mark.parametrize("updates", [0, 3])
def test_interrupt_is_raised_and_keeps_the_run_so_far(updates):
    words = rf"\nTraining was interrupted after {updates} updates\. .* sys\.last_value"
    with pytest.raises(KeyboardInterrupt, match=words) as caught:
        train(start(), interrupted(updates), mse, Adam(1e-2))
    run, whole = caught.value.run, train(start(), batches(updates), mse, Adam(1e-2))
    assert run.stopped is None and np.array_equal(run.losses, whole.losses)
    assert largest(run.model, whole.model) == 0
    assert largest(run.optimizer_state, whole.optimizer_state) == 0
    assert run.optimizer_state.updates == updates


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such status")
def test_a_process_dies_of_the_interrupt():
    """So a shell loop ends too: the exit status is the signal, not 1."""
    code = "from tests.test_train import *; train(start(), interrupted(2), mse, SGD(1))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT)
    assert run.returncode == -signal.SIGINT
    assert b"sys.last_value.run" in run.stderr


def test_interrupt_ends_a_list_of_runs():
    begun = []
    with pytest.raises(KeyboardInterrupt):
        for seed in range(6):
            begun.append(seed)
            train(start(), interrupted(seed), mse, SGD(0.1))
    assert begun == [0]


@pytest.mark.parametrize("where", ["value_and_grads", "clip_by_global_norm", "update"])
def test_interrupt_never_leaves_half_an_update(monkeypatch, where):
    """Ctrl-C anywhere in the third update: the run is that of two, in all its parts."""
    calls = []
    optimizer = Adam(1e-2)
    owner = Adam if where == "update" else train_module
    original = getattr(owner, where)

    def until_the_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(owner, where, until_the_third)
    with pytest.raises(KeyboardInterrupt) as caught:
        train(start(), batches(5), mse, optimizer, max_norm=1.0)
    monkeypatch.undo()
    run, two = caught.value.run, train(start(), batches(2), mse, optimizer, 1.0)
    assert len(run.losses) == len(run.grad_norms) == run.optimizer_state.updates == 2
    assert largest(run.model, two.model) == 0


def test_hook_sees_each_update_and_goes_on():
    seen = []
    run = train(start(), batches(4), mse, Adam(1e-2), hook=seen.append)
    assert [update.number for update in seen] == [1, 2, 3, 4]
    assert [update.loss for update in seen] == run.losses.tolist()
    assert [update.grad_norm for update in seen] == run.grad_norms.tolist()
    assert seen[-1].model is run.model
    assert seen[-1].optimizer_state is run.optimizer_state
    two = train(start(), batches(2), mse, Adam(1e-2))
    assert largest(seen[1].model, two.model) == 0


@pytest.mark.parametrize("true", [True, np.True_])
def test_hook_stops_early(true):
    run = train(start(), batches(9), mse, SGD(0.1), hook=lambda u: true & (u[0] == 3))
    assert len(run.losses) == 3 and run.stopped is None
    assert largest(run.model, train(start(), batches(3), mse, SGD(0.1)).model) == 0


def test_hook_sets_a_schedule():
    rates = [0.4, 0.2, 0.1]
    run = train(
        start(), batches(3), mse, SGD(rates[0]), hook=lambda u: SGD(0.4 * 0.5**u.number)
    )
    model = start()
    for batch, rate in zip(batches(3), rates, strict=True):
        model = train(model, [batch], mse, SGD(rate)).model
    assert largest(run.model, model) == 0


@pytest.mark.parametrize("answer", ["stop", 0, Adam(), SGD])
def test_hook_that_answers_something_else(answer):
    came = type(answer).__name__
    message = f"hook returned a {came}; expected None, a bool or a SGD"
    with pytest.raises(TypeError, match=message):
        train(start(), batches(2), mse, SGD(0.1), hook=lambda _: answer)


def test_interrupt_in_a_hook_counts_the_update():
    def stop(update):
        if update.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        train(start(), batches(5), mse, SGD(0.1), hook=stop)
    two = train(start(), batches(2), mse, SGD(0.1))
    assert largest(caught.value.run.model, two.model) == 0


# --- Streams


def reads_all(kind=LSTM):
    rng = np.random.default_rng(0)
    model = Model.init(rng, kind.init(rng, 4, 3), 1, readout="all")
    model.b_y[:] = 0.3
    return model, notepad(rng, 23, 6)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_carry_is_truncated_backpropagation(kind):
    """Window by window, by hand: the state is carried, the gradient is not."""
    model, stream = reads_all(kind)
    rng = np.random.default_rng(1)
    state = model.cell.State(
        *(rng.standard_normal((6, 3)) for _ in model.cell.State._fields)
    )
    run = train(model, windows(stream, 5), mse, SGD(0.1), state=state, carry=True)
    losses = []
    for window in windows(stream, 5):
        answers, trace = model.forward(window.xs, state)
        state = trace.final
        value, d_answers = mse(answers, window.targets)
        losses.append(value)
        grads = model.backward(trace, d_answers).model
        model = tree.map(lambda p, d: p - 0.1 * d, model, grads)
    assert run.losses.tolist() == losses and len(losses) == 5
    assert largest(run.model, model) == 0 and largest(run.state, state) == 0


def test_carried_training_goes_on_where_it_was():
    model, stream = reads_all()
    parts = list(windows(stream, 5))
    whole = train(model, parts, mse, Adam(1e-2), carry=True)
    first = train(model, parts[:2], mse, Adam(1e-2), carry=True)
    second = train(
        first.model,
        parts[2:],
        mse,
        Adam(1e-2),
        optimizer_state=first.optimizer_state,
        state=first.state,
        carry=True,
    )
    assert largest(second.model, whole.model) == 0


def test_state_without_carry_begins_each_batch():
    model, stream = reads_all()
    state = LSTMState(*np.random.default_rng(1).standard_normal((2, 6, 3)))
    run = train(model, windows(stream, 12), mse, SGD(0.0), state=state)
    expected = [
        mse(model.forward(part.xs, state)[0], part.targets)[0]
        for part in windows(stream, 12)
    ]
    assert run.losses.tolist() == expected and run.state is state


def test_a_window_in_which_nothing_counts_moves_the_state_on():
    model, stream = reads_all()
    counts = np.ones((23, 6), bool)
    counts[5:15] = False
    masked = list(windows(stream._replace(loss_mask=counts), 5))
    seen = []
    run = train(model, masked, mse, SGD(0.0), carry=True, hook=seen.append)
    answers, trace = model.forward(stream.xs)
    expected = [
        mse(answers[steps], stream.targets[steps])[0]
        for steps in (slice(0, 5), slice(15, 20), slice(20, 23))
    ]
    assert np.abs(run.losses - expected).max() <= 1e-14 and len(seen) == 3
    assert largest(run.state, trace.final) <= 1e-14
    with pytest.raises(ValueError, match="loss_mask selects nothing"):
        train(model, masked[1:2], mse, SGD(0.0))


def test_what_reads_from_the_end_cannot_be_carried():
    rng = np.random.default_rng(0)
    both = Bidirectional(RNN.init(rng, 4, 2), RNN.init(rng, 4, 1))
    for net in (both, Stack((RNN.init(rng, 4, 4), Stack((both,))))):
        model = Model.init(rng, net, 1, readout="all")
        batch = [notepad(rng, 5, 6)]
        assert len(train(model, batch, mse, SGD(0.1)).losses) == 1
        with pytest.raises(ValueError, match="part of the model reads from the end"):
            train(model, batch, mse, SGD(0.1), carry=True)


def test_loss_that_is_not_finite_keeps_the_model_so_far():
    model = start(RNN)
    poisoned = batches(3)
    poisoned[2].targets[0] = np.nan
    with pytest.warns(UserWarning, match="loss is nan at update 2"):
        run = train(model, poisoned, mse, SGD(0.1))
    assert len(run.losses) == 2
    assert largest(run.model, train(model, batches(2), mse, SGD(0.1)).model) == 0


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_loss_stops(value):
    poisoned = batches(2)
    poisoned[1].targets[0] = value
    with pytest.warns(UserWarning, match="loss is inf at update 1") as caught:
        run = train(start(), poisoned, mse, SGD(0.1))
    assert run.stopped and caught[0].filename == __file__


def test_exploded_gradient_keeps_the_model_so_far():
    model = start(RNN)
    model.cell.W_h[:] = 3 * np.eye(6)
    model.cell.b[:] = 0
    quiet = batches(1)[0]
    still = quiet._replace(xs=np.zeros((700, 32, 2)))
    with pytest.warns(UserWarning, match="gradient norm is (inf|nan) at update 1"):
        run = train(
            model, [quiet._replace(xs=np.zeros((5, 32, 2))), still], mse, SGD(0)
        )
    assert len(run.losses) == 1 and np.isfinite(run.model.cell.W_h).all()


def test_no_batches():
    model = start()
    run = train(model, [], mse, SGD(0.1))
    assert run.model is model and run.losses.shape == run.grad_norms.shape == (0,)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "variable", "shows"),
    [
        (io.StringIO, None, False),
        (Terminal, None, True),
        (io.StringIO, "JPY_SESSION_NAME", True),
        (io.StringIO, "COLAB_RELEASE_TAG", True),
        (io.StringIO, "VSCODE_PID", True),
    ],
)
def test_progress_shows_where_a_person_watches(monkeypatch, stream, variable, shows):
    for name in ("JPY_SESSION_NAME", "COLAB_RELEASE_TAG", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(sys, "stderr", stream())
    train(start(), batches(2), mse, SGD(0.1))
    assert ("update" in sys.stderr.getvalue()) == shows


def test_trains_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert len(train_module.train(start(), batches(2), mse, SGD(0.1)).losses) == 2
