"""Optimisers: how gradients change a model.

Each keeps its settings, not its state. ``init`` makes the state, ``update`` returns a
new model and a new state and leaves the old ones as they were.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstmbook import tree

__all__ = ["SGD", "Adam", "AdamState", "clip_by_global_norm", "global_norm"]


def global_norm(grads):
    """Euclidean norm of all entries of a tree together.

    Parameters
    ----------
    grads : tree
        Such as a model of gradients.

    Returns
    -------
    float
    """
    # In float64, and without squaring: float32 would overflow where gradients explode.
    norms = (np.linalg.norm(a.ravel().astype(float)) for _, a in tree.leaves(grads))
    return math.hypot(*norms)


def clip_by_global_norm(grads, max_norm):
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
        New gradients of the same direction.
    norm : float
        The norm before.

    Raises
    ------
    ValueError
        If ``max_norm`` is not positive.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}; expected a positive number")
    norm = global_norm(grads)
    # PyTorch's factor to the digit, so that the two train alike.
    factor = float(min(1.0, max_norm / (norm + 1e-6)))
    return tree.map(lambda d: factor * d, grads), norm


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent (:eq:`eq-sgd`).

    Parameters
    ----------
    learning_rate : float
        η, the step size.
    """

    learning_rate: float

    def init(self, model):
        """Return the state, which is none.

        Parameters
        ----------
        model : tree
            What is trained.

        Returns
        -------
        None
        """

    def update(self, model, grads, state):
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
        """
        rate = float(self.learning_rate)
        return tree.map(lambda p, d: p - rate * d, model, grads), state


class AdamState(NamedTuple):
    """What Adam remembers."""

    updates: int  #: steps taken
    mean: Any  #: running mean of the gradients
    square: Any  #: running mean of their squares


@dataclass(frozen=True)
class Adam:
    """Adam :cite:`kingma2015` (:eq:`eq-adam`), ε outside the root as in PyTorch.

    Parameters
    ----------
    learning_rate : float
        η, the step size.
    beta1, beta2 : float
        Decay of the two running means.
    eps : float
        ε, keeps the quotient finite.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def init(self, model):
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

    def update(self, model, grads, state):
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
        """
        b1, b2, k = self.beta1, self.beta2, state.updates + 1
        mean = tree.map(lambda m, d: b1 * m + (1 - b1) * d, state.mean, grads)
        square = tree.map(lambda s, d: b2 * s + (1 - b2) * d * d, state.square, grads)
        rate = float(self.learning_rate) / (1 - b1**k)
        root = math.sqrt(1 - b2**k)

        def step(p, m, s):
            return p - rate * m / (np.sqrt(s) / root + self.eps)

        return tree.map(step, model, mean, square), AdamState(k, mean, square)
