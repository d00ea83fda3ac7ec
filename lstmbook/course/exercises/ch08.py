"""Exercises of chapter 8, the output gate."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake
from lstmbook.ops import sigmoid


def read_by_hand():
    """One step of two units: what stands in the memory, and what is shown."""
    a_1 = 1.0 + (0.4 * 0.5 - 0.2 * 0.25) + 0  # 1.15; down column 1 of W_ho
    a_2 = -0.5 + (1.0 * 0.5 + 0.6 * 0.25) + 0.5  # 0.65; down column 2
    o = sigmoid(np.array([a_1, a_2]))
    c = np.array([1, 0.5]) * [0.3, -0.5] + np.array([0.5, 1]) * [0.4, -0.75]
    return {"o": o, "h": o * np.tanh(c)}  # c is (0.5, −1)


def _shown(o, c=(0.5, -1)):
    """The answer that follows from another o or c."""
    return {"o": np.array(o), "h": np.array(o) * np.tanh(c)}


def across_rows():
    """Go along the rows of W_ho, which is to leave out the transpose."""
    return _shown(
        sigmoid(np.array([1 + 0.4 * 0.5 + 0.25, -0.5 + 0.05 + 0.5]))
    )


def from_the_old_memory():
    """Read the long-term memory as it was before the step."""
    return _shown(read_by_hand()["o"], (0.3, -0.5))


def unsquashed():
    """Leave out the tanh between c and h."""
    o = read_by_hand()["o"]
    return {"o": o, "h": o * np.array([0.5, -1])}


def read_backward(d_h, o, c):
    """The way back through h = o ⊙ tanh(c).

    d_h is what the loss says of h; o and c are as they were. All are
    (N, H). Return d_a, what comes to the gate's pre-activation, and d_c,
    what comes to c by way of h.
    """
    shown = np.tanh(c)
    d_a = d_h * shown * o * (1 - o)  # σ', from the output
    d_c = d_h * o * (1 - shown**2)  # tanh', from the output
    return d_a, d_c


def without_slope(d_h, o, c):
    """Stop at the gate's output, short of σ'."""
    _, d_c = read_backward(d_h, o, c)
    return d_h * np.tanh(c), d_c


def past_the_gate(d_h, o, c):
    """Let all of d_h through to c, whatever the gate."""
    d_a, _ = read_backward(d_h, o, c)
    return d_a, d_h * (1 - np.tanh(c) ** 2)


def slope_of_the_input(d_h, o, c):
    """Take 1 − c² for the slope of tanh at c."""
    d_a, _ = read_backward(d_h, o, c)
    return d_a, d_h * o * (1 - c**2)


def backward_cases(rng):
    """Two sizes; in the first a gate that is shut."""
    first = rng.standard_normal((3, 2)), rng.uniform(size=(3, 2))
    first[1][0, 1] = 0
    second = rng.standard_normal((1, 4)), rng.uniform(size=(1, 4))
    return [
        (*pair, rng.standard_normal(pair[0].shape))
        for pair in (first, second)
    ]


def wired_open():
    """Train with the output gate and with it open; medians of three seeds."""
    from lstmbook import LSTM
    from lstmbook.losses import mse
    from lstmbook.model import Model
    from lstmbook.optim import Adam
    from lstmbook.tasks.notepad import notepad
    from lstmbook.train import train

    test = notepad(np.random.default_rng(1000), 20, 2000)

    def rmse(seed, H, is_open):
        rng = np.random.default_rng(seed)
        cell = LSTM.init(rng, input_size=4, hidden_size=H)
        if is_open:
            cell.b_o[:] = np.inf
        model = Model.init(rng, cell, output_size=1, readout="all")
        batches = (notepad(rng, 20, 32) for _ in range(600))
        model = train(model, batches, mse, Adam(3e-2), max_norm=1.0).model
        return np.sqrt(mse(model.forward(test.xs)[0], test.targets)[0])

    def median(H, is_open):
        return np.median([rmse(seed, H, is_open) for seed in range(3)])

    return {
        "gate_3": median(3, False),
        "open_3": median(3, True),
        "open_8": median(8, True),
    }


EXERCISES = (
    Exercise(
        name="read-by-hand",
        quantities=("o", "h"),
        solution=read_by_hand,
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "W_h without its transpose",
                across_rows(),
                "Unit k sums h over column k of W_ho: all that leads into it.",
            ),
            Mistake(
                "the old memory",
                from_the_old_memory(),
                "Make c first: h shows the new c, not the one before the step.",
            ),
            Mistake(
                "without the tanh",
                unsquashed(),
                "The memory is squashed before the gate: h = o ⊙ tanh(c).",
            ),
        ),
    ),
    Exercise(
        name="read-backward",
        quantities=("d_a", "d_c"),
        solution=read_backward,
        cases=backward_cases,
        mistakes=(
            Mistake(
                "the slope of σ left out",
                without_slope,
                "d_a is for the pre-activation: one more factor, o (1 − o).",
            ),
            Mistake(
                "past the gate",
                past_the_gate,
                "What comes to c came through the gate: multiply by o.",
            ),
            Mistake(
                "the slope from the input",
                slope_of_the_input,
                "tanh' from its output: 1 − tanh(c)², not 1 − c².",
            ),
        ),
    ),
    Exercise(
        name="wired-open",
        quantities=("gate_3", "open_3", "open_8"),
        solution=wired_open,
        # Of eleven seeds each, ten gave 0.009 to 0.023 and one 0.08; the open
        # gates gave 0.016 to 0.058 with three units, 0.011 to 0.023 with eight.
        expected={"gate_3": 0.017, "open_3": 0.046, "open_8": 0.017},
        tolerance=0.015,
        mistakes=(
            Mistake(
                "the gate never opened",
                {"gate_3": 0.017, "open_3": 0.017, "open_8": 0.013},
                "Wire it open in place, before training: cell.b_o[:] = np.inf.",
            ),
            Mistake(
                "shut for open",
                {"gate_3": 0.017, "open_3": 0.165, "open_8": 0.165},
                "σ(−∞) = 0 shuts the gate for good. Open is +∞.",
            ),
        ),
    ),
)
