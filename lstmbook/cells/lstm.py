"""The long short-term memory: two memories, four layers."""

from typing import ClassVar, NamedTuple

import numpy as np

from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["LSTM", "LSTMGates", "LSTMState"]


class LSTMState(NamedTuple):
    """Hidden state h and cell state c: the book's two memories."""

    h: np.ndarray  #: hidden state (the book's short-term memory) and output, (N, H)
    c: np.ndarray  #: cell state (the book's long-term memory), (N, H)


class LSTMGates(NamedTuple):
    """Outputs of the four layers: three gates, and g, which is not a gate."""

    i: np.ndarray  #: input gate, the share of g that is added, (N, H)
    f: np.ndarray  #: forget gate, the share of c that stays, (N, H)
    g: np.ndarray  #: candidate (cell input; the book's main layer), (N, H)
    o: np.ndarray  #: output gate, the share of tanh(c) that is read, (N, H)


@parameters
class LSTM(Cell):
    """Long short-term memory :cite:`hochreiter1997`, with forget gate.

    | i = σ(x W_xi + h₋ W_hi + b_i), the input gate, :eq:`eq-input-gate`
    | f = σ(x W_xf + h₋ W_hf + b_f), the forget gate, :eq:`eq-forget-gate`
    | g = tanh(x W_xg + h₋ W_hg + b_g), the candidate (cell input; the book's main
      layer), :eq:`eq-main-layer`
    | o = σ(x W_xo + h₋ W_ho + b_o), the output gate, :eq:`eq-output-gate`
    | c = f ⊙ c₋ + i ⊙ g, the cell state (the book's long-term memory),
      :eq:`eq-long-term`; where f = 1 it only adds, :eq:`eq-carousel`
    | h = o ⊙ tanh(c), the hidden state (the book's short-term memory),
      :eq:`eq-short-term`

    h₋ and c₋ are the states before the step. The forget gate was added three years
    after the rest :cite:`gers2000`. :meth:`Cell.init` sets its bias to 1, so that
    f ≈ 0.73 before training :cite:`jozefowicz2015`; PyTorch leaves it near ½.
    """

    State = LSTMState
    Gates = LSTMGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step: the six equations of the class; shapes as in :meth:`Cell.step`."""
        i = sigmoid(x.i + h.i)
        f = sigmoid(x.f + h.f)
        g = tanh(x.g + h.g)
        o = sigmoid(x.o + h.o)
        c = f * prev.c + i * g
        return LSTMState(o * tanh(c), c), LSTMGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the six equations.

        | d_c = d.c + d.h ⊙ o ⊙ (1 − tanh² c), from two sources, :eq:`eq-d-long-term`
        | d_a.o = d.h ⊙ tanh(c) ⊙ o ⊙ (1 − o), :eq:`eq-d-output-gate`
        | d_a.f = d_c ⊙ c₋ ⊙ f ⊙ (1 − f), :eq:`eq-d-forget-gate`
        | d_a.i = d_c ⊙ g ⊙ i ⊙ (1 − i), :eq:`eq-d-input-gate`
        | d_a.g = d_c ⊙ i ⊙ (1 − g ⊙ g), :eq:`eq-d-main-layer`
        | d_prev.c = d_c ⊙ f, :eq:`eq-d-c-prev`

        The base class adds d_prev.h, :eq:`eq-d-h-prev`.
        """
        i, f, g, o = gates
        tanh_c = tanh(now.c)
        # c branches, to h and to the next step: its cotangent has two sources.
        d_c = d.c + d.h * o * tanh_prime(tanh_c)
        d_a = LSTMGates(
            i=d_c * g * sigmoid_prime(i),
            f=d_c * prev.c * sigmoid_prime(f),
            g=d_c * i * tanh_prime(g),
            o=d.h * tanh_c * sigmoid_prime(o),
        )
        return d_a, d_a, LSTMState(h=0, c=d_c * f)
