"""The LSTM with peepholes: gates that see the long-term memory."""

from typing import ClassVar

import numpy as np

from lstmbook.cells.lstm import LSTMGates, LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["PeepholeGates", "PeepholeLSTM"]


class PeepholeGates(LSTMGates):
    """Outputs of the four layers, named as in the LSTM: g is not a gate."""


@parameters
class PeepholeLSTM(Cell):
    """LSTM with peephole connections :cite:`gers2000timing`.

    | i = σ(x W_xi + h₋ W_hi + p_i ⊙ c₋ + b_i), :eq:`eq-peephole-input-gate`
    | f = σ(x W_xf + h₋ W_hf + p_f ⊙ c₋ + b_f), :eq:`eq-peephole-forget-gate`
    | o = σ(x W_xo + h₋ W_ho + p_o ⊙ c + b_o), :eq:`eq-peephole-output-gate`

    The rest is the :class:`~lstmbook.cells.lstm.LSTM`'s. Each gate of a unit sees
    only that unit's cell state: i and f the one before the step, o the new one.
    :meth:`Cell.init` makes it an LSTM: forget bias 1 and peepholes 0.

    Parameters
    ----------
    p_i, p_f, p_o : ndarray, shape (H,)
        Peephole weights. The other parameters are as for :class:`Cell`.
    """

    p_i: np.ndarray
    p_f: np.ndarray
    p_o: np.ndarray

    State = LSTMState
    Gates = PeepholeGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        i = sigmoid(x.i + h.i + self.p_i * prev.c)
        f = sigmoid(x.f + h.f + self.p_f * prev.c)
        g = tanh(x.g + h.g)
        c = f * prev.c + i * g
        o = sigmoid(x.o + h.o + self.p_o * c)
        return LSTMState(o * tanh(c), c), PeepholeGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the six equations."""
        i, f, g, o = gates
        tanh_c = tanh(now.c)
        d_o = d.h * tanh_c * sigmoid_prime(o)
        # A third layer reads the new c: the output gate.
        d_c = d.c + d.h * o * tanh_prime(tanh_c) + d_o * self.p_o
        d_a = PeepholeGates(
            i=d_c * g * sigmoid_prime(i),
            f=d_c * prev.c * sigmoid_prime(f),
            g=d_c * i * tanh_prime(g),
            o=d_o,
        )
        # The other two gates read the old c.
        d_prev_c = d_c * f + d_a.i * self.p_i + d_a.f * self.p_f
        return d_a, d_a, LSTMState(h=0, c=d_prev_c)

    def own_grads(self, trace, d_x, d_h):
        """Gradients of the peepholes: each gate's times the c that it sees."""
        old, new = trace.history.c[:-1], trace.states.c
        return {
            "p_i": (d_x.i * old).sum(axis=(0, 1)),
            "p_f": (d_x.f * old).sum(axis=(0, 1)),
            "p_o": (d_x.o * new).sum(axis=(0, 1)),
        }
