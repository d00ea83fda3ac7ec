"""Exercises of chapter 9, six equations, one cell."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def count_the_parameters():
    """Count an LSTM with D = 28 and H = 64, here and in torch.nn."""
    D, H = 28, 64
    ours = 4 * H * (D + H + 1)
    one_layer = 4 * H * (D + H + 2)  # two biases
    # The second layer's input is the first one's h: D becomes H.
    two_layers = one_layer + 4 * H * (H + H + 2)
    return {"ours": ours, "one_layer": one_layer, "two_layers": two_layers}


def count_one_bias():
    """Give torch.nn.LSTM one bias."""
    D, H = 28, 64
    one_layer = 4 * H * (D + H + 1)
    two_layers = one_layer + 4 * H * (H + H + 1)
    return {
        "ours": one_layer,
        "one_layer": one_layer,
        "two_layers": two_layers,
    }


def count_layers_alike():
    """Let the second layer read x."""
    right = count_the_parameters()
    return right | {"two_layers": 2 * right["one_layer"]}


def count_no_bias():
    """Leave the biases out."""
    D, H = 28, 64
    one = 4 * H * (D + H)
    return {"ours": one, "one_layer": one, "two_layers": one + 8 * H * H}


def one_step_by_hand():
    """One step of a cell with one unit and one input."""

    def sigma(a):
        return 1 / (1 + np.exp(-a))

    x, h_before, c_before = 1.0, 0.5, -2.0
    f = sigma(1 * x + 0 * h_before + 0.1)
    i = sigma(1 * x - 2 * h_before + 0)
    g = np.tanh(-1 * x + 1 * h_before + 0)
    o = sigma(0 * x + 4 * h_before - 1)
    c = f * c_before + i * g
    h = o * np.tanh(c)
    return {"f": f, "i": i, "g": g, "o": o, "c": c, "h": h}


def by_hand_with(**changed):
    """Put something else in for a layer, and go on from there."""
    step = one_step_by_hand() | changed
    c = changed.get("c", step["f"] * -2.0 + step["i"] * step["g"])
    h = changed.get("h", step["o"] * np.tanh(c))
    return step | {"c": c, "h": h}


def lstm_step(x, h, c, W_x, W_h, b):
    """One step of the LSTM, from the six equations.

    x is (N, D), h and c are (N, H). W_x (D, 4·H), W_h (H, 4·H) and
    b (4·H,) hold the blocks i, f, g, o side by side. Return the new
    h and c.
    """

    def sigma(a):
        return 1 / (1 + np.exp(-a))

    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    h = sigma(o) * np.tanh(c)
    return h, c


def swap_last_two(fused):
    """Exchange the blocks g and o."""
    i, f, g, o = np.split(fused, 4, axis=-1)
    return np.concatenate([i, f, o, g], axis=-1)


def order_i_f_o_g(x, h, c, W_x, W_h, b):
    """Take the blocks to lie in the order i, f, o, g."""
    return lstm_step(x, h, c, *map(swap_last_two, (W_x, W_h, b)))


def sigma_for_g(x, h, c, W_x, W_h, b):
    """Squash the main layer by σ, (1 + tanh(a / 2)) / 2."""
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)
    i, f, g, o = ((1 + np.tanh(a / 2)) / 2 for a in (i, f, g, o))
    c = f * c + i * g
    return o * np.tanh(c), c


def old_memory_read(x, h, c, W_x, W_h, b):
    """Show the long-term memory of before the step."""
    _, new = lstm_step(x, h, c, W_x, W_h, b)
    o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)[3]
    return (1 + np.tanh(o / 2)) / 2 * np.tanh(c), new


def recurrent_transposed(x, h, c, W_x, W_h, b):
    """Multiply by each block of W_h the other way round."""
    blocks = np.split(W_h, 4, axis=-1)
    W_h = np.concatenate([block.T for block in blocks], axis=-1)
    return lstm_step(x, h, c, W_x, W_h, b)


def step_cases(rng):
    """Two steps of distinct sizes, something in every slot."""
    return [
        tuple(
            rng.standard_normal(shape)
            for shape in (
                (N, D),
                (N, H),
                (N, H),
                (D, 4 * H),
                (H, 4 * H),
                (4 * H,),
            )
        )
        for N, D, H in ((3, 4, 2), (1, 2, 5))
    ]


def swapped_blocks():
    """Import a cell from PyTorch with two of its blocks exchanged."""
    from lstmbook import interop
    from lstmbook.model import Model
    from lstmbook.tasks.notepad import by_hand, notepad

    test = notepad(np.random.default_rng(0), 100, 1000)
    whole = by_hand()

    def rmse(one, other):
        module = interop.to_torch(whole.cell)
        for array in module.parameters():  # (4·H, …): blocks of rows
            blocks = dict(zip("ifgo", array.data.chunk(4), strict=True))
            first, second = blocks[one].clone(), blocks[other].clone()
            blocks[one][:], blocks[other][:] = second, first
        cell = interop.from_torch(module)
        model = Model(cell, whole.W_y, whole.b_y, readout="all")
        errors = model.forward(test.xs)[0] - test.targets
        return np.sqrt((errors**2).mean())

    return {
        "i_and_f": rmse("i", "f"),
        "f_and_o": rmse("f", "o"),
        "g_and_o": rmse("g", "o"),
    }


EXERCISES = (
    Exercise(
        name="count-the-parameters",
        quantities=("ours", "one_layer", "two_layers"),
        solution=count_the_parameters,
        mistakes=(
            Mistake(
                "one bias in torch.nn",
                count_one_bias(),
                "torch.nn.LSTM has bias_ih and bias_hh, 4·H numbers each.",
            ),
            Mistake(
                "layers alike",
                count_layers_alike(),
                "The second layer reads the first one's h, so its D is 64.",
            ),
            Mistake(
                "no bias",
                count_no_bias(),
                "Weights alone are not all: each layer adds a bias.",
            ),
        ),
    ),
    Exercise(
        name="one-step-by-hand",
        quantities=("f", "i", "g", "o", "c", "h"),
        solution=one_step_by_hand,
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "σ for g",
                by_hand_with(g=1 / (1 + np.exp(0.5))),
                "The main layer is squashed by tanh: it may propose below 0.",
            ),
            Mistake(
                "the old c",
                by_hand_with(h=one_step_by_hand()["o"] * np.tanh(-2.0)),
                "h shows the long-term memory as it is after the step.",
            ),
            Mistake(
                "no tanh on the way out",
                by_hand_with(
                    h=one_step_by_hand()["o"] * one_step_by_hand()["c"]
                ),
                "h = o ⊙ tanh(c): is yours between −1 and 1?",
            ),
            Mistake(
                "i and f exchanged",
                by_hand_with(
                    c=one_step_by_hand()["i"] * -2.0
                    + one_step_by_hand()["f"] * one_step_by_hand()["g"]
                ),
                "f multiplies what is there, i what is proposed.",
            ),
        ),
    ),
    Exercise(
        name="lstm-step",
        quantities=("h", "c"),
        solution=lstm_step,
        cases=step_cases,
        mistakes=(
            Mistake(
                "the order i, f, o, g",
                order_i_f_o_g,
                "The third block is g and the fourth is o.",
            ),
            Mistake(
                "σ for g",
                sigma_for_g,
                "Three of the four layers are gates. The main layer is not.",
            ),
            Mistake(
                "the old c",
                old_memory_read,
                "Make the new c first; h shows that one.",
            ),
            Mistake(
                "the other W_h",
                recurrent_transposed,
                "In rows it is h @ W_h. W_h.T fits block by block, and is wrong.",
            ),
        ),
    ),
    Exercise(
        name="swapped-blocks",
        quantities=("i_and_f", "f_and_o", "g_and_o"),
        solution=swapped_blocks,
        # Nothing is drawn but the streams: other seeds move the third digit.
        expected={"i_and_f": 0.316, "f_and_o": 0.197, "g_and_o": 3.05},
        tolerance=0.02,
        mistakes=(
            Mistake(
                "the biases stayed",
                {"i_and_f": 0.197, "f_and_o": 0.197, "g_and_o": 0.197},
                "A block has weights by x, weights by h, and biases: move all.",
            ),
            Mistake(
                "one block twice",
                {"i_and_f": 0.906, "f_and_o": 0.382, "g_and_o": 3.24},
                "chunk gives views: clone them before you write into them.",
            ),
        ),
    ),
)
