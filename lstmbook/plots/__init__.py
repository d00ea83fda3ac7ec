"""Figures in one style: each function takes an ``Axes``, draws and returns it."""

from lstmbook.plots.blocks import weight_blocks
from lstmbook.plots.cell import cell_diagram
from lstmbook.plots.curves import learning_curve
from lstmbook.plots.graph import PARTS, step_cotangents, step_values
from lstmbook.plots.lags import gradient_against_lag
from lstmbook.plots.nets import lstm_chain, rnn_chain, unrolled_net
from lstmbook.plots.notepad import notepad_chart
from lstmbook.plots.style import LOOKS, SIGNED, Look, use_style
from lstmbook.plots.text import colored_text

__all__ = [
    "LOOKS",
    "PARTS",
    "SIGNED",
    "Look",
    "cell_diagram",
    "colored_text",
    "gradient_against_lag",
    "learning_curve",
    "lstm_chain",
    "notepad_chart",
    "rnn_chain",
    "step_cotangents",
    "step_values",
    "unrolled_net",
    "use_style",
    "weight_blocks",
]
