"""Elementwise functions and their derivatives, written from the *output*.

A backward pass has the outputs at hand, so the derivative of the sigmoid is
``s * (1 - s)`` of its output ``s``, with no second exponential.
"""

import numpy as np

__all__ = ["sigmoid", "sigmoid_prime", "softmax", "tanh", "tanh_prime"]


# Where exp overflows to inf, 1 / (1 + inf) = 0 is the right answer.
@np.errstate(over="ignore")
def sigmoid(a: np.ndarray) -> np.ndarray:
    """Logistic function σ(a) = 1 / (1 + e⁻ᵃ), for any input (:eq:`eq-sigmoid`).

    Parameters
    ----------
    a : ndarray
        Pre-activations, any shape; ±inf gives exactly 1 and 0.

    Returns
    -------
    ndarray
        Values in [0, 1], same shape and dtype.
    """
    return np.reciprocal(1 + np.exp(-a))


def sigmoid_prime(s: np.ndarray) -> np.ndarray:
    """Derivative of the sigmoid from its output ``s`` (:eq:`eq-sigmoid-prime`).

    Parameters
    ----------
    s : ndarray
        Output of :func:`sigmoid`, any shape.

    Returns
    -------
    ndarray
        s ⊙ (1 − s), same shape.
    """
    return s * (1 - s)


def tanh(a: np.ndarray) -> np.ndarray:
    """Hyperbolic tangent, in the name the equations use.

    Parameters
    ----------
    a : ndarray
        Pre-activations, any shape.

    Returns
    -------
    ndarray
        Values in [−1, 1], same shape and dtype.
    """
    return np.tanh(a)


def tanh_prime(t: np.ndarray) -> np.ndarray:
    """Derivative of tanh from its output ``t`` (:eq:`eq-tanh-prime`).

    Parameters
    ----------
    t : ndarray
        Output of :func:`tanh`, any shape.

    Returns
    -------
    ndarray
        1 − t ⊙ t, same shape.
    """
    return 1 - t * t


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis (:eq:`eq-softmax`).

    Parameters
    ----------
    logits : ndarray, shape (..., K)
        Scores of K classes. Only their differences matter, so the largest is
        taken off first and the exponential cannot overflow.

    Returns
    -------
    ndarray, shape (..., K)
        Non-negative, each row sums to 1.
    """
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
