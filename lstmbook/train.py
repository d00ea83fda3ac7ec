"""The one training loop. It knows nothing of the cell."""

import math
import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmbook.losses import Batch
from lstmbook.model import value_and_grads
from lstmbook.optim import clip_by_global_norm, global_norm

__all__ = ["Run", "progress", "train"]


@dataclass(frozen=True, eq=False)
class Run:
    """What training leaves.

    Parameters
    ----------
    model : Model
        After the last complete update.
    losses : ndarray, shape (updates,)
        Loss of each batch, before its update.
    grad_norms : ndarray, shape (updates,)
        Global norm of each gradient, before clipping.
    optimizer_state : object
        To go on with: ``train(..., optimizer_state=run.optimizer_state)``.
    stopped : str or None
        Why training ended before the batches did.
    """

    model: Any
    losses: np.ndarray
    grad_norms: np.ndarray
    optimizer_state: Any
    stopped: str | None = None


def train(model, batches, loss, optimizer, max_norm=None, optimizer_state=None):
    """Train a model on batches until they end.

    An interrupt (Ctrl-C, or Jupyter's stop button) or a loss or gradient that is not
    finite ends training with a warning, not an error, and the model so far is returned.

    Parameters
    ----------
    model : Model
        Where to begin; it is not changed.
    batches : iterable of Batch
        One update each.
    loss : callable
        Such as :func:`lstmbook.losses.mse`.
    optimizer : SGD or Adam
        How to step.
    max_norm : float, optional
        Clip the global norm of the gradient to this; never unless told.
    optimizer_state : object, optional
        To go on from an earlier run.

    Returns
    -------
    Run

    Raises
    ------
    TypeError
        If ``batches`` yields something else than a Batch.
    """
    state = optimizer.init(model) if optimizer_state is None else optimizer_state
    history, stopped = [], None
    try:
        for batch in progress(batches):
            if not isinstance(batch, Batch):
                came = type(batch).__name__
                raise TypeError(f"batches yields a {came}; expected each a Batch")
            # Overflow is no surprise here: it is looked for right below.
            with np.errstate(over="ignore", invalid="ignore"):
                value, grads = value_and_grads(model, batch, loss)
                norm = global_norm(grads)
            if not math.isfinite(value):
                stopped = f"loss is {value} at update {len(history)}"
                break
            if not math.isfinite(norm):
                stopped = f"gradient norm is {norm} at update {len(history)}"
                break
            if max_norm is not None:
                grads, _ = clip_by_global_norm(grads, max_norm)
            # One assignment: an interrupt never leaves half an update.
            model, state = optimizer.update(model, grads, state)
            history.append((value, norm))
    except KeyboardInterrupt:
        stopped = f"interrupted after {len(history)} updates"
    if stopped:
        warnings.warn(
            f"training stopped: {stopped}; the model so far is returned", stacklevel=2
        )
    losses, norms = np.array(history).reshape(-1, 2).T
    return Run(model, losses, norms, state, stopped)


def progress(items, unit="update", total=None):
    """Show a bar over what is iterated where a person watches, and nowhere else.

    Parameters
    ----------
    items : iterable
        What is iterated.
    unit : str
        What an item is called.
    total : int, optional
        How many there are, where ``items`` does not say.

    Returns
    -------
    iterable
        The same items.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    return tqdm(items, disable=not _watched(), unit=unit, total=total, leave=False)


def _watched():
    # Set by Jupyter, Colab and VS Code for a person's notebook; not by the tools that
    # execute notebooks, whose output would keep the bar.
    notebooks = "JPY_SESSION_NAME", "COLAB_RELEASE_TAG", "VSCODE_PID"
    return sys.stderr.isatty() or any(name in os.environ for name in notebooks)
