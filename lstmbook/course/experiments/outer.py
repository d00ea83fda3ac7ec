"""Experiments on what a trained cell holds: the outer symbol (chapter 14).

Pairs of strings of the embedded Reber grammar with the same inner string and another
outer symbol are called twins. A net that has learned the grammar must treat them in
the same way, until it is asked for the outer symbol.
"""

from itertools import chain

import numpy as np

from lstmbook import tree
from lstmbook.cells import LSTM
from lstmbook.course.experiments.runner import Experiment
from lstmbook.losses import softmax_cross_entropy
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks import reber as grammar
from lstmbook.train import train

__all__ = [
    "EXPERIMENTS",
    "exchange",
    "explained",
    "fit",
    "fit_probe",
    "follows",
    "hold_gate",
    "outer_unit",
    "probe_score",
    "read",
    "share_right",
    "twins",
]

EVERY = 20  # updates between two tests
LIMIT = 2_000
EARLY = 5  # the step after which states are exchanged early, counted from 0
T, P = map(grammar.SYMBOLS.index, "TP")


def fit(hidden, rate, seed):
    """Train an LSTM on fresh strings until it meets the criterion of 1997.

    Adam, batches of 32 strings, gradients clipped at a norm of 1. Every 20 updates it
    is tested on 256 strings, the same for all seeds.

    Parameters
    ----------
    hidden : int
        H.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and strings.

    Returns
    -------
    model : Model
    updates : int or None
        Until the criterion was met; None if it was not within 2,000.

    Raises
    ------
    ArithmeticError
        If a loss or a gradient is not finite.
    """
    rng = np.random.default_rng(seed)
    cell = LSTM.init(rng, len(grammar.SYMBOLS), hidden)
    model = Model.init(rng, cell, len(grammar.SYMBOLS), readout="all")
    test = grammar.reber(np.random.default_rng(1000), 256)
    batches = (grammar.reber(rng, 32) for _ in range(LIMIT))

    def met(update):
        return update.number % EVERY == 0 and share_right(update.model, test) == 1

    run = train(model, batches, softmax_cross_entropy, Adam(rate), 1.0, hook=met)
    if run.stopped:
        raise ArithmeticError(run.stopped)
    met_at = len(run.losses) if share_right(run.model, test) == 1 else None
    return run.model, met_at


def share_right(model, batch):
    """Share of strings that are right by the criterion of 1997.

    Parameters
    ----------
    model : Model
        With a score for each symbol at each step.
    batch : Batch
        Strings, from :mod:`lstmbook.tasks.reber`.

    Returns
    -------
    float
    """
    scores, _ = model.forward(batch.xs, None, batch.lengths)
    return float(grammar.right(scores, batch).mean())


def twins(rng, number):
    """Draw strings with different inner strings, each with T and with P outside.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the inner strings.
    number : int
        N. No two of the inner strings are equal.

    Returns
    -------
    with_t, with_p : Batch
        The inner strings are in the same order in both.
    """
    inner = {}  # keeps the order
    while len(inner) < number:
        inner[grammar.draw(rng)[2:-2]] = None
    return tuple(
        grammar.encode(f"B{symbol}{string}{symbol}E" for string in inner)
        for symbol in grammar.OUTER
    )


def fit_probe(states, labels):
    """Fit a linear probe: weights and an offset, by least squares to ±1.

    Parameters
    ----------
    states : ndarray, shape (N, K)
        What is read.
    labels : ndarray of bool, shape (N,)
        What is to be told.

    Returns
    -------
    ndarray, shape (K + 1,)
        Weights, and the offset last.
    """
    design = np.column_stack([states, np.ones(len(states))])
    return np.linalg.lstsq(design, np.where(labels, 1.0, -1.0), rcond=None)[0]


def probe_score(probe, states, labels):
    """Share of labels that a probe tells.

    Parameters
    ----------
    probe : ndarray, shape (K + 1,)
        From :func:`fit_probe`.
    states : ndarray, shape (N, K)
        As there, of other strings.
    labels : ndarray of bool, shape (N,)

    Returns
    -------
    float
    """
    return float(((states @ probe[:-1] + probe[-1] > 0) == labels).mean())


def exchange(model, own, donor, step, units):
    """Run on with some units' state taken from another run.

    Parameters
    ----------
    model : Model
        Of an LSTM.
    own, donor : Batch
        Twins.
    step : ndarray of int, shape (N,)
        After which step of each string the state is exchanged, counted from 0; at most
        lengths − 3, so that the question is still to come.
    units : list of int
        Whose c and h are the donor's from then on.

    Returns
    -------
    ndarray, shape (N, 7)
        The scores at the last step but one, where the outer symbol is asked for.
    """
    sequences = np.arange(own.xs.shape[1])
    ours, theirs = (
        tree.map(
            lambda part: part[step, sequences],
            model.forward(batch.xs, None, batch.lengths)[1].states,
        )
        for batch in (own, donor)
    )
    for part, other in zip(ours, theirs, strict=True):
        part[:, units] = other[:, units]
    # What is left of each string, moved to the front.
    left = own.lengths - step - 1
    rows = np.minimum(np.arange(left.max())[:, None] + step + 1, len(own.xs) - 1)
    scores, _ = model.forward(own.xs[rows, sequences], ours, left)
    return scores[left - 2, sequences]


def follows(model, pair, step, units):
    """Share of strings whose answer follows the exchanged state.

    Parameters
    ----------
    model : Model
        Of an LSTM.
    pair : (Batch, Batch)
        From :func:`twins`. Each gives its state to the other.
    step, units
        As for :func:`exchange`.

    Returns
    -------
    float
        0 where every answer is that of the string's own outer symbol, 1 where every
        answer is the donor's. The answer is T or P, whichever has the higher score.
    """
    with_t, with_p = pair
    first = exchange(model, with_t, with_p, step, units)
    second = exchange(model, with_p, with_t, step, units)
    return float(np.mean([first[:, P] > first[:, T], second[:, T] > second[:, P]]))


def explained(gate, symbols):
    """Share of a gate's variance that the symbol at the same step explains.

    Parameters
    ----------
    gate : ndarray, shape (S, H)
        Values of a gate at S steps.
    symbols : ndarray of int, shape (S,)
        The symbol shown at each.

    Returns
    -------
    ndarray, shape (H,)
        1 where the gate depends on nothing else, 0 where it does not depend on it.
    """
    means = np.zeros_like(gate)
    for symbol in np.unique(symbols):
        here = symbols == symbol
        means[here] = gate[here].mean(axis=0)
    return means.var(axis=0) / gate.var(axis=0)


def hold_gate(model, gate, unit, share):
    """Hold one gate of one unit at a fixed share, whatever the cell reads.

    Parameters
    ----------
    model : Model
        Of an LSTM.
    gate : {"i", "f", "o"}
        Which gate.
    unit : int
        Of which unit.
    share : float
        Between 0 and 1.

    Returns
    -------
    Model
        A copy.
    """
    model = tree.map(np.copy, model)
    for weights in ("W_x", "W_h"):
        getattr(model.cell, weights + gate)[:, unit] = 0
    getattr(model.cell, f"b_{gate}")[unit] = np.log(share) - np.log1p(-share)
    return model


def outer_unit(hidden, rate, seed):
    """Train by :func:`fit`; find who holds the outer symbol, by probe and by exchange.

    Probes are fitted on 150 pairs of twins and scored on 150 others, which also
    exchange their states. They read c after two steps: "early" is the sixth symbol,
    "late" the last before the E of the inner string. A probe of one unit reads its c
    alone.

    Parameters
    ----------
    hidden, rate, seed
        As for :func:`fit`.

    Returns
    -------
    dict
        ``updates``; ``right``, the share of the twins that are right. For early and
        late: ``probe``, the score of the probe of all units; ``shuffled``, the mean
        score of 20 probes fitted to shuffled labels; ``untrained``, the score of a
        probe of the net before training; ``unit``, which unit's own probe is best on
        the strings that it was fitted to; ``unit_probe``, that unit's score on the
        others; ``unit_swap``, the share of answers that follow its exchange;
        ``other_swap``, the largest share for another unit; ``rest_swap``, the share for
        all units but this one, and ``all_swap``, for all; ``tell``, how many units' own
        probes score 0.95 or more; ``move``,
        how many units' exchanges 0.5 or more. And of all gates of all units:
        ``looks``, how many vary (standard deviation 0.2 or more) and follow the symbol
        (:func:`explained` 0.8 or more); ``idle``, at how many of these all strings but
        1 % stay right when it is held at its mean; ``looks_untrained``, the median of
        :func:`explained` over the gates of the net before training.
    """
    model, updates = fit(hidden, rate, seed)
    rng = np.random.default_rng(seed)
    inputs = len(grammar.SYMBOLS)
    start = Model.init(rng, LSTM.init(rng, inputs, hidden), inputs, readout="all")
    pair = twins(np.random.default_rng(2000), 300)
    known, fresh = (
        tuple(_some(batch, part) for batch in pair)
        for part in (slice(150), slice(150, None))
    )
    both = grammar.encode(chain(*map(grammar.strings, pair)))
    found = {"updates": updates, "right": share_right(model, both)}
    for when, step in (("early", _early), ("late", _late)):
        values = _who_holds(model, start, known, fresh, step)
        found |= {f"{name}_{when}": value for name, value in values.items()}
    found |= _idle_gates(model, start, both)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}


def _early(batch):
    return np.full(len(batch.lengths), EARLY)


def _late(batch):
    return batch.lengths - 3


def _some(batch, part):
    return grammar.encode(grammar.strings(batch)[part])


def read(model, pair, step):
    """Collect what a probe reads: c after a step, of twins.

    Parameters
    ----------
    model : Model
        Of an LSTM.
    pair : (Batch, Batch)
        From :func:`twins`.
    step : ndarray of int, shape (N,)
        As for :func:`exchange`.

    Returns
    -------
    states : ndarray, shape (2 N, H)
        Those of the strings with T first.
    labels : ndarray of bool, shape (2 N,)
        True where the outer symbol is T.
    """
    N = len(step)
    states = [
        model.forward(batch.xs, None, batch.lengths)[1].states.c[step, np.arange(N)]
        for batch in pair
    ]
    return np.concatenate(states), np.repeat([True, False], N)


def _who_holds(model, start, known, fresh, step):
    (states, labels), (others, truth) = (
        read(model, pair, step(pair[0])) for pair in (known, fresh)
    )
    units = range(states.shape[1])
    alone = [fit_probe(states[:, [k]], labels) for k in units]
    fitted = [probe_score(alone[k], states[:, [k]], labels) for k in units]
    scores = [probe_score(alone[k], others[:, [k]], truth) for k in units]
    rng = np.random.default_rng(0)
    shuffled = [fit_probe(states, rng.permutation(labels)) for _ in range(20)]
    before = fit_probe(*read(start, known, step(known[0])))

    def swap(which):
        return follows(model, fresh, step(fresh[0]), which)

    swaps = [swap([k]) for k in units]
    unit = int(np.argmax(fitted))
    return {
        "probe": probe_score(fit_probe(states, labels), others, truth),
        "shuffled": float(np.mean([probe_score(w, others, truth) for w in shuffled])),
        "untrained": probe_score(before, *read(start, fresh, step(fresh[0]))),
        "unit": unit,
        "unit_probe": scores[unit],
        "unit_swap": swaps[unit],
        "other_swap": max(swaps[:unit] + swaps[unit + 1 :]),
        "rest_swap": swap([k for k in units if k != unit]),
        "all_swap": swap([*units]),
        "tell": sum(score >= 0.95 for score in scores),
        "move": sum(swap >= 0.5 for swap in swaps),
    }


def _idle_gates(model, start, batch):
    inside = np.arange(len(batch.xs))[:, None] < batch.lengths
    symbols = batch.xs.argmax(axis=-1)[inside]
    looks, idle, before = 0, 0, []
    base = share_right(model, batch)
    gates, first = (
        net.forward(batch.xs, None, batch.lengths)[1].gates for net in (model, start)
    )
    for name in "ifo":
        gate = getattr(gates, name)[inside]
        before.extend(explained(getattr(first, name)[inside], symbols))
        seems = (explained(gate, symbols) >= 0.8) & (gate.std(axis=0) >= 0.2)
        for unit in np.flatnonzero(seems):
            held = hold_gate(model, name, unit, gate[:, unit].mean())
            looks += 1
            idle += share_right(held, batch) >= base - 0.01
    return {
        "looks": looks,
        "idle": int(idle),
        "looks_untrained": float(np.median(before)),
    }


WHO = (
    *("probe", "shuffled", "untrained", "unit", "unit_probe", "unit_swap"),
    *("other_swap", "rest_swap", "all_swap", "tell", "move"),
)
EXPERIMENTS = (
    Experiment(
        name="outer-unit",
        about="which unit holds the outer symbol of a Reber string? (chapter 14)",
        function=outer_unit,
        grid=({"hidden": 8, "rate": 0.03},),
        results=(
            *("updates", "right"),
            *(f"{name}_{when}" for when in ("early", "late") for name in WHO),
            *("looks", "idle", "looks_untrained"),
        ),
        seeds=12,
    ),
)
