"""Recurrent cells in NumPy, written as their equations.

>>> import numpy as np
>>> from lstmbook import LSTM
>>> rng = np.random.default_rng(0)
>>> cell = LSTM.init(rng, input_size=3, hidden_size=4)
>>> hs, trace = cell.forward(rng.standard_normal((5, 2, 3)))
>>> hs.shape, trace.gates.f.shape
((5, 2, 4), (5, 2, 4))
>>> grads = cell.backward(trace, np.ones_like(hs))
>>> grads.cell
LSTM(input_size=3, hidden_size=4, dtype=float64)

``import lstmbook`` loads NumPy and nothing else; :mod:`lstmbook.pytorch`,
:mod:`lstmbook.interop` and :mod:`lstmbook.plots` load what they need when they are
imported or used.
"""

from importlib.metadata import version

from lstmbook.cells import CELLS, GRU, LSTM, RNN, CoupledLSTM, PeepholeLSTM
from lstmbook.cells.lstm import LSTMGates, LSTMState
from lstmbook.layers import Bidirectional, BidirectionalState, Reversed, Stack
from lstmbook.recurrence import Cell, Grads, HiddenState, Recurrent, Trace

__version__ = version("lstmbook")
__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "BidirectionalState",
    "Cell",
    "CoupledLSTM",
    "Grads",
    "HiddenState",
    "LSTMGates",
    "LSTMState",
    "PeepholeLSTM",
    "Recurrent",
    "Reversed",
    "Stack",
    "Trace",
]
