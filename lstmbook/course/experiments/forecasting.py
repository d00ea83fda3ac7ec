"""Experiments on forecasting a year of two monthly series (chapter 18).

Errors are mean absolute errors over the twelve months ahead, divided by that of the
seasonal naive forecast for the same months: below 1 is better than last year's values.
"""

import numpy as np

from lstmbook.course.experiments.runner import Experiment
from lstmbook.course.forecasts import (
    HORIZON,
    NETS,
    SERIES,
    WINDOW,
    band,
    blocks,
    fit,
    load,
    relative,
    seasonal_naive,
    windows,
)

__all__ = [
    "AHEAD",
    "CHOSEN",
    "EXPERIMENTS",
    "LOOKS",
    "RATES",
    "best",
    "forecasting",
    "forecasting_leaks",
    "forecasting_rates",
    "known_before",
]

RATES = 0.003, 0.01, 0.03
LOOKS = 100, 200, 300, 400, 500, 600  # updates after which a net is scored
TUNING = 1000  # first seed of the runs on which rates are chosen
AHEAD = 1, 3, 6, 12  # months ahead that are scored alone
SHARES = 80, 95  # per cent that a band is to hold
TEST = 1, 2, 3, 4  # blocks of the test; block 0 is for choosing

#: Learning rate and updates of each net on each series: :func:`best` of the records of
#: the experiment forecasting-rates.
CHOSEN = {
    ("co2", "LSTM"): (0.03, 100),
    ("co2", "feed-forward"): (0.003, 100),
    ("elnino", "LSTM"): (0.03, 500),
    ("elnino", "feed-forward"): (0.03, 200),
}


def known_before(values, origins):
    """Windows that lie before a block of origins, what comes included.

    Parameters
    ----------
    values : ndarray, shape (K,)
        The series.
    origins : ndarray of int
        The block.

    Returns
    -------
    Windows
    """
    return windows(values, np.arange(WINDOW, origins[0] - HORIZON + 1))


def forecasting_rates(series, net, rate, seed):
    """Score a net every hundred updates, on the block for choosing and on the test.

    Parameters
    ----------
    series : str
        Name in :data:`lstmbook.course.forecasts.SERIES`.
    net : str
        One of ``NETS``.
    rate : float
        Adam's learning rate.
    seed : int
        The run has the seed 1000 + ``seed``.

    Returns
    -------
    dict
        ``choose_100`` …, the error on the first block, and ``test_100`` …, the mean of
        those on the others.
    """
    _, values = load(series)
    errors = np.empty((len(LOOKS), 1 + len(TEST)))
    for b, origins in enumerate(blocks(values)):
        at = windows(values, origins)

        def look(number, net, b=b, at=at):
            errors[LOOKS.index(number), b] = relative(net.forecast(at.past), at)

        known = known_before(values, origins)
        fit(net, known, rate, max(LOOKS), TUNING + seed, look=look)
    found = {}
    for row, number in zip(errors, LOOKS, strict=True):
        found[f"choose_{number}"] = round(row[0], 4)
        found[f"test_{number}"] = round(row[1:].mean(), 4)
    return found


def best(rows, score="choose"):
    """Choose the rate and the number of updates with the smallest mean error.

    Parameters
    ----------
    rows : list of dict
        Records of one net on one series.
    score : {"choose", "test"}
        By which block; only the first is honest.

    Returns
    -------
    rate : float
    updates : int
    """
    runs = {}
    for row in rows:
        for number in LOOKS:
            key = row["rate"], number
            runs.setdefault(key, []).append(row[f"{score}_{number}"])
    return min(runs, key=lambda key: np.mean(runs[key]))


def forecasting(series, net, seed):
    """Forecast each block of the test with a net that was fitted before it.

    Parameters
    ----------
    series, net
        As for :func:`forecasting_rates`; the rate and the updates are ``CHOSEN``.
    seed : int
        Of weights and batches.

    Returns
    -------
    dict
        ``overall``, over all twelve months and blocks; ``block_1`` … ``block_4``;
        ``ahead_1`` …, that many months ahead; ``inside_80`` and ``inside_95``, the
        shares of months inside bands that the errors of the block before give.
    """
    _, values = load(series)
    rate, updates = CHOSEN[series, net]
    forecasts, came = [], []
    for origins in blocks(values):
        fitted = fit(net, known_before(values, origins), rate, updates, seed)
        came.append(windows(values, origins))
        forecasts.append(fitted.forecast(came[-1].past))
    return scores(forecasts, came)


def scores(forecasts, came):
    """Score the forecasts of all blocks.

    Parameters
    ----------
    forecasts : list of ndarray, shape (K, 12)
        Of each block.
    came : list of Windows
        At the same origins.

    Returns
    -------
    dict
        As :func:`forecasting` has it.
    """
    errors = [f - w.future for f, w in zip(forecasts, came, strict=True)]
    naive = [seasonal_naive(w.past) - w.future for w in came]
    ours = np.abs(np.array(errors[1:]))  # (4, K, 12)
    theirs = np.abs(np.array(naive[1:]))
    found = {"overall": ours.mean() / theirs.mean()}
    for b in TEST:
        found[f"block_{b}"] = ours[b - 1].mean() / theirs[b - 1].mean()
    for month in AHEAD:
        k = month - 1
        found[f"ahead_{month}"] = ours[..., k].mean() / theirs[..., k].mean()
    for share in SHARES:
        inside = [np.abs(errors[b]) <= band(errors[b - 1], share / 100) for b in TEST]
        found[f"inside_{share}"] = np.mean(inside)
    return {name: round(float(value), 4) for name, value in found.items()}


def forecasting_leaks(series, seed):
    """Measure what an LSTM seems to gain when it sees what it should not.

    Parameters
    ----------
    series : str
        As for :func:`forecasting_rates`.
    seed : int
        Of weights, batches, and of which half of the origins is held out.

    Returns
    -------
    dict
        Errors, means over the four blocks: ``levels``, of a net that reads levels,
        scaled by the past; ``levels_all``, scaled by the whole series; ``half``, of the
        honest net on half of the origins; ``half_shuffled``, of a net that has learned
        the other half too; ``year`` and ``month``, of the honest net on all twelve
        months and on the first alone.
    """
    _, values = load(series)
    rate, updates = CHOSEN[series, "LSTM"]
    rng = np.random.default_rng((seed, 1))
    found = {name: [] for name in LEAKS}
    for origins in blocks(values)[1:]:
        known, at = known_before(values, origins), windows(values, origins)
        before = values[: origins[0]]
        for name, seen in (("levels", before), ("levels_all", values)):
            scale = float(seen.mean()), float(seen.std())
            net = fit("LSTM", known, rate, updates, seed, levels=scale)
            found[name].append(relative(net.forecast(at.past), at))
        order = rng.permutation(len(origins))
        held_out, learned = (
            windows(values, origins[half]) for half in np.array_split(order, 2)
        )
        honest = fit("LSTM", known, rate, updates, seed)
        more = type(known)(
            *(np.concatenate(pair) for pair in zip(known, learned, strict=True))
        )
        leaky = fit("LSTM", more, rate, updates, seed)
        for name, net in (("half", honest), ("half_shuffled", leaky)):
            found[name].append(relative(net.forecast(held_out.past), held_out))
        forecast = honest.forecast(at.past)
        scale = np.abs(seasonal_naive(at.past) - at.future).mean()
        for name, M in (("year", HORIZON), ("month", 1)):
            miss = np.abs(forecast[:, :M] - at.future[:, :M]).mean()
            found[name].append(miss / scale)
    return {name: round(float(np.mean(errors)), 4) for name, errors in found.items()}


LEAKS = "levels", "levels_all", "half", "half_shuffled", "year", "month"

EXPERIMENTS = (
    Experiment(
        name="forecasting-rates",
        about="rate and updates of the nets that forecast, on other seeds (ch. 18)",
        function=forecasting_rates,
        grid=tuple(
            {"series": series, "net": net, "rate": rate}
            for series in SERIES
            for net in NETS
            for rate in RATES
        ),
        results=tuple(
            f"{score}_{number}" for number in LOOKS for score in ("choose", "test")
        ),
        seeds=2,
    ),
    Experiment(
        name="forecasting",
        about="an LSTM and a feed-forward net, a year ahead (chapter 18)",
        function=forecasting,
        grid=tuple({"series": s, "net": net} for s in SERIES for net in NETS),
        results=(
            "overall",
            *(f"block_{b}" for b in TEST),
            *(f"ahead_{month}" for month in AHEAD),
            *(f"inside_{share}" for share in SHARES),
        ),
        seeds=10,
    ),
    Experiment(
        name="forecasting-leaks",
        about="what four leaks seem to gain (chapter 18)",
        function=forecasting_leaks,
        grid=tuple({"series": series} for series in SERIES),
        results=LEAKS,
        seeds=10,
    ),
)
