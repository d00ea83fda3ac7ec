"""The LSTM without input activation: what is added to c is not squashed."""

from typing import ClassVar

from lstmbook.cells.lstm import LSTMGates, LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["LinearInputGates", "LinearInputLSTM"]


class LinearInputGates(LSTMGates):
    """Outputs of the four layers, named as in the LSTM; g is any number."""


@parameters
class LinearInputLSTM(Cell):
    """LSTM without input activation, the NIAF of :cite:`greff2017`.

    | g = x W_xg + h₋ W_hg + b_g, the candidate, :eq:`eq-linear-input`

    The rest is the :class:`~lstmbook.cells.lstm.LSTM`'s, forget bias 1 included.
    """

    State = LSTMState
    Gates = LinearInputGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        i = sigmoid(x.i + h.i)
        f = sigmoid(x.f + h.f)
        g = x.g + h.g
        o = sigmoid(x.o + h.o)
        c = f * prev.c + i * g
        return LSTMState(o * tanh(c), c), LinearInputGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the six equations."""
        i, f, g, o = gates
        tanh_c = tanh(now.c)
        d_c = d.c + d.h * o * tanh_prime(tanh_c)
        d_a = LinearInputGates(
            i=d_c * g * sigmoid_prime(i),
            f=d_c * prev.c * sigmoid_prime(f),
            g=d_c * i,
            o=d.h * tanh_c * sigmoid_prime(o),
        )
        return d_a, d_a, LSTMState(h=0, c=d_c * f)
