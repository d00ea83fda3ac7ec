"""Experiments on state tracking: which nets can follow a state (chapter 19).

A net sees elements of a small group and names their product after each step. It is
trained on sequences of up to 20 steps and tested on 80. Its learning rate for each
group is chosen on other seeds.
"""

import numpy as np

from lstmbook.course.experiments.runner import Experiment
from lstmbook.tasks.state_tracking import GROUPS, state_tracking

__all__ = [
    "ATTENTION_RATES",
    "CHOSEN",
    "EDGES",
    "EXPERIMENTS",
    "LONGER",
    "NETS",
    "RATES",
    "STAGES",
    "STEPS",
    "WIDER",
    "best",
    "track",
    "tracking",
    "tracking_longer",
    "tracking_rates",
    "tracking_wider",
]

#: All of ``lstmbook.course.trackers``, which loads PyTorch.
NETS = (
    *("RNN", "LSTM", "GRU", "sLSTM"),
    *("minLSTM", "diagonal SSM", "signed SSM", "attention"),
)
RATES = 0.003, 0.01, 0.03
ATTENTION_RATES = 0.001, 0.003, 0.01
TUNING = 1000  # first seed of the runs on which rates are chosen
STAGES = 5, 10, 20  # steps of the sequences, short ones first
STEPS = 5, 10, 15, 20, 30, 40, 60, 80  # where the net is tested
EVERY = 50  # updates between two looks
UPDATES = 1200
WIDTH = 32


def track(group, net, rate, seed, budget=UPDATES, width=WIDTH):
    """Train a net to multiply elements of a group, and test it on longer sequences.

    Adam, 64 sequences an update, gradients clipped at a norm of 1. A stage of
    ``STAGES`` ends when 99 % of its last five steps are right on held-out sequences, or
    with its share of the updates: a quarter each for the first two. The last one ends
    when 99.9 % are right twice in a row.

    Parameters
    ----------
    group : str
        Name in :data:`lstmbook.tasks.state_tracking.GROUPS`.
    net : str
        One of ``NETS``.
    rate : float
        Adam's learning rate.
    seed : int
        Of weights and data.
    budget : int
        Updates at most.
    width : int
        Units of each layer.

    Returns
    -------
    dict
        ``parameters``, ``updates`` until it ended, and for each of ``STEPS`` the share
        of right answers there and at the four steps before, as ``right_20``.
    """
    import torch

    from lstmbook.course.trackers import Tracker

    torch.manual_seed(seed)
    G = len(GROUPS[group])
    model = Tracker(net, G, G, width)
    adam = torch.optim.Adam(model.parameters(), rate)

    def draw(rng, length, batch_size):
        batch = state_tracking(rng, group, length, batch_size, np.float32)
        return torch.tensor(batch.xs), torch.tensor(batch.targets)

    def right(length, batch_size, held_out):
        xs, targets = draw(np.random.default_rng((held_out, 1)), length, batch_size)
        with torch.no_grad():
            return (model(xs).argmax(-1) == targets).double().mean(1).numpy()

    rng = np.random.default_rng((seed, 0))
    stages, in_a_row, number = list(STAGES), 0, 0
    for number in range(1, budget + 1):
        xs, targets = draw(rng, stages[0], 64)
        scores = model(xs).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(scores, targets.flatten())
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if number % EVERY:
            continue
        share = right(stages[0], 256, held_out=1)[-5:].mean()
        if len(stages) > 1:
            if share >= 0.99 or number >= budget / 4 * (4 - len(stages)):
                stages.pop(0)
            continue
        in_a_row = in_a_row + 1 if share >= 0.999 else 0
        if in_a_row == 2:
            break
    by_step = right(max(STEPS), 1000, held_out=2)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "updates": number,
        **{f"right_{t}": round(float(by_step[t - 5 : t].mean()), 4) for t in STEPS},
    }


def tracking(group, net, rate, seed):
    """Train with the usual budget and width.

    Parameters
    ----------
    group, net, rate, seed
        As for :func:`track`.

    Returns
    -------
    dict
        What :func:`track` returns.
    """
    return track(group, net, rate, seed)


def tracking_longer(group, net, rate, budget, seed):
    """Train with another budget.

    Parameters
    ----------
    group, net, rate, budget, seed
        As for :func:`track`.

    Returns
    -------
    dict
        What :func:`track` returns.
    """
    return track(group, net, rate, seed, budget=budget)


def tracking_wider(group, net, rate, width, seed):
    """Train with another width.

    Parameters
    ----------
    group, net, rate, width, seed
        As for :func:`track`.

    Returns
    -------
    dict
        What :func:`track` returns.
    """
    return track(group, net, rate, seed, width=width)


def tracking_rates(group, net, rate, seed):
    """Train as :func:`tracking` does, with seeds that choose rates only.

    Parameters
    ----------
    group, net, rate
        As for :func:`track`.
    seed : int
        The run has the seed 1000 + ``seed``.

    Returns
    -------
    dict
        What :func:`track` returns.
    """
    return track(group, net, rate, TUNING + seed)


def best(rows):
    """Choose the rate with the most right at the trained length.

    Parameters
    ----------
    rows : list of dict
        Records of one net on one group.

    Returns
    -------
    float
        Of equal ones, the rate with more right on all steps of the test, then the one
        with fewer updates.
    """
    runs = {}
    for row in rows:
        runs.setdefault(row["rate"], []).append(row)

    def rank(rate):
        def mean(name):
            return np.mean([row[name] for row in runs[rate]])

        trained = round(mean("right_20"), 2)
        return -trained, -sum(mean(f"right_{t}") for t in STEPS), mean("updates")

    return min(runs, key=rank)


#: Learning rate of each net for each group, in the order of ``NETS``: :func:`best` of
#: the records of the experiment tracking-rates.
CHOSEN = {
    "Z2": (0.01, 0.03, 0.03, 0.003, 0.003, 0.01, 0.003, 0.003),
    "S3": (0.01, 0.01, 0.03, 0.03, 0.01, 0.003, 0.03, 0.003),
}
#: What did not learn in its 1,200 updates is given four times as many.
LONGER = (
    *(("Z2", net) for net in ("minLSTM", "diagonal SSM", "attention")),
    *(("S3", net) for net in ("RNN", "minLSTM", "diagonal SSM")),
    *(("S3", net) for net in ("signed SSM", "attention")),
)
#: A net without recurrent weights whose chosen rate is the lowest or highest of the
#: three is tried with one beyond it, again on other seeds.
EDGES = (
    *(("Z2", "minLSTM", 0.001), ("Z2", "signed SSM", 0.001)),
    *(("S3", "diagonal SSM", 0.001), ("S3", "signed SSM", 0.1)),
)
#: Cells with fewer parameters than the LSTM are given twice the width, and so more.
WIDER = tuple(
    (group, net)
    for group in GROUPS
    for net in ("minLSTM", "diagonal SSM", "signed SSM")
)


def _row(group, net):
    return {"group": group, "net": net, "rate": CHOSEN[group][NETS.index(net)]}


RESULTS = ("parameters", "updates", *(f"right_{t}" for t in STEPS))
EXPERIMENTS = (
    Experiment(
        name="tracking-rates",
        about="which learning rate for tracking? on other seeds (chapter 19)",
        function=tracking_rates,
        grid=tuple(
            {"group": group, "net": net, "rate": rate}
            for group in GROUPS
            for net in NETS
            for rate in (ATTENTION_RATES if net == "attention" else RATES)
        ),
        results=RESULTS,
        seeds=2,
    ),
    Experiment(
        name="tracking",
        about="Which nets track parity, and permutations of three things? (chapter 19)",
        function=tracking,
        grid=tuple(_row(group, net) for group in GROUPS for net in NETS),
        results=RESULTS,
        seeds=10,
    ),
    Experiment(
        name="tracking-longer",
        about="The same with four times the updates, for what did not learn (ch. 19)",
        function=tracking_longer,
        grid=tuple(_row(*pair) | {"budget": 4 * UPDATES} for pair in LONGER),
        results=RESULTS,
        seeds=3,
    ),
    Experiment(
        name="tracking-edges",
        about="A learning rate beyond the edge, for cells without W_h (chapter 19)",
        function=tracking_rates,
        grid=tuple(
            {"group": group, "net": net, "rate": rate} for group, net, rate in EDGES
        ),
        results=RESULTS,
        seeds=2,
    ),
    Experiment(
        name="tracking-wider",
        about="Twice the units, for cells without recurrent weights (chapter 19)",
        function=tracking_wider,
        grid=tuple(_row(*pair) | {"width": 2 * WIDTH} for pair in WIDER),
        results=RESULTS,
        seeds=3,
    ),
)
