"""The embedded Reber grammar: strings whose next symbol is to be foretold.

A string such as B T BTXSE T E. The second symbol, T or P, comes back as the last but
one; between them stands a string of the Reber grammar, of any length from 5. So one
symbol has to be remembered across a string that also has T and P in it.

Legend: a string of L symbols has T = L − 1 steps. Step t shows symbol t and asks for
symbol t + 1.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.data import Batch

__all__ = [
    "GRAPH",
    "INNER",
    "OUTER",
    "SYMBOLS",
    "draw",
    "encode",
    "follow",
    "legal",
    "outer",
    "reber",
    "right",
    "strings",
]

#: The columns of inputs and outputs.
SYMBOLS = "BTSXPVE"
#: The two symbols, one of which comes second and last but one.
OUTER = "TP"
#: The Reber grammar: from each place, the symbols that may come and where they lead.
INNER: tuple[dict[str, int], ...] = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)

#: The embedded grammar: INNER twice, once for each outer symbol. Its places are
#: "start", "choice", (outer, place), "end" and "over".
GRAPH: dict = {
    "start": {"B": "choice"},
    "choice": {symbol: (symbol, 0) for symbol in OUTER},
    **{
        (symbol, place): {letter: (symbol, to) for letter, to in letters.items()}
        for symbol in OUTER
        for place, letters in enumerate(INNER)
    },
    **{(symbol, len(INNER)): {symbol: "end"} for symbol in OUTER},
    "end": {"E": "over"},
}


def reber(
    rng: np.random.Generator, batch_size: int, dtype: DTypeLike = np.float64
) -> Batch:
    """Draw strings of the embedded Reber grammar :cite:`hochreiter1997`.

    Where two symbols may come, each does with probability ½. A predictor without the
    outer symbol can know all other continuations, and never those of the last step but
    one: by the criterion of 1997 (:func:`right`) it gets no string right.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the choices.
    batch_size : int
        N.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        ``xs`` (T, N, 7), one-hot in the order of ``SYMBOLS``; ``targets`` (T, N), the
        column of the next symbol; ``lengths`` (N,).

    Raises
    ------
    TypeError
        If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``batch_size`` is not an integer of at least 1.
    """
    check_rng(rng)
    batch_size = check_size("batch_size", batch_size)
    return encode((draw(rng) for _ in range(batch_size)), dtype)


def draw(rng: np.random.Generator) -> str:
    """Draw one string.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the choices.

    Returns
    -------
    str
        Such as ``"BTBTXSETE"``.

    Raises
    ------
    TypeError
        If ``rng`` is not a generator.
    """
    check_rng(rng)
    place, string = "start", ""
    while place != "over":
        options = list(GRAPH[place])
        symbol = options[int(rng.random() * len(options))]
        string += symbol
        place = GRAPH[place][symbol]
    return string


def follow(string: str) -> list[str]:
    """Follow a string through the grammar.

    Parameters
    ----------
    string : str
        The beginning of a string, or a whole one.

    Returns
    -------
    list of str
        After each symbol, the one or two that may come next; nothing after the E that
        ends the string.

    Raises
    ------
    ValueError
        If the grammar has no string that begins like this.
    """
    place, options = "start", []
    for step, symbol in enumerate(string):
        now = GRAPH.get(place, {})
        if symbol not in now:
            raise ValueError(
                f"string is {string!r}; expected {' or '.join(now) or 'nothing'} "
                f"after {string[:step]!r}"
            )
        place = now[symbol]
        options.append("".join(GRAPH.get(place, "")))
    return options


def encode(strings: Iterable[str], dtype: DTypeLike = np.float64) -> Batch:
    """Make a batch of given strings.

    Parameters
    ----------
    strings : iterable of str
        Whole strings of the grammar.
    dtype : dtype
        Of the inputs; float64 by default.

    Returns
    -------
    Batch
        As :func:`reber` returns it.

    Raises
    ------
    TypeError
        If ``dtype`` is not float32 or float64.
    ValueError
        If there is no string, or one is not of the grammar.
    """
    dtype, strings = check_dtype(dtype), list(strings)
    if not strings:
        raise ValueError("strings is empty; expected at least one")
    for string in strings:
        if not string or follow(string)[-1]:
            raise ValueError(f"strings has {string!r}, which is not whole")
    lengths = np.array([len(string) - 1 for string in strings])
    symbols = np.zeros((lengths.max() + 1, len(strings)), int)
    for n, string in enumerate(strings):
        symbols[: len(string), n] = [SYMBOLS.index(symbol) for symbol in string]
    xs = np.eye(len(SYMBOLS), dtype=dtype)[symbols[:-1]]
    xs[np.arange(len(xs))[:, None] >= lengths] = 0
    return Batch(xs, symbols[1:], lengths=lengths)


def strings(batch: Batch) -> list[str]:
    """Read a batch back as strings.

    Parameters
    ----------
    batch : Batch
        From :func:`reber` or :func:`encode`.

    Returns
    -------
    list of str
    """
    lengths = batch.lengths
    return [
        "B" + "".join(SYMBOLS[k] for k in batch.targets[:steps, n])
        for n, steps in enumerate(() if lengths is None else lengths)
    ]


def outer(batch: Batch) -> np.ndarray:
    """Tell the outer symbol of each string.

    Parameters
    ----------
    batch : Batch
        From :func:`reber` or :func:`encode`.

    Returns
    -------
    ndarray of str, shape (N,)
        "T" or "P".
    """
    return np.array(list(SYMBOLS))[batch.targets[0]]


def legal(batch: Batch) -> np.ndarray:
    """Mark the symbols that may come next.

    Parameters
    ----------
    batch : Batch
        From :func:`reber` or :func:`encode`.

    Returns
    -------
    ndarray of bool, shape (T, N, 7)
        At each step one or two are True, none in the padding.
    """
    allowed = np.zeros(batch.xs.shape, bool)
    for n, string in enumerate(strings(batch)):
        for t, options in enumerate(follow(string)[:-1]):
            allowed[t, n, [SYMBOLS.index(symbol) for symbol in options]] = True
    return allowed


def right(scores: np.ndarray, batch: Batch) -> np.ndarray:
    """Judge predictions by the criterion of 1997.

    A string is right if at each of its steps each symbol that may come next has a
    higher score than each that may not.

    Parameters
    ----------
    scores : ndarray, shape (T, N, 7)
        A score, such as a logit, for each symbol at each step.
    batch : Batch
        From :func:`reber` or :func:`encode`.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    ValueError
        If the shape of ``scores`` is not that of the inputs.
    """
    if scores.shape != batch.xs.shape:
        raise ValueError(
            f"scores has shape {scores.shape}; expected that of xs, {batch.xs.shape}"
        )
    allowed = legal(batch)
    lowest = np.where(allowed, scores, np.inf).min(axis=-1)
    highest = np.where(allowed, -np.inf, scores).max(axis=-1)
    # In the padding nothing is legal, and lowest is infinite.
    return (lowest > highest).all(axis=0)
