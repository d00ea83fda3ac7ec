"""What makes a class a set of parameters: cells, stacks and models are made by it."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from lstmbook import tree

__all__ = ["parameters"]


def parameters(cls):
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
    # eq=False: the generated == would compare arrays and raise.
    cls = dataclass(frozen=True, eq=False, repr=False)(cls)
    cls.__setattr__ = _refuse_assignment
    if not hasattr(cls, "Gates"):
        return cls
    cls.State.__repr__ = cls.Gates.__repr__ = tree.summary
    for k, layer in enumerate(cls.Gates._fields):
        for fused, name in (("W_x", f"W_x{layer}"), ("W_h", f"W_h{layer}")):
            setattr(cls, name, _view(fused, k))
        setattr(cls, f"b_{layer}", _view("b", k))
    return cls


def _view(fused, k):
    def view(self):
        H = self.hidden_size
        return getattr(self, fused)[..., k * H : (k + 1) * H]

    return property(view, doc=f"View of block {k} of ``{fused}``.")


def _refuse_assignment(self, name, value):
    cls, came = type(self).__name__, type(value).__name__
    if not hasattr(self, name):
        names = ", ".join(field.name for field in dataclasses.fields(self))
        raise TypeError(f"{name} was assigned a {came}; a {cls} has only {names}")
    old = getattr(self, name)
    if not isinstance(old, np.ndarray):
        raise TypeError(
            f"{name} was assigned a {came}; a {cls} is not changed but replaced, "
            f"as in: dataclasses.replace({cls.lower()}, {name}=value)"
        )
    # `cell.b_f += 1` has worked in place by now and hands back the same memory.
    if not (isinstance(value, np.ndarray) and _same_memory(old, value)):
        raise TypeError(
            f"{name} was assigned a {came}; the arrays of a {cls} change in place, "
            f"as in: {cls.lower()}.{name}[:] = value"
        )


def _same_memory(a, b):
    where = [array.__array_interface__["data"] for array in (a, b)]
    return where[0] == where[1] and (a.shape, a.strides) == (b.shape, b.strides)
