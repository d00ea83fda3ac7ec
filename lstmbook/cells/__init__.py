"""The cells, one file each, and the registry that tests and plots use.

The tests cover every cell listed in ``CELLS``.
"""

from lstmbook.cells.coupled import CoupledGates, CoupledLSTM
from lstmbook.cells.forget_only import ForgetOnly, ForgetOnlyGates
from lstmbook.cells.gru import GRU, GRUGates
from lstmbook.cells.linear_input import LinearInputGates, LinearInputLSTM
from lstmbook.cells.linear_output import LinearOutputGates, LinearOutputLSTM
from lstmbook.cells.lstm import LSTM, LSTMGates, LSTMState
from lstmbook.cells.min_lstm import MinLSTM, MinLSTMGates
from lstmbook.cells.peephole import PeepholeGates, PeepholeLSTM
from lstmbook.cells.rnn import RNN, RNNGates
from lstmbook.cells.slstm import SLSTM, SLSTMGates, SLSTMState
from lstmbook.cells.state_space import (
    DiagonalSSM,
    DiagonalSSMGates,
    SignedSSM,
    SignedSSMGates,
)

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "SLSTM",
    "CoupledGates",
    "CoupledLSTM",
    "DiagonalSSM",
    "DiagonalSSMGates",
    "ForgetOnly",
    "ForgetOnlyGates",
    "GRUGates",
    "LSTMGates",
    "LSTMState",
    "LinearInputGates",
    "LinearInputLSTM",
    "LinearOutputGates",
    "LinearOutputLSTM",
    "MinLSTM",
    "MinLSTMGates",
    "PeepholeGates",
    "PeepholeLSTM",
    "RNNGates",
    "SLSTMGates",
    "SLSTMState",
    "SignedSSM",
    "SignedSSMGates",
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
    "slstm": SLSTM,
    "min-lstm": MinLSTM,
    "diagonal-ssm": DiagonalSSM,
    "signed-ssm": SignedSSM,
}
