"""The cells, one file each, and the registry that tests and plots go by.

A cell that stands in ``CELLS`` is tested by standing there.
"""

from lstmbook.cells.gru import GRU, GRUGates
from lstmbook.cells.lstm import LSTM, LSTMGates, LSTMState
from lstmbook.cells.rnn import RNN, RNNGates

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "GRUGates",
    "LSTMGates",
    "LSTMState",
    "RNNGates",
]

#: Name to class.
CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
