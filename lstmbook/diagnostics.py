"""How gradients shrink or grow in the backward pass: measurements and bounds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.checks import check_finite
from lstmbook.ops import tanh, tanh_prime
from lstmbook.recurrence import Cell, Trace

__all__ = [
    "CellGradient",
    "cell_gradient_split",
    "gradient_by_lag",
    "half_life",
    "norm_bound",
    "radius_rate",
    "step_jacobians",
]


def step_jacobians(cell: Cell, trace: Trace) -> np.ndarray:
    """Jacobian of each step: how the state after it depends on the state before.

    A state's parts are joined end to end, so the LSTM's Jacobians are (2·H, 2·H) with h
    before c. :func:`numpy.linalg.svd` and
    :func:`numpy.linalg.eigvals` take the whole array.

    Parameters
    ----------
    cell : Cell
        The cell, whose backward pass is used.
    trace : Trace
        From the cell's forward pass over sequences of full length.

    Returns
    -------
    ndarray, shape (T, N, S, S)
        Entry [t − 1, n, j, k] is ∂ state_t[j] / ∂ state_{t−1}[k], for the vanilla RNN
        :eq:`eq-step-jacobian`; S is H times the number of parts of the state.

    Raises
    ------
    TypeError
        If ``cell`` is a stack or of two directions, or ``trace`` belongs to another
        kind of cell.
    ValueError
        If its sizes differ from the cell's, or it has sequence lengths.
    """
    if not isinstance(cell, Cell):
        raise TypeError(f"cell is a {type(cell).__name__}; expected a single cell")
    name = f"{type(cell).__name__}(hidden_size={cell.hidden_size})"
    cell.check_trace(trace, name)
    if trace.lengths is not None:
        raise ValueError("trace has lengths; expected sequences of full length")
    T, N, H = trace.states.h.shape
    prev = trace.history._make([part[:-1] for part in trace.history])
    S = H * len(prev)
    jacobians = np.empty((T, N, S, S), cell.dtype)
    # All steps at once: one backward call for each entry of the state.
    for j in range(S):
        d = np.zeros((T, N, S), cell.dtype)
        d[..., j] = 1
        d = prev._make(np.split(d, len(prev), axis=-1))
        _, d_h, d_prev = cell.step_backward(prev, trace.gates, trace.states, d)
        through_W_h = np.concatenate(d_h, axis=-1) @ cell.W_h.T
        parts = d_prev._replace(h=d_prev.h + through_W_h)
        jacobians[:, :, j] = np.concatenate(parts, axis=-1)
    return jacobians


def gradient_by_lag(cell: Cell, trace: Trace, d_final: Any) -> Any:
    """Norm of the gradient that reaches each earlier state, per example.

    The loss depends on the final state only, so the gradient at step T − k has passed
    through k step Jacobians (:eq:`eq-jacobian-product`). The parts of a state count as
    independent: the gradient of the LSTM's c leaves out the path through h of the same
    step.

    Parameters
    ----------
    cell : Cell
        The cell, whose backward pass is used.
    trace : Trace
        From the cell's forward pass over sequences of full length.
    d_final : State of ndarray, shape (N, H)
        Cotangent of the final state.

    Returns
    -------
    State of ndarray, shape (T + 1, N)
        ‖dL/dh_{T−k}‖ in row k, and the same for the state's other parts.

    Raises
    ------
    TypeError
        If ``cell`` is a stack or of two directions, or ``trace`` or ``d_final``
        belongs to another kind of cell.
    ValueError
        If either is of other sizes, or the trace has sequence lengths.
    """
    jacobians = step_jacobians(cell, trace)
    d_final = cell.check_state(d_final, jacobians.shape[1], "d_final")
    d = np.concatenate(d_final, axis=-1)
    passed = [d]
    for jacobian in jacobians[::-1]:
        d = np.einsum("nj,njk->nk", d, jacobian)
        passed.append(d)
    parts = np.split(np.stack(passed), len(d_final), axis=-1)
    return d_final._make([np.linalg.norm(part, axis=-1) for part in parts])


class CellGradient(NamedTuple):
    """The gradient between cell states of an LSTM, in two parts."""

    direct: np.ndarray  #: through the forget gates alone, a diagonal, (T, N, H)
    leak: np.ndarray  #: everything that passes through the hidden state, (T, N, H, H)

    def __repr__(self) -> str:
        return tree.summary(self)


def cell_gradient_split(cell: LSTM, trace: Trace) -> CellGradient:
    """How the last cell state depends on each earlier one, and by which path.

    A change of c_{T−k} reaches c_T directly, scaled by each forget gate in turn. It
    also changes h_{T−k} = o ⊙ tanh(c_{T−k}), which goes through W_h into all later
    layers. The sum, ``leak`` plus the diagonal ``direct``, is the total derivative,
    over one step :eq:`eq-cell-gradient`, over more of them :eq:`eq-cell-gradient-lag`.

    Parameters
    ----------
    cell : LSTM
        The cell, whose backward pass is used.
    trace : Trace
        From the cell's forward pass over sequences of full length.

    Returns
    -------
    CellGradient
        Row k for dc_T / dc_{T−k}, k = 0 … T − 1: entry [k, n, j] of ``direct`` is the
        product of f_j over the last k steps; entry [k, n, j, l] of ``leak`` belongs to
        c_T[j] and c_{T−k}[l].

    Raises
    ------
    TypeError
        If ``cell`` is not an LSTM, or ``trace`` belongs to another
        kind of cell.
    ValueError
        If the trace is of other sizes, or has sequence lengths.
    """
    if type(cell) is not LSTM:
        raise TypeError(f"cell is a {type(cell).__name__}; expected an LSTM")
    jacobians = step_jacobians(cell, trace)
    T, N, H = trace.states.c.shape
    # Through h of the same step, with o constant: it does not see this step's c.
    through_h = trace.gates.o * tanh_prime(tanh(trace.states.c))
    direct, leak = np.ones((T, N, H), cell.dtype), np.zeros((T, N, H, H), cell.dtype)
    by_h, by_c = np.zeros((2, N, H, H), cell.dtype)
    by_c[:] = np.eye(H)
    for k in range(1, T):
        back = np.concatenate([by_h, by_c], axis=-1) @ jacobians[T - k]
        by_h, by_c = back[..., :H], back[..., H:]
        direct[k] = direct[k - 1] * trace.gates.f[T - k]
        whole = by_c + by_h * through_h[T - k - 1][:, None]
        leak[k] = whole - direct[k][:, None] * np.eye(H)
    return CellGradient(direct, leak)


def norm_bound(W_h: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Upper bound on the growth of a vanilla RNN's gradient over k steps.

    Parameters
    ----------
    W_h : ndarray, shape (H, H)
        Recurrent weights.
    lags : array_like of int
        k.

    Returns
    -------
    ndarray
        σ_max(W_h)^k (:eq:`eq-norm-bound`), of the shape of ``lags``.

    Raises
    ------
    ValueError
        If ``W_h`` is not square, not finite, or a lag is negative.
    """
    W_h, lags = _check(W_h, lags)
    return np.linalg.norm(W_h, 2) ** lags


def radius_rate(W_h: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Long-run growth factor over k steps of the *linear* net, without tanh.

    Parameters
    ----------
    W_h : ndarray, shape (H, H)
        Recurrent weights.
    lags : array_like of int
        k.

    Returns
    -------
    ndarray
        ρ(W_h)^k (:eq:`eq-radius-rate`), of the shape of ``lags``.

    Raises
    ------
    ValueError
        If ``W_h`` is not square, not finite, or a lag is negative.
    """
    W_h, lags = _check(W_h, lags)
    return np.abs(np.linalg.eigvals(W_h)).max() ** lags


def half_life(f: np.ndarray | float) -> np.ndarray:
    """Steps until half of a memory is left, if its forget gate is constant.

    Parameters
    ----------
    f : array_like
        Shares from 0 to 1.

    Returns
    -------
    ndarray
        ln 2 / −ln f (:eq:`eq-half-life`), of the shape of ``f``: infinite where f is 1,
        0 where it is 0.

    Raises
    ------
    ValueError
        If a share is below 0, above 1 or not a number.
    """
    f = np.asarray(f)
    # Written so that NaN does not pass.
    if not ((f >= 0) & (f <= 1)).all():
        raise ValueError(f"f runs from {f.min()} to {f.max()}; expected shares 0 to 1")
    with np.errstate(divide="ignore"):
        return np.log(2) / np.abs(np.log(f))


def _check(W_h, lags):
    W_h, lags = np.asarray(W_h), np.asarray(lags)
    if W_h.ndim != 2 or W_h.shape[0] != W_h.shape[1] or W_h.size == 0:
        raise ValueError(f"W_h has shape {W_h.shape}; expected (H, H)")
    check_finite("W_h", W_h)
    if not (lags >= 0).all():
        raise ValueError(f"lags holds {lags.min()}; expected numbers of at least 0")
    return W_h, lags
