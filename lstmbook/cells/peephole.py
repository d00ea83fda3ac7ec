"""The LSTM with peepholes: gates that see the long-term memory."""

from typing import ClassVar

import numpy as np

from lstmbook.cells.lstm import LSTMGates, LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["PeepholeGates", "PeepholeLSTM"]


class PeepholeGates(LSTMGates):
    """What the four layers put out, under the LSTM's names."""


@parameters
class PeepholeLSTM(Cell):
    """LSTM with peephole connections :cite:`gers2000timing`.

    Each gate of a unit sees the long-term memory of that unit, and of no other: i and f
    the old one, o the new one. Drawn by :meth:`Cell.init`, it is an LSTM: forget bias 1
    and peepholes 0.

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
        """One step; shapes as in :meth:`Cell.step`.

        The gates :eq:`eq-peephole-input-gate`, :eq:`eq-peephole-forget-gate` and
        :eq:`eq-peephole-output-gate`; the rest is the LSTM's.
        """
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
        # The new c has a third reader, the output gate.
        d_c = d.c + d.h * o * tanh_prime(tanh_c) + d_o * self.p_o
        d_a = PeepholeGates(
            i=d_c * g * sigmoid_prime(i),
            f=d_c * prev.c * sigmoid_prime(f),
            g=d_c * i * tanh_prime(g),
            o=d_o,
        )
        # So has the old one: the other two gates.
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
