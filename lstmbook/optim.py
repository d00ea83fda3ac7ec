"""Optimisers: how gradients change a model.

Each holds its settings, not its state. ``init`` makes the state; ``update`` returns a
new model and a new state, and does not change the old ones.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from lstmbook import tree
from lstmbook.checks import check_number

__all__ = ["SGD", "Adam", "AdamState", "clip_by_global_norm", "global_norm"]

T = TypeVar("T")


def global_norm(grads: Any) -> float:
    """Euclidean norm over all entries of a tree.

    Parameters
    ----------
    grads : tree
        Such as a model of gradients.

    Returns
    -------
    float
    """
    # In float64: in float32 the squares of exploding gradients would overflow.
    norms = (np.linalg.norm(a.ravel().astype(float)) for _, a in tree.leaves(grads))
    return math.hypot(*norms)


def clip_by_global_norm(grads: T, max_norm: float) -> tuple[T, float]:
    """Scale gradients down to a norm of at most ``max_norm`` (:eq:`eq-clipping`).

    Parameters
    ----------
    grads : tree
        Such as a model of gradients.
    max_norm : float
        The threshold :cite:`pascanu2013`.

    Returns
    -------
    tree
        New gradients with the same direction.
    norm : float
        The norm before clipping.

    Raises
    ------
    TypeError
        If ``max_norm`` is not a number.
    ValueError
        If ``max_norm`` is not positive, or the norm of the gradients not finite: no
        factor could make them usable.
    """
    max_norm = check_max_norm(max_norm)
    norm = global_norm(grads)
    if not math.isfinite(norm):
        raise ValueError(f"grads has norm {norm}; expected a finite norm")
    # Exactly PyTorch's factor, so that both train in the same way.
    factor = min(1.0, max_norm / (norm + 1e-6))
    return tree.map(lambda d: factor * d, grads), norm


def check_max_norm(max_norm: float) -> float:
    """Return the threshold of :func:`clip_by_global_norm`, a positive float.

    Parameters
    ----------
    max_norm : float
        What was passed.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a positive number.
    """
    return check_number("max_norm", max_norm, lambda v: v > 0, "a positive number")


_SIZE = lambda v: 0 <= v < math.inf, "a finite number of at least 0"
_DECAY = lambda v: 0 <= v < 1, "a number from 0 to below 1"
_RANGES = {"learning_rate": _SIZE, "eps": _SIZE, "beta1": _DECAY, "beta2": _DECAY}


def _check_settings(optimizer: Any) -> None:
    """Convert each setting to a Python float and check its range."""
    for field in dataclasses.fields(optimizer):
        fits, expected = _RANGES[field.name]
        value = getattr(optimizer, field.name)
        value = check_number(field.name, value, fits, expected)
        object.__setattr__(optimizer, field.name, value)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent (:eq:`eq-sgd`).

    Parameters
    ----------
    learning_rate : float
        η, the step size, at least 0.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_settings(self)

    def init(self, model: Any) -> None:
        """Return the state: SGD has none.

        Parameters
        ----------
        model : tree
            What is trained.

        Returns
        -------
        None
        """

    def update(self, model: T, grads: T, state: None) -> tuple[T, None]:
        """Take one step against the gradient.

        Parameters
        ----------
        model, grads : tree
            The parameters and their gradients.
        state : None
            From :meth:`init`.

        Returns
        -------
        tuple of (tree, None)
            The model after the step, and the state.

        Raises
        ------
        TypeError
            If ``state`` belongs to another optimiser.
        """
        if state is not None:
            raise TypeError(f"state is a {type(state).__name__}; SGD has none")
        rate = self.learning_rate
        return tree.map(lambda p, d: p - rate * d, model, grads), None


class AdamState(NamedTuple):
    """What Adam remembers."""

    updates: int  #: steps taken
    mean: Any  #: running mean of the gradients
    square: Any  #: running mean of their squares

    def __repr__(self) -> str:
        return tree.summary(self)


@dataclass(frozen=True)
class Adam:
    """Adam :cite:`kingma2015` (:eq:`eq-adam`), ε outside the root as in PyTorch.

    Parameters
    ----------
    learning_rate : float
        η, the step size, at least 0.
    beta1, beta2 : float
        Decay of the two running means, at least 0 and below 1.
    eps : float
        ε, at least 0; keeps the quotient finite.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_settings(self)

    def init(self, model: Any) -> AdamState:
        """Return a state of zeros.

        Parameters
        ----------
        model : tree
            What is trained.

        Returns
        -------
        AdamState
        """
        return AdamState(
            0, tree.map(np.zeros_like, model), tree.map(np.zeros_like, model)
        )

    def update(self, model: T, grads: T, state: AdamState) -> tuple[T, AdamState]:
        """Take one step.

        Parameters
        ----------
        model, grads : tree
            The parameters and their gradients.
        state : AdamState
            From :meth:`init` or the step before.

        Returns
        -------
        tuple of (tree, AdamState)
            The model after the step, and the state.

        Raises
        ------
        TypeError
            If ``state`` belongs to another optimiser.
        """
        if not isinstance(state, AdamState):
            raise TypeError(f"state is a {type(state).__name__}; expected an AdamState")
        b1, b2, k = self.beta1, self.beta2, state.updates + 1
        mean = tree.map(lambda m, d: b1 * m + (1 - b1) * d, state.mean, grads)
        square = tree.map(lambda s, d: b2 * s + (1 - b2) * d * d, state.square, grads)
        rate = self.learning_rate / (1 - b1**k)
        root = math.sqrt(1 - b2**k)

        def step(p, m, s):
            return p - rate * m / (np.sqrt(s) / root + self.eps)

        return tree.map(step, model, mean, square), AdamState(k, mean, square)
