"""The notepad: note a value when told, keep it, say it when asked.

Part II of the book builds the LSTM on this task. It is small enough to solve by hand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.cells import LSTM
from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch
from lstmbook.model import Model

__all__ = [
    "FLAG",
    "MARKS",
    "NOTE",
    "VALUE",
    "by_hand",
    "example",
    "notepad",
    "notes",
    "render",
]

#: Column of the inputs that holds the value.
VALUE = 0
#: Mark to its column.
MARKS = {"store": 1, "recall": 2, "clear": 3}

#: The two units of :func:`by_hand`.
FLAG, NOTE = 0, 1


def notepad(
    rng: np.random.Generator,
    length: int,
    batch_size: int,
    store: float = 0.1,
    recall: float = 0.2,
    clear: float = 0.05,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw a batch of the notepad task.

    Each step carries a value from U(−1, 1) and at most one mark. *Store* announces
    that the next value is to be noted, in place of the old note. *Recall* asks for the
    note. *Clear* wipes it. An announced step carries no mark, and the last step is
    never a store.

    At steps without a recall the answer is 0. A predictor without memory cannot do
    better than always answer 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values and the marks.
    length : int
        T.
    batch_size : int
        N.
    store, recall, clear : float
        Probability of each mark at a step that is free to carry one.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 4): value, store, recall, clear. ``targets`` (T, N, 1).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``length`` or ``batch_size`` is not an integer of at least 1, or the
        probabilities are negative or add up to more than 1.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    length = check_size("length", length)
    batch_size = check_size("batch_size", batch_size)
    rates = store, recall, clear
    # Written so that NaN does not pass.
    if not (min(rates) >= 0 and sum(rates) <= 1):
        raise ValueError(
            f"store, recall, clear are {rates}; "
            "expected probabilities that add up to at most 1"
        )
    xs = np.zeros((length, batch_size, 1 + len(MARKS)))
    xs[..., VALUE] = rng.uniform(-1, 1, (length, batch_size))
    drawn = rng.uniform(size=(length, batch_size))
    edges = np.cumsum((0, *rates))
    announced = np.zeros(batch_size, bool)
    for t in range(length):
        for column, low, high in zip(MARKS.values(), edges, edges[1:], strict=False):
            xs[t, :, column] = ~announced & (low <= drawn[t]) & (drawn[t] < high)
        if t == length - 1:
            xs[t, :, MARKS["store"]] = 0
        announced = xs[t, :, MARKS["store"]] == 1
    xs = xs.astype(dtype)
    return Batch(xs, (notes(xs) * xs[..., MARKS["recall"]])[..., None])


def example(dtype: DTypeLike = np.float64) -> Batch:
    """Make the stream that Part II follows step by step.

    Its seed was chosen so that it has a recall with nothing noted, a note recalled four
    steps later, a second note, a clear, and recalls after that.

    Parameters
    ----------
    dtype : dtype
        float64 by default.

    Returns
    -------
    Batch
        With T = 20 and N = 1.
    """
    rng = np.random.default_rng(3948)
    return notepad(rng, 20, 1, store=0.15, recall=0.25, clear=0.08, dtype=dtype)


def notes(xs: np.ndarray) -> np.ndarray:
    """Replay the notepad's contents.

    Parameters
    ----------
    xs : ndarray, shape (T, N, 4)
        Inputs of the task.

    Returns
    -------
    ndarray, shape (T, N)
        The note after each step, 0 where there is none.
    """
    note = np.zeros_like(xs[..., VALUE])
    now, announced = np.zeros_like(note[0]), np.zeros(note.shape[1], bool)
    for t, x in enumerate(xs):
        now = np.where(announced, x[:, VALUE], now)
        now = np.where(x[:, MARKS["clear"]] == 1, 0, now)
        announced = x[:, MARKS["store"]] == 1
        note[t] = now
    return note


def render(
    batch: Batch, sequence: int = 0, predictions: np.ndarray | None = None
) -> str:
    """Write one stream as a table that can be followed by eye.

    Parameters
    ----------
    batch : Batch
        From :func:`notepad`.
    sequence : int
        Which of the N streams.
    predictions : ndarray, shape (T, N, 1), optional
        Answers to show beside the targets.

    Returns
    -------
    str
        A line for each step: value, mark, the note after the step, target, answer.
    """
    note = notes(batch.xs)[:, sequence]
    announced = False
    lines = [
        " t  value  mark     note  target" + "  answer" * (predictions is not None)
    ]
    for t, x in enumerate(batch.xs[:, sequence]):
        mark = next((name for name, column in MARKS.items() if x[column]), "")
        numbers = [note[t], batch.targets[t, sequence, 0]]
        if predictions is not None:
            numbers.append(predictions[t, sequence, 0])
        # An arrow points out the announced value.
        value = f"{x[VALUE]:+.2f}" + ("→" if announced else " ")
        cells = [f"{t + 1:2}", value, f"{mark:6}", *(_short(n) for n in numbers)]
        lines.append("  ".join(cells).rstrip())
        announced = mark == "store"
    return "\n".join(lines)


def _short(number):
    """Write two decimals and a sign, or a point for zero."""
    rounded = f"{number:+.2f}"
    return "    · " if rounded in ("+0.00", "-0.00") else f" {rounded}"


def by_hand(layers: str = "ifgo", dtype: DTypeLike = np.float64) -> Model:
    """Make the two-unit LSTM that solves the notepad, or a part of it.

    Unit 0, the *flag*, is up only at the step after a store. Unit 1, the *note*, is
    written while the flag is up, kept until the next one, and shown at recall; it holds
    a tenth of the value, where tanh is nearly straight, and the readout multiplies by
    ten.

    Parameters
    ----------
    layers : str
        The layers to set. All others are wired off: their weights are zero, and a
        gate's bias is so large that the gate is always open.
    dtype : dtype
        float64 by default.

    Returns
    -------
    Model
        Of an LSTM with D = 4 and H = 2, every step read.

    Raises
    ------
    ValueError
        If ``layers`` holds another letter than i, f, g, o.
    """
    if not set(layers) <= set("ifgo"):
        raise ValueError(f"layers is {layers!r}; expected letters of 'ifgo'")
    H, D = 2, 1 + len(MARKS)
    cell = LSTM(
        np.zeros((D, 4 * H), dtype), np.zeros((H, 4 * H), dtype), np.zeros(4 * H, dtype)
    )
    for gate in (cell.b_i, cell.b_f, cell.b_o):
        gate[:] = OPEN
    for layer in layers:
        SET[layer](cell)
    W_y = np.array([[0], [1 / SCALE]], dtype)
    return Model(cell, W_y, np.zeros(1, dtype), readout="all")


#: Bias of a gate that is always open: σ(40) is 1 in double precision.
OPEN = 40
#: Slope of a gate that switches: σ(±10) is within 5e-5 of 0 or 1.
SHARP = 20
#: The share of a value that the note holds, so small that tanh is nearly straight.
SCALE = 0.1
#: The flag as others see it, h = tanh(c) with c = tanh(10).
UP = np.tanh(np.tanh(10))


def _main_layer(cell):
    """Set g: the flag reads the store mark, the note reads the value."""
    cell.W_xg[MARKS["store"], FLAG] = 10
    cell.W_xg[VALUE, NOTE] = SCALE


def _forget_gate(cell):
    """Set f: the flag falls at once, the note stays until the flag is up or a clear."""
    cell.b_f[FLAG] = -OPEN
    cell.W_hf[FLAG, NOTE] = -SHARP / UP
    cell.W_xf[MARKS["clear"], NOTE] = -SHARP
    cell.b_f[NOTE] = SHARP / 2


def _input_gate(cell):
    """Set i: the note is written while the flag is up."""
    cell.W_hi[FLAG, NOTE] = SHARP / UP
    cell.b_i[NOTE] = -SHARP / 2


def _output_gate(cell):
    """Set o: the note is shown at recall."""
    cell.W_xo[MARKS["recall"], NOTE] = SHARP
    cell.b_o[NOTE] = -SHARP / 2


SET = {"i": _input_gate, "f": _forget_gate, "g": _main_layer, "o": _output_gate}
