"""The sLSTM: an LSTM whose input gate is an exponential, with a normaliser."""

from typing import ClassVar, NamedTuple

import numpy as np

from lstmbook.ops import sigmoid, sigmoid_prime, tanh, tanh_prime
from lstmbook.parameters import parameters
from lstmbook.recurrence import Cell

__all__ = ["SLSTM", "SLSTMGates", "SLSTMState"]


class SLSTMState(NamedTuple):
    """Hidden state h, cell state c, and the two that keep c in bounds."""

    h: np.ndarray  #: hidden state (short-term memory) and output, (N, H)
    c: np.ndarray  #: cell state (long-term memory), divided by exp(m), (N, H)
    n: np.ndarray  #: normaliser, the sum of the weights in c, divided by exp(m), (N, H)
    m: np.ndarray  #: stabiliser, the largest logarithm of a weight, (N, H)


class SLSTMGates(NamedTuple):
    """Outputs of the four layers, i and f divided by the stabiliser's change."""

    i: np.ndarray  #: input gate, the weight with which g is added, (N, H)
    f: np.ndarray  #: forget gate, the share of c and n that stays, (N, H)
    g: np.ndarray  #: candidate (cell input; the book's main layer), (N, H)
    o: np.ndarray  #: output gate, the share of c / n that is read, (N, H)


@parameters
class SLSTM(Cell):
    """Scalar LSTM of xLSTM :cite:`beck2024`: exponential input gate, one head.

    | m = max(log(σ(x W_xf + h₋ W_hf + b_f)) + m₋, x W_xi + h₋ W_hi + b_i), the
      stabiliser, :eq:`eq-slstm-stabiliser`
    | i = exp(x W_xi + h₋ W_hi + b_i − m), the input gate, :eq:`eq-slstm-input-gate`
    | f = exp(log(σ(x W_xf + h₋ W_hf + b_f)) + m₋ − m), the forget gate,
      :eq:`eq-slstm-forget-gate`
    | g = tanh(x W_xg + h₋ W_hg + b_g), the candidate (z in the paper)
    | o = σ(x W_xo + h₋ W_ho + b_o), the output gate
    | c = f ⊙ c₋ + i ⊙ g, the cell state
    | n = f ⊙ n₋ + i, the normaliser, :eq:`eq-slstm-normaliser`
    | h = o ⊙ c / n, the hidden state, :eq:`eq-slstm-output`

    The paper lets the forget gate be a sigmoid or an exponential; this is the sigmoid,
    as in its authors' code. m changes no h: it divides c and n by the same number, so
    that no exponential overflows. A state is valid if n is above 0, or all of it is 0.
    """

    State = SLSTMState
    Gates = SLSTMGates
    initial_biases: ClassVar = {"f": 1}

    def random_state(self, rng, batch_size):
        """Draw a valid state: n is above 0."""
        state = super().random_state(rng, batch_size)
        return state._replace(n=np.exp(state.n))

    def step(self, x, h, prev):
        """One step: the equations of the class; shapes as in :meth:`Cell.step`."""
        log_i = x.i + h.i
        log_f = prev.m - np.logaddexp(0, -(x.f + h.f))
        m = np.maximum(log_f, log_i)
        i, f = np.exp(log_i - m), np.exp(log_f - m)
        g, o = tanh(x.g + h.g), sigmoid(x.o + h.o)
        c, n = f * prev.c + i * g, f * prev.n + i
        return SLSTMState(o * c / n, c, n, m), SLSTMGates(i, f, g, o)

    def step_backward(self, prev, gates, now, d):
        """One step back through the equations of the class, m's among them."""
        i, f, g, o = gates
        read = now.c / now.n
        d_read = d.h * o / now.n
        d_c, d_n = d.c + d_read, d.n - d_read * read
        d_log_i, d_log_f = i * (d_c * g + d_n), f * (d_c * prev.c + d_n * prev.n)
        # m is subtracted from both, and is itself one of them: the larger.
        d_m = d.m - d_log_i - d_log_f
        d_log_f += d_m * (f >= i)
        d_log_i += d_m * (f < i)
        # The sigmoid is f exp(m − m₋). Where that overflows, f is 0, and so is d_log_f.
        forget = f * np.exp(np.minimum(now.m - prev.m, 80))
        d_a = SLSTMGates(
            i=d_log_i,
            f=d_log_f * (1 - forget),
            g=d_c * i * tanh_prime(g),
            o=d.h * read * sigmoid_prime(o),
        )
        return d_a, d_a, SLSTMState(h=0, c=d_c * f, n=d_n * f, m=d_log_f)
