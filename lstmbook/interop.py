"""Weights to and from frameworks, by one table of layouts."""

from typing import NamedTuple

import numpy as np
import torch

from lstmbook.cells import GRU, LSTM, RNN

__all__ = ["LAYOUTS", "Layout", "from_torch", "to_torch"]


class Layout(NamedTuple):
    """How a framework stores a cell's weights."""

    module: type  #: the framework's class
    order: str  #: its blocks, in our layers' names
    own: dict  #: parameter of our own → the block of the recurrent bias that holds it


#: PyTorch: transposed, (G·H, D), with one bias for the inputs and one for the state.
LAYOUTS = {
    RNN: Layout(torch.nn.RNN, "g", {}),
    LSTM: Layout(torch.nn.LSTM, "ifgo", {}),
    GRU: Layout(torch.nn.GRU, "rzn", {"b_hn": "n"}),
}


def to_torch(cell):
    """Make the ``torch.nn`` module that computes what ``cell`` does.

    PyTorch keeps two biases where one would do. Ours goes into ``bias_ih_l0`` and
    ``bias_hh_l0`` is zero, but for the GRU's ``b_hn``, which belongs there.

    Parameters
    ----------
    cell : RNN, LSTM or GRU
        Weights are copied.

    Returns
    -------
    torch.nn.RNN, torch.nn.LSTM or torch.nn.GRU
        Of the cell's dtype.

    Raises
    ------
    TypeError
        If ``torch.nn`` has no such cell.
    """
    layout = _layout(type(cell))
    dtype = getattr(torch, cell.dtype.name)
    module = layout.module(cell.input_size, cell.hidden_size, dtype=dtype)
    bias_hh = dict.fromkeys(layout.order, np.zeros(cell.hidden_size, cell.dtype))
    bias_hh |= {block: getattr(cell, name) for name, block in layout.own.items()}
    blocks = {
        "weight_ih_l0": [getattr(cell, f"W_x{k}").T for k in layout.order],
        "weight_hh_l0": [getattr(cell, f"W_h{k}").T for k in layout.order],
        "bias_ih_l0": [getattr(cell, f"b_{k}") for k in layout.order],
        "bias_hh_l0": [bias_hh[k] for k in layout.order],
    }
    module.load_state_dict(
        {name: torch.tensor(np.concatenate(part)) for name, part in blocks.items()}
    )
    return module


def from_torch(module):
    """Make the cell that computes what a ``torch.nn`` module does.

    The two biases are added up, but for the GRU's on n, which stay apart. Sequences
    are always time-major here, whatever ``batch_first`` says.

    Parameters
    ----------
    module : torch.nn.RNN, torch.nn.LSTM or torch.nn.GRU
        Of one layer and one direction. Weights are copied.

    Returns
    -------
    RNN, LSTM or GRU

    Raises
    ------
    TypeError
        If it is another module.
    ValueError
        If it has what our cells have not: layers, a second direction, a projection, or
        another nonlinearity.
    """
    kinds = {layout.module: kind for kind, layout in LAYOUTS.items()}
    if type(module) not in kinds:
        expected = ", ".join(f"torch.nn.{known.__name__}" for known in kinds)
        raise TypeError(
            f"module is a {type(module).__name__}; expected one of {expected}"
        )
    wanted = {"num_layers": 1, "bidirectional": False, "proj_size": 0}
    if isinstance(module, torch.nn.RNN):
        wanted["nonlinearity"] = "tanh"
    for name, value in wanted.items():
        if (came := getattr(module, name)) != value:
            raise ValueError(f"module has {name}={came!r}; expected {value!r}")

    kind = kinds[type(module)]
    layout = LAYOUTS[kind]
    weights = {
        name: value.numpy(force=True) for name, value in module.state_dict().items()
    }

    def blocks(name):
        fused = weights.get(name, np.zeros_like(weights["weight_ih_l0"][:, 0]))
        return dict(zip(layout.order, np.split(fused, len(layout.order)), strict=True))

    W_x, W_h = blocks("weight_ih_l0"), blocks("weight_hh_l0")
    b, b_h = blocks("bias_ih_l0"), blocks("bias_hh_l0")
    own = {name: b_h.pop(block).copy() for name, block in layout.own.items()}
    for k in b_h:
        b[k] = b[k] + b_h[k]
    order = kind.Gates._fields
    return kind(
        W_x=np.concatenate([W_x[k].T for k in order], axis=1),
        W_h=np.concatenate([W_h[k].T for k in order], axis=1),
        b=np.concatenate([b[k] for k in order]),
        **own,
    )


def _layout(kind):
    if kind not in LAYOUTS:
        known = ", ".join(k.__name__ for k in LAYOUTS)
        raise TypeError(f"cell is a {kind.__name__}; torch.nn has only {known}")
    return LAYOUTS[kind]
