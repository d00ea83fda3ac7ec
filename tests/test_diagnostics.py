import numpy as np
import pytest
import torch

from lstmbook import GRU, LSTM, RNN, HiddenState, Stack, pytorch
from lstmbook.diagnostics import (
    cell_gradient_split,
    gradient_by_lag,
    half_life,
    norm_bound,
    radius_rate,
    step_jacobians,
)
from tests.cases import D, H, N, T, random_case
from tests.test_bad_input import refuse

each_cell = pytest.mark.parametrize("kind", [RNN, LSTM, GRU])


def autograd_step_jacobians(case, trace):
    """Step by step through the PyTorch twin, one entry of the state at a time."""
    twin = getattr(pytorch, type(case.cell).__name__).from_numpy(case.cell)
    parts = len(trace.history)
    found = np.zeros((T, N, parts * H, parts * H))
    for t in range(T):
        leaves = [torch.tensor(part[t], requires_grad=True) for part in trace.history]
        xs = torch.tensor(case.xs[t : t + 1])
        _, final = twin(xs, trace.history._make(leaves))
        state = torch.cat(list(final), dim=-1)
        for j in range(parts * H):
            rows = torch.autograd.grad(
                state[:, j].sum(), leaves, retain_graph=True, allow_unused=True
            )
            rows = [torch.zeros(N, H) if row is None else row for row in rows]
            found[t, :, j] = torch.cat(rows, dim=-1).numpy()
    return found


def autograd_by_lag(case):
    """Gradients of the twin's final state by a nudge to every state before it.

    The nudge comes after the step, so that the LSTM's c is moved and its h is not.
    """
    twin = getattr(pytorch, type(case.cell).__name__).from_numpy(case.cell)
    state, width = case.state._make(map(torch.tensor, case.state)), len(case.state)
    nudges = []
    for t in range(T + 1):
        if t:
            state = twin(torch.tensor(case.xs[t - 1 : t]), state)[1]
        nudge = [
            torch.zeros(N, H, dtype=torch.float64, requires_grad=True) for _ in state
        ]
        state = state._make(a + n for a, n in zip(state, nudge, strict=True))
        nudges += nudge
    total = sum(
        (part * torch.tensor(d)).sum()
        for part, d in zip(state, case.d_final, strict=True)
    )
    grads = [grad.numpy() for grad in torch.autograd.grad(total, nudges)]
    return [np.array(grads[part::width][::-1]) for part in range(width)]


@each_cell
@pytest.mark.equation("eq-step-jacobian")
def test_step_jacobians_equal_autograd(kind):
    case = random_case(kind)
    _, trace = case.forward()
    jacobians = step_jacobians(case.cell, trace)
    assert jacobians.shape == (T, N, *2 * (len(case.state) * H,))
    assert np.abs(jacobians - autograd_step_jacobians(case, trace)).max() <= 1e-12


@pytest.mark.equation("eq-step-jacobian")
def test_step_jacobian_of_the_rnn_as_the_book_has_it():
    case = random_case(RNN)
    hs, trace = case.forward()
    for t in range(T):
        for n in range(N):
            written = np.diag(1 - hs[t, n] ** 2) @ case.cell.W_h.T
            assert (
                np.abs(step_jacobians(case.cell, trace)[t, n] - written).max() <= 1e-12
            )


@each_cell
@pytest.mark.equation("eq-jacobian-product")
def test_gradient_by_lag_equals_autograd(kind):
    case = random_case(kind)
    _, trace = case.forward()
    found = gradient_by_lag(case.cell, trace, case.d_final)
    assert type(found) is kind.State
    for norms, grads in zip(found, autograd_by_lag(case), strict=True):
        assert norms.shape == (T + 1, N)
        assert np.abs(norms - np.linalg.norm(grads, axis=-1)).max() <= 1e-12


@each_cell
@pytest.mark.equation("eq-jacobian-product")
def test_last_row_equals_backward(kind):
    case = random_case(kind)
    _, trace = case.forward()
    found = gradient_by_lag(case.cell, trace, case.d_final)
    grads = case.cell.backward(trace, np.zeros_like(case.d_hs), case.d_final)
    for norms, d in zip(found, grads.state, strict=True):
        assert np.abs(norms[-1] - np.linalg.norm(d, axis=-1)).max() <= 1e-12
    for norms, d in zip(found, case.d_final, strict=True):
        assert np.abs(norms[0] - np.linalg.norm(d, axis=-1)).max() <= 1e-12


@pytest.mark.equation("eq-norm-bound")
@pytest.mark.parametrize("seed", range(20))
def test_no_gradient_passes_the_bound(seed):
    case = random_case(RNN, seed)
    _, trace = case.forward()
    shares = gradient_by_lag(case.cell, trace, case.d_final).h
    shares = shares / shares[0]
    bound = norm_bound(case.cell.W_h, np.arange(T + 1))
    assert bound.shape == (T + 1,)
    assert (shares <= bound[:, None] * (1 + 1e-12)).all()


@pytest.mark.equation("eq-norm-bound")
def test_bound_is_reached_where_nothing_saturates():
    cell = RNN.init(np.random.default_rng(0), D, 2)
    cell.W_h[:] = np.diag([3.0, 0.5])
    _, trace = cell.forward(np.zeros((4, 1, D)))
    shares = gradient_by_lag(cell, trace, HiddenState(np.array([[1.0, 0.0]]))).h[:, 0]
    assert np.abs(shares - norm_bound(cell.W_h, range(5))).max() <= 1e-12


@pytest.mark.equation("eq-radius-rate")
def test_radius_is_the_long_run_rate_of_the_linear_net():
    """By Gelfand's formula, on a matrix whose norm and radius lie far apart."""
    rng = np.random.default_rng(0)
    W_h = rng.standard_normal((3, 3)) + np.triu(np.full((3, 3), 4.0), 1)
    (rate,) = radius_rate(W_h, [1])
    k = 4000  # steps; scaled at each, so that nothing overflows
    power, log = np.eye(3), 0.0
    for _ in range(k):
        power = power @ W_h.T
        size = np.linalg.norm(power, 2)
        power, log = power / size, log + np.log(size)
    assert abs(np.exp(log / k) / rate - 1) <= 2e-3
    assert norm_bound(W_h, 1) > 1.2 * rate


def test_shear_has_no_radius_and_any_norm():
    shear = np.array([[0.0, 3.0], [0.0, 0.0]])
    assert norm_bound(shear, [0, 1, 2]).tolist() == [1, 3, 9]
    assert radius_rate(shear, [0, 1, 2]).tolist() == [1, 0, 0]


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_float32_stays(kind):
    case = random_case(kind, dtype=np.float32)
    _, trace = case.forward()
    assert step_jacobians(case.cell, trace).dtype == np.float32
    norms = gradient_by_lag(case.cell, trace, case.d_final)
    assert all(part.dtype == np.float32 for part in norms)


@each_cell
def test_bad_input(kind):
    case = random_case(kind)
    _, padded = case.forward([5, 1, 3])
    for call in (
        lambda trace: step_jacobians(case.cell, trace),
        lambda trace: gradient_by_lag(case.cell, trace, case.d_final),
    ):
        with refuse(ValueError, "trace has lengths", "full length"):
            call(padded)
        with refuse(TypeError, "trace holds ndarray"):
            call(case.xs)
    _, trace = case.forward()
    with refuse(ValueError, r"d_final\.h has shape \(2, 2\)", "N = 3 expects"):
        short = case.d_final._make([part[:2] for part in case.d_final])
        gradient_by_lag(case.cell, trace, short)
    with refuse(TypeError, "d_final is a ndarray"):
        gradient_by_lag(case.cell, trace, case.d_final.h)
    other = random_case(kind, sizes=(T, N, D, H + 1)).cell
    with refuse(ValueError, r"trace has \(D, H\) = \(4, 2\)"):
        step_jacobians(other, trace)


def test_a_single_cell_is_wanted():
    stack = Stack((random_case(LSTM).cell,))
    _, trace = stack.forward(random_case(LSTM).xs)
    words = "cell is a Stack; expected a single cell"
    with refuse(TypeError, words):
        step_jacobians(stack, trace)
    with refuse(TypeError, words):
        gradient_by_lag(stack, trace, trace.final)


@pytest.mark.parametrize("function", [norm_bound, radius_rate])
def test_bad_weights_and_lags(function):
    with refuse(ValueError, r"W_h has shape \(2, 3\)", r"expected \(H, H\)"):
        function(np.zeros((2, 3)), 1)
    with refuse(ValueError, r"W_h has shape \(0, 0\)"):
        function(np.zeros((0, 0)), 1)
    with refuse(ValueError, r"W_h holds nan at \[0, 1\]"):
        function(np.array([[0, np.nan], [0, 0]]), 1)
    with refuse(ValueError, "lags holds -1", "of at least 0"):
        function(np.eye(2), [3, -1])


def autograd_cell_gradient(case, trace, k):
    """∂ c_T / ∂ c_{T−k} (N, H, H), where h_{T−k} = o ⊙ tanh(c_{T−k}) also changes."""
    twin = pytorch.LSTM.from_numpy(case.cell)
    c = torch.tensor(trace.states.c[T - k - 1], requires_grad=True)
    h = torch.tensor(trace.gates.o[T - k - 1]) * torch.tanh(c)
    state = case.state._make((h, c))
    if k:
        _, state = twin(torch.tensor(case.xs[T - k :]), state)
    rows = [
        torch.autograd.grad(state.c[:, j].sum(), c, retain_graph=True)[0]
        for j in range(H)
    ]
    return torch.stack(rows, dim=1).numpy()


def step_by_the_book(cell, trace, t, n):
    """f_t, K_t, S_t and R_t of one sequence, t counted from 1."""
    f, i, g, o = (getattr(trace.gates, name)[t - 1, n] for name in "figo")
    before, after = trace.history.c[t - 1, n], trace.history.c[t, n]
    K = (
        np.diag(before * f * (1 - f)) @ cell.W_hf.T
        + np.diag(g * i * (1 - i)) @ cell.W_hi.T
        + np.diag(i * (1 - g**2)) @ cell.W_hg.T
    )
    S = np.diag(o * (1 - np.tanh(after) ** 2))
    R = np.diag(np.tanh(after) * o * (1 - o)) @ cell.W_ho.T
    return f, K, S, R


@pytest.mark.equation("eq-cell-gradient")
def test_cell_gradient_of_one_step_as_the_book_has_it():
    case = random_case(LSTM)
    for t in range(2, T + 1):
        _, trace = case.cell.forward(case.xs[:t], case.state)
        direct, leak = cell_gradient_split(case.cell, trace)
        for n in range(N):
            f, K, _, _ = step_by_the_book(case.cell, trace, t, n)
            _, _, S, _ = step_by_the_book(case.cell, trace, t - 1, n)
            assert np.abs(direct[1, n] - f).max() <= 1e-15
            assert np.abs(leak[1, n] - K @ S).max() <= 1e-12


@pytest.mark.equation("eq-cell-gradient-lag")
def test_cell_gradient_over_lags_as_the_book_has_it():
    case = random_case(LSTM)
    _, trace = case.forward()
    direct, leak = cell_gradient_split(case.cell, trace)
    for n in range(N):
        steps = [step_by_the_book(case.cell, trace, t, n) for t in range(1, T + 1)]
        for s in range(1, T + 1):
            c, h = np.eye(H), steps[s - 1][2]  # dc_s / dc_s and dh_s / dc_s
            for f, K, S, R in steps[s:]:
                c = np.diag(f) @ c + K @ h
                h = S @ c + R @ h
            whole = leak[T - s, n] + np.diag(direct[T - s, n])
            assert np.abs(whole - c).max() <= 1e-12


def test_products_of_one_step_suffice_without_W_ho_only():
    for open_o in (False, True):
        case = random_case(LSTM)
        if open_o:
            case.cell.W_ho[:] = 0
        _, trace = case.forward()
        direct, leak = cell_gradient_split(case.cell, trace)
        product = np.eye(H)
        for t in range(T, 1, -1):
            f, K, _, _ = step_by_the_book(case.cell, trace, t, 0)
            _, _, S, _ = step_by_the_book(case.cell, trace, t - 1, 0)
            product = product @ (np.diag(f) + K @ S)
        gap = np.abs(product - leak[T - 1, 0] - np.diag(direct[T - 1, 0])).max()
        assert gap <= 1e-12 if open_o else gap > 1e-3


@pytest.mark.equation("eq-cell-gradient-lag")
def test_cell_gradient_split_equals_autograd():
    case = random_case(LSTM)
    _, trace = case.forward()
    direct, leak = cell_gradient_split(case.cell, trace)
    assert direct.shape == (T, N, H) and leak.shape == (T, N, H, H)
    for k in range(T):
        whole = leak[k] + direct[k][:, None] * np.eye(H)
        assert np.abs(whole - autograd_cell_gradient(case, trace, k)).max() <= 1e-12
        assert np.abs(direct[k] - trace.gates.f[T - k :].prod(axis=0)).max() <= 1e-15
    assert np.abs(leak[1:]).min() > 0 == np.abs(leak[0]).max()


def test_without_recurrent_weights_nothing_leaks():
    case = random_case(LSTM)
    case.cell.W_h[:] = 0
    assert not cell_gradient_split(case.cell, case.forward()[1]).leak.any()


def test_cell_gradient_split_wants_an_lstm():
    case = random_case(GRU)
    with refuse(TypeError, "cell is a GRU; expected an LSTM"):
        cell_gradient_split(case.cell, case.forward()[1])


@pytest.mark.equation("eq-half-life")
def test_half_life():
    """After k half-lives 2⁻ᵏ is left, in the cell itself and not whole steps only."""
    f = np.array([[0.5, 0.1, 0.9], [0.99, 0.731, 0.25]])
    steps = half_life(f)
    assert steps.shape == f.shape and steps[0, 0] == 1 and steps[1, 2] == 0.5
    assert np.abs(f**steps - 1 / 2).max() <= 1e-12
    assert np.abs(f ** (3 * steps) - 1 / 8).max() <= 1e-12
    cell = LSTM(np.zeros((1, 4)), np.zeros((1, 4)), np.zeros(4))
    cell.b_f[:] = np.log(2) * np.arange(2, 3)  # f = 2² / (2² + 1)
    start = LSTM.State(np.zeros((1, 1)), np.ones((1, 1)))
    _, trace = cell.forward(np.zeros((9, 1, 1)), start)
    halved = 1 + np.argmax(trace.states.c[:, 0, 0] <= 1 / 2)
    assert halved == np.ceil(half_life(0.8)) == 4


def test_half_life_at_the_ends():
    assert half_life([0, 1]).tolist() == [0, np.inf]
    for f in (1.1, -0.1, [0.5, np.nan]):
        with refuse(ValueError, "f runs from", "expected shares 0 to 1"):
            half_life(f)
