"""The gated recurrent unit: one memory, two gates."""

from typing import NamedTuple

import numpy as np

from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell, HiddenState

__all__ = ["GRU", "GRUGates"]


class GRUGates(NamedTuple):
    """Outputs of the three layers: two gates, and n, which is not a gate."""

    r: np.ndarray  #: reset gate, the share of h that the candidate sees, (N, H)
    z: np.ndarray  #: update gate, the share of h that stays, (N, H)
    n: np.ndarray  #: candidate (new state; the book's proposal), (N, H)


@parameters
class GRU(Cell):
    """Gated recurrent unit :cite:`cho2014`, reset after the product as in PyTorch.

    | r = σ(x W_xr + h₋ W_hr + b_r), the reset gate, :eq:`eq-reset-gate`
    | z = σ(x W_xz + h₋ W_hz + b_z), the update gate, :eq:`eq-update-gate`
    | n = tanh(x W_xn + b_n + r ⊙ (h₋ W_hn + b_hn)), the candidate (the book's
      proposal), :eq:`eq-gru-proposal`
    | h = (1 − z) ⊙ n + z ⊙ h₋, the hidden state, :eq:`eq-gru-memory`

    h₋ is the state before the step.

    Parameters
    ----------
    b_hn : ndarray, shape (H,)
        Bias inside the reset product. The others are as for :class:`Cell`.
    """

    b_hn: np.ndarray

    Gates = GRUGates

    def step(self, x, h, prev):
        """One step: the four equations of the class; shapes as in :meth:`Cell.step`."""
        r = sigmoid(x.r + h.r)
        z = sigmoid(x.z + h.z)
        n = tanh(x.n + r * (h.n + self.b_hn))
        return HiddenState((1 - z) * n + z * prev.h), GRUGates(r, z, n)

    def step_backward(self, prev, gates, now, d):
        """One step back through the four equations."""
        r, z, n = gates
        d_n = d.h * (1 - z) * tanh_prime(n)
        # The forward pass does not keep it: one small product costs less than the
        # memory.
        reset = prev.h @ self.W_hn + self.b_hn
        d_x = GRUGates(
            r=d_n * reset * sigmoid_prime(r),
            z=d.h * (prev.h - n) * sigmoid_prime(z),
            n=d_n,
        )
        return d_x, d_x._replace(n=d_n * r), HiddenState(d.h * z)

    def own_grads(self, trace, d_x, d_h):
        """Gradient of ``b_hn``, which enters where ``h.n`` does."""
        return {"b_hn": d_h.n.sum(axis=(0, 1))}
