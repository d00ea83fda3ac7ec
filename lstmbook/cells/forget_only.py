"""A cell with a forget gate and no other: one memory, one gate."""

from typing import ClassVar, NamedTuple

import numpy as np

from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell, HiddenState

__all__ = ["ForgetOnly", "ForgetOnlyGates"]


class ForgetOnlyGates(NamedTuple):
    """Outputs of the two layers: one gate, and g, which is not a gate."""

    f: np.ndarray  #: forget gate, the share of h that stays, (N, H)
    g: np.ndarray  #: candidate, (N, H)


@parameters
class ForgetOnly(Cell):
    """Cell with a forget gate only, as in JANET :cite:`vanderwesthuizen2018`.

    | f = σ(x W_xf + h₋ W_hf + b_f), the forget gate
    | g = tanh(x W_xg + h₋ W_hg + b_g), the candidate
    | h = f ⊙ h₋ + (1 − f) ⊙ g, the hidden state and only memory, :eq:`eq-forget-only`

    :meth:`Cell.init` sets the forget bias to 1, as in the LSTM. The paper also takes a
    constant from the argument of 1 − f; here that is 0.
    """

    Gates = ForgetOnlyGates
    initial_biases: ClassVar = {"f": 1}

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        f = sigmoid(x.f + h.f)
        g = tanh(x.g + h.g)
        return HiddenState(f * prev.h + (1 - f) * g), ForgetOnlyGates(f, g)

    def step_backward(self, prev, gates, now, d):
        """One step back through the three equations."""
        f, g = gates
        d_a = ForgetOnlyGates(
            f=d.h * (prev.h - g) * sigmoid_prime(f),
            g=d.h * (1 - f) * tanh_prime(g),
        )
        return d_a, d_a, HiddenState(d.h * f)
