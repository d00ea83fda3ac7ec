"""The one training loop. It knows nothing of the cell."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from lstmbook import tree
from lstmbook.data import Batch
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import SGD, Adam, check_max_norm, clip_by_global_norm, global_norm

__all__ = ["Run", "Update", "progress", "train"]

T = TypeVar("T")


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
        What went wrong, where a loss or gradient was not finite.
    state : State or None
        That a next batch would begin from; to go on with: ``train(..., state=…)``.
    """

    model: Model
    losses: np.ndarray
    grad_norms: np.ndarray
    optimizer_state: Any
    stopped: str | None = None
    state: Any = None

    __repr__ = tree.summary


class Update(NamedTuple):
    """What a hook of :func:`train` is called with."""

    number: int  #: updates so far
    model: Model  #: after the update
    optimizer_state: Any  #: after the update
    state: Any  #: that the next batch begins from
    loss: float = math.nan  #: of the batch, before the update
    grad_norm: float = math.nan  #: of the gradient, before clipping

    def __repr__(self) -> str:
        return tree.summary(self)


def train(
    model: Model,
    batches: Iterable[Batch],
    loss: Callable[..., Any],
    optimizer: SGD | Adam,
    max_norm: float | None = None,
    optimizer_state: Any = None,
    *,
    state: Any = None,
    carry: bool = False,
    hook: Callable[[Update], Any] | None = None,
) -> Run:
    """Train a model on batches until they end.

    A loss or gradient that is not finite ends training with a warning, and the model
    so far is returned.

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
        Clip the global norm of the gradient to this; never by default.
    optimizer_state : object, optional
        To go on from an earlier run.
    state : State, optional
        The state that each batch begins from, and where it is carried the first one;
        zeros by default.
    carry : bool
        Whether a batch begins from the state that the one before has ended in. With
        :func:`lstmbook.data.windows` of a stream this is truncated backpropagation
        through time. A window in which no step counts moves the state on, without an
        update.
    hook : callable, optional
        Called with an :class:`Update` after each: the place for validation, printing
        and checkpoints. Where it returns True, training ends. Where it returns an
        optimiser, training goes on with that, as in a schedule:
        ``hook=lambda update: Adam(0.01 * 0.999**update.number)``.

    Returns
    -------
    Run

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, or Jupyter's stop button. Its attribute ``run`` is the Run so far:
        in the next cell, ``run = sys.last_value.run``.
    TypeError
        If ``batches`` yields something else than a Batch, or ``hook`` returns something
        else than None, a bool or an optimiser of the same kind.
    ValueError
        If ``max_norm`` is not positive, or a state cannot be carried because part of
        the model reads from the end.
    """
    if max_norm is not None:
        check_max_norm(max_norm)
    if carry and model.cell.reads_from_end:
        raise ValueError(
            "carry is True, but a Bidirectional in the model reads from the end: for "
            "it the next window comes first"
        )
    memory = optimizer.init(model) if optimizer_state is None else optimizer_state
    now, stopped = Update(0, model, memory, state), None
    history: list[tuple[float, float]] = []

    def so_far():
        losses, norms = np.array(history[: now.number]).reshape(-1, 2).T
        return Run(now.model, losses, norms, now.optimizer_state, stopped, now.state)

    try:
        for batch in progress(batches):
            if not isinstance(batch, Batch):
                came = type(batch).__name__
                raise TypeError(f"batches yields a {came}; expected each a Batch")
            if carry and _nothing_counts(batch):
                _, trace = now.model.forward(batch.xs, now.state, batch.lengths)
                now = now._replace(state=trace.final)
                continue
            # Overflow is no surprise here: it is looked for right below.
            with np.errstate(over="ignore", invalid="ignore"):
                value, grads, final = value_and_grads(now.model, batch, loss, now.state)
                norm = global_norm(grads)
            if stopped := _not_finite(value, norm):
                stopped += f" at update {now.number}"
                break
            if max_norm is not None:
                grads, _ = clip_by_global_norm(grads, max_norm)
            new, memory = optimizer.update(now.model, grads, now.optimizer_state)
            history.append((value, norm))
            # One assignment: an interrupt never leaves half an update.
            state = final if carry else now.state
            now = Update(now.number + 1, new, memory, state, value, norm)
            if hook is not None:
                ends, optimizer = _answer(hook(now), optimizer)
                if ends:
                    break
    except KeyboardInterrupt as interrupt:
        interrupt.run = so_far()  # type: ignore[attr-defined]
        interrupt.add_note(
            f"Training was interrupted after {now.number} updates. The run so far is "
            "this exception's `run`; at a prompt: sys.last_value.run"
        )
        raise
    if stopped:
        warnings.warn(
            f"training stopped: {stopped}; the model so far is returned", stacklevel=2
        )
    return so_far()


def _not_finite(value, norm):
    if not math.isfinite(value):
        return f"loss is {value}"
    return None if math.isfinite(norm) else f"gradient norm is {norm}"


def _nothing_counts(batch):
    return batch.loss_mask is not None and not np.any(batch.loss_mask)


def _answer(answer, optimizer):
    """What a hook has returned: whether training ends, and how to step from now on."""
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer), optimizer
    if type(answer) is type(optimizer):
        return False, answer
    raise TypeError(
        f"hook returned a {type(answer).__name__}; "
        f"expected None, a bool or a {type(optimizer).__name__}"
    )


def progress(
    items: Iterable[T], unit: str = "update", total: int | None = None
) -> Iterable[T]:
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
