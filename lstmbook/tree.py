"""Do the same to every array in a cell, model, state or gradient.

A *tree* is an array, or a NamedTuple, tuple, list, dict or dataclass of trees. Cells,
models, states and gradients are trees, so an optimiser, clipping, a gradient check
and a change of dtype are each a single call:

>>> import numpy as np
>>> from lstmbook import LSTM, tree
>>> cell = LSTM.init(np.random.default_rng(0), input_size=3, hidden_size=4)
>>> tree.map(lambda a: a.astype(np.float32), cell)
LSTM(input_size=3, hidden_size=4, dtype=float32)

A tree can be saved in a file, so that training can be resumed later. A *checkpoint*
holds all that the next update depends on: the model, the optimiser's state and, if one
is carried, the recurrent state. With the weights alone, Adam's running means would
start again from zero. To resume, build the same objects as at the start and load the
file into them::

    tree.save("run.npz", (run.model, run.optimizer_state))
    model, state = tree.load("run.npz", like=(model, optimizer.init(model)))
    run = train(model, batches, loss, optimizer, optimizer_state=state)

The caller has to restore the batches: a generator's state, ``rng.bit_generator.state``,
is a dictionary of integers that can be saved as JSON.
"""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

__all__ = ["count", "leaves", "load", "map", "save", "summary"]


def map(function: Callable[..., Any], tree: T, *others: Any) -> T:
    """Apply ``function`` to the arrays of one or more trees of the same structure.

    Parameters
    ----------
    function : callable
        Takes one array from each tree, returns an array.
    tree, *others : tree
        Leaves that are not arrays (a name, ``None``) are carried over from ``tree``.

    Returns
    -------
    tree
        Of the type of ``tree``.

    Raises
    ------
    TypeError
        If the trees differ in structure or their arrays in shape, or hold something
        that is neither an array nor a plain setting.
    """
    if isinstance(tree, np.ndarray | np.generic):
        for other in others:
            if np.shape(other) != tree.shape or other is None:
                raise TypeError(f"trees differ: {_spell(tree)} and {_spell(other)}")
        return function(tree, *others)
    children, *rest = (_children(branch) for branch in (tree, *others))
    for branch, parts in zip(others, rest, strict=True):
        if type(branch) is not type(tree) or parts.keys() != children.keys():
            raise TypeError(f"trees differ: {_spell(tree)} and {_spell(branch)}")
    if not children:
        return tree
    mapped = [
        map(function, child, *(parts[name] for parts in rest))
        for name, child in children.items()
    ]
    return _rebuild(tree, children, mapped)


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(name, array)`` for each array, in order.

    Parameters
    ----------
    tree : tree
        What to walk.
    prefix : str
        Prepended to each name.

    Yields
    ------
    tuple of (str, ndarray)
        The path, such as ``"cell.W_x"`` or ``"cell.layers[0].W_x"``, and the array
        itself, not a copy.
    """
    if isinstance(tree, np.ndarray | np.generic):
        yield prefix, tree
    for name, child in _children(tree).items():
        yield from leaves(child, _join(prefix, name))


def count(tree: Any) -> int:
    """Count the numbers in a tree: of a cell or a model, its parameters.

    Parameters
    ----------
    tree : tree
        What to count in.

    Returns
    -------
    int
        For an LSTM, 4 H (D + H + 1) (:eq:`eq-parameter-count`).
    """
    return sum(array.size for _, array in leaves(tree))


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree of parameters to a file, in NumPy's npz format, without pickle.

    A file of the same name is replaced only once the new one is complete, so an
    interrupt leaves the old one.

    Parameters
    ----------
    path : path-like
        The file, such as ``"model.npz"``; no ending is added to the name.
    tree : tree
        A cell, model, optimiser's state, or a tuple or dict of several.

    Raises
    ------
    TypeError
        If an array holds objects.
    ValueError
        If two leaves would have the same name, as in ``{"a.b": x, "a": {"b": y}}``.
    """
    arrays = {}
    for name, leaf in _settings_too(tree):
        if name in arrays:
            raise ValueError(f"two leaves are named {name}; expected one")
        arrays[name] = array = np.asarray(leaf)
        if array.dtype.hasobject:
            raise TypeError(f"{name} has dtype {array.dtype}; expected numbers")
    part = Path(f"{os.fspath(path)}.part")
    with zipfile.ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    os.replace(part, path)


def load(path: str | os.PathLike[str], like: T) -> T:
    """Read a tree from a file that :func:`save` has written.

    Parameters
    ----------
    path : path-like
        The file.
    like : tree
        A tree with the structure, shapes and dtypes of the saved one, such as a new
        model of the same sizes; it is not changed.

    Returns
    -------
    tree
        Of the type of ``like``, with the arrays and numbers of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If an array's dtype differs from that in ``like``.
    ValueError
        If it is not an npz file, or if names, a shape or a setting differ.
    """
    expected = dict(_settings_too(like))
    try:
        with zipfile.ZipFile(path) as archive:
            found = {
                member.removesuffix(".npy"): _read(archive, member)
                for member in archive.namelist()
            }
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is not a file that save has written") from None
    for names, words in (
        (expected.keys() - found.keys(), "lacks"),
        (found.keys() - expected.keys(), "has, and `like` has not,"),
    ):
        if names:
            raise ValueError(f"{path} {words} {', '.join(sorted(names))}")
    for name, leaf in expected.items():
        if isinstance(leaf, str) and found[name] != leaf:
            raise ValueError(f"{name} is {found[name]} in {path}; `like` has {leaf}")
    return _restored(like, found, path)


def _read(archive, member):
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _restored(like, found, path, prefix=""):
    children = _children(like)
    if children:
        parts = [
            _restored(child, found, path, _join(prefix, name))
            for name, child in children.items()
        ]
        return _rebuild(like, children, parts)
    if isinstance(like, str) or not _is_leaf(like):
        return like
    array, expected = found[prefix], np.asarray(like)
    if array.shape != expected.shape:
        raise ValueError(
            f"{prefix} has shape {array.shape} in {path}; `like` has {expected.shape}"
        )
    if array.dtype != expected.dtype:
        raise TypeError(
            f"{prefix} has dtype {array.dtype} in {path}; `like` has {expected.dtype}"
        )
    if isinstance(like, np.ndarray):
        return array
    return array[()] if isinstance(like, np.generic) else array.item()


def _settings_too(tree, prefix=""):
    """Yield what :func:`leaves` does, and also numbers, text and dataclasses' types."""
    if _is_leaf(tree):
        yield prefix, tree
    if dataclasses.is_dataclass(tree):
        yield _join(prefix, "type"), type(tree).__name__
    for name, child in _children(tree).items():
        yield from _settings_too(child, _join(prefix, name))


def _is_leaf(tree):
    return isinstance(tree, np.ndarray | np.generic | str | int | float)


def summary(tree: Any) -> str:
    """Describe a tree in one line: its type, and what is under each name.

    Parameters
    ----------
    tree : dataclass or NamedTuple
        What to describe, such as a trace.

    Returns
    -------
    str
        For an array its dtype and shape, or its numbers if they are few:
        ``Batch(xs=float64 (5, 3, 4), targets=[1, 0, 2], loss_mask=None, lengths=None)``
    """
    parts = (f"{name}={_short(child)}" for name, child in _children(tree).items())
    return f"{type(tree).__name__}({', '.join(parts)})"


def _short(child, few=6):
    if not isinstance(child, np.ndarray):
        return repr(child)
    if child.size > few:
        return f"{child.dtype} {child.shape}"
    return " ".join(np.array2string(child, precision=4, separator=", ").split())


def _children(tree):
    """Return the named parts of a tree, none for a leaf."""
    if dataclasses.is_dataclass(tree):
        return {
            field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)
        }
    if hasattr(tree, "_asdict"):
        return tree._asdict()
    if isinstance(tree, tuple | list):
        return {f"[{k}]": child for k, child in enumerate(tree)}
    if isinstance(tree, dict):
        return tree
    if not isinstance(tree, np.ndarray | np.generic | None | str | int | float):
        raise TypeError(f"a tree holds a {type(tree).__name__}; expected NumPy arrays")
    return {}


def _join(prefix, name):
    return f"{prefix}{'.' if prefix and not name.startswith('[') else ''}{name}"


def _rebuild(tree, children, parts):
    """Make a tree like this one from other parts."""
    if dataclasses.is_dataclass(tree):
        return type(tree)(*parts)
    if isinstance(tree, dict):
        return dict(zip(children, parts, strict=True))
    return tree._make(parts) if hasattr(tree, "_make") else type(tree)(parts)


def _spell(tree):
    if isinstance(tree, np.ndarray):
        return f"array {tree.shape}"
    size = f" of {len(tree)}" if isinstance(tree, list) else ""
    return f"{type(tree).__name__}{size}"
