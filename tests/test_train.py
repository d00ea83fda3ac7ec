import io
import sys

import numpy as np
import pytest

from lstmbook import LSTM, RNN
from lstmbook import train as train_module
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, Adam, global_norm
from lstmbook.tasks.adding import adding
from lstmbook.train import train
from tests.cases import largest


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
        value, grads = value_and_grads(model, batch, mse)
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


def test_interrupt_keeps_the_model_so_far():
    def interrupted():
        yield from batches(3)
        raise KeyboardInterrupt

    with pytest.warns(
        UserWarning, match="interrupted after 3 updates; the model so far"
    ):
        run = train(start(), interrupted(), mse, Adam(1e-2))
    assert run.stopped == "interrupted after 3 updates" and len(run.losses) == 3
    assert largest(run.model, train(start(), batches(3), mse, Adam(1e-2)).model) == 0


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
