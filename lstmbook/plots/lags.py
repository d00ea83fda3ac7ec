"""Gradients against lag."""

import numpy as np

from lstmbook.plots.style import LOOKS

__all__ = ["gradient_against_lag"]

#: A smaller gradient counts as vanished; the axis ends here.
FLOOR = 1e-12


def gradient_against_lag(
    ax,
    norms,
    bound=None,
    rate=None,
    floor=FLOOR,
    look=LOOKS["h"],
    label="measured",
):
    """Plot gradient norms against lag, as shares of the norm at lag 0.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    norms : array_like, shape (lags,) or (lags, N)
        Row k after k steps back. For several sequences, the median is drawn, with a
        band from the smallest to the largest.
    bound : array_like, shape (lags,), optional
        Such as from :func:`lstmbook.diagnostics.norm_bound`.
    rate : array_like, shape (lags,), optional
        Such as from :func:`lstmbook.diagnostics.radius_rate`.
    floor : float
        Smaller shares, zero among them, are drawn here: a logarithmic axis needs it.
    look : Look
        Of the curve: that of h by default.
    label : str
        Of the curve, in a legend.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a gradient at lag 0 is zero or not a number.
    """
    norms = np.asarray(norms, dtype=float)
    norms = norms.reshape(len(norms), -1)
    if not (norms[0] > 0).all():
        raise ValueError(f"norms begins with {norms[0].min()}; expected above 0")
    shares = np.maximum(norms / norms[0], floor)
    lags = np.arange(len(shares))
    if shares.shape[1] > 1:
        low, high = shares.min(axis=1), shares.max(axis=1)
        ax.fill_between(lags, low, high, color=look.color, alpha=0.25, linewidth=0)
    median = np.median(shares, axis=1)
    ax.plot(lags, median, color=look.color, ls=look.linestyle, label=label)
    for curve, name, ls in (
        (bound, r"bound, $\sigma_{\max}^k$", (0, (5, 2))),
        (rate, r"linear net's rate, $\rho^k$", (0, (1, 1.5))),
    ):
        if curve is not None:
            drawn = np.maximum(curve, floor)
            ax.plot(lags, drawn, color="black", linestyle=ls, linewidth=1.2, label=name)
    ax.set(yscale="log", xlabel="lag k, in steps", ylabel="gradient, as share of lag 0")
    return ax
