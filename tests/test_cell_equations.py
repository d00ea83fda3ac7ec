"""The cells' labelled equations, each by its own test, in the book's column form."""

import numpy as np
import pytest

from lstmbook import CELLS, GRU, LSTM, RNN, CoupledLSTM, PeepholeLSTM
from lstmbook.diagnostics import step_jacobians
from tests.cases import D, H, N, T, random_case


def sigma(a):
    return 1 / (1 + np.exp(-a))


class Run:
    """A run of a random case, with one sequence's vectors at one step at a time."""

    def __init__(self, kind):
        self.case = random_case(kind)
        self.hs, self.trace, self.grads = self.case.run()

    def steps(self):
        """Yield the index and x_t, h_{t−1} as columns."""
        for t in range(T):
            for n in range(N):
                yield (t, n), self.case.xs[t, n], self.trace.history.h[t, n]

    def pre_activation(self, layer, x, h):
        cell = self.case.cell
        W_x, W_h = getattr(cell, f"W_x{layer}"), getattr(cell, f"W_h{layer}")
        return W_x.T @ x + W_h.T @ h + getattr(cell, f"b_{layer}")


def close(a, b):
    assert np.abs(a - b).max() <= 1e-13


@pytest.fixture(scope="module")
def rnn():
    return Run(RNN)


@pytest.fixture(scope="module")
def lstm():
    return Run(LSTM)


@pytest.fixture(scope="module")
def gru():
    return Run(GRU)


def check_layer(run, layer, squash):
    for at, x, h in run.steps():
        expected = squash(run.pre_activation(layer, x, h))
        close(getattr(run.trace.gates, layer)[at], expected)


@pytest.mark.equation("eq-rnn")
def test_rnn(rnn):
    check_layer(rnn, "g", np.tanh)
    close(rnn.trace.gates.g, rnn.hs)


@pytest.mark.equation("eq-input-gate")
def test_input_gate(lstm):
    check_layer(lstm, "i", sigma)


@pytest.mark.equation("eq-forget-gate")
def test_forget_gate(lstm):
    check_layer(lstm, "f", sigma)


@pytest.mark.equation("eq-output-gate")
def test_output_gate(lstm):
    check_layer(lstm, "o", sigma)


@pytest.mark.equation("eq-main-layer")
def test_main_layer(lstm):
    check_layer(lstm, "g", np.tanh)


@pytest.mark.equation("eq-long-term")
def test_long_term_memory(lstm):
    i, f, g, _ = lstm.trace.gates
    c = lstm.trace.history.c
    close(c[1:], f * c[:-1] + i * g)
    close(c[0], lstm.case.state.c)


@pytest.mark.equation("eq-carousel")
def test_carousel():
    """With the forget gate wired open c adds, and its direct gradient is 1."""
    case = random_case(LSTM)
    case.cell.W_xf[:], case.cell.W_hf[:], case.cell.b_f[:] = 0, 0, 40
    _, trace = case.forward()
    c = trace.history.c
    assert (trace.gates.f == 1).all()
    close(c[1:], c[:-1] + trace.gates.i * trace.gates.g)
    # The c–c block of each step keeps h fixed: exactly the identity.
    direct = step_jacobians(case.cell, trace)[..., H:, H:]
    assert (direct == np.eye(H)).all()


@pytest.mark.equation("eq-short-term")
def test_short_term_memory(lstm):
    close(lstm.hs, lstm.trace.gates.o * np.tanh(lstm.trace.states.c))


@pytest.mark.equation("eq-reset-gate")
def test_reset_gate(gru):
    check_layer(gru, "r", sigma)


@pytest.mark.equation("eq-update-gate")
def test_update_gate(gru):
    check_layer(gru, "z", sigma)


@pytest.mark.equation("eq-gru-proposal")
def test_gru_proposal(gru):
    cell, gates = gru.case.cell, gru.trace.gates
    for at, x, h in gru.steps():
        recurrent = cell.W_hn.T @ h + cell.b_hn
        close(
            gates.n[at], np.tanh(cell.W_xn.T @ x + cell.b_n + gates.r[at] * recurrent)
        )


@pytest.mark.equation("eq-gru-memory")
def test_gru_memory(gru):
    _, z, n = gru.trace.gates
    h = gru.trace.history.h
    close(h[1:], (1 - z) * n + z * h[:-1])


@pytest.fixture(scope="module")
def peephole():
    return Run(PeepholeLSTM)


def check_peephole_gate(run, layer, seen):
    """``seen`` is the c that the gate sees, (T, N, H)."""
    p = getattr(run.case.cell, f"p_{layer}")
    for at, x, h in run.steps():
        a = run.pre_activation(layer, x, h) + p * seen[at]
        close(getattr(run.trace.gates, layer)[at], sigma(a))


@pytest.mark.equation("eq-peephole-input-gate")
def test_peephole_input_gate(peephole):
    check_peephole_gate(peephole, "i", peephole.trace.history.c[:-1])


@pytest.mark.equation("eq-peephole-forget-gate")
def test_peephole_forget_gate(peephole):
    check_peephole_gate(peephole, "f", peephole.trace.history.c[:-1])


@pytest.mark.equation("eq-peephole-output-gate")
def test_peephole_output_gate(peephole):
    check_peephole_gate(peephole, "o", peephole.trace.states.c)


@pytest.mark.equation("eq-coupled-memory")
def test_coupled_memory():
    run = Run(CoupledLSTM)
    i, g, _ = run.trace.gates
    c = run.trace.history.c
    close(c[1:], (1 - i) * c[:-1] + i * g)
    close(c[0], run.case.state.c)


@pytest.fixture(scope="module")
def walked_back(rnn):
    """Total derivatives by h_t and δ_t, (T, N, H), walked back vector by vector."""
    case = rnn.case
    d_h, delta = np.empty((2, T, N, H))
    for n in range(N):
        later = case.d_final.h[n]
        for t in reversed(range(T)):
            d_h[t, n] = case.d_hs[t, n] + later
            delta[t, n] = d_h[t, n] * (1 - rnn.hs[t, n] ** 2)
            later = case.cell.W_h @ delta[t, n]
    return d_h, delta


@pytest.mark.equation("eq-rnn-backward")
def test_rnn_backward(rnn, walked_back):
    d_h, delta = walked_back
    state = rnn.case.cell.State
    for t in range(T):
        d_a, _, _ = rnn.case.cell.step_backward(
            None, rnn.trace.gates._make([rnn.hs[t]]), None, state(d_h[t])
        )
        close(d_a.g, delta[t])


@pytest.mark.equation("eq-bptt")
def test_bptt(rnn, walked_back):
    """The state before the first step gets its gradient through W_h only."""
    _, delta = walked_back
    for n in range(N):
        close(rnn.grads.state.h[n], rnn.case.cell.W_h @ delta[0, n])


@pytest.mark.equation("eq-grad-W-x")
def test_gradient_of_input_weights(rnn, walked_back):
    _, delta = walked_back
    expected = np.zeros((D, H))
    for (t, n), x, _ in rnn.steps():
        expected += np.outer(x, delta[t, n])
    close(rnn.grads.cell.W_x, expected)


@pytest.mark.equation("eq-grad-W-h")
def test_gradient_of_recurrent_weights(rnn, walked_back):
    _, delta = walked_back
    expected = np.zeros((H, H))
    for (t, n), _, h in rnn.steps():
        expected += np.outer(h, delta[t, n])
    close(rnn.grads.cell.W_h, expected)


@pytest.mark.equation("eq-grad-b")
def test_gradient_of_bias(rnn, walked_back):
    _, delta = walked_back
    close(rnn.grads.cell.b, sum(delta[t, n] for t in range(T) for n in range(N)))


@pytest.mark.equation("eq-grad-x")
def test_gradient_of_inputs(rnn, walked_back):
    _, delta = walked_back
    for (t, n), _, _ in rnn.steps():
        close(rnn.grads.xs[t, n], rnn.case.cell.W_x @ delta[t, n])


# --- the cells of the ablation


@pytest.mark.equation("eq-linear-input")
def test_linear_input():
    run = Run(CELLS["linear-input"])
    check_layer(run, "g", lambda a: a)


@pytest.mark.equation("eq-linear-output")
def test_linear_output():
    run = Run(CELLS["linear-output"])
    for at, _, _ in run.steps():
        close(run.trace.hs[at], run.trace.gates.o[at] * run.trace.states.c[at])


@pytest.mark.equation("eq-forget-only")
def test_forget_only():
    run = Run(CELLS["forget-only"])
    for at, x, h in run.steps():
        f = sigma(run.pre_activation("f", x, h))
        g = np.tanh(run.pre_activation("g", x, h))
        close(run.trace.hs[at], f * h + (1 - f) * g)


# --- the cells after the LSTM


@pytest.fixture(scope="module")
def slstm():
    return Run(CELLS["slstm"])


def slstm_logs(run):
    """Logarithms of the weights of the new and of the old, (T, N, H), from x and h."""
    log_i, log_f = np.empty((2, T, N, H))
    for at, x, h in run.steps():
        log_i[at] = run.pre_activation("i", x, h)
        log_f[at] = np.log(sigma(run.pre_activation("f", x, h)))
    return log_i, log_f + run.trace.history.m[:-1]


@pytest.mark.equation("eq-slstm-stabiliser")
def test_slstm_stabiliser(slstm):
    log_i, log_f = slstm_logs(slstm)
    close(slstm.trace.states.m, np.maximum(log_i, log_f))
    assert 0 < (log_i > log_f).mean() < 1


@pytest.mark.equation("eq-slstm-input-gate")
def test_slstm_input_gate(slstm):
    close(slstm.trace.gates.i, np.exp(slstm_logs(slstm)[0] - slstm.trace.states.m))


@pytest.mark.equation("eq-slstm-forget-gate")
def test_slstm_forget_gate(slstm):
    close(slstm.trace.gates.f, np.exp(slstm_logs(slstm)[1] - slstm.trace.states.m))


@pytest.mark.equation("eq-slstm-normaliser")
def test_slstm_normaliser(slstm):
    i, f, _, _ = slstm.trace.gates
    n = slstm.trace.history.n
    close(n[1:], f * n[:-1] + i)


@pytest.mark.equation("eq-slstm-output")
def test_slstm_output(slstm):
    states, gates = slstm.trace.states, slstm.trace.gates
    close(slstm.hs, gates.o * states.c / states.n)
    c = slstm.trace.history.c
    close(c[1:], gates.f * c[:-1] + gates.i * gates.g)


def test_slstm_stabiliser_changes_no_output():
    """The cell without m, as the paper first writes it."""
    run = Run(CELLS["slstm"])
    scale = np.exp(run.case.state.m)
    c, n = run.case.state.c * scale, run.case.state.n * scale
    for t in range(T):
        for k in range(N):
            x, h = run.case.xs[t, k], run.trace.history.h[t, k]
            i = np.exp(run.pre_activation("i", x, h))
            f = sigma(run.pre_activation("f", x, h))
            g = np.tanh(run.pre_activation("g", x, h))
            o = sigma(run.pre_activation("o", x, h))
            c[k], n[k] = f * c[k] + i * g, f * n[k] + i
            close(run.hs[t, k], o * c[k] / n[k])


def test_slstm_does_not_overflow():
    case = random_case(CELLS["slstm"])
    for bias in (-900, 900):
        case.cell.b_i[:] = bias
        hs, _, grads = case.run()
        assert np.isfinite(hs).all() and np.isfinite(grads.cell.W_x).all()


@pytest.mark.equation("eq-min-lstm")
def test_min_lstm():
    run = Run(CELLS["min-lstm"])
    cell = run.case.cell
    for at, x, h in run.steps():
        i, f = (
            sigma(getattr(cell, f"W_x{k}").T @ x + getattr(cell, f"b_{k}"))
            for k in "if"
        )
        g = cell.W_xg.T @ x + cell.b_g
        close(run.hs[at], (f * h + i * g) / (f + i))


@pytest.mark.equation("eq-diagonal-ssm")
def test_diagonal_ssm():
    run = Run(CELLS["diagonal-ssm"])
    cell = run.case.cell
    for at, x, h in run.steps():
        close(run.hs[at], sigma(cell.p_a) * h + cell.W_xg.T @ x + cell.b_g)


@pytest.mark.equation("eq-signed-ssm")
def test_signed_ssm():
    run = Run(CELLS["signed-ssm"])
    cell = run.case.cell
    for at, x, h in run.steps():
        a = np.tanh(cell.W_xa.T @ x + cell.b_a)
        close(run.hs[at], a * h + cell.W_xg.T @ x + cell.b_g)
