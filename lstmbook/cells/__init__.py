"""The cells, one file each, and the registry that tests and plots use.

The tests cover every cell listed in ``CELLS``.
"""

from lstmbook.cells.coupled import CoupledGates, CoupledLSTM
from lstmbook.cells.forget_only import ForgetOnly, ForgetOnlyGates
from lstmbook.cells.gru import GRU, GRUGates
from lstmbook.cells.linear_input import LinearInputGates, LinearInputLSTM
from lstmbook.cells.linear_output import LinearOutputGates, LinearOutputLSTM
from lstmbook.cells.lstm import LSTM, LSTMGates, LSTMState
from lstmbook.cells.peephole import PeepholeGates, PeepholeLSTM
from lstmbook.cells.rnn import RNN, RNNGates

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "CoupledGates",
    "CoupledLSTM",
    "ForgetOnly",
    "ForgetOnlyGates",
    "GRUGates",
    "LSTMGates",
    "LSTMState",
    "LinearInputGates",
    "LinearInputLSTM",
    "LinearOutputGates",
    "LinearOutputLSTM",
    "PeepholeGates",
    "PeepholeLSTM",
    "RNNGates",
]

#: Name to class.
CELLS = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "peephole": PeepholeLSTM,
    "coupled": CoupledLSTM,
    "linear-input": LinearInputLSTM,
    "linear-output": LinearOutputLSTM,
    "forget-only": ForgetOnly,
}
