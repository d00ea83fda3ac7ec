"""The three LSTMs that race, each on its own copy of the same problem."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from lstmbook import LSTM, LSTMState, interop, pytorch, tree

OURS, TWIN, NATIVE = "NumPy", "written-out PyTorch", "torch.nn.LSTM"


class Size(NamedTuple):
    """Size of a problem."""

    T: int
    N: int
    D: int
    H: int

    def __str__(self):
        """As a bare tuple: (T, N, D, H)."""
        return str(tuple(self))


class Program(NamedTuple):
    """One LSTM, ready to run on its own copy of the problem."""

    forward: Callable  #: () → hs, nothing recorded for a backward pass
    both: Callable  #: () → hs and all gradients, as the program gives them
    named: Callable  #: what ``both`` returned → dict of str to ndarray


class Problem(NamedTuple):
    """Inputs, random in every entry, so that no mistake can hide in a zero."""

    cell: LSTM
    xs: np.ndarray  #: (T, N, D)
    state: LSTMState  #: (N, H)
    d_hs: np.ndarray  #: (T, N, H)


def draw(size, dtype):
    """Draw a problem of this size.

    Parameters
    ----------
    size : Size
        T, N, D and H.
    dtype : str
        ``"float32"`` or ``"float64"``.

    Returns
    -------
    Problem
    """
    rng = np.random.default_rng(0)
    T, N, D, H = size

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    cell = LSTM.init(rng, D, H, dtype)
    cell.b[:] += normal(4 * H) / 10
    state = LSTMState(normal(N, H), normal(N, H))
    return Problem(cell, normal(T, N, D), state, normal(T, N, H))


def numpy_program(problem):
    """Our cell, with gradients from its own backward pass.

    Parameters
    ----------
    problem : Problem
        What to run.

    Returns
    -------
    Program
    """
    cell, xs, state, d_hs = problem

    def forward():
        return cell.forward(xs, state)[0]

    def both():
        hs, trace = cell.forward(xs, state)
        return hs, cell.backward(trace, d_hs)

    def named(result):
        hs, grads = result
        return {"hs": hs, **dict(tree.leaves(grads))}

    return Program(forward, both, named)


def twin_program(problem):
    """Our written-out ``nn.Module``, with gradients from autograd.

    Parameters
    ----------
    problem : Problem
        What to run.

    Returns
    -------
    Program
    """
    state = LSTMState(*map(_leaf, problem.state))
    module = pytorch.LSTM.from_numpy(problem.cell)
    forward, both = _torch_runs(module, state, problem)

    def named(result):
        hs, (xs, h, c, W_x, W_h, b) = result
        return _named(hs, xs, h, c, W_x, W_h, b)

    return Program(forward, both, named)


def native_program(problem):
    """``torch.nn.LSTM`` with the same weights.

    Parameters
    ----------
    problem : Problem
        What to run.

    Returns
    -------
    Program
    """
    state = tuple(_leaf(array[None]) for array in problem.state)
    module = interop.to_torch(problem.cell)
    forward, both = _torch_runs(module, state, problem)

    def named(result):
        # Two biases that are only added up have the same gradient.
        hs, (xs, h, c, W_ih, W_hh, b_ih, _) = result
        return _named(hs, xs, h[0], c[0], W_ih.T, W_hh.T, b_ih)

    return Program(forward, both, named)


PROGRAMS = {OURS: numpy_program, NATIVE: native_program, TWIN: twin_program}


def _leaf(array):
    return torch.tensor(array, requires_grad=True)


def _torch_runs(module, state, problem):
    xs, d_hs = _leaf(problem.xs), torch.tensor(problem.d_hs)
    inputs = [xs, *state, *module.parameters()]

    def forward():
        with torch.no_grad():
            return module(xs, state)[0]

    def both():
        # Not .backward(): that would add into .grad, work that ours does not do.
        hs, _ = module(xs, state)
        return hs, torch.autograd.grad(hs, inputs, d_hs)

    return forward, both


def _named(hs, xs, h, c, W_x, W_h, b):
    gradients = {"xs": xs, "state.h": h, "state.c": c}
    gradients |= {"cell.W_x": W_x, "cell.W_h": W_h, "cell.b": b}
    return {"hs": hs.numpy(force=True)} | {
        name: gradient.numpy() for name, gradient in gradients.items()
    }


def difference(program, reference):
    """Compare the outputs and all gradients of two programs.

    Parameters
    ----------
    program, reference : Program
        On the same problem.

    Returns
    -------
    float
        The largest difference in any array, relative to the larger of 1 and the
        largest value of the reference's array.
    """
    came, expected = (p.named(p.both()) for p in (program, reference))
    for named, p in ((came, program), (expected, reference)):
        named["hs, forward alone"] = np.asarray(p.forward())
    if came.keys() != expected.keys():
        raise ValueError(f"results differ: {sorted(came)} and {sorted(expected)}")
    return max(
        float(np.abs(came[name] - wanted).max() / max(1, np.abs(wanted).max()))
        for name, wanted in expected.items()
    )
