"""Weights to and from PyTorch, Keras 3 and ONNX, by one table of layouts.

Only :func:`to_torch` and :func:`from_torch` import their framework; the other four
return and take plain arrays.
"""

from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from lstmbook.cells import GRU, LSTM, RNN, PeepholeLSTM
from lstmbook.checks import check_array
from lstmbook.layers import Bidirectional, Reversed, Stack

__all__ = [
    "LAYOUTS",
    "Layout",
    "from_keras",
    "from_onnx",
    "from_torch",
    "to_keras",
    "to_onnx",
    "to_torch",
]

_NONE = MappingProxyType({})


class Layout(NamedTuple):
    """How a framework stores a cell's weights."""

    name: str  #: the framework's class or operator
    order: str  #: its blocks, in our layers' names
    transposed: bool  #: (G·H, D) and (G·H, H), where ours are (D, G·H) and (H, G·H)
    biases: int  #: 1, or 2: one for the inputs and one for the state
    own: dict = _NONE  #: our own parameter → the recurrent bias's block with it
    peepholes: str = ""  #: the gates that have peepholes, in order
    attributes: dict = _NONE  #: the settings that compute what our cell does


#: Framework → our cell → how its weights are stored there.
LAYOUTS = {
    "PyTorch": {
        RNN: Layout("RNN", "g", True, 2, attributes={"nonlinearity": "tanh"}),
        LSTM: Layout("LSTM", "ifgo", True, 2, attributes={"proj_size": 0}),
        GRU: Layout("GRU", "rzn", True, 2, own={"b_hn": "n"}),
    },
    "Keras": {
        RNN: Layout("SimpleRNN", "g", False, 1),
        LSTM: Layout("LSTM", "ifgo", False, 1),
        GRU: Layout("GRU", "zrn", False, 2, {"b_hn": "n"}, "", {"reset_after": True}),
    },
    "ONNX": {
        RNN: Layout("RNN", "g", True, 2),
        LSTM: Layout("LSTM", "iofg", True, 2, _NONE, "", {"input_forget": 0}),
        PeepholeLSTM: Layout(
            "LSTM", "iofg", True, 2, _NONE, "iof", {"input_forget": 0}
        ),
        GRU: Layout(
            "GRU", "zrn", True, 2, {"b_hn": "n"}, "", {"linear_before_reset": 1}
        ),
    },
}

#: ONNX's defaults, for attributes that a node leaves out.
ONNX_DEFAULTS = {"input_forget": 0, "linear_before_reset": 0}
_DIRECTIONS = {1: "forward", 2: "bidirectional"}
#: The default activations of one direction, which are also our cells'.
ONNX_ACTIVATIONS = {
    "RNN": ["Tanh"],
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
}

#: The inputs of an ONNX node that are not weights, and what ``forward`` calls them.
ONNX_DATA = {
    "X": "xs",
    "sequence_lens": "lengths",
    "initial_h": "state",
    "initial_c": "state",
}

_RESET = "our GRU resets after the product, and one that resets before is another net"
_REASONS = {
    "activations": "our cells have the default ones",
    "clip": "our cells clip nothing",
    "input_forget": "our LSTM has a forget gate of its own",
    "linear_before_reset": f"{_RESET}. Export a GRU that was trained with "
    "linear_before_reset=1, as PyTorch's are, or run this node in an ONNX runtime",
    "nonlinearity": "our RNN's is tanh",
    "proj_size": "our cells project nothing",
}
#: What to pass instead of a net that is more than one cell, by class.
_PARTS = {
    "Model": "pass its .cell",
    "Reversed": "pass its .layer, and reverse the sequences yourself",
    "Stack": "pass each of its .layers separately",
}
#: End of a name in PyTorch's state → the call that makes its weight plain again.
_UNDO = {
    "_mask": "torch.nn.utils.prune.remove",
    "_g": "torch.nn.utils.remove_weight_norm",
    "_u": "torch.nn.utils.remove_spectral_norm",
}


def to_torch(cell):
    """Make the ``torch.nn`` module that computes what ``cell`` does.

    PyTorch keeps two biases where one would do. Ours goes into ``bias_ih_l0`` and
    ``bias_hh_l0`` is zero, except for the GRU's ``b_hn``, which belongs there.

    Parameters
    ----------
    cell : RNN, LSTM or GRU, Bidirectional of two, or Stack of either
        Weights are copied.

    Returns
    -------
    torch.nn.RNN, torch.nn.LSTM or torch.nn.GRU
        Of the cell's dtype.

    Raises
    ------
    TypeError
        If ``torch.nn`` has no such cell.
    ValueError
        If the cells differ in kind, ``hidden_size`` or directions, which those of a
        module cannot.
    """
    import torch

    layers = cell.layers if isinstance(cell, Stack) else (cell,)
    cells = [_directions(layer) for layer in layers]
    layout = _common_layout("PyTorch", [one for layer in cells for one in layer])
    if len({len(layer) for layer in cells}) > 1:
        raise ValueError(
            "cell has layers of one and of two directions; PyTorch expects them alike"
        )
    arrays = {}
    for k, layer in enumerate(cells):
        for suffix, one in zip([f"l{k}", f"l{k}_reverse"], layer, strict=False):
            W_x, W_h, b, _ = _to(layout, one)
            arrays[f"weight_ih_{suffix}"], arrays[f"weight_hh_{suffix}"] = W_x, W_h
            arrays[f"bias_ih_{suffix}"], arrays[f"bias_hh_{suffix}"] = b
    module = getattr(torch.nn, layout.name)(
        cell.input_size,
        cells[0][0].hidden_size,
        num_layers=len(cells),
        bidirectional=len(cells[0]) == 2,
        dtype=getattr(torch, cell.dtype.name),
        **layout.attributes,
    )
    module.load_state_dict({name: torch.tensor(a) for name, a in arrays.items()})
    return module


def from_torch(module):
    """Make the cell that computes what a ``torch.nn`` module does.

    The two biases are added up, except for the GRU's on n, which stay separate.
    Sequences are always time-major here, whatever ``batch_first`` says, and there is no
    dropout, as if the module were in ``eval`` mode.

    Parameters
    ----------
    module : torch.nn.RNN, torch.nn.LSTM or torch.nn.GRU, or one of their Cells
        Of float32 or float64. Weights are copied.

    Returns
    -------
    RNN, LSTM or GRU
        For two directions a :class:`~lstmbook.layers.Bidirectional`, for several layers
        a :class:`~lstmbook.layers.Stack`.

    Raises
    ------
    TypeError
        If it is another module, quantised ones included, or of another dtype.
    ValueError
        If it has what our cells lack (a projection or another nonlinearity), or a
        weight is pruned or reparametrised.
    """
    import torch

    table = LAYOUTS["PyTorch"]
    kinds = {
        getattr(torch.nn, layout.name + end): kind
        for end in ("", "Cell")
        for kind, layout in table.items()
    }
    _check_module(module, kinds)
    kind = kinds[type(module)]
    layout = table[kind]
    for name, value in layout.attributes.items():
        # An LSTMCell has no proj_size.
        _check_attribute("module", name, getattr(module, name, value), value)
    state = module.state_dict()
    for name, value in state.items():
        if value.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"module has {name} of dtype {value.dtype}; expected float32 or "
                "float64: pass copy.deepcopy(module).float()"
            )
    weights = {name: value.numpy(force=True) for name, value in state.items()}

    def read(suffix):
        W_x, W_h = weights[f"weight_ih{suffix}"], weights[f"weight_hh{suffix}"]
        zeros = np.zeros(len(W_x), W_x.dtype)
        b = [weights.get(f"bias_{part}{suffix}", zeros) for part in ("ih", "hh")]
        return _from(kind, layout, W_x, W_h, np.array(b))

    if isinstance(module, torch.nn.RNNCellBase):
        return read("")
    ends = ["", "_reverse"] if module.bidirectional else [""]
    layers = [
        _join([read(f"_l{k}{end}") for end in ends]) for k in range(module.num_layers)
    ]
    return layers[0] if len(layers) == 1 else Stack(tuple(layers))


def _check_module(module, kinds):
    """Raise if this is not a module that can be read, and say what to do."""
    import torch

    if isinstance(module, tuple(kinds)):
        _check_plain(module)
    if type(module) in kinds:
        return
    expected = ", ".join(f"torch.nn.{known.__name__}" for known in kinds)
    cls = type(module)
    name, advice = cls.__name__, ""
    parts = []
    if isinstance(module, torch.nn.Module):
        parts = [path for path, part in module.named_modules() if type(part) in kinds]
    if ".ao.nn." in cls.__module__:
        name = f"{cls.__module__}.{name}"
        advice = ": pass the module from before the quantisation"
    elif isinstance(module, tuple(kinds)):
        advice = (
            ", not a subclass, which may compute something else: load its state_dict "
            "into one of these"
        )
    elif parts:
        advice = f": pass its layer, module.get_submodule({parts[0]!r})"
    raise TypeError(f"module is a {name}; expected one of {expected}{advice}")


def _check_plain(module):
    """Raise if a weight is computed from other parameters."""
    for name in module.state_dict():
        if name.startswith("parametrizations."):
            weight = name.split(".")[1]
            undo = "torch.nn.utils.parametrize.remove_parametrizations"
        else:
            end = next((end for end in _UNDO if name.endswith(end)), None)
            if end is None:
                continue
            weight, undo = name.removesuffix(end), _UNDO[end]
        raise ValueError(
            f"module computes {weight} from {name}; expected a plain parameter: "
            f"call {undo}(module, {weight!r}) first"
        )


def to_keras(cell):
    """Return the list of arrays for ``set_weights`` of the Keras 3 layer.

    The layer is a ``SimpleRNN``, ``LSTM`` or ``GRU`` with its default activations, the
    GRU with ``reset_after=True``, also a default; or a ``Bidirectional`` of one, with
    ``merge_mode="concat"``, the default. In Keras each layer of a stack is separate.

    Parameters
    ----------
    cell : RNN, LSTM or GRU, or Bidirectional of two
        Weights are copied.

    Returns
    -------
    list of ndarray
        Kernel (D, G·H), recurrent kernel (H, G·H) and bias, (G·H,) or the GRU's
        (2, G·H); then those of the other direction.

    Raises
    ------
    TypeError
        If Keras has no such cell.
    ValueError
        If the two directions differ in kind or ``hidden_size``.
    """
    cells = _directions(cell)
    layout = _common_layout("Keras", cells)
    weights = []
    for one in cells:
        W_x, W_h, b, _ = _to(layout, one)
        weights += [W_x, W_h, b if layout.biases == 2 else b[0]]
    return weights


def from_keras(weights):
    """Make the cell that computes what a Keras 3 layer does.

    Arrays do not show everything. This assumes the default activations and
    ``merge_mode``, and ``go_backwards=False``; a layer with ``go_backwards=True`` is
    the cell on the reversed sequence. Two stacked layers with D = H look like the two
    directions of one layer: pass each separately, as in
    ``Stack((from_keras(first), from_keras(second)))``.

    Parameters
    ----------
    weights : list of ndarray
        What ``get_weights`` of a ``SimpleRNN``, ``LSTM`` or ``GRU`` returns, or of a
        ``Bidirectional`` of one, in the shapes of :func:`to_keras`. An RNN or LSTM may
        have no biases. The arrays are copied.

    Returns
    -------
    RNN, LSTM or GRU, or Bidirectional of two
        The shapes decide which.

    Raises
    ------
    TypeError
        If it is not a list of arrays of one dtype, float32 or float64.
    ValueError
        If the shapes do not match, or a GRU's do not show ``reset_after=True``.
    """
    if not isinstance(weights, list | tuple):
        name = type(weights).__name__
        raise TypeError(
            f"weights is a {name}; expected the list that layer.get_weights() returns"
        )
    if len(weights) not in (2, 3, 4, 6):
        raise ValueError(
            f"weights holds {len(weights)} arrays; expected those of one layer: a "
            "kernel, a recurrent kernel and perhaps a bias for each direction"
        )
    each = len(weights) if len(weights) < 4 else len(weights) // 2
    starts = range(0, len(weights), each)
    cells = [_from_keras(weights[k : k + each], k) for k in starts]
    if len({repr(cell) for cell in cells}) > 1:
        raise ValueError(
            f"weights holds {' and '.join(map(repr, cells))}; expected two equal "
            "directions; if these are two layers, pass each separately"
        )
    return _join(cells)


def _from_keras(weights, start):
    """Make the cell of one direction, whose first array is ``weights[start]``."""
    names = [f"weights[{start + k}]" for k in range(3)]
    W_x, W_h, *b = map(np.asarray, weights)
    kind, layout, H = _find("Keras", names[1], W_h, "H G·H")
    width = len(layout.order) * H
    shape = (2, width) if layout.biases == 2 else (width,)
    if kind is GRU and not b:
        raise ValueError(
            "weights of a GRU hold no biases, whose shape would show where it resets; "
            f"if its layer says reset_after=True, put np.zeros({shape}) after each "
            f"recurrent kernel: {_RESET}"
        )
    if kind is GRU and b[0].ndim != 2:
        raise ValueError(
            f"{names[2]} has shape {b[0].shape}; expected the bias {shape} of a GRU "
            f"with reset_after=True: {_RESET}"
        )
    b = b[0] if b else np.zeros(shape, W_h.dtype)
    check = partial(check_array, owner=f"Keras {layout.name}", dtype=W_h.dtype)
    check(names[0], W_x, letters=f"D {width}", shape=(None, width))
    check(names[2], b, letters=" ".join(map(str, shape)), shape=shape)
    return _from(kind, layout, W_x, W_h, b)


def to_onnx(cell):
    """Make the inputs and attributes of the ONNX operator RNN, LSTM or GRU.

    Parameters
    ----------
    cell : RNN, LSTM, GRU or PeepholeLSTM, Bidirectional of two, or Reversed of one
        Weights are copied.

    Returns
    -------
    arrays : dict of str to ndarray
        W (num_directions, G·H, D), R (num_directions, G·H, H) and B (num_directions,
        2·G·H), whose second half is zero except for the GRU's ``b_hn``; with peepholes
        also P (num_directions, 3·H).
    attributes : dict
        The node's attributes. ``from_onnx(**arrays, **attributes)`` returns the cell.

    Raises
    ------
    TypeError
        If ONNX has no such cell.
    ValueError
        If the two directions differ in kind or ``hidden_size``.
    """
    reverse = isinstance(cell, Reversed)
    cells = (cell.layer,) if reverse else _directions(cell)
    layout = _common_layout("ONNX", cells)
    W, R, b, p = map(np.stack, zip(*(_to(layout, one) for one in cells), strict=True))
    arrays = {"W": W, "R": R, "B": b.reshape(len(cells), -1)}
    if layout.peepholes:
        arrays["P"] = p
    direction = "reverse" if reverse else _DIRECTIONS[len(cells)]
    H = cells[0].hidden_size
    return arrays, {"hidden_size": H, "direction": direction, **layout.attributes}


def from_onnx(W, R, B=None, P=None, **attributes):
    """Make the cell that computes what an ONNX operator RNN, LSTM or GRU does.

    Parameters
    ----------
    W : ndarray, shape (num_directions, G·H, D)
        Input weights.
    R : ndarray, shape (num_directions, G·H, H)
        Recurrent weights; their shape shows the operator.
    B : ndarray, shape (num_directions, 2·G·H), optional
        Two biases, which are added up, except for the GRU's on n. Default: zeros.
    P : ndarray, shape (num_directions, 3·H), optional
        Peepholes of an LSTM.
    **attributes
        The node's attributes. If one is missing, the operator's default holds, so a GRU
        like ours needs ``linear_before_reset=1``. Text may be bytes, as ONNX stores it.
        ``layout`` concerns the node's data, not its weights: our cells take (T, N, D)
        in either case.

    Returns
    -------
    RNN, LSTM, GRU or PeepholeLSTM, Bidirectional of two, or Reversed of one
        Weights are copied. The node's ``sequence_lens`` are the ``lengths`` of its
        ``forward``; in the padding ONNX writes zeros and our cells repeat the last
        output.

    Raises
    ------
    TypeError
        If the arrays differ in dtype or are not float32 or float64, or an input that is
        not a weight is passed.
    ValueError
        If the shapes do not match, or an attribute asks for what our cells lack.
    """
    R = np.asarray(R)
    kind, layout, H = _find("ONNX", "R", R, "num_directions G·H H", P is not None)
    n, width = R.shape[:2]
    if n not in (1, 2):
        raise ValueError(f"R has num_directions={n}; expected 1 or 2")
    said = _onnx_said(attributes)
    direction = said.pop("direction", "forward")
    reverse = n == 1 and direction == "reverse"
    if not reverse:
        _check_attribute("node", "direction", direction, _DIRECTIONS[n])
    layout_of_data = said.pop("layout", 0)
    if layout_of_data not in (0, 1):
        raise ValueError(
            f"node has layout={layout_of_data!r}; expected 0 (time-major) or 1 "
            "(batch-major)"
        )
    wanted = {
        "hidden_size": H,
        "activations": n * ONNX_ACTIVATIONS[layout.name],
        **layout.attributes,
    }
    for name in wanted | said:
        value = said.get(name, ONNX_DEFAULTS.get(name, wanted.get(name)))
        _check_attribute("node", name, value, wanted.get(name))

    owner = f"ONNX {layout.name} with R of shape {R.shape}"
    check = partial(check_array, owner=owner, dtype=R.dtype)
    W = check("W", W, letters=f"{n} {width} D", shape=(n, width, None))
    shape = n, 2 * width
    B = np.zeros(shape, R.dtype) if B is None else B
    B = check("B", B, letters="{} {}".format(*shape), shape=shape)
    shape = n, len(layout.peepholes) * H
    P = np.zeros(shape, R.dtype) if P is None else P
    P = check("P", P, letters="{} {}".format(*shape), shape=shape)
    cell = _join([_from(kind, layout, *one) for one in zip(W, R, B, P, strict=True)])
    return Reversed(cell) if reverse else cell


def _onnx_said(attributes):
    """The attributes that have a value, their text decoded."""
    for name in ONNX_DATA:
        if name in attributes:
            raise TypeError(
                f"{name} is one of the node's inputs, not an attribute; the cell's "
                f"forward takes it as {ONNX_DATA[name]}"
            )
    said = {name: _decoded(value) for name, value in attributes.items()}
    said = {name: value for name, value in said.items() if value not in (None, [])}
    if "activations" in said:
        names = said["activations"]
        names = [names] if isinstance(names, str) else names
        # Letter case does not matter: TANH and tanh are Tanh.
        known = {name.lower(): name for name in ("Sigmoid", "Tanh")}
        said["activations"] = [known.get(str(name).lower(), name) for name in names]
    return said


def _decoded(value):
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_decoded(one) for one in value]
    return value.decode() if isinstance(value, bytes) else value


def _directions(cell):
    both = isinstance(cell, Bidirectional)
    return (cell.forward_cell, cell.reverse_cell) if both else (cell,)


def _join(cells):
    return cells[0] if len(cells) == 1 else Bidirectional(*cells)


def _common_layout(framework, cells):
    """The layout that all the cells have in this framework."""
    table, first = LAYOUTS[framework], cells[0]
    for cell in cells:
        if type(cell) not in table:
            known = ", ".join(kind.__name__ for kind in table)
            name = type(cell).__name__
            advice = f": {_PARTS[name]}" if name in _PARTS else ""
            raise TypeError(f"cell is a {name}; {framework} has only {known}{advice}")
        sort, expected = (
            f"{type(c).__name__}s of hidden_size={c.hidden_size}" for c in (cell, first)
        )
        if sort != expected:
            raise ValueError(
                f"cell holds {expected} and {sort}; {framework} expects all alike"
            )
    return table[type(first)]


def _find(framework, name, W_h, axes, peepholes=False):
    """Find the cell whose recurrent weights have this shape: kind, layout and H."""
    if W_h.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name} has dtype {W_h.dtype}; expected float32 or float64: convert each "
            "array with .astype(np.float32)"
        )
    sizes = dict(zip(axes.split(), W_h.shape, strict=False))
    for kind, layout in LAYOUTS[framework].items():
        if (
            W_h.ndim == len(axes.split())
            and sizes["G·H"] == len(layout.order) * sizes["H"]
            and bool(layout.peepholes) == peepholes
        ):
            return kind, layout, sizes["H"]
    known = "4, as P is of an LSTM" if peepholes else "1, 3 or 4"
    expected = f"({', '.join(axes.split())}) with G = {known}"
    raise ValueError(f"{name} has shape {W_h.shape}; expected {expected}")


def _check_attribute(owner, name, value, expected):
    if value != expected:
        reason = f": {_REASONS[name]}" if name in _REASONS else ""
        raise ValueError(f"{owner} has {name}={value!r}; expected {expected!r}{reason}")


def _reorder(fused, old, new):
    """Put the blocks of the last axis into another order, in a new array."""
    blocks = dict(zip(old, np.split(fused, len(old), axis=-1), strict=True))
    return np.concatenate([blocks[k] for k in new], axis=-1)


def _to(layout, cell):
    """Weights in a framework's layout: W_x, W_h, b (1 or 2, G·H), p (0 or 3·H,)."""
    ours, order, H = cell.Gates._fields, layout.order, cell.hidden_size
    W_x, W_h, b_x = (_reorder(a, ours, order) for a in (cell.W_x, cell.W_h, cell.b))
    if layout.transposed:
        W_x, W_h = W_x.T, W_h.T
    b = np.zeros((layout.biases, len(order), H), cell.dtype)
    b[0] = b_x.reshape(-1, H)
    for name, block in layout.own.items():
        b[1, order.index(block)] = getattr(cell, name)
    p = np.zeros((len(layout.peepholes), H), cell.dtype)
    for row, gate in zip(p, layout.peepholes, strict=True):
        row[:] = getattr(cell, f"p_{gate}")
    return W_x, W_h, b.reshape(layout.biases, -1), p.reshape(-1)


def _from(kind, layout, W_x, W_h, b, p=()):
    """Make the cell from what :func:`_to` returns."""
    if layout.transposed:
        W_x, W_h = W_x.T, W_h.T
    ours, order, H = kind.Gates._fields, layout.order, len(W_h)
    b = np.array(b).reshape(layout.biases, len(order), H)
    own = {}
    for name, block in layout.own.items():
        row = b[1, order.index(block)]
        own[name] = row.copy()
        row[:] = 0
    for gate, row in zip(layout.peepholes, np.reshape(p, (-1, H)), strict=True):
        own[f"p_{gate}"] = row.copy()
    fused = W_x, W_h, b.sum(axis=0).reshape(-1)
    return kind(*(_reorder(a, order, ours).copy(order="C") for a in fused), **own)
