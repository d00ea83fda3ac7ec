"""Nets that read Python's standard library one character at a time (chapter 17).

Training runs in PyTorch; what comes out is a :class:`lstmbook.model.Model`.
"""

import math

import numpy as np

from lstmbook.course.experiments.runner import Experiment
from lstmbook.interop import from_torch
from lstmbook.model import Model
from lstmbook.tasks.text import ALPHABET, decode, encode, library, text_windows

__all__ = [
    "EXPERIMENTS",
    "bits_per_character",
    "constant",
    "cosine",
    "fit",
    "forward",
    "overfitting",
    "to_model",
    "write",
]

K = len(ALPHABET)
STREAMS = 32  # N in training
LEARNED = 20_000  # characters of the small training text
HELD = 40_000  # characters of the held-out text
CHECKS = range(50, 501, 50)  # updates after which both are read


def constant(share):
    """Factor of a learning rate that stays as it is."""
    return 1.0


def cosine(share):
    """Factor of a learning rate that falls from 1 to 0 along half a cosine.

    Parameters
    ----------
    share : float
        Of the training that is done, 0 … 1.

    Returns
    -------
    float
    """
    return (1 + math.cos(math.pi * share)) / 2


def fit(
    text,
    hidden,
    updates,
    rate,
    seed,
    *,
    window=128,
    dropout=0.0,
    where="readout",
    decay=0.0,
    schedule=cosine,
    look=None,
):
    """Train an LSTM of PyTorch to predict the next character.

    The text is read in 32 streams, in windows with carried state. At each pass over the
    text it begins at another place, so that the streams are cut elsewhere. Adam,
    gradients clipped at a norm of 1.

    Parameters
    ----------
    text : str
        What is trained on, read from the beginning again when it ends.
    hidden : int
        H.
    updates : int
        Windows to train on.
    rate : float
        Adam's learning rate at first.
    seed : int
        Of weights, starting places and dropout.
    window : int
        T.
    dropout : float
        Share of the outputs h that is dropped.
    where : {"readout", "each step", "each window"}
        Who misses what is dropped: the readout, or the next step of the cell. In the
        second case other units are dropped at each step, in the third the same units in
        all steps of a window.
    decay : float
        Weight decay, apart from the gradient as in AdamW; biases do not decay.
    schedule : callable
        From the share of the training that is done to a factor of the rate.
    look : callable, optional
        Called before each update with the number of updates, the core, the readout and
        the loss of the window before, in nats; once more at the end.

    Returns
    -------
    core : torch.nn.LSTM
        On one-hot inputs.
    readout : torch.nn.Linear
        To a score for each character.
    """
    import torch
    from torch import nn

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    core, readout = nn.LSTM(K, hidden), nn.Linear(hidden, K)
    with torch.no_grad():
        # As lstmbook draws an LSTM: forget biases of 1, one bias in all.
        core.bias_ih_l0.zero_()
        core.bias_ih_l0[hidden : 2 * hidden] = 1
        core.bias_hh_l0.zero_()
        core.bias_hh_l0.requires_grad_(False)
        readout.bias.zero_()
    weights = [core.weight_ih_l0, core.weight_hh_l0, readout.weight]
    groups = [
        {"params": weights, "weight_decay": decay},
        {"params": [core.bias_ih_l0, readout.bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, rate)
    parameters = [p for group in groups for p in group["params"]]
    value, done = math.nan, 0
    while done < updates:
        start, state = int(rng.integers(len(text))), None
        for part in text_windows(text[start:] + text[:start], STREAMS, window):
            if done == updates:
                break
            if look is not None:
                look(done, core, readout, value)
            for group in optimizer.param_groups:
                group["lr"] = rate * schedule(done / updates)
            hs, state = forward(core, torch.from_numpy(part.xs), state, dropout, where)
            state = tuple(memory.detach() for memory in state)
            loss = nn.functional.cross_entropy(
                readout(hs).flatten(0, 1), torch.from_numpy(part.targets).flatten()
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            value, done = loss.item(), done + 1
    if look is not None:
        look(done, core, readout, value)
    return core, readout


def forward(core, xs, state, dropout, where):
    """Run an LSTM of PyTorch over a window, with dropout of h.

    Parameters
    ----------
    core : torch.nn.LSTM
        One layer.
    xs : Tensor, shape (T, N, D)
        Inputs.
    state : tuple of Tensor, shape (1, N, H), or None
        h and c before the window; zeros by default.
    dropout, where
        As for :func:`fit`.

    Returns
    -------
    hs : Tensor, shape (T, N, H)
        What the readout sees.
    state : tuple of Tensor, shape (1, N, H)
        h and c after the window, h before any dropout.
    """
    import torch
    from torch.nn.functional import dropout as drop

    if where == "readout":
        hs, state = core(xs, state)
        return drop(hs, dropout), state
    N, H = xs.shape[1], core.hidden_size
    h, c = (
        (xs.new_zeros(N, H) for _ in "hc") if state is None else (s[0] for s in state)
    )
    mask, hs = drop(torch.ones_like(h), dropout), []
    for a in xs @ core.weight_ih_l0.T + core.bias_ih_l0:
        if where == "each step":
            mask = drop(torch.ones_like(h), dropout)
        i, f, g, o = (a + (h * mask) @ core.weight_hh_l0.T).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs), (h[None], c[None])


def bits_per_character(core, readout, text, streams=16):
    """Measure a net of PyTorch on a text.

    Parameters
    ----------
    core, readout
        From :func:`fit`.
    text : str
        To be read.
    streams : int
        Pieces that are read side by side, each from a state of zeros.

    Returns
    -------
    float
        Mean of −log₂ p of the character that came.
    """
    import torch

    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for part in text_windows(text, streams, 512):
            hs, state = core(torch.from_numpy(part.xs), state)
            logits = readout(hs).flatten(0, 1)
            targets = torch.from_numpy(part.targets).flatten()
            total += torch.nn.functional.cross_entropy(
                logits, targets, reduction="sum"
            ).item()
            count += len(targets)
    return total / count / math.log(2)


def to_model(core, readout):
    """Move a net of PyTorch into NumPy.

    Parameters
    ----------
    core, readout
        From :func:`fit`.

    Returns
    -------
    Model
        In float32, every step read.
    """
    W_y = readout.weight.detach().numpy().T.copy()
    b_y = readout.bias.detach().numpy().copy()
    return Model(from_torch(core), W_y, b_y, readout="all")


def write(model, rng, length, temperature=1.0, start="\n"):
    """Let a model write: each character is drawn, and read as the next input.

    Parameters
    ----------
    model : Model
        What writes; every step is read.
    rng : numpy.random.Generator
        Of the draws.
    length : int
        Characters.
    temperature : float
        The scores are divided by it before the softmax, so that a low one prefers the
        likeliest characters even more.
    start : str
        What the model reads first.

    Returns
    -------
    str
        Without ``start``.
    """
    letters = np.eye(K, dtype=model.cell.dtype)
    scores, trace = model.forward(letters[encode(start)][:, None])
    codes = []
    for _ in range(length):
        a = scores[-1, 0].astype(float) / temperature
        p = np.exp(a - a.max())
        codes.append(rng.choice(K, p=p / p.sum()))
        scores, trace = model.forward(letters[codes[-1:]][:, None], trace.final)
    return decode(codes)


def overfitting(hidden, learned, dropout, where, decay, schedule, seed):
    """Train on a small text, and read it and a held-out text from time to time.

    500 updates on windows of 64 steps, at a rate of 0.005.

    Parameters
    ----------
    hidden : int
        H.
    learned : int
        Characters of the training text.
    dropout, where, decay
        As for :func:`fit`.
    schedule : {"constant", "cosine"}
        Of the rate.
    seed : int
        Of weights, starting places and dropout.

    Returns
    -------
    dict
        ``train_50`` … ``train_500`` and ``held_50`` … ``held_500``: bits per character
        after so many updates, without dropout, of the first 20,000 characters of the
        training modules and the first 40,000 of the validation modules.
    """
    trained, held = ("".join(part.values()) for part in library()[:2])
    found = {}

    def look(done, core, readout, value):
        if done in CHECKS:
            for name, text in (("train", trained[:LEARNED]), ("held", held[:HELD])):
                bits = bits_per_character(core, readout, text)
                found[f"{name}_{done}"] = round(bits, 4)

    fit(
        trained[:learned],
        hidden,
        CHECKS[-1],
        5e-3,
        seed,
        window=64,
        dropout=dropout,
        where=where,
        decay=decay,
        schedule={"constant": constant, "cosine": cosine}[schedule],
        look=look,
    )
    return found


PLAIN = {
    "hidden": 128,
    "learned": LEARNED,
    "dropout": 0.0,
    "where": "readout",
    "decay": 0.0,
    "schedule": "constant",
}

EXPERIMENTS = (
    Experiment(
        name="overfitting",
        about="Reading a small text: what helps against learning it by heart (ch. 17)",
        function=overfitting,
        grid=(
            PLAIN,
            PLAIN | {"dropout": 0.5},
            PLAIN | {"dropout": 0.5, "where": "each step"},
            PLAIN | {"dropout": 0.5, "where": "each window"},
            PLAIN | {"learned": 8 * LEARNED},
            PLAIN | {"decay": 1.0},
            PLAIN | {"schedule": "cosine"},
        ),
        results=tuple(f"{name}_{k}" for name in ("train", "held") for k in CHECKS),
        seeds=3,
    ),
)
