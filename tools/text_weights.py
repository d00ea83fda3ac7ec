"""Weights of a character LSTM as a script for the living figure "Your own text".

The figure loads them when the reader asks for it, from disk too, where `fetch` does
not work. So they are a classic script, and small: float16 in base64. `tools.living`
writes them when the site has been built. In a page the figure stands as

    <div class="living" id="living-text" data-figure="text" data-preset="own"
    data-start="a text to begin with"></div>

on a line of its own.
"""

import base64
import json
from pathlib import Path

import numpy as np

from lstmbook.cells import LSTM
from lstmbook.model import Model

LIMIT = 2**20  # bytes of the script: 256 units and 100 characters just fit
BEFORE = (
    "globalThis.LSTMBook = globalThis.LSTMBook || {};\n"
    "(LSTMBook.data = LSTMBook.data || {}).text = "
)


def _arrays(model: Model) -> list[np.ndarray]:
    """List a model's arrays, in the order of the script."""
    cell = model.cell
    return [cell.W_x, cell.W_h, cell.b, model.W_y, model.b_y]


def write(path: Path, model: Model, alphabet: str) -> None:
    """
    Write a model's weights as a script.

    Parameters
    ----------
    path
        File to write.
    model
        An LSTM that reads one-hot characters and predicts the next one.
    alphabet
        Its characters, in the order of its inputs and its outputs.

    Raises
    ------
    TypeError
        If the model's cell is not an LSTM.
    ValueError
        If the sizes differ, a character comes twice, a weight is too large for
        float16, or the script has more than 1 MB.
    """
    cell = model.cell
    if type(cell) is not LSTM:
        raise TypeError(f"model has a {type(cell).__name__}; expected an LSTM")
    V = len(alphabet)
    if len(set(alphabet)) != V:
        raise ValueError(f"alphabet {alphabet!r} has a character twice")
    if not cell.input_size == V == model.b_y.size:
        raise ValueError(
            f"alphabet has {V} characters; expected as many as the model has "
            f"inputs, {cell.input_size}, and outputs, {model.b_y.size}"
        )
    flat = np.concatenate([array.ravel() for array in _arrays(model)])
    with np.errstate(over="ignore"):
        half = flat.astype("<f2")
    if not np.isfinite(half).all():
        raise ValueError(f"a weight is {np.abs(flat).max()}; float16 ends at 65504")
    data = {
        "alphabet": alphabet,
        "hidden_size": cell.hidden_size,
        "weights": base64.b64encode(half.tobytes()).decode(),
    }
    script = (f"{BEFORE}{json.dumps(data)};\n").encode()
    if len(script) > LIMIT:
        raise ValueError(f"the script has {len(script)} bytes; expected up to {LIMIT}")
    path.write_bytes(script)


def read(path: Path) -> tuple[Model, str]:
    """
    Read a script's weights back.

    Parameters
    ----------
    path
        A file that :func:`write` has written.

    Returns
    -------
    Model, str
        The model in float64, with the weights that the page computes with, and its
        alphabet.
    """
    data = json.loads(path.read_text().removeprefix(BEFORE).rstrip(";\n"))
    V, H = len(data["alphabet"]), data["hidden_size"]
    flat = np.frombuffer(base64.b64decode(data["weights"]), "<f2").astype(float)
    shapes = [(V, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    parts = np.split(flat, ends[:-1])
    W_x, W_h, b, W_y, b_y = (
        part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)
    )
    return Model(LSTM(W_x, W_h, b), W_y, b_y, readout="all"), data["alphabet"]
