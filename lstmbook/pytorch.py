"""The same cells as ``nn.Module``: written out from the equations, with autograd.

These are what a PyTorch user would write. The tests check the NumPy cells against them:
the same parameters, one bias, no hand-written backward pass. Legend as in
:mod:`lstmbook.recurrence`.
"""

import dataclasses

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstmbook import cells
from lstmbook.checks import check_lengths, check_size
from lstmbook.model import Model as NumPyModel
from lstmbook.recurrence import HiddenState

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SLSTM",
    "CoupledLSTM",
    "DiagonalSSM",
    "MinLSTM",
    "Model",
    "PeepholeLSTM",
    "Recurrent",
    "SignedSSM",
]


class Recurrent(nn.Module):
    """Base: parameters named as in NumPy, and the loop over time.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H. Parameters are initialised as in the NumPy cell.
    dtype : torch.dtype, optional
        PyTorch's default dtype if not given.
    """

    numpy_cell: type

    def __init__(self, input_size, hidden_size, dtype=None):
        super().__init__()
        D = check_size("input_size", input_size)
        H = check_size("hidden_size", hidden_size)
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

    @property
    def hidden_size(self):
        """H, the number of units."""
        return len(self.b) // len(self.numpy_cell.Gates._fields)

    @classmethod
    def from_numpy(cls, cell):
        """Make the twin of a NumPy cell.

        Parameters
        ----------
        cell : Cell
            The NumPy cell of the same name; its arrays are copied.

        Returns
        -------
        Recurrent

        Raises
        ------
        TypeError
            If the cell is of another kind.
        """
        if type(cell) is not cls.numpy_cell:
            passed = type(cell).__name__
            raise TypeError(f"cell is a {passed}; expected {cls.numpy_cell.__name__}")
        twin = cls(cell.input_size, cell.hidden_size, getattr(torch, cell.dtype.name))
        twin.load_state_dict(
            {name: torch.tensor(getattr(cell, name)) for name in twin.state_dict()}
        )
        return twin

    def forward(self, xs, state=None, lengths=None):
        """Run over a batch of sequences.

        Parameters
        ----------
        xs : Tensor, shape (T, N, D)
            Inputs.
        state : State of Tensor, shape (N, H), optional
            Zeros by default.
        lengths : array_like of int, shape (N,), optional
            Steps of each sequence, 1 … T; the padding follows. A finished sequence's
            state stays as it is.

        Returns
        -------
        hs : Tensor, shape (T, N, H)
            Hidden state (short-term memory) after each step.
        final : State of Tensor, shape (N, H)
            The state after the last step.

        Raises
        ------
        TypeError
            If a dtype is not the module's, ``state`` belongs to another kind of cell,
            or lengths are not integers.
        ValueError
            If a shape does not fit (a single sequence needs N = 1), or lengths are out
            of range.
        """
        D, H = len(self.W_x), self.hidden_size
        self._check("xs", xs, "T N", (*xs.shape[:2], D))
        T, N, _ = xs.shape
        if lengths is not None:
            lengths = _lengths(lengths, T, N).to(xs.device)[:, None]
            # The padding's values reach no cell, and a NaN there reaches no gradient.
            steps = torch.arange(T, device=xs.device)[:, None, None]
            xs = xs.masked_fill(steps >= lengths, 0)
        State = self.numpy_cell.State
        if state is None:
            state = State(*(xs.new_zeros(N, H) for _ in State._fields))
        elif not isinstance(state, State):
            passed, name = type(state).__name__, type(self).__name__
            raise TypeError(f"state is a {passed}; {name} expects {State.__name__}")
        for name, part in zip(State._fields, state, strict=True):
            self._check(f"state.{name}", part, f"{N}", (N, H))
        hs = []
        for t, x in enumerate(xs):
            now = self.step(x, state)
            if lengths is not None:
                pairs = zip(now, state, strict=True)
                now = State(*(torch.where(t < lengths, a, b) for a, b in pairs))
            state = now
            hs.append(state.h)
        return torch.stack(hs), state

    def _check(self, name, tensor, letters, shape):
        owner = type(self).__name__
        if tensor.dtype != self.b.dtype:
            raise TypeError(
                f"{name} has dtype {tensor.dtype}; {owner} expects {self.b.dtype}"
            )
        if tensor.shape != shape or 0 in shape:
            expected = ", ".join([*letters.split(), f"{shape[-1]}"])
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}; {owner} expects ({expected})"
            )


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


class SLSTM(Recurrent):
    """sLSTM.

    :eq:`eq-slstm-stabiliser`, :eq:`eq-slstm-input-gate`, :eq:`eq-slstm-forget-gate`,
    :eq:`eq-slstm-normaliser`, :eq:`eq-slstm-output`; the rest is the LSTM's.
    """

    numpy_cell = cells.SLSTM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        a = x @ self.W_x + prev.h @ self.W_h + self.b
        log_i, a_f, g, o = a.chunk(4, dim=-1)
        log_f = nn.functional.logsigmoid(a_f) + prev.m
        m = torch.maximum(log_f, log_i)
        i, f = torch.exp(log_i - m), torch.exp(log_f - m)
        c, n = f * prev.c + i * g.tanh(), f * prev.n + i
        return cells.SLSTMState(o.sigmoid() * c / n, c, n, m)


class MinLSTM(Recurrent):
    """minLSTM (:eq:`eq-min-lstm`)."""

    numpy_cell = cells.MinLSTM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        i, f, g = (x @ self.W_x + self.b).chunk(3, dim=-1)
        i, f = i.sigmoid(), f.sigmoid()
        return HiddenState((f * prev.h + i * g) / (f + i))


class DiagonalSSM(Recurrent):
    """Diagonal linear state-space cell (:eq:`eq-diagonal-ssm`)."""

    numpy_cell = cells.DiagonalSSM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        return HiddenState(self.p_a.sigmoid() * prev.h + x @ self.W_x + self.b)


class SignedSSM(Recurrent):
    """Diagonal state-space cell with signed factors (:eq:`eq-signed-ssm`)."""

    numpy_cell = cells.SignedSSM

    def step(self, x, prev):
        """One step, x (N, D) → state (N, H)."""
        a, g = (x @ self.W_x + self.b).chunk(2, dim=-1)
        return HiddenState(a.tanh() * prev.h + g)


class Model(nn.Module):
    """A recurrent module with a readout (:eq:`eq-readout`) of the last or every step.

    Parameters
    ----------
    core : Recurrent, torch.nn.RNN, torch.nn.LSTM or torch.nn.GRU
        The recurrent part, time-major. A module of ``torch.nn`` may have several layers
        and both directions.
    model : lstmbook.model.Model
        The model whose readout is copied: W_y, b_y, and which steps are read.

    Raises
    ------
    TypeError
        If ``core`` or ``model`` is something else, or their dtypes differ.
    ValueError
        If ``core`` has ``batch_first``, or its outputs are not the readout's H wide.
    """

    def __init__(self, core, model):
        super().__init__()
        if not isinstance(core, Recurrent | nn.RNNBase):
            raise TypeError(
                f"core is a {type(core).__name__}; expected one of lstmbook.pytorch, "
                "or torch.nn's RNN, LSTM or GRU"
            )
        if not isinstance(model, NumPyModel):
            passed = type(model).__name__
            raise TypeError(f"model is a {passed}; expected a lstmbook.model.Model")
        if getattr(core, "batch_first", False):
            raise ValueError(
                "core has batch_first=True; expected a time-major one, for xs (T, N, D)"
            )
        W_y, b_y = torch.tensor(model.W_y), torch.tensor(model.b_y)
        dtype = next(core.parameters()).dtype
        if dtype != W_y.dtype:
            raise TypeError(f"core has dtype {dtype}; model has {W_y.dtype}")
        if _width(core) != len(W_y):
            raise ValueError(
                f"core has {_width(core)} outputs at each step; "
                f"model reads H = {len(W_y)}"
            )
        self.core, self.readout = core, model.readout
        self.W_y, self.b_y = nn.Parameter(W_y), nn.Parameter(b_y)

    def forward(self, xs, state=None, lengths=None):
        """Run over a batch of sequences.

        Parameters
        ----------
        xs : Tensor, shape (T, N, D)
            Inputs.
        state : optional
            In the core's form; zeros by default.
        lengths : array_like of int, shape (N,), optional
            Steps of each sequence, 1 … T; the padding follows.

        Returns
        -------
        Tensor, shape (N, O) or (T, N, O)
            Depending on ``readout``, as in :class:`lstmbook.model.Model`. Values at
            padded steps have no meaning.
        """
        hs, last = self._run(xs, state, lengths)
        return (last if self.readout == "last" else hs) @ self.W_y + self.b_y

    def _run(self, xs, state, lengths):
        """Outputs of the core, and the final outputs of all directions side by side."""
        if isinstance(self.core, Recurrent):
            hs, final = self.core(xs, state, lengths)
            return hs, final.h
        if xs.dim() != 3:
            raise ValueError(f"xs has shape {tuple(xs.shape)}; expected (T, N, D)")
        T, N, _ = xs.shape
        if lengths is not None:
            lengths = _lengths(lengths, T, N)
            xs = pack_padded_sequence(xs, lengths, enforce_sorted=False)
        hs, final = self.core(xs, state)
        if lengths is not None:
            hs, _ = pad_packed_sequence(hs, total_length=T)
        h = final[0] if isinstance(final, tuple) else final
        # In order of layers: the last layer's directions are at the end.
        return hs, torch.cat(tuple(h[-(1 + self.core.bidirectional) :]), dim=-1)


def _width(core):
    if isinstance(core, Recurrent):
        return core.hidden_size
    return (core.proj_size or core.hidden_size) * (1 + core.bidirectional)


def _lengths(lengths, steps, batch):
    if isinstance(lengths, torch.Tensor):
        lengths = lengths.cpu().numpy()
    return torch.tensor(check_lengths(lengths, steps, batch).tolist())
