"""Two monthly series, and one-year forecasts of them (chapter 18).

Every forecast is made at an *origin* t from the values before t, for the months
t … t + 11. Origins come in blocks; a model is fitted on what lies before its block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstmbook.cells import LSTM, RNN
from lstmbook.data import Batch, minibatches
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.train import train

__all__ = [
    "BLOCK",
    "BLOCKS",
    "CLASSICS",
    "HORIZON",
    "NETS",
    "SERIES",
    "YEAR",
    "Net",
    "Windows",
    "band",
    "blocks",
    "fit",
    "load",
    "relative",
    "seasonal_naive",
    "windows",
]

YEAR = 12  # months
HORIZON = 12  # months ahead
WINDOW = 24  # months that a net sees
BLOCK = 60  # origins between two fits
BLOCKS = 5  # the first is for choosing, the others for the test
HIDDEN = 16
BATCH = 32

#: Name to what it is and its unit.
SERIES = {
    "co2": ("carbon dioxide at Mauna Loa, 1958–2001", "ppm"),
    "elnino": ("sea surface off Peru, 1950–2010", "°C"),
}
NETS = "LSTM", "feed-forward"


def load(series: str) -> tuple[np.ndarray, np.ndarray]:
    """Load a series that comes with statsmodels :cite:`seabold2010`.

    Parameters
    ----------
    series : str
        ``"co2"``, weekly, averaged over months; five months without a value, all
        before 1965, are interpolated. Or ``"elnino"``, monthly.

    Returns
    -------
    months : ndarray of datetime64
    values : ndarray of float64

    Raises
    ------
    ValueError
        If there is no such series.
    """
    if series not in SERIES:
        raise ValueError(f"series is {series!r}; expected one of {', '.join(SERIES)}")
    from statsmodels.datasets import co2, elnino

    if series == "co2":
        monthly = co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
        return monthly.index.to_numpy().astype("datetime64[M]"), monthly.to_numpy()
    values = elnino.load_pandas().data.iloc[:, 1:].to_numpy(float).ravel()
    return np.datetime64("1950-01") + np.arange(len(values)), values


def blocks(values: np.ndarray) -> list[np.ndarray]:
    """Split the last origins into blocks of 60, the earliest first.

    Parameters
    ----------
    values : ndarray, shape (K,)
        The whole series.

    Returns
    -------
    list of ndarray of int
        Five blocks; the last origin leaves twelve months to compare with.
    """
    end = len(values) - HORIZON + 1
    starts = range(end - BLOCK * BLOCKS, end, BLOCK)
    return [np.arange(start, start + BLOCK) for start in starts]


class Windows(NamedTuple):
    """What is known at some origins, and what comes."""

    past: np.ndarray  #: (K, 24)
    future: np.ndarray  #: (K, 12)


def windows(values: np.ndarray, origins: np.ndarray) -> Windows:
    """Cut a window around each origin.

    Parameters
    ----------
    values : ndarray, shape (K,)
        The series.
    origins : array_like of int
        Each at least 24.

    Returns
    -------
    Windows
    """
    origins = np.asarray(origins)[:, None]
    past = values[origins + np.arange(-WINDOW, 0)]
    return Windows(past, values[origins + np.arange(HORIZON)])


def seasonal_naive(past: np.ndarray) -> np.ndarray:
    """Forecast the value of the same month of the last year, (K, 24) → (K, 12)."""
    return past[:, -YEAR:]


def relative(forecast: np.ndarray, at: Windows) -> float:
    """Error over that of the seasonal naive forecast (:eq:`eq-relative-error`).

    Parameters
    ----------
    forecast : ndarray, shape (K, M)
        For the first M of the twelve months.
    at : Windows
        What was known, and what came.

    Returns
    -------
    float
    """
    M = forecast.shape[1]
    came = at.future[:, :M]
    naive = seasonal_naive(at.past)[:, :M]
    return float(np.abs(forecast - came).mean() / np.abs(naive - came).mean())


class Net(NamedTuple):
    """A fitted net and the scales of its inputs and outputs."""

    model: Model
    kind: str  #: one of ``NETS``
    levels: tuple[float, float] | None  #: mean and scale, if it sees levels
    scales: tuple[float, float]  #: of inputs and of targets, if it sees differences

    def forecast(self, past: np.ndarray) -> np.ndarray:
        """Forecast twelve months, (K, 24) → (K, 12)."""
        predictions, _ = self.model.forward(self._inputs(past))
        if self.levels:
            mean, scale = self.levels
            return predictions * scale + mean
        return predictions * self.scales[1] + seasonal_naive(past)

    def _inputs(self, past):
        if self.levels:
            mean, scale = self.levels
            scaled = (past - mean) / scale
        else:
            scaled = (past - past[:, -1:]) / self.scales[0]
        # A feed-forward net sees the window in one step.
        return scaled.T[..., None] if self.kind == "LSTM" else scaled[None]

    def _targets(self, windows):
        if self.levels:
            mean, scale = self.levels
            return (windows.future - mean) / scale
        return (windows.future - seasonal_naive(windows.past)) / self.scales[1]


def fit(
    kind: str,
    known: Windows,
    rate: float,
    updates: int,
    seed: int,
    levels: tuple[float, float] | None = None,
    look: Callable[[int, Net], None] | None = None,
) -> Net:
    """Fit a net of 16 units to windows: Adam, batches of 32, squared errors.

    It reads each month's difference to the last one, and answers with the difference to
    the seasonal naive forecast, each divided by its standard deviation in ``known``.

    Parameters
    ----------
    kind : {"LSTM", "feed-forward"}
        The second has one hidden layer of tanh, and sees all 24 months at once.
    known : Windows
        To learn from.
    rate : float
        Adam's learning rate.
    updates : int
        How many.
    seed : int
        Of weights and batches.
    levels : tuple of float, optional
        Mean and scale: the net then reads and answers levels, scaled by these.
    look : callable, optional
        Called every hundred updates with their number and the net so far.

    Returns
    -------
    Net

    Raises
    ------
    ValueError
        If ``kind`` is neither.
    """
    if kind not in NETS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(NETS)}")
    rng = np.random.default_rng(seed)
    cell = (
        LSTM.init(rng, 1, HIDDEN) if kind == "LSTM" else RNN.init(rng, WINDOW, HIDDEN)
    )
    moves = known.past - known.past[:, -1:]
    gaps = known.future - seasonal_naive(known.past)
    net = Net(
        Model.init(rng, cell, HORIZON), kind, levels, (float(moves.std()), gaps.std())
    )
    data = Batch(net._inputs(known.past), net._targets(known))

    def hook(update):
        if look is not None and update.number % 100 == 0:
            look(update.number, net._replace(model=update.model))
        return update.number >= updates

    epochs = 1 + updates * BATCH // len(known.past) * 2
    batches = minibatches(rng, data, BATCH, epochs=epochs)
    run = train(net.model, batches, mse, Adam(rate), max_norm=1.0, hook=hook)
    return net._replace(model=run.model)


def linear(values, origins):
    """Fit least squares to the same windows, and forecast from the origins."""
    known = windows(values, np.arange(WINDOW, origins[0] - HORIZON + 1))

    def inputs(past):
        return np.c_[past - past[:, -1:], np.ones(len(past))]

    gaps = known.future - seasonal_naive(known.past)
    weights, *_ = np.linalg.lstsq(inputs(known.past), gaps, rcond=None)
    past = windows(values, origins).past
    return inputs(past) @ weights + seasonal_naive(past)


def autoregression(values, origins):
    """AR with the lags, at most 24, that Akaike's criterion chooses, and a trend."""
    from statsmodels.tsa.ar_model import ar_select_order

    chosen = ar_select_order(values[: origins[0]], 24, ic="aic", trend="ct")
    fitted = chosen.model.fit()
    return np.array([fitted.apply(values[:t]).forecast(HORIZON) for t in origins])


def smoothing(values, origins):
    """Exponential smoothing with additive error, trend and season (Holt-Winters)."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    kind = {"error": "add", "trend": "add", "seasonal": "add", "seasonal_periods": YEAR}
    parameters = ETSModel(values[: origins[0]], **kind).fit(disp=False).params
    return np.array(
        [
            ETSModel(values[:t], **kind).smooth(parameters).forecast(HORIZON)
            for t in origins
        ]
    )


def naive(values, origins):
    """The last value, twelve times."""
    return np.repeat(windows(values, origins).past[:, -1:], HORIZON, axis=1)


#: Name to a function of the series and a block of origins that returns (K, 12); what it
#: fits, it fits on the values before the block.
CLASSICS = {
    "naive": naive,
    "seasonal naive": lambda values, at: seasonal_naive(windows(values, at).past),
    "smoothing": smoothing,
    "autoregression": autoregression,
    "linear, same windows": linear,
}


def band(errors: np.ndarray, share: float) -> np.ndarray:
    """Half-width of a band that holds a share of new errors (:eq:`eq-band`).

    The quantile of split conformal prediction :cite:`angelopoulos2023`: of K absolute
    errors the ⌈(K + 1) share⌉-th smallest.

    Parameters
    ----------
    errors : ndarray, shape (K, 12)
        Of forecasts on data that the model has not seen.
    share : float
        Between 0 and 1.

    Returns
    -------
    ndarray, shape (12,)
        ∞ where K is too small for the share.

    Raises
    ------
    ValueError
        If ``share`` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; expected a number between 0 and 1")
    K = len(errors)
    rank = int(np.ceil((K + 1) * share))
    if rank > K:
        return np.full(errors.shape[1], np.inf)
    return np.sort(np.abs(errors), axis=0)[rank - 1]
