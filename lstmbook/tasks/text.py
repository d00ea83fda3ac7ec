"""Text, read one character at a time: modules of Python's standard library."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstmbook.checks import check_dtype, check_size
from lstmbook.data import Batch

__all__ = [
    "ALPHABET",
    "Library",
    "Syntax",
    "decode",
    "encode",
    "library",
    "syntax",
    "text_windows",
]

#: The 96 characters that may occur: the end of a line, and printable ASCII.
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))

_CODES = np.full(128, -1)
_CODES[[ord(character) for character in ALPHABET]] = range(len(ALPHABET))
_LETTERS = np.array(list(ALPHABET))


class Library(NamedTuple):
    """Modules by name, split by module into three parts."""

    train: dict[str, str]  #: 54 modules
    validation: dict[str, str]  #: 7 modules, to make choices on
    test: dict[str, str]  #: 7 modules, to be used once


@cache
def library() -> Library:
    """Load 68 modules of the standard library of Python 3.11.7, split by module.

    All are in plain ASCII, of 6,000 to 40,000 characters, and under the licence of
    Python, which stands beside them in ``LICENSE-PYTHON``. Five that share much of
    their text with others were left out. In the order of their names, the fourth,
    fourteenth, … module is for validation, and the eighth, eighteenth, … is for the
    test. An answer without any knowledge of text, 1/96 for each character, costs
    log₂ 96 = 6.58 bits per character.

    Returns
    -------
    Library
    """
    packed = (files("lstmbook.tasks") / "library.json.xz").read_bytes()
    modules = json.loads(lzma.decompress(packed))["modules"]
    names = list(modules)
    held_out = names[3::10], names[7::10]
    kept = [name for name in names if name not in held_out[0] + held_out[1]]
    parts = (kept, *held_out)
    return Library(*({name: modules[name] for name in part} for part in parts))


def encode(text: str) -> np.ndarray:
    """Number each character by its place in :data:`ALPHABET`.

    Parameters
    ----------
    text : str
        Of characters of the alphabet.

    Returns
    -------
    ndarray of int, shape (T,)

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it has a character that is not in the alphabet.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; expected a str")
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    codes = _CODES[np.minimum(points, 127)]
    if (codes < 0).any():
        where = int((codes < 0).argmax())
        raise ValueError(
            f"text has {text[where]!r} at {where}; expected printable ASCII and \\n"
        )
    return codes


def decode(codes: np.ndarray) -> str:
    """Write numbers from :func:`encode` as text again.

    Parameters
    ----------
    codes : array_like of int, shape (T,)
        Places in :data:`ALPHABET`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If one of them is not such a place.
    """
    codes = np.asarray(codes, int)
    if codes.size and not 0 <= codes.min() <= codes.max() < len(ALPHABET):
        raise ValueError(
            f"codes runs from {codes.min()} to {codes.max()}; "
            f"expected 0 to {len(ALPHABET) - 1}"
        )
    return "".join(_LETTERS[codes])


def text_windows(
    text: str, batch_size: int, length: int, dtype: DTypeLike = np.float32
) -> Iterator[Batch]:
    """Cut a text into streams and these into windows, one after another in time.

    The text is cut into N pieces of equal length, which are read side by side. The
    target at each step is the next character. Carry the state from each window to the
    next: see :func:`lstmbook.data.windows`. Windows are made as they are asked for,
    because one-hot inputs of a whole text would be large.

    Parameters
    ----------
    text : str
        Of characters of :data:`ALPHABET`.
    batch_size : int
        N.
    length : int
        T of a window; the last may be shorter.
    dtype : dtype
        Of the inputs; float32 by default.

    Returns
    -------
    iterator of Batch
        ``xs`` (T, N, 96), one-hot; ``targets`` (T, N) of int. Up to N − 1 characters at
        the end of the text are left over.

    Raises
    ------
    TypeError
        If ``text`` is not a string, or ``dtype`` not float32 or float64.
    ValueError
        If a size is not an integer of at least 1, the text is shorter than N + 1, or a
        character is not in the alphabet.
    """
    dtype = check_dtype(dtype)
    N, T = check_size("batch_size", batch_size), check_size("length", length)
    codes = encode(text)
    steps = (len(codes) - 1) // N
    if steps < 1:
        raise ValueError(f"text has {len(codes)} characters; expected {N + 1} or more")
    inputs = codes[: N * steps].reshape(N, steps).T
    targets = codes[1 : N * steps + 1].reshape(N, steps).T
    letters = np.eye(len(ALPHABET), dtype=dtype)

    def window(start):
        part = slice(start, start + T)
        return Batch(letters[inputs[part]], targets[part])

    return map(window, range(0, steps, T))


class Syntax(NamedTuple):
    """Where in a Python program each character stands, once it has been read."""

    string: np.ndarray  #: bool, (T,): a string has been opened and not yet closed
    comment: np.ndarray  #: bool, (T,): from # to the last character of the line
    depth: np.ndarray  #: int, (T,): brackets that have been opened and not yet closed


def syntax(text: str) -> Syntax:
    r"""Find strings, comments and brackets in a Python program.

    The opening quotes are part of a string, the last closing quote is not: with it the
    string has ended. Brackets in strings and comments do not count.

    Parameters
    ----------
    text : str
        Source code, from its beginning.

    Returns
    -------
    Syntax

    Examples
    --------
    >>> text = "f('(')  # one"
    >>> "".join(".^"[k] for k in syntax(text).string.astype(int))
    '..^^.........'
    >>> syntax(text).depth
    array([0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    """
    T = len(text)
    string, comment = np.zeros((2, T), bool)
    depth = np.zeros(T, int)
    t = opened = 0
    while t < T:
        end = t + 1
        if text[t] == "#":
            end = _or_end(text.find("\n", t), T)
            comment[t:end] = True
        elif text[t] in "'\"":
            end = _after_string(text, t)
            string[t : end - 1] = True
        elif text[t] in "([{":
            opened += 1
        elif text[t] in ")]}":
            opened -= 1
        depth[t:end] = opened
        t = end
    return Syntax(string, comment, depth)


def _after_string(text, start):
    """Return the place after the string that begins here."""
    quote = text[start]
    if text.startswith(quote * 3, start):
        quote *= 3
    t = start + len(quote)
    while t < len(text) and not text.startswith(quote, t):
        t += 2 if text[t] == "\\" else 1
    return min(t + len(quote), len(text))


def _or_end(place, end):
    return end if place < 0 else place
