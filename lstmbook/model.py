"""A cell with a linear readout, of the last step or of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from lstmbook import tree
from lstmbook.checks import check_array, check_mask, check_rng, check_size
from lstmbook.data import Batch
from lstmbook.layers import check_net
from lstmbook.parameters import parameters
from lstmbook.recurrence import Recurrent

__all__ = ["Model", "ModelGrads", "value_and_grads"]

READOUTS = ("last", "all")


class ModelGrads(NamedTuple):
    """Gradients of a loss with respect to all inputs of a model's forward pass."""

    model: Model  #: one gradient for each parameter
    xs: np.ndarray  #: (T, N, D)
    state: Any  #: of the initial state, as in the cell's :class:`Grads`

    def __repr__(self) -> str:
        return tree.summary(self)


@parameters
class Model:
    """A recurrent cell and a linear readout y = h W_y + b_y (:eq:`eq-readout`).

    Parameters
    ----------
    cell : Recurrent
        The recurrent part.
    W_y : ndarray, shape (H, O)
        Readout weights.
    b_y : ndarray, shape (O,)
        Readout biases.
    readout : {"last", "all"}
        Whether the readout uses the last step, giving (N, O), or every step, (T, N, O).
        With sequence lengths, the last step is each sequence's own. The last step of a
        direction that reads from the end is step 1.

    Raises
    ------
    TypeError
        If ``cell`` is something else, or the others are not arrays of its dtype.
    ValueError
        If a shape does not fit, or ``readout`` is neither.
    """

    cell: Recurrent
    W_y: np.ndarray
    b_y: np.ndarray
    readout: str = "last"

    def __post_init__(self):
        """Check that the parts match."""
        check_net("cell", self.cell)
        if self.readout not in READOUTS:
            raise ValueError(f"readout is {self.readout!r}; expected one of {READOUTS}")
        for name in ("W_y", "b_y"):
            if not isinstance(value := getattr(self, name), np.ndarray):
                passed = type(value).__name__
                raise TypeError(f"{name} is a {passed}; expected a NumPy array")
        H, dtype = self.cell.hidden_size, self.cell.dtype
        owner = f"Model of {self.cell!r}"
        check_array("W_y", self.W_y, owner, dtype, f"{H} O", (H, None))
        O = self.W_y.shape[1]  # noqa: E741 - the legend's letter
        check_array("b_y", self.b_y, owner, dtype, f"{O}", (O,))

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        cell: Recurrent,
        output_size: int,
        readout: str = "last",
    ) -> Self:
        """Draw a readout for ``cell``: weights U(±1/√H), biases zero.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the weights.
        cell : Recurrent
            The recurrent part; the model keeps it without a copy.
        output_size : int
            O.
        readout : {"last", "all"}
            Which steps are read.

        Returns
        -------
        Model

        Raises
        ------
        TypeError
            If ``rng`` is not a generator, or ``cell`` something else.
        ValueError
            If ``output_size`` is not an integer of at least 1, or ``readout`` is
            neither.
        """
        check_rng(rng)
        check_net("cell", cell)
        O = check_size("output_size", output_size)  # noqa: E741
        bound = 1 / np.sqrt(cell.hidden_size)
        W_y = rng.uniform(-bound, bound, (cell.hidden_size, O))
        b_y = np.zeros(O, cell.dtype)
        return cls(cell, W_y.astype(cell.dtype), b_y, readout)

    def __repr__(self):
        """Sizes, not arrays."""
        O = self.b_y.size  # noqa: E741
        return f"Model({self.cell!r}, output_size={O}, readout={self.readout!r})"

    def forward(
        self, xs: np.ndarray, state: Any = None, lengths: ArrayLike | None = None
    ) -> tuple[np.ndarray, Any]:
        """Run the cell and the readout.

        Parameters
        ----------
        xs, state, lengths
            As for :meth:`Recurrent.forward`.

        Returns
        -------
        predictions : ndarray, shape (N, O) or (T, N, O)
            Depending on ``readout``.
        trace : Trace
            The cell's.
        """
        hs, trace = self.cell.forward(xs, state, lengths)
        read = self.cell.last(hs) if self.readout == "last" else hs
        return read @ self.W_y + self.b_y, trace

    def backward(
        self, trace: Any, d_predictions: np.ndarray, d_final: Any = None
    ) -> ModelGrads:
        """Gradients, from the cotangent of the predictions.

        Parameters
        ----------
        trace : Trace
            From :meth:`forward`.
        d_predictions : ndarray, shape (N, O) or (T, N, O)
            Cotangent of the predictions.
        d_final : State, optional
            Cotangent of the final state, as for the cell. If the state is carried to
            the next window, this is ``state`` of that window's gradients. Zeros by
            default.

        Returns
        -------
        ModelGrads
            Of the parameters (a model like this one), the inputs and the initial state.

        Raises
        ------
        TypeError
            If a dtype is not the cell's, or ``trace`` or ``d_final`` belongs to another
            kind of cell.
        ValueError
            If a shape does not fit.
        """
        self.cell.check_trace(trace, repr(self))
        hs, H = trace.hs, self.cell.hidden_size
        last = self.readout == "last"
        read = self.cell.last(hs) if last else hs
        shape = (*read.shape[:-1], self.b_y.size)
        letters = " ".join(map(str, shape))
        d_predictions = check_array(
            "d_predictions", d_predictions, repr(self), hs.dtype, letters, shape
        )
        flat = d_predictions.reshape(-1, self.b_y.size)
        d_read = d_predictions @ self.W_y.T
        d_hs = self.cell.last_backward(d_read, len(hs)) if last else d_read
        cell, d_xs, d_state = self.cell.backward(trace, d_hs, d_final)
        W_y, b_y = read.reshape(-1, H).T @ flat, flat.sum(axis=0)
        return ModelGrads(type(self)(cell, W_y, b_y, self.readout), d_xs, d_state)


def value_and_grads(
    model: Model, batch: Batch, loss: Callable[..., Any], state: Any = None
) -> tuple[float, Model, Any]:
    """Loss of a model on a batch, its gradient, and the final state.

    Truncated backpropagation through time carries the state forward and no gradient
    back: ``value, grads, state = value_and_grads(model, window, loss, state)``.

    Parameters
    ----------
    model : Model
        What is trained.
    batch : Batch
        If every step is read, padded positions do not count.
    loss : callable
        Such as :func:`lstmbook.losses.mse`.
    state : State, optional
        The initial state; zeros by default.

    Returns
    -------
    value : float
        The loss.
    grads : Model
        The gradient of each parameter.
    final : State
        The state after the last step.
    """
    predictions, trace = model.forward(batch.xs, state, batch.lengths)
    mask = batch.loss_mask
    if model.readout == "all" and batch.lengths is not None:
        T = len(batch.xs)
        inside = np.arange(T)[:, None] < trace.lengths
        mask = inside if mask is None else inside & check_mask(mask, inside.shape)
    value, d_predictions = loss(predictions, batch.targets, mask)
    return value, model.backward(trace, d_predictions).model, trace.final
