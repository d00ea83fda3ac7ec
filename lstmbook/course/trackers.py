"""The nets that chapter 19 compares, in PyTorch: recurrent cores and attention."""

import math

import torch
from torch import nn

from lstmbook import pytorch

__all__ = ["CORES", "HIDDEN", "Attention", "Tracker"]

HIDDEN = 32

#: Name to kind of core and number of layers.
CORES = {
    "RNN": (pytorch.RNN, 1),
    "LSTM": (pytorch.LSTM, 1),
    "GRU": (pytorch.GRU, 1),
    "sLSTM": (pytorch.SLSTM, 1),
    "minLSTM": (pytorch.MinLSTM, 2),
    "diagonal SSM": (pytorch.DiagonalSSM, 2),
    "signed SSM": (pytorch.SignedSSM, 2),
}


class Attention(nn.Module):
    """A small transformer that sees each step's past: two layers of four heads.

    Parameters
    ----------
    inputs : int
        D.
    width : int
        H.
    """

    def __init__(self, inputs, width):
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        layer = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=2 * width, dropout=0, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, 2, nn.LayerNorm(width), enable_nested_tensor=False
        )

    def forward(self, xs):
        """Run over a batch, (T, N, D) → (T, N, H).

        Positions are sines and cosines, added to the inputs, so that there is one for
        each step of sequences of any length.
        """
        h = self.embed(xs)
        T, _, H = h.shape
        speeds = torch.exp(-math.log(1e4) * torch.arange(0, H, 2) / H)
        angles = torch.arange(T)[:, None] * speeds
        h = h + torch.cat([angles.sin(), angles.cos()], dim=-1)[:, None]
        future = torch.full((T, T), -math.inf).triu(1)
        return self.encoder(h, mask=future)


class Tracker(nn.Module):
    """One of ``CORES`` or ``"attention"``, and a readout with one hidden layer.

    Between the two layers of a linear core stands a product and a ReLU: without them,
    two linear layers would be no more than one.

    Parameters
    ----------
    kind : str
        Name in ``CORES``, or ``"attention"``.
    inputs, outputs : int
        D and O.
    width : int
        H.
    """

    def __init__(self, kind, inputs, outputs, width=HIDDEN):
        super().__init__()
        if kind == "attention":
            cores = [Attention(inputs, width)]
        else:
            core, layers = CORES[kind]
            cores = [core(inputs if not k else width, width) for k in range(layers)]
        self.cores = nn.ModuleList(cores)
        self.mixes = nn.ModuleList(nn.Linear(width, width) for _ in cores)
        self.readout = nn.Linear(width, outputs)
        for core in cores:
            if isinstance(core, pytorch.DiagonalSSM):  # half-lives from 1 to 69 steps
                core.p_a.data = torch.logit(torch.linspace(0.5, 0.99, width))

    def forward(self, xs):
        """Run over a batch, (T, N, D) → (T, N, O)."""
        h = xs
        for core, mix in zip(self.cores, self.mixes, strict=True):
            h = core(h)
            h = torch.relu(mix(h[0] if isinstance(h, tuple) else h))
        return self.readout(h)
