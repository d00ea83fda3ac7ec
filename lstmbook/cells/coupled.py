"""The LSTM with coupled gates: what is added replaces as much of the old."""

from typing import ClassVar, NamedTuple

import numpy as np

from lstmbook.cells.lstm import LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["CoupledGates", "CoupledLSTM"]


class CoupledGates(NamedTuple):
    """Outputs of the three layers: two gates, and g, which is not a gate."""

    i: np.ndarray  #: input gate; the forget gate is 1 − i, (N, H)
    g: np.ndarray  #: candidate (cell input; the book's main layer), (N, H)
    o: np.ndarray  #: output gate, the share of tanh(c) that is read, (N, H)


@parameters
class CoupledLSTM(Cell):
    """LSTM with coupled input and forget gate, the CIFG of :cite:`greff2017`.

    | c = (1 − i) ⊙ c₋ + i ⊙ g, the cell state (the book's long-term memory),
      :eq:`eq-coupled-memory`

    The rest is the :class:`~lstmbook.cells.lstm.LSTM`'s. :meth:`Cell.init` sets the
    input bias to −1, so that 1 − i ≈ 0.73 before training, as f in a new LSTM.
    """

    State = LSTMState
    Gates = CoupledGates
    initial_biases: ClassVar = {"i": -1}

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        i = sigmoid(x.i + h.i)
        g = tanh(x.g + h.g)
        o = sigmoid(x.o + h.o)
        c = (1 - i) * prev.c + i * g
        return LSTMState(o * tanh(c), c), CoupledGates(i, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the five equations."""
        i, g, o = gates
        tanh_c = tanh(now.c)
        d_c = d.c + d.h * o * tanh_prime(tanh_c)
        d_a = CoupledGates(
            # One gate has two effects: more of g, and less of the old c.
            i=d_c * (g - prev.c) * sigmoid_prime(i),
            g=d_c * i * tanh_prime(g),
            o=d.h * tanh_c * sigmoid_prime(o),
        )
        return d_a, d_a, LSTMState(h=0, c=d_c * (1 - i))
