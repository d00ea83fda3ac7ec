"""The decorator that turns a class into a set of parameters."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from lstmbook import tree

__all__ = ["parameters"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def parameters(cls: type[T]) -> type[T]:
    """Make a class of arrays: a frozen dataclass whose arrays change in place only.

    For a cell it also adds the named views, ``W_x…``, ``W_h…`` and ``b_…``, and short
    reprs to its ``State`` and ``Gates``.

    Parameters
    ----------
    cls : type
        The class to decorate; its annotated fields are the parameters.

    Returns
    -------
    type
    """
    # eq=False: a generated == would compare arrays and raise an error.
    made: Any = dataclass(frozen=True, eq=False, repr=False)(cls)
    made.__setattr__ = _refuse_assignment
    if not hasattr(made, "Gates"):
        return made
    made.State.__repr__ = made.Gates.__repr__ = tree.summary
    # A linear cell has no W_h.
    fused = {field.name for field in dataclasses.fields(made)} & {"W_x", "W_h"}
    for k, layer in enumerate(made.Gates._fields):
        for name in fused:
            setattr(made, f"{name}{layer}", _view(name, k))
        setattr(made, f"b_{layer}", _view("b", k))
    return made


def _view(fused, k):
    def view(self):
        H = self.hidden_size
        return getattr(self, fused)[..., k * H : (k + 1) * H]

    return property(view, doc=f"View of block {k} of ``{fused}``.")


def _refuse_assignment(self, name, value):
    cls, passed = type(self).__name__, type(value).__name__
    if not hasattr(self, name):
        names = ", ".join(field.name for field in dataclasses.fields(self))
        raise TypeError(f"{name} was assigned a {passed}; a {cls} has only {names}")
    old = getattr(self, name)
    if not isinstance(old, np.ndarray):
        raise TypeError(
            f"{name} was assigned a {passed}; a {cls} cannot be changed, only "
            f"replaced, as in: dataclasses.replace({cls.lower()}, {name}=value)"
        )
    # `cell.b_f += 1` has already worked in place and assigns the same memory.
    if not (isinstance(value, np.ndarray) and _same_memory(old, value)):
        raise TypeError(
            f"{name} was assigned a {passed}; the arrays of a {cls} change in place, "
            f"as in: {cls.lower()}.{name}[:] = value"
        )


def _same_memory(a, b):
    where = [array.__array_interface__["data"] for array in (a, b)]
    return where[0] == where[1] and (a.shape, a.strides) == (b.shape, b.strides)
