"""Curves over training."""

import numpy as np

from lstmbook.plots.style import LOOKS

__all__ = ["learning_curve"]


def learning_curve(ax, losses, baseline=None, window=25):
    """Plot the loss of each update, its running median, and a baseline to beat.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    losses : array_like, shape (updates,)
        Loss of each batch.
    baseline : tuple of (str, float), optional
        Name and loss of the predictor to beat.
    window : int
        Updates that a median is taken over.

    Returns
    -------
    matplotlib.axes.Axes
    """
    losses = np.asarray(losses)
    window = min(window, len(losses))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), -1)
    look = LOOKS["h"]
    ax.plot(losses, color=look.color, alpha=0.25, linewidth=0.8, linestyle="-")
    ax.plot(
        np.arange(len(medians)) + window - 1,
        medians,
        color=look.color,
        linestyle="-",
        label=f"loss, median of {window} updates",
    )
    if baseline is not None:
        name, value = baseline
        ax.axhline(value, color="black", linestyle="--", linewidth=1.2, label=name)
    ax.set(xlabel="update", ylabel="loss of the batch", yscale="log")
    ax.legend()
    return ax
