"""Diagonal linear state-space cells, with a constant factor and with a signed one."""

from typing import NamedTuple

import numpy as np

from lstmbook.linear import LinearCell
from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters

__all__ = ["DiagonalSSM", "DiagonalSSMGates", "SignedSSM", "SignedSSMGates"]


class DiagonalSSMGates(NamedTuple):
    """Output of the one layer, which is not a gate."""

    g: np.ndarray  #: what is added, (N, H)


@parameters
class DiagonalSSM(LinearCell):
    """Linear state-space cell, real and diagonal: each unit decays at its own rate.

    | g = x W_xg + b_g, the summand
    | h = σ(p_a) ⊙ h₋ + g, the hidden state and only memory, :eq:`eq-diagonal-ssm`

    A small relative of the LRU :cite:`orvieto2023`, whose factors are complex and whose
    inputs are normalised. The factors do not depend on the input.

    Parameters
    ----------
    p_a : ndarray, shape (H,)
        The factors are σ(p_a), between 0 and 1. :meth:`Cell.init` sets them to ½. The
        others are as for :class:`~lstmbook.linear.LinearCell`.
    """

    p_a: np.ndarray

    Gates = DiagonalSSMGates

    def layers(self, x):
        """Output of the layer: the first equation of the class."""
        return DiagonalSSMGates(x.g)

    def affine(self, gates):
        """The constant factors, and g."""
        return sigmoid(self.p_a), gates.g

    def affine_backward(self, gates, d_a, d_u):
        """One step back: g is the summand."""
        return DiagonalSSMGates(d_u)

    def affine_grads(self, d_a, d_u):
        """Gradient of ``p_a``."""
        return {"p_a": d_a.sum(axis=(0, 1)) * sigmoid_prime(sigmoid(self.p_a))}


class SignedSSMGates(NamedTuple):
    """Outputs of the two layers, neither of which is a gate: a can be negative."""

    a: np.ndarray  #: factor of h, between −1 and 1, (N, H)
    g: np.ndarray  #: what is added, (N, H)


@parameters
class SignedSSM(LinearCell):
    """Diagonal state-space cell whose factor is chosen by the input, and signed.

    | a = tanh(x W_xa + b_a), the factor
    | g = x W_xg + b_g, the summand
    | h = a ⊙ h₋ + g, the hidden state and only memory, :eq:`eq-signed-ssm`

    The smallest cell of this kind with negative eigenvalues
    :cite:`sarrof2024,grazzi2025`.
    """

    Gates = SignedSSMGates

    def layers(self, x):
        """Outputs of the layers: the first two equations of the class."""
        return SignedSSMGates(tanh(x.a), x.g)

    def affine(self, gates):
        """The layers' outputs as they are."""
        return gates

    def affine_backward(self, gates, d_a, d_u):
        """One step back through tanh."""
        return SignedSSMGates(d_a * tanh_prime(gates.a), d_u)
