"""Cells that are linear in h, and the parallel scan that computes all their steps.

If nothing but the inputs decides what a step does, the step is h = a ⊙ h₋ + u with
known a and u. Two such steps in a row are one step of the same form, and this
composition is associative. So the steps can be grouped in pairs, the pairs in pairs,
and so on: a scan of depth log₂ T in place of a loop of depth T. Legend as in
:mod:`lstmbook.recurrence`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmbook.checks import check_array, check_lengths
from lstmbook.parameters import parameters
from lstmbook.recurrence import FusedCell, Grads, Trace

__all__ = ["LinearCell", "loop_scan", "parallel_scan"]


def loop_scan(a: np.ndarray, u: np.ndarray, h0: np.ndarray) -> np.ndarray:
    """Run h = a ⊙ h₋ + u, one step after the other (:eq:`eq-linear-recurrence`).

    Parameters
    ----------
    a, u : ndarray, shape (T, N, H)
        Factor and summand of each step.
    h0 : ndarray, shape (N, H)
        The state before the first step.

    Returns
    -------
    ndarray, shape (T, N, H)
        h after each step.

    Raises
    ------
    TypeError
        If the dtypes differ.
    ValueError
        If a shape does not fit.
    """
    a, u, h = _check_scan(a, u, h0)
    hs = np.empty_like(u)
    for t in range(len(u)):
        h = np.multiply(a[t], h, out=hs[t])
        h += u[t]
    return hs


def parallel_scan(a: np.ndarray, u: np.ndarray, h0: np.ndarray) -> np.ndarray:
    """Run h = a ⊙ h₋ + u in ⌈log₂ T⌉ rounds (:eq:`eq-scan-combine`).

    The scan of Hillis and Steele :cite:`hillis1986`: after round k, entry t is the
    composition of the last 2ᵏ steps until t. It does about T log₂ T compositions where
    the loop does T, but those of a round do not wait for one another.

    Parameters
    ----------
    a, u : ndarray, shape (T, N, H)
        Factor and summand of each step.
    h0 : ndarray, shape (N, H)
        The state before the first step.

    Returns
    -------
    ndarray, shape (T, N, H)
        h after each step.

    Raises
    ------
    TypeError
        If the dtypes differ.
    ValueError
        If a shape does not fit.
    """
    a, u, h0 = _check_scan(a, u, h0)
    a, u = a.copy(), u.copy()
    u[0] += a[0] * h0  # the first step, of a known state
    reach = 1
    while reach < len(u):
        # The right-hand sides are whole arrays before anything is assigned.
        u[reach:] = a[reach:] * u[:-reach] + u[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach *= 2
    return u


@parameters
class LinearCell(FusedCell):
    """Base of cells whose next state is linear in the last: no W_h.

    A subclass names its ``Gates`` and defines ``layers``, ``affine`` and
    ``affine_backward``, all elementwise and for all steps at once. Fields that it adds
    are further parameters, of shape (H,), for which it defines ``affine_grads``.

    Parameters
    ----------
    W_x : ndarray, shape (D, G·H)
        Input weights.
    b : ndarray, shape (G·H,)
        Biases.

    Raises
    ------
    TypeError
        If the parameters are not all arrays of float32, or all of float64.
    ValueError
        If their shapes do not match.
    """

    W_x: np.ndarray
    b: np.ndarray

    def layers(self, x):
        """Outputs of the layers, elementwise.

        Parameters
        ----------
        x : Gates of ndarray, shape (T, N, H)
            ``x.f`` is x_t W_xf + b_f, and so on for each layer.

        Returns
        -------
        Gates of ndarray, shape (T, N, H)
        """
        raise NotImplementedError

    def affine(self, gates):
        """Factor a and summand u of each step, h = a ⊙ h₋ + u.

        Parameters
        ----------
        gates : Gates of ndarray, shape (T, N, H)
            From :meth:`layers`.

        Returns
        -------
        tuple of (ndarray, ndarray)
            a and u, each (T, N, H) or broadcast to it.
        """
        raise NotImplementedError

    def affine_backward(self, gates, d_a, d_u):
        """Cotangents of the projections.

        Parameters
        ----------
        gates : Gates of ndarray, shape (T, N, H)
            From :meth:`layers`; 0 where a sequence has finished. What is returned for
            such a step is not used.
        d_a, d_u : ndarray, shape (T, N, H)
            Cotangents of a and u.

        Returns
        -------
        Gates of ndarray, shape (T, N, H)
            Cotangents of the ``x`` of :meth:`layers`.
        """
        raise NotImplementedError

    def affine_grads(self, d_a, d_u):
        """Gradients of the fields that a subclass adds.

        Parameters
        ----------
        d_a, d_u : ndarray, shape (T, N, H)
            Cotangents of a and u; 0 where a sequence has finished.

        Returns
        -------
        dict of str to ndarray, shape (H,)
        """
        return {}

    def coefficients(self, xs):
        """Factor and summand of each step, for :func:`parallel_scan`.

        Parameters
        ----------
        xs : ndarray, shape (T, N, D)
            Inputs.

        Returns
        -------
        tuple of (ndarray, ndarray), shape (T, N, H)
            a and u.

        Raises
        ------
        TypeError
            If the dtype is not the parameters'.
        ValueError
            If the shape does not fit, or a value is not finite.
        """
        return self._coefficients(self._projected(self.check_inputs(xs)), None)[1:]

    def unroll(self, xs, state=None, lengths=None):
        """Run over checked inputs, as :meth:`Recurrent.unroll`."""
        xs = xs.view()
        xs.setflags(write=False)
        T, N, _ = xs.shape
        lengths = None if lengths is None else check_lengths(lengths, T, N)
        h0 = (self._zero_state(N) if state is None else self.check_state(state, N)).h
        done = None if lengths is None else np.arange(T)[:, None] >= lengths
        gates, a, u = self._coefficients(self._projected(xs, done), done)
        hs = np.concatenate([h0[None], loop_scan(a, u, h0)])
        for array in (hs, *gates):
            array.setflags(write=False)
        trace = Trace(xs, self.State(hs), gates, lengths)
        return trace.hs, trace

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through time, a linear recurrence too.

        As :meth:`Recurrent.backward`. The cotangent of h_t is what the loss reads
        there, and a_{t+1} times the cotangent of h_{t+1}.
        """
        name = f"{type(self).__name__}(hidden_size={self.hidden_size})"
        self.check_trace(trace, name)
        T, N, H = trace.hs.shape
        d_hs = check_array("d_hs", d_hs, name, self.dtype, f"{T} {N} {H}", (T, N, H))
        d_end = (
            self._zero_state(N)
            if d_final is None
            else self.check_state(d_final, N, "d_final")
        ).h
        done = None if trace.lengths is None else np.arange(T)[:, None] >= trace.lengths
        a, _ = self._affine(trace.gates, done)
        later = np.concatenate([np.ones_like(a[:1]), a[:0:-1]])
        d_h = loop_scan(later, d_hs[::-1], d_end)[::-1]
        d_u, d_a = d_h.copy(), d_h * trace.history.h[:-1]
        d_x = np.concatenate(self.affine_backward(trace.gates, d_a, d_u), axis=-1)
        if done is not None:
            d_x[done] = d_u[done] = d_a[done] = 0
        flat = d_x.reshape(T * N, -1)
        grads = type(self)(
            W_x=trace.xs.reshape(T * N, -1).T @ flat,
            b=flat.sum(axis=0),
            **self.affine_grads(d_a, d_u),
        )
        return Grads(grads, d_x @ self.W_x.T, self.State(a[0] * d_h[0]))

    def _projected(self, xs, done=None):
        """The layers' pre-activations, each (T, N, H); 0 where a sequence is done."""
        projected = xs @ self.W_x + self.b
        if done is not None:
            projected[done] = 0
        return self.Gates(
            *(np.ascontiguousarray(part) for part in self._layers(projected))
        )

    def _coefficients(self, projected, done):
        gates = self.layers(projected)
        a, u = self._affine(gates, done)
        if done is not None:
            gates = self.Gates(*(gate * ~done[..., None] for gate in gates))
        return gates, a, u

    def _affine(self, gates, done):
        """A and u, (T, N, H); 1 and 0 where a sequence is done."""
        a, u = self.affine(gates)
        a = np.array(np.broadcast_to(a, gates[0].shape))
        u = np.array(np.broadcast_to(u, gates[0].shape))
        if done is not None:
            a[done], u[done] = 1, 0
        return a, u


def _check_scan(a, u, h0):
    u = np.asarray(u)
    if u.ndim != 3 or not u.size:
        raise ValueError(f"u has shape {u.shape}; a scan expects (T, N, H)")
    T, N, H = u.shape
    owner = f"a scan over u of shape {u.shape}"
    a = check_array("a", a, owner, u.dtype, f"{T} {N} {H}", u.shape)
    h0 = check_array("h0", h0, owner, u.dtype, f"{N} {H}", (N, H))
    return a, u, h0
