"""Mistakes that LSTM code in circulation makes, each as a cell that makes it.

A mutant is an :class:`~lstmbook.cells.lstm.LSTM` with one thing wrong. The tests show
that the project's checks catch every one, and which a weak test would let through.

There are fourteen. Chapter 10 hunts ten: no-forget-slope, later-memory,
overwritten-cotangent, no-output-slope, no-recurrent-gradient, squashed-twice,
no-initial-state, no-final-cotangent, last-step-only and reversed-cotangents. Two pass
every gradient check, because forward and backward agree on the wrong cell:
swapped-order and sigmoid-main-layer. Two change the forward pass without its backward
pass, as squashed-twice does, and every gradient check catches them: bias-twice and
raw-memory-out.
"""

from typing import NamedTuple

import numpy as np

from lstmbook.cells.lstm import LSTM, LSTMGates, LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """A classic mistake."""

    cell: type  #: an LSTM that makes it
    mistake: str  #: what is wrong, in one line
    hint: str  #: where to look


class _NoForgetSlope(LSTM):
    def step_backward(self, prev, gates, now, d):
        d_a, _, d_prev = super().step_backward(prev, gates, now, d)
        d_c = d_prev.c / gates.f
        d_a = d_a._replace(f=d_c * prev.c)
        return d_a, d_a, d_prev


class _SquashedTwice(LSTM):
    def step(self, x, h, prev):
        i = sigmoid(sigmoid(x.i + h.i))
        f = sigmoid(sigmoid(x.f + h.f))
        g = tanh(x.g + h.g)
        o = sigmoid(sigmoid(x.o + h.o))
        c = f * prev.c + i * g
        return LSTMState(o * tanh(c), c), LSTMGates(i, f, g, o)


class _LaterMemory(LSTM):
    def step_backward(self, prev, gates, now, d):
        return super().step_backward(prev._replace(c=now.c), gates, now, d)


class _OverwrittenCotangent(LSTM):
    def step_backward(self, prev, gates, now, d):
        return super().step_backward(prev, gates, now, d._replace(c=0))


class _ReversedCotangents(LSTM):
    def backward(self, trace, d_hs, d_final=None):
        return super().backward(trace, d_hs[::-1], d_final)


class _NoFinalCotangent(LSTM):
    def backward(self, trace, d_hs, d_final=None):
        return super().backward(trace, d_hs)


class _NoInitialState(LSTM):
    def unroll(self, xs, state=None, lengths=None):
        return super().unroll(xs, None, lengths)


class _BiasTwice(LSTM):
    def step(self, x, h, prev):
        biases = np.split(self.b, 4)
        return super().step(
            x,
            LSTMGates(*(a + b for a, b in zip(h, biases, strict=True))),
            prev,
        )


class _SwappedOrder(LSTM):
    def step(self, x, h, prev):
        state, gates = super().step(_swap(x), _swap(h), prev)
        return state, _swap(gates)

    def step_backward(self, prev, gates, now, d):
        d_a, _, d_prev = super().step_backward(prev, _swap(gates), now, d)
        d_a = _swap(d_a)
        return d_a, d_a, d_prev


def _swap(layers):
    return layers._replace(i=layers.f, f=layers.i)


class _SigmoidMainLayer(LSTM):
    def step(self, x, h, prev):
        i = sigmoid(x.i + h.i)
        f = sigmoid(x.f + h.f)
        g = sigmoid(x.g + h.g)
        o = sigmoid(x.o + h.o)
        c = f * prev.c + i * g
        return LSTMState(o * tanh(c), c), LSTMGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        d_a, _, d_prev = super().step_backward(prev, gates, now, d)
        d_c = d.c + d.h * gates.o * tanh_prime(tanh(now.c))
        d_a = d_a._replace(g=d_c * gates.i * sigmoid_prime(gates.g))
        return d_a, d_a, d_prev


class _NoOutputSlope(LSTM):
    def step_backward(self, prev, gates, now, d):
        # d.h o tanh'(c) becomes d.h o: the missing part goes in by d.c.
        extra = d.h * gates.o * (1 - tanh_prime(tanh(now.c)))
        d_a, _, d_prev = super().step_backward(
            prev, gates, now, d._replace(c=d.c + extra)
        )
        return d_a, d_a, d_prev


class _NoRecurrentGradient(LSTM):
    def step_backward(self, prev, gates, now, d):
        d_x, _, d_prev = super().step_backward(prev, gates, now, d)
        return d_x, LSTMGates(*(np.zeros_like(a) for a in d_x)), d_prev


class _RawMemoryOut(LSTM):
    def step(self, x, h, prev):
        state, gates = super().step(x, h, prev)
        return state._replace(h=gates.o * state.c), gates


class _LastStepOnly(LSTM):
    def backward(self, trace, d_hs, d_final=None):
        return super().backward(
            trace, np.concatenate([0 * d_hs[:-1], d_hs[-1:]]), d_final
        )


#: Name to mutant.
MUTANTS = {
    "no-forget-slope": Mutant(
        _NoForgetSlope,
        "the forget gate's gradient lacks σ′",
        "d_a_f = d_c ⊙ c₋ ⊙ f ⊙ (1 − f): which factor is missing?",
    ),
    "squashed-twice": Mutant(
        _SquashedTwice,
        "the gates go through σ twice",
        "σ(σ(a)) lies between 0.5 and 0.73: can your gates close?",
    ),
    "later-memory": Mutant(
        _LaterMemory,
        "the forget gate's gradient takes c where it needs c₋",
        "f multiplied the memory from before the step.",
    ),
    "overwritten-cotangent": Mutant(
        _OverwrittenCotangent,
        "`d_c =` where `d_c +=` is needed",
        "c goes to h and to the next step: its gradient has two sources.",
    ),
    "reversed-cotangents": Mutant(
        _ReversedCotangents,
        "the cotangents are read in reversed time",
        "The loop runs backwards; the array of cotangents does not.",
    ),
    "no-final-cotangent": Mutant(
        _NoFinalCotangent,
        "the cotangent of the final state is ignored",
        "A loss on the final c reaches the parameters only through it.",
    ),
    "no-initial-state": Mutant(
        _NoInitialState,
        "the initial state is ignored",
        "Step 1 must start from the state that was passed in.",
    ),
    "bias-twice": Mutant(
        _BiasTwice,
        "the bias is added twice",
        "Once with the inputs is enough; PyTorch's two biases are two parameters.",
    ),
    "swapped-order": Mutant(
        _SwappedOrder,
        "input and forget gate have changed places",
        "Forward and backward agree, so a gradient check passes: compare outputs.",
    ),
    "sigmoid-main-layer": Mutant(
        _SigmoidMainLayer,
        "σ stands where g needs tanh",
        "Can your cell write a negative memory?",
    ),
    "no-output-slope": Mutant(
        _NoOutputSlope,
        "the path from h to c lacks tanh′(c)",
        "h = o ⊙ tanh(c): differentiate the tanh as well.",
    ),
    "no-recurrent-gradient": Mutant(
        _NoRecurrentGradient,
        "nothing flows back through W_h",
        "h₋ enters all four layers: its gradient is W_h δ, in rows δ @ W_h.T.",
    ),
    "raw-memory-out": Mutant(
        _RawMemoryOut,
        "h = o ⊙ c, without the tanh",
        "Is |h| ever above 1? It should not be.",
    ),
    "last-step-only": Mutant(
        _LastStepOnly,
        "only the last step's output is given a cotangent",
        "Every h_t that the loss reads has one.",
    ),
}
