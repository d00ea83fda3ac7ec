"""Exercises of chapter 8, the output gate."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake
from lstmbook.ops import sigmoid

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "08-output-gate"


def read_by_hand():
    """One step of two units: the output gate o, and the new h."""
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


def gates_exchanged():
    """Let i keep and f write."""
    return _shown(read_by_hand()["o"], (0.55, -0.875))


def from_the_old_memory():
    """Read the long-term memory from before the step."""
    return _shown(read_by_hand()["o"], (0.3, -0.5))


def unsquashed():
    """Leave out the tanh between c and h."""
    o = read_by_hand()["o"]
    return {"o": o, "h": o * np.array([0.5, -1])}


def read_backward(d_h, o, c):
    """Backward pass through h = o ⊙ tanh(c).

    d_h is the derivative of the loss by h; o and c are the values from
    the forward pass. All are (N, H). Return d_a, the derivative by the
    gate's pre-activation, and d_c, the derivative by c through this h.
    """
    shown = np.tanh(c)
    d_a = d_h * shown * o * (1 - o)  # σ', from the output
    d_c = d_h * o * (1 - shown**2)  # tanh', from the output
    return d_a, d_c


def without_slope(d_h, o, c):
    """Stop at the gate's output, before its σ."""
    _, d_c = read_backward(d_h, o, c)
    return d_h * np.tanh(c), d_c


def past_the_gate(d_h, o, c):
    """Pass all of d_h on to c, whatever the gate."""
    d_a, _ = read_backward(d_h, o, c)
    return d_a, d_h * (1 - np.tanh(c) ** 2)


def slope_of_the_input(d_h, o, c):
    """Take 1 − c² for the slope of tanh at c."""
    d_a, _ = read_backward(d_h, o, c)
    return d_a, d_h * o * (1 - c**2)


def backward_cases(rng):
    """Two sizes; in the first one gate is shut."""
    first = rng.standard_normal((3, 2)), rng.uniform(size=(3, 2))
    first[1][0, 1] = 0
    second = rng.standard_normal((1, 4)), rng.uniform(size=(1, 4))
    return [
        (*pair, rng.standard_normal(pair[0].shape))
        for pair in (first, second)
    ]


def wired_open():
    """Train with the output gate and with it open: medians of three seeds."""
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
        tolerance=1e-3,
        mistakes=(
            Mistake(
                "W_h without its transpose",
                across_rows(),
                "Unit k sums down column k of W_ho, the weights that lead into it.",
            ),
            Mistake(
                "the old memory",
                from_the_old_memory(),
                "Compute the new c first: h is made from that one.",
            ),
            Mistake(
                "without the tanh",
                unsquashed(),
                "The memory is squashed before the gate: h = o ⊙ tanh(c).",
            ),
            Mistake(
                "i and f exchanged",
                gates_exchanged(),
                "f says what share of the old c is kept, i what share of g is added.",
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
                "d_a is the derivative by the pre-activation: times o (1 − o).",
            ),
            Mistake(
                "not through the gate",
                past_the_gate,
                "Between h and c is the gate: multiply by o.",
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
        # The three seeds gave 0.0175, 0.0459 and 0.0166. Of ten, nine gave 0.009 to
        # 0.023 with the gate and one 0.08; the open gates gave 0.016 to 0.056 with
        # three units, 0.011 to 0.020 with eight.
        expected={
            "gate_3": Band(0.016, 0.019),
            "open_3": Band(0.043, 0.049),
            "open_8": Band(0.0155, 0.018),
        },
        mistakes=(
            Mistake(
                "the gate never opened",
                {
                    "open_3": Band(0.016, 0.019),
                    "open_8": Band(0.0127, 0.0142),
                },
                "Wire it open in place, before training: cell.b_o[:] = np.inf.",
            ),
            Mistake(
                "shut for open",
                {"open_3": Band(0.155, 0.175), "open_8": Band(0.155, 0.175)},
                "σ(−∞) = 0 shuts the gate for good. Open is +∞.",
            ),
        ),
    ),
)
