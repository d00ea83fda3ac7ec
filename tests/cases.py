"""Test cases with distinct sizes and random values in every entry."""

from typing import NamedTuple

import numpy as np

from lstmbook import tree

T, N, D, H = 5, 3, 4, 2


class Case(NamedTuple):
    cell: object
    xs: np.ndarray
    state: object
    d_hs: np.ndarray
    d_final: object

    def forward(self, lengths=None):
        return self.cell.forward(self.xs, self.state, lengths)

    def run(self, lengths=None):
        """Outputs and gradients."""
        hs, trace = self.forward(lengths)
        return hs, trace, self.cell.backward(trace, self.d_hs, self.d_final)


def random_case(kind, seed=0, dtype=np.float64, sizes=(T, N, D, H)):
    steps, batch, inputs, units = sizes
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    blank = kind.init(rng, inputs, units, dtype)
    cell = tree.map(lambda a: normal(*a.shape), blank)
    return Case(
        cell,
        normal(steps, batch, inputs),
        cell.random_state(rng, batch),
        normal(steps, batch, units),
        kind.State(*(normal(batch, units) for _ in kind.State._fields)),
    )


def weak_case(kind):
    """A weak case that misses bugs: zero biases, zero state, all-ones cotangent."""
    case = random_case(kind)
    case.cell.b[:] = 0
    zeros = tree.map(np.zeros_like, case.state)
    return case._replace(state=zeros, d_hs=np.ones_like(case.d_hs), d_final=zeros)


def largest(a, b):
    """Largest difference between two trees of the same shapes."""
    gaps = []
    for (name, x), (_, y) in zip(tree.leaves(a), tree.leaves(b), strict=True):
        assert x.shape == y.shape, f"{name}: {x.shape} and {y.shape}"
        gaps.append(np.abs(x - y).max())
    return np.max(gaps)  # not max(), which can miss a NaN
