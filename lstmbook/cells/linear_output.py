"""The LSTM without output activation: c is read as it is."""

from typing import ClassVar

from lstmbook.cells.lstm import LSTMGates, LSTMState
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["LinearOutputGates", "LinearOutputLSTM"]


class LinearOutputGates(LSTMGates):
    """Outputs of the four layers, named as in the LSTM: g is not a gate."""


@parameters
class LinearOutputLSTM(Cell):
    """LSTM without output activation, the NOAF of :cite:`greff2017`.

    | h = o ⊙ c, the hidden state, :eq:`eq-linear-output`

    The rest is the :class:`~lstmbook.cells.lstm.LSTM`'s, forget bias 1 included.
    """

    State = LSTMState
    Gates = LinearOutputGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        i = sigmoid(x.i + h.i)
        f = sigmoid(x.f + h.f)
        g = tanh(x.g + h.g)
        o = sigmoid(x.o + h.o)
        c = f * prev.c + i * g
        return LSTMState(o * c, c), LinearOutputGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the six equations."""
        i, f, g, o = gates
        d_c = d.c + d.h * o
        d_a = LinearOutputGates(
            i=d_c * g * sigmoid_prime(i),
            f=d_c * prev.c * sigmoid_prime(f),
            g=d_c * i * tanh_prime(g),
            o=d.h * now.c * sigmoid_prime(o),
        )
        return d_a, d_a, LSTMState(h=0, c=d_c * f)
