"""The net of 1997, rebuilt: no forget gate, blocks of cells, a truncated gradient.

As :cite:`hochreiter1997` describes it for experiments 3 to 6: one hidden layer of
memory blocks; every gate and every cell reads the inputs, all gates and all cells of
the step before, and a bias; cells of a block share an input and an output gate. The
errors are not sent back through the recurrent weights. What is left of the gradient can
be carried *forward*: for each weight of a cell or an input gate one number, the
derivative of the cell's state. So a sequence of any length needs the memory of one
step, and the weights change after each sequence, by plain gradient descent.

Several nets, one for each seed, are trained side by side; no number passes from one to
another.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from lstmbook.course.experiments.paper1997 import RECENT, TASKS, TESTED
from lstmbook.course.experiments.runner import Experiment
from lstmbook.ops import sigmoid

__all__ = ["EXPERIMENTS", "Net", "forward", "learn", "rebuilt", "start", "update"]


class Net(NamedTuple):
    """Weights of S nets side by side.

    With B blocks of C cells there are U = B (C + 2) hidden units: the cells, block by
    block, then the B input gates, then the B output gates. Each reads I = D + U + 1
    numbers.
    """

    hidden: np.ndarray  #: (S, U, I): from inputs, hidden units of the step before, bias
    readout: np.ndarray  #: (S, O, B·C + 1): from the cells, and a bias


def start(rngs, inputs, outputs, blocks, cells, input_bias, output_bias):
    """Draw nets: weights from U(−0.1, 0.1), gates' biases as given.

    Parameters
    ----------
    rngs : list of numpy.random.Generator
        One for each net.
    inputs, outputs, blocks, cells : int
        D, O, B and C.
    input_bias, output_bias : sequence of float
        Of the gates of each block, (B,); empty: drawn like all other weights.

    Returns
    -------
    Net
    """
    H = blocks * cells
    U = H + 2 * blocks
    hidden, readout = [], []
    for rng in rngs:
        W = rng.uniform(-0.1, 0.1, (U, inputs + U + 1))
        if len(input_bias):
            W[H : H + blocks, -1] = input_bias
        if len(output_bias):
            W[H + blocks :, -1] = output_bias
        hidden.append(W)
        readout.append(rng.uniform(-0.1, 0.1, (outputs, H + 1)))
    return Net(np.array(hidden), np.array(readout))


def forward(net, xs, lengths, blocks, trace=True):
    """Run each net over its own sequence, and carry the derivatives along.

    Parameters
    ----------
    net : Net
        S nets.
    xs : ndarray, shape (T, S, D)
        A sequence for each.
    lengths : ndarray of int, shape (S,)
        Its steps.
    blocks : int
        B.
    trace : bool
        Whether the derivatives are needed.

    Returns
    -------
    ys : ndarray, shape (S, O)
        The outputs at each sequence's last step, between 0 and 1.
    last : tuple
        What :func:`update` needs.
    """
    S, U, _ = net.hidden.shape
    H = U - 2 * blocks
    C, D = H // blocks, xs.shape[2]
    z = np.zeros((S, net.hidden.shape[2]))
    z[:, -1] = 1
    s = np.zeros((S, H))
    d_cell, d_gate = np.zeros((2, S, H, z.shape[1]))
    # Shorter sequences begin later, so that all end at the last step.
    begin = len(xs) - lengths
    for t in range(len(xs)):
        z[:, :D] = xs[t - begin, np.arange(S)]
        a = np.matmul(net.hidden, z[:, :, None])[:, :, 0]
        gates = sigmoid(a[:, H:])
        i, o = (np.repeat(g, C, axis=1) for g in np.split(gates, 2, axis=1))
        g = 4 * sigmoid(a[:, :H]) - 2
        if trace:
            # g' = 4 σ(1 − σ) = (4 − g²)/4, i' = i (1 − i)
            d_cell += (i * (1 - g * g / 4))[:, :, None] * z[:, None]
            d_gate += (g * i * (1 - i))[:, :, None] * z[:, None]
        s = s + i * g
        h = 2 * sigmoid(s) - 1
        started = (t >= begin)[:, None]
        if t < begin.max():
            s, h = s * started, h * started
            d_cell *= started[:, :, None]
            d_gate *= started[:, :, None]
            gates = gates * started
        before = z.copy()
        z[:, D : D + H] = o * h
        z[:, D + H : -1] = gates
    seen = np.concatenate([o * h, np.ones((S, 1))], axis=1)
    ys = sigmoid(np.matmul(net.readout, seen[:, :, None])[:, :, 0])
    return ys, (seen, before, o, h, d_cell, d_gate)


def update(net, ys, targets, last, rate, blocks):
    """Take a step down the truncated gradient of half the squared error.

    Parameters
    ----------
    net : Net
        S nets; a copy is changed.
    ys, last
        From :func:`forward`.
    targets : ndarray, shape (S, O)
        What the outputs should be.
    rate : ndarray, shape (S,)
        Learning rates, 0 for a net that has finished.
    blocks : int
        B.

    Returns
    -------
    Net
    """
    seen, z, o, h, d_cell, d_gate = last
    S, H = h.shape
    C = H // blocks
    d_out = (targets - ys) * ys * (1 - ys)
    back = np.matmul(d_out[:, None], net.readout[:, :, :H])[:, 0]  # on o ⊙ h(s)
    d_s = back * o * (1 - h * h) / 2  # h' = 2 σ(1 − σ) = (1 − h²)/2
    d_o = (back * h * o * (1 - o)).reshape(S, blocks, C).sum(axis=2)
    step = np.concatenate(
        [
            d_s[:, :, None] * d_cell,
            (d_s[:, :, None] * d_gate).reshape(S, blocks, C, -1).sum(axis=2),
            d_o[:, :, None] * z[:, None],
        ],
        axis=1,
    )
    rate = rate[:, None, None]
    readout = net.readout + rate * d_out[:, :, None] * seen[:, None]
    return Net(net.hidden + rate * step, readout)


#: Name in the paper to D, O, blocks, cells, biases of the gates, and rate.
SETTINGS = {
    "4": (2, 1, 2, 2, (-3, -6), (), 0.5),
    "6a": (8, 4, 2, 2, (-2, -4), (), 0.5),
}


def learn(task, seeds, budget):
    """Train nets of 1997 on one experiment until each has met the paper's rule.

    Parameters
    ----------
    task : str
        A key of :data:`SETTINGS`.
    seeds : sequence of int
        One for each net, of its weights and sequences.
    budget : int
        Sequences at most.

    Returns
    -------
    net : Net
        Each as it was when it met the rule, or at the end.
    met : ndarray of int, shape (S,)
        Sequences until then, 0 if the rule was never met.
    """
    D, O, blocks, cells, input_bias, output_bias, rate = SETTINGS[task]  # noqa: E741
    the, S = TASKS[task], len(seeds)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    net = start(rngs, D, O, blocks, cells, input_bias, output_bias)
    met, recent = np.zeros(S, int), deque(maxlen=RECENT)
    for number in range(1, budget + 1):
        xs, targets, lengths = _one_each(the, rngs)
        ys, last = forward(net, xs, lengths, blocks)
        recent.append(np.abs(ys - targets).max(axis=1))
        net = update(net, ys, targets, last, rate * (met == 0), blocks)
        if number >= RECENT and number % 20 == 0:
            wrong = (np.array(recent) >= the.right).sum(axis=0)
            good = (wrong <= the.allowed) & (np.mean(recent, axis=0) < the.average)
            met[good & (met == 0)] = number
            if met.all():
                break
    return net, met


def _one_each(task, rngs):
    """A sequence for each net: inputs (T, S, D), targets (S, O), lengths (S,)."""
    drawn = [task.draw(rng, 100, 1) for rng in rngs]
    lengths = np.array([batch.lengths[0] for batch in drawn])
    xs = np.zeros((lengths.max(), len(rngs), drawn[0].xs.shape[2]))
    for n, batch in enumerate(drawn):
        xs[: lengths[n], n] = batch.xs[:, 0]
    targets = np.concatenate([batch.targets for batch in drawn])
    if task.classes:
        targets = np.eye(task.outputs)[targets]
    return xs, targets, lengths


def rebuilt(task, budget, seed):
    """Train ten nets of 1997 as :func:`learn` does, and test them as the paper does.

    Parameters
    ----------
    task : str
        A key of :data:`SETTINGS`.
    budget : int
        Sequences at most.
    seed : int
        The nets have the seeds 10 · ``seed`` … 10 · ``seed`` + 9.

    Returns
    -------
    dict
        ``parameters`` of each net; ``sequences_0`` … ``sequences_9`` until the rule was
        met, None where it never was; ``wrong_0`` … ``wrong_9`` of 2,560 fresh
        sequences, the same for all.
    """
    net, met = learn(task, range(NETS * seed, NETS * (seed + 1)), budget)
    blocks = SETTINGS[task][2]
    rngs = [np.random.default_rng(1000 + k) for k in range(TESTED)]
    xs, targets, lengths = _one_each(TASKS[task], rngs)
    found = {"parameters": sum(weights[0].size for weights in net)}
    for k in range(NETS):
        one = Net(*(np.repeat(weights[k : k + 1], TESTED, axis=0) for weights in net))
        ys, _ = forward(one, xs, lengths, blocks, trace=False)
        wrong = np.abs(ys - targets).max(axis=1) >= TASKS[task].right
        found[f"sequences_{k}"] = int(met[k]) or None
        found[f"wrong_{k}"] = int(wrong.sum())
    return found


NETS = 10  # that are trained side by side

EXPERIMENTS = (
    Experiment(
        name="paper-1997-rebuilt",
        about="Experiments of 1997 with the net of 1997, ten side by side (ch. 16)",
        function=rebuilt,
        grid=({"task": "6a", "budget": 80_000}, {"task": "4", "budget": 400_000}),
        results=(
            "parameters",
            *(f"{name}_{k}" for k in range(NETS) for name in ("sequences", "wrong")),
        ),
        seeds=1,
    ),
)
