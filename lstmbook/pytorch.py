"""The same cells as ``nn.Module``: written out from the equations, autograd behind.

These are what a PyTorch user would write, and what proves the NumPy cells right: the
same parameters, one bias, no hand-written backward. Legend as in
:mod:`lstmbook.recurrence`.
"""

import dataclasses

import torch
from torch import nn

from lstmbook import cells
from lstmbook.recurrence import HiddenState

__all__ = ["GRU", "LSTM", "RNN", "CoupledLSTM", "Model", "PeepholeLSTM", "Recurrent"]


class Recurrent(nn.Module):
    """Base: parameters named as in NumPy, and the loop over time.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H. Parameters begin as those of the NumPy cell do.
    dtype : torch.dtype, optional
        PyTorch's default unless told.
    """

    numpy_cell: type

    def __init__(self, input_size, hidden_size, dtype=None):
        super().__init__()
        D, H = input_size, hidden_size
        width = len(self.numpy_cell.Gates._fields) * H
        shapes = {"W_x": (D, width), "W_h": (H, width), "b": (width,)}
        for field in dataclasses.fields(self.numpy_cell):
            shape = shapes.get(field.name, (H,))
            parameter = nn.Parameter(torch.zeros(shape, dtype=dtype))
            if field.name in ("W_x", "W_h"):
                nn.init.uniform_(parameter, -(H**-0.5), H**-0.5)
            self.register_parameter(field.name, parameter)
        for layer, bias in self.numpy_cell.initial_biases.items():
            k = self.numpy_cell.Gates._fields.index(layer)
            nn.init.constant_(self.b.data[k * H : (k + 1) * H], bias)

    @classmethod
    def from_numpy(cls, cell):
        """Make the twin of a NumPy cell.

        Parameters
        ----------
        cell : Cell
            Of the same name; its arrays are copied.

        Returns
        -------
        Recurrent

        Raises
        ------
        TypeError
            If the cell is of another kind.
        """
        if type(cell) is not cls.numpy_cell:
            came = type(cell).__name__
            raise TypeError(f"cell is a {came}; expected {cls.numpy_cell.__name__}")
        twin = cls(cell.input_size, cell.hidden_size, getattr(torch, cell.dtype.name))
        twin.load_state_dict(
            {name: torch.tensor(getattr(cell, name)) for name in twin.state_dict()}
        )
        return twin

    def forward(self, xs, state=None):
        """Run over a batch of sequences.

        Parameters
        ----------
        xs : Tensor, shape (T, N, D)
            Inputs.
        state : State of Tensor, shape (N, H), optional
            Zeros unless told.

        Returns
        -------
        hs : Tensor, shape (T, N, H)
            Short-term memory after each step.
        final : State of Tensor, shape (N, H)
            The state after the last step.

        Raises
        ------
        ValueError
            If ``xs`` has not three axes: one sequence alone is a batch with N = 1.
        """
        if xs.dim() != 3:
            name = type(self).__name__
            raise ValueError(
                f"xs has shape {tuple(xs.shape)}; {name} expects (T, N, D)"
            )
        State, H = self.numpy_cell.State, len(self.W_h)
        if state is None:
            state = State(*(xs.new_zeros(xs.shape[1], H) for _ in State._fields))
        hs = []
        for x in xs:
            state = self.step(x, state)
            hs.append(state.h)
        return torch.stack(hs), state


class RNN(Recurrent):
    """Vanilla RNN (:eq:`eq-rnn`)."""

    numpy_cell = cells.RNN

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        return HiddenState(torch.tanh(x @ self.W_x + prev.h @ self.W_h + self.b))


class LSTM(Recurrent):
    """Long short-term memory.

    :eq:`eq-input-gate`, :eq:`eq-forget-gate`, :eq:`eq-main-layer`,
    :eq:`eq-output-gate`, :eq:`eq-long-term`, :eq:`eq-short-term`.
    """

    numpy_cell = cells.LSTM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        a = x @ self.W_x + prev.h @ self.W_h + self.b
        i, f, g, o = a.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * prev.c + i * g
        return cells.LSTMState(o * c.tanh(), c)


class GRU(Recurrent):
    """Gated recurrent unit.

    :eq:`eq-reset-gate`, :eq:`eq-update-gate`, :eq:`eq-gru-proposal`,
    :eq:`eq-gru-memory`.
    """

    numpy_cell = cells.GRU

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        x_r, x_z, x_n = (x @ self.W_x + self.b).chunk(3, dim=-1)
        h_r, h_z, h_n = (prev.h @ self.W_h).chunk(3, dim=-1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * (h_n + self.b_hn))
        return HiddenState((1 - z) * n + z * prev.h)


class PeepholeLSTM(Recurrent):
    """LSTM with peepholes.

    :eq:`eq-peephole-input-gate`, :eq:`eq-peephole-forget-gate`,
    :eq:`eq-peephole-output-gate`; the rest is the LSTM's.
    """

    numpy_cell = cells.PeepholeLSTM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        a = x @ self.W_x + prev.h @ self.W_h + self.b
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        i = torch.sigmoid(a_i + self.p_i * prev.c)
        f = torch.sigmoid(a_f + self.p_f * prev.c)
        c = f * prev.c + i * a_g.tanh()
        o = torch.sigmoid(a_o + self.p_o * c)
        return cells.LSTMState(o * c.tanh(), c)


class CoupledLSTM(Recurrent):
    """LSTM with coupled input and forget gate (:eq:`eq-coupled-memory`)."""

    numpy_cell = cells.CoupledLSTM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        a = x @ self.W_x + prev.h @ self.W_h + self.b
        i, g, o = a.chunk(3, dim=-1)
        i, g, o = i.sigmoid(), g.tanh(), o.sigmoid()
        c = (1 - i) * prev.c + i * g
        return cells.LSTMState(o * c.tanh(), c)


class Model(nn.Module):
    """A recurrent module and a readout (:eq:`eq-readout`) of the last step.

    Parameters
    ----------
    core : nn.Module
        From xs (T, N, D) to hs (T, N, H) and a state: a cell of these, or one of
        ``torch.nn``.
    model : lstmbook.model.Model
        Whose readout is copied.
    """

    def __init__(self, core, model):
        super().__init__()
        self.core = core
        self.W_y = nn.Parameter(torch.tensor(model.W_y))
        self.b_y = nn.Parameter(torch.tensor(model.b_y))

    def forward(self, xs):
        """Run over a batch of sequences, xs (T, N, D) → (N, O)."""
        hs, _ = self.core(xs)
        return hs[-1] @ self.W_y + self.b_y
