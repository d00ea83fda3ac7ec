"""One tool for everything that is "the same for every array in here".

A *tree* is an array, or a NamedTuple, tuple, list, dict or dataclass of trees. Cells,
models, states and gradients are trees, so an optimiser, clipping, a gradient check
and a change of dtype are each a single call:

>>> import numpy as np
>>> from lstmbook import LSTM, tree
>>> cell = LSTM.init(np.random.default_rng(0), input_size=3, hidden_size=4)
>>> tree.map(lambda a: a.astype(np.float32), cell)
LSTM(input_size=3, hidden_size=4, dtype=float32)
"""

import dataclasses

import numpy as np

__all__ = ["count", "leaves", "map"]


def map(function, tree, *others):
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
    if dataclasses.is_dataclass(tree):
        return type(tree)(*mapped)
    if isinstance(tree, dict):
        return dict(zip(children, mapped, strict=True))
    return tree._make(mapped) if hasattr(tree, "_make") else type(tree)(mapped)


def leaves(tree, prefix=""):
    """Yield ``(name, array)`` for each array, in order.

    Parameters
    ----------
    tree : tree
        What to walk.
    prefix : str
        Put before each name.

    Yields
    ------
    tuple of (str, ndarray)
        The path, such as ``"cell.W_x"`` or ``"cell.layers[0].W_x"``, and the array
        itself, not a copy.
    """
    if isinstance(tree, np.ndarray | np.generic):
        yield prefix, tree
    for name, child in _children(tree).items():
        dot = "." if prefix and not name.startswith("[") else ""
        yield from leaves(child, f"{prefix}{dot}{name}")


def count(tree):
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


def _spell(tree):
    if isinstance(tree, np.ndarray):
        return f"array {tree.shape}"
    size = f" of {len(tree)}" if isinstance(tree, list) else ""
    return f"{type(tree).__name__}{size}"
