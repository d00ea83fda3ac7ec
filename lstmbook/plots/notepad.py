"""What a cell does on the notepad, over time: always the same four axes."""

import numpy as np

from lstmbook.plots.style import BOLD, LOOKS
from lstmbook.tasks.notepad import MARKS, NOTE, SCALE, VALUE

__all__ = ["notepad_chart"]


def notepad_chart(axs, batch, predictions, trace, unit=NOTE, limit=SCALE, sequence=0):
    """Draw one stream: the inputs, the gates, the memories, the answer.

    Parameters
    ----------
    axs : sequence of four matplotlib.axes.Axes
        One below the other, sharing their x axis.
    batch : Batch
        From :func:`lstmbook.tasks.notepad.notepad`.
    predictions : ndarray, shape (T, N, 1)
        The model's answers.
    trace : Trace
        Of an LSTM; its gates are drawn as percentages, its memories as values.
    unit : int
        Which of the H units.
    limit : float
        The memories' axis runs from −limit to limit, or further if a memory does.
    sequence : int
        Which of the N streams.

    Returns
    -------
    sequence of matplotlib.axes.Axes
        ``axs``.
    """
    steps = np.arange(1, len(batch.xs) + 1)
    inputs, gates, memories, answers = axs
    _input(inputs, steps, batch.xs[:, sequence])

    shares = {name: getattr(trace.gates, name)[:, sequence, unit] for name in "ifo"}
    _lanes(gates, steps, shares)

    largest = limit
    for name in "ch":
        values = getattr(trace.states, name)[:, sequence, unit]
        largest = max(largest, np.abs(values).max())
        look, wide = LOOKS[name], name == "c"
        memories.plot(
            steps,
            values,
            color=look.color,
            ls="-",
            lw=5 if wide else 1.5,  # both stay visible where they are equal
            alpha=0.5 if wide else 1,
            marker=look.marker,
            markersize=7 if wide else 3.5,
            drawstyle="steps-mid",
            label=f"${name}$",
        )
    memories.set(ylim=(-1.1 * largest, 1.1 * largest), ylabel=f"unit {unit + 1}")

    wanted = batch.targets[:, sequence, 0]
    answers.step(
        steps, wanted, where="mid", color="black", ls="-", lw=1, label="wanted"
    )
    answer = predictions[:, sequence, 0]
    answers.plot(steps, answer, color=LOOKS["h"].color, ls="", marker="o", label="$y$")
    largest = max(1, np.abs(answer).max())
    answers.set(
        ylim=(-1.1 * largest, 1.1 * largest), ylabel="answer", xlabel="step $t$"
    )
    for ax in axs:
        if ax is not gates:
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        ax.set_xticks(steps[4::5])
        for t in steps[batch.xs[:, sequence, MARKS["recall"]] == 1]:
            ax.axvspan(t - 0.5, t + 0.5, color="#eeeeee", zorder=0, lw=0)
    return axs


def _input(ax, steps, xs):
    """Values as stems, a letter for each mark above them."""
    look = LOOKS["x"]
    ax.vlines(steps, 0, xs[:, VALUE], color=look.color, lw=1)
    ax.plot(
        steps, xs[:, VALUE], color=look.color, ls="", marker=look.marker, label="value"
    )
    for mark, column in MARKS.items():
        for t in steps[xs[:, column] == 1]:
            ax.text(t, 1.35, mark[0].upper(), ha="center", font=BOLD)
    ax.set(ylim=(-1.1, 1.9), ylabel="input", yticks=(-1, 0, 1))


def _lanes(ax, steps, shares):
    """One lane for each gate, filled as far as the gate is open."""
    pitch = 1.3
    for lane, (name, share) in enumerate(reversed(shares.items())):
        ax.bar(steps, share, 0.8, bottom=pitch * lane, color=LOOKS[name].color)
        for edge in (0, 1):
            ax.axhline(pitch * lane + edge, color="#bbbbbb", lw=0.6, zorder=0)
    ax.grid(False)
    ax.set(
        ylim=(-0.1, pitch * len(shares) - 0.2),
        yticks=pitch * np.arange(len(shares)) + 0.5,
        yticklabels=[f"${name}$" for name in reversed(shares)],
        ylabel="gates,\n0 to 100 %",
    )
