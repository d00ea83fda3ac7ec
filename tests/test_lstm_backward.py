"""The LSTM's backward equations, each by itself: in columns, and by autograd.

Autograd sees only the part of the graph that an equation is about; all else is held.
"""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from lstmbook import LSTM, LSTMState
from tests.cases import D, H, N, T, random_case

LAYERS = "ifgo"
SQUASH = {"i": torch.sigmoid, "f": torch.sigmoid, "g": torch.tanh, "o": torch.sigmoid}


class Step(NamedTuple):
    """One step of a random run, and random cotangents for what it leaves."""

    case: object
    x: np.ndarray
    prev: LSTMState
    gates: object
    now: LSTMState
    d: LSTMState


@pytest.fixture(scope="module")
def step():
    case = random_case(LSTM, seed=1)
    _, trace = case.forward()
    t = 2
    rng = np.random.default_rng(2)

    def at(parts, row):
        return parts._make([part[row] for part in parts])

    d = LSTMState(*rng.standard_normal((2, N, H)))
    prev, now = at(trace.history, t), at(trace.history, t + 1)
    return Step(case, case.xs[t], prev, at(trace.gates, t), now, d)


def back(step, gates=None):
    """Cotangents of the four pre-activations, and of the state before."""
    gates = step.gates if gates is None else gates
    d_a, _, d_prev = step.case.cell.step_backward(step.prev, gates, step.now, step.d)
    return d_a, d_prev


def close(a, b):
    assert np.shape(a) == np.shape(b)
    assert np.abs(a - b).max() <= 1e-12


def leaf(array):
    return torch.tensor(array, requires_grad=True)


def by_autograd(step, name):
    """The loss by a layer's pre-activation, ``"c"`` or ``"c_prev"``; the rest fixed."""
    values = {layer: torch.tensor(getattr(step.gates, layer)) for layer in LAYERS}
    values["c_prev"] = torch.tensor(step.prev.c)
    if name in LAYERS:
        slot = LAYERS.index(name)
        a = step.x @ step.case.cell.W_x + step.prev.h @ step.case.cell.W_h
        at = leaf(np.split(a + step.case.cell.b, 4, axis=1)[slot])
        values[name] = SQUASH[name](at)
    elif name == "c_prev":
        at = values["c_prev"] = leaf(step.prev.c)
    c = values["f"] * values["c_prev"] + values["i"] * values["g"]
    if name == "c":
        at = c = leaf(step.now.c)
    h = values["o"] * torch.tanh(c)
    total = (torch.tensor(step.d.h) * h).sum() + (torch.tensor(step.d.c) * c).sum()
    (found,) = torch.autograd.grad(total, at)
    return found.numpy()


def d_long_term(step):
    """dL/dc_t, vector by vector."""
    d_c = np.empty((N, H))
    for n in range(N):
        slope = 1 - np.tanh(step.now.c[n]) ** 2
        d_c[n] = step.d.c[n] + step.d.h[n] * step.gates.o[n] * slope
    return d_c


@pytest.mark.equation("eq-d-long-term")
def test_long_term(step):
    """Seen where a forget gate of 1 passes it on unchanged."""
    _, d_prev = back(step, step.gates._replace(f=np.ones((N, H))))
    close(d_prev.c, d_long_term(step))
    close(d_prev.c, by_autograd(step, "c"))


@pytest.mark.equation("eq-d-output-gate")
def test_output_gate(step):
    d_a, _ = back(step)
    o = step.gates.o
    close(d_a.o, step.d.h * np.tanh(step.now.c) * o * (1 - o))
    close(d_a.o, by_autograd(step, "o"))


@pytest.mark.equation("eq-d-forget-gate")
def test_forget_gate(step):
    d_a, _ = back(step)
    f = step.gates.f
    close(d_a.f, d_long_term(step) * step.prev.c * f * (1 - f))
    close(d_a.f, by_autograd(step, "f"))


@pytest.mark.equation("eq-d-input-gate")
def test_input_gate(step):
    d_a, _ = back(step)
    i = step.gates.i
    close(d_a.i, d_long_term(step) * step.gates.g * i * (1 - i))
    close(d_a.i, by_autograd(step, "i"))


@pytest.mark.equation("eq-d-main-layer")
def test_main_layer(step):
    d_a, _ = back(step)
    close(d_a.g, d_long_term(step) * step.gates.i * (1 - step.gates.g**2))
    close(d_a.g, by_autograd(step, "g"))


@pytest.mark.equation("eq-d-c-prev")
def test_long_term_memory_before(step):
    _, d_prev = back(step)
    close(d_prev.c, d_long_term(step) * step.gates.f)
    close(d_prev.c, by_autograd(step, "c_prev"))


class Walk(NamedTuple):
    """All equations, walked back over a whole run, vector by vector."""

    case: object
    trace: object
    grads: object
    delta: dict  #: layer → (T, N, H)
    d_state: LSTMState


@pytest.fixture(scope="module")
def walk():
    case = random_case(LSTM)
    _, trace, grads = case.run()
    i, f, g, o = trace.gates
    delta = {layer: np.empty((T, N, H)) for layer in LAYERS}
    ends = LSTMState(np.empty((N, H)), np.empty((N, H)))
    for n in range(N):
        later_h, later_c = case.d_final.h[n], case.d_final.c[n]
        for t in reversed(range(T)):
            at = t, n
            tanh_c = np.tanh(trace.states.c[at])
            d_h = case.d_hs[at] + later_h
            d_c = later_c + d_h * o[at] * (1 - tanh_c**2)
            delta["o"][at] = d_h * tanh_c * o[at] * (1 - o[at])
            delta["f"][at] = d_c * trace.history.c[at] * f[at] * (1 - f[at])
            delta["i"][at] = d_c * g[at] * i[at] * (1 - i[at])
            delta["g"][at] = d_c * i[at] * (1 - g[at] ** 2)
            later_h = sum(
                getattr(case.cell, f"W_h{layer}") @ delta[layer][at] for layer in LAYERS
            )
            later_c = d_c * f[at]
        ends.h[n], ends.c[n] = later_h, later_c
    return Walk(case, trace, grads, delta, ends)


@pytest.mark.equation("eq-d-h-prev")
def test_short_term_memory_before(walk):
    """The state before the first step gets its gradient through the layers only."""
    close(walk.grads.state.h, walk.d_state.h)
    one = random_case(LSTM, sizes=(1, N, D, H))
    cell, (h, c) = one.cell, one.state
    at = leaf(h)
    a = torch.tensor(one.xs[0] @ cell.W_x + cell.b) + at @ torch.tensor(cell.W_h)
    i, f, g, o = (
        SQUASH[layer](block) for layer, block in zip(LAYERS, a.chunk(4, 1), strict=True)
    )
    after = f * torch.tensor(c) + i * g
    d_h = torch.tensor(one.d_hs[0] + one.d_final.h)
    total = (d_h * o * torch.tanh(after)).sum()
    total = total + (torch.tensor(one.d_final.c) * after).sum()
    (found,) = torch.autograd.grad(total, at)
    *_, grads = one.run()
    close(grads.state.h, found.numpy())


def test_long_term_memory_before_the_first_step(walk):
    close(walk.grads.state.c, walk.d_state.c)


def sum_over_run(walk, met):
    """Σ of met_t δ_tᵀ for the four layers side by side, one outer product at a time."""
    total = 0
    for at in np.ndindex(T, N):
        delta = np.concatenate([walk.delta[layer][at] for layer in LAYERS])
        total = total + np.outer(met(at), delta)
    return total


@pytest.mark.equation("eq-grad-W-x")
def test_gradient_of_input_weights(walk):
    close(walk.grads.cell.W_x, sum_over_run(walk, lambda at: walk.case.xs[at]))


@pytest.mark.equation("eq-grad-W-h")
def test_gradient_of_recurrent_weights(walk):
    h_before = walk.trace.history.h
    close(walk.grads.cell.W_h, sum_over_run(walk, lambda at: h_before[at]))


@pytest.mark.equation("eq-grad-b")
def test_gradient_of_bias(walk):
    close(walk.grads.cell.b, sum_over_run(walk, lambda at: np.ones(1))[0])


@pytest.mark.equation("eq-grad-x")
def test_gradient_of_inputs(walk):
    for at in np.ndindex(T, N):
        expected = sum(
            getattr(walk.case.cell, f"W_x{layer}") @ walk.delta[layer][at]
            for layer in LAYERS
        )
        close(walk.grads.xs[at], expected)
