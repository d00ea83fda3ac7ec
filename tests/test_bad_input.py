"""Bad input gets an error that names the argument, its value, and what is expected."""

import numpy as np
import pytest

from lstmbook import CELLS, GRU, LSTM, RNN, HiddenState, LSTMState, gradcheck
from lstmbook.data import Batch, minibatches
from lstmbook.initialisation import chrono_biases
from lstmbook.losses import mse, softmax_cross_entropy
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, Adam, clip_by_global_norm
from lstmbook.tasks.adding import adding, last_step_loss
from lstmbook.tasks.copying import copying, memoryless_loss
from lstmbook.tasks.digits import digits
from lstmbook.tasks.notepad import notepad
from lstmbook.train import train
from tests.cases import D, H, N, T, random_case


@pytest.fixture(params=CELLS.values(), ids=CELLS)
def case(request):
    return random_case(request.param)


def refuse(error, *words):
    """Expect an error whose message holds each of the words."""
    pattern = "".join(f"(?=.*{word})" for word in words)
    return pytest.raises(error, match=pattern)


@pytest.mark.parametrize(
    "shape", [(T, D), (T, N, D, 1), (T, N, D + 3), (0, N, D), (T, 0, D)]
)
def test_shape_of_xs(case, shape):
    expected = rf"\(input_size={D}\) expects \(T, N, {D}\), each at least 1"
    came = f"xs has shape \\({str(shape)[1:-1]}\\)"
    with refuse(ValueError, came, expected):
        case.cell.forward(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_xs_not_finite(case, value):
    case.xs[-1, -1, -1] = value
    with refuse(ValueError, rf"xs holds {value} at \[4, 2, 3\]", "expected finite"):
        case.forward()


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_dtype_of_xs(case, dtype):
    with refuse(TypeError, f"xs has dtype {dtype}", "expects float64"):
        case.cell.forward(case.xs.astype(dtype))


def test_state_of_another_batch_size(case):
    state = case.state._make(a[:-1] for a in case.state)
    with refuse(ValueError, r"state\.h has shape \(2, 2\)", "N = 3 expects"):
        case.cell.forward(case.xs, state)


def test_state_not_finite_or_of_another_dtype(case):
    state = case.state._replace(h=np.full((N, H), np.nan))
    with refuse(ValueError, r"state\.h holds nan at \[0, 0\]"):
        case.cell.forward(case.xs, state)
    last = case.state._fields[-1]
    state = case.state._replace(**{last: np.full((N, H), np.nan)})
    with refuse(ValueError, rf"state\.{last} holds nan at \[0, 0\]"):
        case.cell.forward(case.xs, state)
    state = case.state._make(a.astype(np.float32) for a in case.state)
    with refuse(TypeError, r"state\.h has dtype float32", "expects float64"):
        case.cell.forward(case.xs, state)


def test_state_of_another_cell(case):
    other = HiddenState if case.cell.State is LSTMState else LSTMState
    state = other(*(case.state.h for _ in other._fields))
    words = f"a {other.__name__}", f"expects {case.cell.State.__name__}"
    with refuse(TypeError, "^state is", *words):
        case.cell.forward(case.xs, state)
    _, trace = case.forward()
    with refuse(TypeError, "^d_final is", *words):
        case.cell.backward(trace, case.d_hs, state)


def test_cotangents(case):
    _, trace = case.forward()
    with refuse(ValueError, rf"d_hs has shape \({T}, {N}\)", r"expects \(5, 3, 2\)"):
        case.cell.backward(trace, case.d_hs[..., 0])
    with refuse(TypeError, "d_hs has dtype float32", "expects float64"):
        case.cell.backward(trace, case.d_hs.astype(np.float32))
    d_final = case.d_final._replace(h=case.d_final.h[:, :1])
    with refuse(ValueError, r"d_final\.h has shape \(3, 1\)", r"expects \(3, 2\)"):
        case.cell.backward(trace, case.d_hs, d_final)


def test_trace_of_another_cell(case):
    for kind in CELLS.values():
        if kind is not type(case.cell):
            _, trace = random_case(kind).forward()
            came, expected = kind.Gates.__name__, case.cell.Gates.__name__
            with refuse(TypeError, f"trace holds {came}", f"Trace of {expected}"):
                case.cell.backward(trace, case.d_hs)
    with refuse(TypeError, "trace holds ndarray"):
        case.cell.backward(case.xs, case.d_hs)
    _, trace = case.forward()
    with refuse(TypeError, "trace holds", "expects a Trace"):
        case.cell.backward(trace.gates, case.d_hs)
    for sizes, came in (((D + 1, H), r"\(5, 2\)"), ((D, H + 1), r"\(4, 3\)")):
        other = random_case(type(case.cell), sizes=(T, N, *sizes))
        with refuse(ValueError, rf"trace has \(D, H\) = {came}", r"\(4, 2\)"):
            case.cell.backward(other.forward()[1], case.d_hs)
    other = random_case(type(case.cell), dtype=np.float32)
    with refuse(TypeError, "trace has dtype float32", "expects float64"):
        case.cell.backward(other.forward()[1], case.d_hs)


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([5, 0, 1], ValueError, ["runs from 0 to 5", "expected 1 to T = 5"]),
        ([5, 6, 1], ValueError, ["runs from 1 to 6", "expected 1 to T = 5"]),
        ([5, 1], ValueError, [r"shape \(2,\)", "N = 3"]),
        ([5.0, 1.0, 2.0], TypeError, ["dtype float64", "expected integers"]),
        ([True, True, True], TypeError, ["dtype bool", "expected integers"]),
    ],
)
def test_lengths(case, lengths, error, words):
    with refuse(error, "lengths", *words):
        case.cell.forward(case.xs, lengths=lengths)


def test_lengths_of_a_trace_are_read_only(case):
    _, trace = case.forward([5, 1, 3])
    with refuse(ValueError, "read-only"):
        trace.lengths[:] = 5


def test_plain_assignment_to_a_view():
    cell = random_case(LSTM).cell
    for value, came in ((3, "int"), (np.ones(H), "ndarray")):
        for name in ("b_f", "W_x"):
            words = f"{name} was assigned a {came}", rf"lstm\.{name}\[:\] = value"
            with refuse(TypeError, *words):
                setattr(cell, name, value)
    with refuse(TypeError, "bf was assigned a int", "a LSTM has only W_x, W_h, b"):
        cell.bf = 3
    model = Model.init(np.random.default_rng(0), cell, 1)
    with refuse(TypeError, "readout was assigned a str", r"replace\(model, readout="):
        model.readout = "all"


@pytest.mark.parametrize("size", [0, 2.0, "3", True])
def test_sizes(size):
    for sizes in ((size, 2), (2, size)):
        with refuse(ValueError, "_size is", "expected an integer of at least 1"):
            LSTM.init(np.random.default_rng(0), *sizes)


def test_parameters_that_do_not_belong_together():
    W_x, W_h, b = np.zeros((D, 3 * H)), np.zeros((H, 3 * H)), np.zeros(3 * H)
    with refuse(ValueError, r"W_x has shape \(4, 6\)", r"expects \(D, 4·H\)"):
        LSTM(W_x, W_h, b)
    with refuse(ValueError, r"b_hn has shape \(6,\)", r"H = 2 expects \(H,\)"):
        GRU(W_x, W_h, b, b)
    with refuse(TypeError, "W_h has dtype float32", "expects float64"):
        GRU(W_x, W_h.astype(np.float32), b, b[:H])
    for dtype in ("int64", "float16"):
        words = f"W_x has dtype {dtype}", "expected float32 or float64"
        with refuse(TypeError, *words):
            GRU(W_x.astype(dtype), W_h, b, b[:H])
    with refuse(TypeError, "b is a list; expected a NumPy array"):
        RNN(W_x[:, :H], W_h[:, :H], [0.0, 0.0])
    with refuse(ValueError, "W_x has shape", r"RNN with H = 3 expects \(D, 1·H\)"):
        RNN(np.zeros((4, 2)), np.zeros((3, 3)), np.zeros(3))


def test_ragged_input(case):
    with refuse(ValueError, "xs is not an array of one shape"):
        case.cell.forward([[[1.0]], [[1.0], [2.0]]])


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
def test_loss_mask(loss):
    predictions = np.zeros((T, N, 2))
    targets = predictions if loss is mse else np.zeros((T, N), int)
    with refuse(TypeError, "loss_mask has dtype int64", "expected bool"):
        loss(predictions, targets, np.ones((T, N), int))
    with refuse(ValueError, r"loss_mask has shape \(5,\)", r"expected \(5, 3\)"):
        loss(predictions, targets, np.ones(T, bool))
    with refuse(ValueError, "loss_mask selects nothing"):
        loss(predictions, targets, np.zeros((T, N), bool))


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
@pytest.mark.parametrize("dtype", [int, bool, np.float16, complex])
def test_predictions_whose_gradient_would_be_rounded(loss, dtype):
    scores = np.array([[1, 2, 3]], dtype)
    name = "predictions" if loss is mse else "logits"
    targets = scores if loss is mse else np.array([2])
    with refuse(TypeError, f"{name} has dtype", "expected float32 or float64"):
        loss(scores, targets)


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0)])
def test_predictions_without_numbers(loss, shape):
    scores = np.zeros(shape)
    targets = scores if loss is mse else np.zeros(shape[:-1], int)
    with refuse(ValueError, "has shape", "expected at least one axis, none empty"):
        loss(scores, targets)


def test_targets():
    scores = np.zeros((T, N, 2))
    with refuse(ValueError, r"targets has shape \(5, 3\)", r"mse expects \(5, 3, 2\)"):
        mse(scores, np.zeros((T, N)))
    with refuse(TypeError, "targets has dtype int64", "mse expects float64"):
        mse(scores, np.zeros((T, N, 2), np.int64))
    with refuse(TypeError, "targets has dtype float64", "expected class integers"):
        softmax_cross_entropy(scores, np.zeros((T, N)))
    with refuse(ValueError, r"targets has shape \(5,\)", r"expected \(5, 3\)"):
        softmax_cross_entropy(scores, np.zeros(T, int))
    for wrong in (-1, 2):
        with refuse(ValueError, "targets runs from", "expected classes 0 to 1"):
            softmax_cross_entropy(scores, np.full((T, N), wrong))


def test_model():
    rng = np.random.default_rng(0)
    cell = LSTM.init(rng, D, H)
    with refuse(ValueError, "readout is 'first'", "'last', 'all'"):
        Model.init(rng, cell, 1, readout="first")
    with refuse(ValueError, r"W_y has shape \(3, 1\)", r"expects \(2, O\)"):
        Model(cell, np.zeros((3, 1)), np.zeros(1))
    with refuse(ValueError, r"b_y has shape \(2,\)", r"expects \(1,\)"):
        Model(cell, np.zeros((H, 1)), np.zeros(2))
    with refuse(TypeError, "W_y is a list; expected a NumPy array"):
        Model(cell, [[1.0]] * H, [0.0])
    with refuse(TypeError, "b_y is a list; expected a NumPy array"):
        Model(cell, np.zeros((H, 1)), [0.0])
    for wrong in (None, LSTM, Model.init(rng, cell, 1)):
        words = (
            f"cell is a {type(wrong).__name__}",
            "expected a cell, Stack, Bidirectional or",
        )
        with refuse(TypeError, *words):
            Model(wrong, np.zeros((H, 1)), np.zeros(1))
        with refuse(TypeError, *words):
            Model.init(rng, wrong, 1)
    model = Model.init(rng, cell, 1)
    _, trace = model.forward(np.zeros((T, N, D)))
    with refuse(ValueError, r"d_predictions has shape \(3,\)", r"expects \(3, 1\)"):
        model.backward(trace, np.zeros(N))
    with refuse(TypeError, "d_final is a HiddenState", "expects LSTMState"):
        model.backward(trace, np.zeros((N, 1)), HiddenState(np.zeros((N, H))))


def test_mask_with_lengths():
    """A mask is checked in the same way with lengths and without."""
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, D, H), 2, readout="all")
    batch = Batch(np.zeros((T, N, D)), np.zeros((T, N, 2)), lengths=np.array([5, 1, 3]))
    with refuse(ValueError, r"loss_mask has shape \(3,\)", r"expected \(5, 3\)"):
        value_and_grads(model, batch._replace(loss_mask=np.ones(N, bool)), mse)
    with refuse(TypeError, "loss_mask has dtype float64", "expected bool"):
        value_and_grads(model, batch._replace(loss_mask=np.ones((T, N))), mse)


def test_trace_of_another_model():
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, D, H), 1)
    with refuse(TypeError, "trace holds NoneType", "expects a Trace"):
        model.backward(None, np.zeros((N, 1)))


@pytest.mark.parametrize("max_norm", [0, -1, np.nan, "1", True, np.ones(1)])
def test_clipping_threshold(max_norm):
    error = ValueError if type(max_norm) in (int, float) else TypeError
    with refuse(error, "max_norm is", "expected a positive"):
        clip_by_global_norm(np.ones(2), max_norm)
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, 2, H), 1)
    for batches in ([adding(rng, 5, 4)], []):
        with refuse(error, "max_norm is"):
            train(model, batches, mse, SGD(0.1), max_norm=max_norm)


@pytest.mark.parametrize("worst", [np.nan, np.inf])
def test_clipping_what_is_not_finite(worst):
    with refuse(ValueError, f"grads has norm {worst}", "expected a finite"):
        clip_by_global_norm([np.ones(2), np.array([1.0, worst])], 1.0)


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "0.1", True, None, np.ones(1)])
def test_learning_rate(kind, rate):
    error = ValueError if type(rate) is float else TypeError
    with refuse(error, "learning_rate is", "expected a finite number of at least 0"):
        kind(rate)


def test_settings_of_adam():
    for wrong in (1, -0.1, np.nan, np.float64(1)):
        for name in ("beta1", "beta2"):
            with refuse(ValueError, f"{name} is {wrong}", "from 0 to below 1"):
                Adam(**{name: wrong})
    with refuse(ValueError, "eps is -1", "of at least 0"):
        Adam(eps=-1)


def test_state_of_another_optimizer():
    model = random_case(LSTM).cell
    with refuse(TypeError, "state is a AdamState; SGD has none"):
        SGD(0.1).update(model, model, Adam().init(model))
    with refuse(TypeError, "state is a NoneType; expected an AdamState"):
        Adam().update(model, model, None)


@pytest.mark.parametrize("step", [0, -1e-5, np.nan])
def test_step_of_a_difference(step):
    with refuse(ValueError, f"step is {step}", "expected a positive number"):
        gradcheck.central_differences(lambda a: a.sum(), np.ones(2), step)


def test_batches_that_are_none():
    rng = np.random.default_rng(0)
    model = Model.init(rng, LSTM.init(rng, 2, H), 1)
    with refuse(TypeError, "batches yields a ndarray", "expected a Batch each time"):
        train(model, adding(rng, 5, 4), mse, SGD(0.1))


def test_tasks():
    rng = np.random.default_rng(0)
    with refuse(ValueError, "length is 1", "expected an integer of at least 2"):
        adding(rng, 1, 5)
    with refuse(ValueError, "length is 1", "expected an integer of at least 2"):
        last_step_loss(1)
    with refuse(ValueError, "delay is 0.5", "expected an integer of at least 1"):
        memoryless_loss(0.5)
    with refuse(ValueError, "by is 'column'", "'row', 'pixel'"):
        digits(rng, by="column")
    batch = adding(rng, 5, 4)
    for wrong in (
        Batch(batch.xs, batch.targets[:3]),
        batch._replace(lengths=np.full(4, 5)),
    ):
        with refuse(ValueError, "batch has", "N = 4 sequences"):
            next(minibatches(rng, wrong, 2))
    per_step = Batch(np.zeros((4, 4, 2)), np.zeros((4, 4, 1)))
    with refuse(ValueError, "batch has", "N = 4 sequences"):
        next(minibatches(rng, per_step, 2))
    for sizes in ((0, 1), (2, 0)):
        with refuse(ValueError, "is 0; expected an integer of at least 1"):
            next(minibatches(rng, batch, *sizes))


#: Everything that draws, as a function of the generator.
DRAWS = {
    "LSTM.init": lambda rng: LSTM.init(rng, 2, 3),
    "Model.init": lambda rng: Model.init(rng, random_case(LSTM).cell, 1),
    "chrono_biases": lambda rng: chrono_biases(random_case(LSTM).cell, rng, 9),
    "adding": lambda rng: adding(rng, 5, 4),
    "copying": lambda rng: copying(rng, 5, 4),
    "digits": digits,
    "minibatches": lambda rng: next(minibatches(rng, BATCH, 2)),
    "notepad": lambda rng: notepad(rng, 5, 4),
}
BATCH = Batch(np.zeros((T, N, D)), np.zeros((N, 1)))


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0), np.random])
def test_rng(draw, rng):
    came = type(rng).__name__
    words = f"rng is a {came}; expected a numpy.random.Generator", "default_rng"
    with refuse(TypeError, *words):
        draw(rng)


@pytest.mark.parametrize("task", [adding, copying, notepad])
@pytest.mark.parametrize("size", [0, 2.5, True, "3"])
def test_sizes_of_tasks(task, size):
    for sizes in ((size, 4), (4, size)):
        with refuse(ValueError, f"is {size!r}; expected an integer of at least [12]"):
            task(np.random.default_rng(0), *sizes)


@pytest.mark.parametrize("dtype", [int, np.float16, None, complex])
def test_dtype_of_what_is_drawn(dtype):
    rng = np.random.default_rng(0)
    for draw in (
        lambda: LSTM.init(rng, 2, 3, dtype),
        lambda: adding(rng, 5, 4, dtype),
        lambda: copying(rng, 5, 4, dtype),
        lambda: notepad(rng, 5, 4, dtype=dtype),
        lambda: digits(rng, dtype=dtype),
    ):
        with refuse(TypeError, "dtype is", "expected float32 or float64"):
            draw()


@pytest.mark.parametrize("size", [0, 1.5, True])
def test_output_size(size):
    with refuse(ValueError, "output_size is", "expected an integer of at least 1"):
        Model.init(np.random.default_rng(0), random_case(LSTM).cell, size)
