"""The vanilla RNN: one layer, whose output is the state."""

from typing import NamedTuple

import numpy as np

from lstmbook.ops import tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell, HiddenState

__all__ = ["RNN", "RNNGates"]


class RNNGates(NamedTuple):
    """Output of the one layer, which is not a gate."""

    g: np.ndarray  #: the new hidden state, (N, H)


@parameters
class RNN(Cell):
    """Vanilla RNN, also called Elman network :cite:`elman1990`.

    | h = tanh(x W_x + h₋ W_h + b), the hidden state, :eq:`eq-rnn`

    h₋ is the state before the step. The one layer is the LSTM's g, and its output
    is the hidden state.
    """

    Gates = RNNGates

    def step(self, x, h, prev):
        """One step: the equation of the class; shapes as in :meth:`Cell.step`."""
        g = tanh(x.g + h.g)
        return HiddenState(g), RNNGates(g)

    def step_backward(self, prev, gates, now, d):
        """One step back: d_a = d.h ⊙ (1 − h ⊙ h), :eq:`eq-rnn-backward`."""
        d_a = RNNGates(d.h * tanh_prime(gates.g))
        return d_a, d_a, HiddenState(h=0)
