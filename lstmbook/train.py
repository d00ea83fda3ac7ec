"""The training loop, the same for every model."""

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
    """Results of a training run.

    Parameters
    ----------
    model : Model
        After the last complete update.
    losses : ndarray, shape (updates,)
        Loss of each batch, before its update.
    grad_norms : ndarray, shape (updates,)
        Global norm of each gradient, before clipping.
    optimizer_state : object
        To continue with: ``train(..., optimizer_state=run.optimizer_state)``.
    stopped : str or None
        What went wrong, if a loss or gradient was not finite.
    state : State or None
        From which the next batch would start; continue with ``train(..., state=…)``.
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
    state: Any  #: from which the next batch starts
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
    """Train a model, one update for each batch.

    If a loss or gradient is not finite, training ends with a warning and returns the
    model so far.

    Parameters
    ----------
    model : Model
        The initial model; it is not changed.
    batches : iterable of Batch
        One update each.
    loss : callable
        Such as :func:`lstmbook.losses.mse`.
    optimizer : SGD or Adam
        Makes the updates.
    max_norm : float, optional
        Clip the global norm of the gradient to this. Default: no clipping.
    optimizer_state : object, optional
        To continue an earlier run.
    state : State, optional
        The initial state of each batch or, with ``carry``, of the first; zeros by
        default.
    carry : bool
        Whether a batch starts from the final state of the one before. With
        :func:`lstmbook.data.windows` of a stream this is truncated backpropagation
        through time. A window in which no step counts advances the state without an
        update.
    hook : callable, optional
        Called with an :class:`Update` after each update, for validation, printing and
        checkpoints. If it returns True, training ends. If it returns an optimiser,
        training continues with it, as in a schedule:
        ``hook=lambda update: Adam(0.01 * 0.999**update.number)``.

    Returns
    -------
    Run

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, or Jupyter's stop button. Its attribute ``run`` is the Run so far;
        in the next cell: ``run = sys.last_value.run``.
    TypeError
        If ``batches`` yields anything but a Batch, or ``hook`` returns anything but
        None, a bool or an optimiser of the same kind.
    ValueError
        If ``max_norm`` is not positive, or a state cannot be carried because part of
        the model reads from the end.
    """
    if max_norm is not None:
        check_max_norm(max_norm)
    if carry and model.cell.reads_from_end:
        raise ValueError(
            "carry is True, but part of the model reads from the end: it "
            "needs the next window first"
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
                passed = type(batch).__name__
                raise TypeError(
                    f"batches yields a {passed}; expected a Batch each time"
                )
            if carry and _nothing_counts(batch):
                _, trace = now.model.forward(batch.xs, now.state, batch.lengths)
                now = now._replace(state=trace.final)
                continue
            # Overflow can happen here: it is checked for just below.
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
            # A single assignment, so that an interrupt never leaves half an update.
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
    """Read a hook's answer: whether training ends, and the optimiser from now on."""
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
    """Show a progress bar, but only where a person watches.

    Parameters
    ----------
    items : iterable
        What to iterate over.
    unit : str
        What an item is called.
    total : int, optional
        How many there are, if ``items`` has no length.

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
    # Jupyter, Colab and VS Code set this for a person's notebook. Tools that execute
    # notebooks do not: the bar would stay in the stored output.
    notebooks = "JPY_SESSION_NAME", "COLAB_RELEASE_TAG", "VSCODE_PID"
    return sys.stderr.isatty() or any(name in os.environ for name in notebooks)
