"""A cell with a linear readout, of the last step or of all."""

import dataclasses

import numpy as np

from lstmbook.checks import check_array, check_mask
from lstmbook.recurrence import Cell, parameters

__all__ = ["Model", "value_and_grads"]

READOUTS = ("last", "all")


@parameters
class Model:
    """A recurrent cell and a linear readout y = h W_y + b_y (:eq:`eq-readout`).

    Parameters
    ----------
    cell : Cell, Stack, Bidirectional or Reversed
        The recurrent part.
    W_y : ndarray, shape (H, O)
        Readout weights.
    b_y : ndarray, shape (O,)
        Readout biases.
    readout : {"last", "all"}
        Whether the last step is read, giving (N, O), or every step, (T, N, O). With
        sequence lengths, the last step is each sequence's own; the last step of a
        direction that reads from the end is step 1.

    Raises
    ------
    TypeError
        If a dtype is not the cell's.
    ValueError
        If a shape does not fit, or ``readout`` is neither.
    """

    cell: Cell
    W_y: np.ndarray
    b_y: np.ndarray
    readout: str = "last"

    def __post_init__(self):
        """Check that the parts belong together."""
        if self.readout not in READOUTS:
            raise ValueError(f"readout is {self.readout!r}; expected one of {READOUTS}")
        H, dtype = self.cell.hidden_size, self.cell.dtype
        owner = f"Model of {self.cell!r}"
        W_y = check_array("W_y", self.W_y, owner, dtype, f"{H} O", (H, None))
        O = W_y.shape[1]  # noqa: E741 - the legend's letter
        check_array("b_y", self.b_y, owner, dtype, f"{O}", (O,))

    @classmethod
    def init(cls, rng, cell, output_size, readout="last"):
        """Draw a readout for ``cell``: weights U(±1/√H), biases zero.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the weights.
        cell : Cell, Stack, Bidirectional or Reversed
            The recurrent part, which the model keeps, not copies.
        output_size : int
            O.
        readout : {"last", "all"}
            What is read.

        Returns
        -------
        Model
        """
        bound = 1 / np.sqrt(cell.hidden_size)
        W_y = rng.uniform(-bound, bound, (cell.hidden_size, output_size))
        b_y = np.zeros(output_size, cell.dtype)
        return cls(cell, W_y.astype(cell.dtype), b_y, readout)

    def __repr__(self):
        """Sizes, not arrays."""
        O = self.b_y.size  # noqa: E741
        return f"Model({self.cell!r}, output_size={O}, readout={self.readout!r})"

    def forward(self, xs, state=None, lengths=None):
        """Run the cell and read it out.

        Parameters
        ----------
        xs, state, lengths
            As for :meth:`Cell.forward`.

        Returns
        -------
        predictions : ndarray, shape (N, O) or (T, N, O)
            By ``readout``.
        trace : Trace
            The cell's.
        """
        hs, trace = self.cell.forward(xs, state, lengths)
        read = self.cell.last(hs) if self.readout == "last" else hs
        return read @ self.W_y + self.b_y, trace

    def backward(self, trace, d_predictions):
        """Gradient of the model from that of its predictions.

        Parameters
        ----------
        trace : Trace
            From :meth:`forward`.
        d_predictions : ndarray, shape (N, O) or (T, N, O)
            Cotangent of the predictions.

        Returns
        -------
        Model
            The gradient of each parameter.

        Raises
        ------
        TypeError
            If a dtype is not the cell's, or the trace is another cell's.
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
        return dataclasses.replace(
            self,
            cell=self.cell.backward(trace, d_hs).cell,
            W_y=read.reshape(-1, H).T @ flat,
            b_y=flat.sum(axis=0),
        )


def value_and_grads(model, batch, loss):
    """Loss of a model on a batch, and its gradient.

    Parameters
    ----------
    model : Model
        What is trained.
    batch : Batch
        Where every step is read, padded positions never count.
    loss : callable
        Such as :func:`lstmbook.losses.mse`.

    Returns
    -------
    value : float
        The loss.
    grads : Model
        The gradient of each parameter.
    """
    predictions, trace = model.forward(batch.xs, lengths=batch.lengths)
    mask = batch.loss_mask
    if model.readout == "all" and batch.lengths is not None:
        T = len(batch.xs)
        inside = np.arange(T)[:, None] < trace.lengths
        mask = inside if mask is None else inside & check_mask(mask, inside.shape)
    value, d_predictions = loss(predictions, batch.targets, mask)
    return value, model.backward(trace, d_predictions)
