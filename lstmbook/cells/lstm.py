"""The long short-term memory: two memories, four layers."""

from typing import ClassVar, NamedTuple

import numpy as np

from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["LSTM", "LSTMGates", "LSTMState"]


class LSTMState(NamedTuple):
    """The two memories."""

    h: np.ndarray  #: short-term memory and output, (N, H)
    c: np.ndarray  #: long-term memory, (N, H)


class LSTMGates(NamedTuple):
    """What the four layers put out."""

    i: np.ndarray  #: input gate, the share of g that is added, (N, H)
    f: np.ndarray  #: forget gate, the share of c that stays, (N, H)
    g: np.ndarray  #: main layer, the memory proposed, (N, H)
    o: np.ndarray  #: output gate, the share of tanh(c) that is read, (N, H)


@parameters
class LSTM(Cell):
    """Long short-term memory :cite:`hochreiter1997`, with forget gate.

    The gate came three years later :cite:`gers2000`. Drawn by :meth:`Cell.init` it has
    bias 1, so that f ≈ 0.73 before training :cite:`jozefowicz2015`; PyTorch leaves it
    near ½.
    """

    State = LSTMState
    Gates = LSTMGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step; shapes as in :meth:`Cell.step`.

        The gates :eq:`eq-input-gate`, :eq:`eq-forget-gate`, :eq:`eq-output-gate`, the
        main layer :eq:`eq-main-layer`, the memories :eq:`eq-long-term` and
        :eq:`eq-short-term`. Where f = 1 the long-term memory only adds,
        :eq:`eq-carousel`.
        """
        i = sigmoid(x.i + h.i)
        f = sigmoid(x.f + h.f)
        g = tanh(x.g + h.g)
        o = sigmoid(x.o + h.o)
        c = f * prev.c + i * g
        return LSTMState(o * tanh(c), c), LSTMGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the six equations.

        What reaches c, from two sources :eq:`eq-d-long-term`; the layers
        :eq:`eq-d-output-gate`, :eq:`eq-d-forget-gate`, :eq:`eq-d-input-gate`,
        :eq:`eq-d-main-layer`; the long-term memory before, :eq:`eq-d-c-prev`. The base
        class does the rest: :eq:`eq-d-h-prev`.
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
