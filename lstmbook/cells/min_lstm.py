"""The minLSTM: gates that see the input only, so that its steps are linear."""

from typing import NamedTuple

import numpy as np

from lstmbook.linear import LinearCell
from lstmbook.ops import sigmoid, sigmoid_prime
from lstmbook.parameters import parameters

__all__ = ["MinLSTM", "MinLSTMGates"]


class MinLSTMGates(NamedTuple):
    """Outputs of the three layers: two gates, and g, which is not a gate."""

    i: np.ndarray  #: input gate, before it is normalised, (N, H)
    f: np.ndarray  #: forget gate, before it is normalised, (N, H)
    g: np.ndarray  #: candidate, not squashed, (N, H)


@parameters
class MinLSTM(LinearCell):
    """minLSTM :cite:`feng2024`: an LSTM without W_h, output gate and squashing.

    | i = σ(x W_xi + b_i), the input gate
    | f = σ(x W_xf + b_f), the forget gate
    | g = x W_xg + b_g, the candidate
    | h = f / (f + i) ⊙ h₋ + i / (f + i) ⊙ g, the hidden state and only memory,
      :eq:`eq-min-lstm`
    """

    Gates = MinLSTMGates

    def layers(self, x):
        """Outputs of the layers: the first three equations of the class."""
        return MinLSTMGates(sigmoid(x.i), sigmoid(x.f), x.g)

    def affine(self, gates):
        """The normalised forget gate, and the normalised input gate times g."""
        share = _share(gates)
        return share, (1 - share) * gates.g

    def affine_backward(self, gates, d_a, d_u):
        """One step back through the equations of the class."""
        share = _share(gates)
        # The share's derivatives by i and f, times i and f: no division.
        d_share = (d_a - d_u * gates.g) * sigmoid_prime(share)
        return MinLSTMGates(
            i=-d_share * (1 - gates.i),
            f=d_share * (1 - gates.f),
            g=d_u * (1 - share),
        )


def _share(gates):
    """F / (f + i), and 0 where a sequence has finished and both are 0."""
    total = gates.f + gates.i
    return np.divide(gates.f, total, out=np.zeros_like(total), where=total > 0)
