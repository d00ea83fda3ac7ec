"""The vanilla RNN: one layer, whose output is the state."""

from typing import NamedTuple

import numpy as np

from lstmbook.ops import tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell, HiddenState

__all__ = ["RNN", "RNNGates"]


class RNNGates(NamedTuple):
    """The one layer of the vanilla RNN."""

    g: np.ndarray  #: (N, H)


@parameters
class RNN(Cell):
    """Vanilla RNN, also called Elman network :cite:`elman1990`.

    Its one layer is the LSTM's main layer g, and its output goes straight out.
    """

    Gates = RNNGates

    def step(self, x, h, prev):
        """One step, :eq:`eq-rnn`; shapes as in :meth:`Cell.step`."""
        g = tanh(x.g + h.g)
        return HiddenState(g), RNNGates(g)

    def step_backward(self, prev, gates, now, d):
        """One step back, :eq:`eq-rnn-backward`."""
        d_a = RNNGates(d.h * tanh_prime(gates.g))
        return d_a, d_a, HiddenState(h=0)
