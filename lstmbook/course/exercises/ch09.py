"""Exercises of chapter 9, six equations, one cell."""

import itertools

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake
from lstmbook.ops import sigmoid

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "09-six-equations"


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


def count_one_of_four():
    """Count one of the four layers."""
    return {name: n // 4 for name, n in count_the_parameters().items()}


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
    """Change some of the six numbers, and go on from there."""
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


def blocks_read_as(order):
    """Make the mistake of taking the blocks to lie in another order."""

    def reorder(fused):
        blocks = dict(zip(order, np.split(fused, 4, axis=-1), strict=True))
        return np.concatenate([blocks[name] for name in "ifgo"], axis=-1)

    def step(x, h, c, W_x, W_h, b):
        return lstm_step(x, h, c, *map(reorder, (W_x, W_h, b)))

    owner = {
        "iofg": " That is the order of ONNX.",
        "igfo": " That is the order of TensorFlow 1 and of Haiku.",
    }
    return Mistake(
        f"the blocks read in the order {', '.join(order)}",
        step,
        f"Here they lie in the order i, f, g, o.{owner.get(order, '')}",
    )


def layers(x, h, W_x, W_h, b):
    """All four layers squashed by σ; g before its squashing, too."""
    a = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)
    return *(sigmoid(part) for part in a), a[2]


def sigma_for_g(x, h, c, W_x, W_h, b):
    """Squash the main layer by σ."""
    i, f, g, o, _ = layers(x, h, W_x, W_h, b)
    c = f * c + i * g
    return o * np.tanh(c), c


def forgetting_turned_round(x, h, c, W_x, W_h, b):
    """Take f for the share that is dropped."""
    i, f, _, o, a = layers(x, h, W_x, W_h, b)
    c = (1 - f) * c + i * np.tanh(a)
    return o * np.tanh(c), c


def old_memory_read(x, h, c, W_x, W_h, b):
    """Read the long-term memory from before the step."""
    _, new = lstm_step(x, h, c, W_x, W_h, b)
    o = layers(x, h, W_x, W_h, b)[3]
    return o * np.tanh(c), new


def memory_unsquashed(x, h, c, W_x, W_h, b):
    """Leave out the tanh between c and h."""
    _, new = lstm_step(x, h, c, W_x, W_h, b)
    return layers(x, h, W_x, W_h, b)[3] * new, new


def recurrent_transposed(x, h, c, W_x, W_h, b):
    """Transpose each block of W_h."""
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
        tolerance=1e-6,
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
                "one of the four layers",
                count_one_of_four(),
                "Three gates and the main layer have weights of their own.",
            ),
            Mistake(
                "two biases in this book",
                {"ours": count_the_parameters()["one_layer"]},
                "The book's LSTM has one bias; the second is PyTorch's.",
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
        # c and h are sums of what was rounded.
        tolerance=dict.fromkeys("figo", 1e-3) | {"c": 2e-3, "h": 2e-3},
        shares=("f", "i", "o"),
        mistakes=(
            Mistake(
                "σ for g",
                by_hand_with(g=1 / (1 + np.exp(0.5))),
                "The main layer is squashed by tanh: g may be negative.",
            ),
            Mistake(
                "the old c",
                by_hand_with(h=one_step_by_hand()["o"] * np.tanh(-2.0)),
                "h is made from the new c.",
            ),
            Mistake(
                "no tanh between c and h",
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
                "f multiplies the old c, i multiplies g.",
            ),
            Mistake(
                "1 − f for f",
                by_hand_with(
                    c=(1 - one_step_by_hand()["f"]) * -2.0
                    + one_step_by_hand()["i"] * one_step_by_hand()["g"]
                ),
                "f is the share that is kept, not the share that is dropped.",
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
                "σ for g",
                sigma_for_g,
                "Three of the four layers are gates. The main layer is not.",
            ),
            Mistake(
                "1 − f for f",
                forgetting_turned_round,
                "f is the share that is kept, not the share that is dropped.",
            ),
            Mistake(
                "the old c",
                old_memory_read,
                "Compute the new c first: h is made from that one.",
            ),
            Mistake(
                "no tanh between c and h",
                memory_unsquashed,
                "h = o ⊙ tanh(c): is yours between −1 and 1?",
            ),
            Mistake(
                "W_h transposed",
                recurrent_transposed,
                "With rows it is h @ W_h. Each block's transpose fits, and is wrong.",
            ),
            *(
                blocks_read_as("".join(order))
                for order in itertools.permutations("ifgo")
                if "".join(order) != "ifgo"
            ),
        ),
    ),
    Exercise(
        name="swapped-blocks",
        quantities=("i_and_f", "f_and_o", "g_and_o"),
        solution=swapped_blocks,
        # Nothing is trained, and the streams are given: 0.3163, 0.1973, 3.0524.
        expected={
            "i_and_f": Band.around(0.3163, 1e-3),
            "f_and_o": Band.around(0.1973, 1e-3),
            "g_and_o": Band.around(3.0524, 1e-2),
        },
        decimals=2,
        mistakes=(
            Mistake(
                "the biases stayed",
                {"i_and_f": 0.1973, "g_and_o": 0.1973},
                "Move the biases too: a block has two sets of weights and two biases.",
            ),
            Mistake(
                "one block twice",
                {"i_and_f": 0.906, "f_and_o": 0.382, "g_and_o": 3.24},
                "chunk returns views: clone them before you write into them.",
            ),
        ),
    ),
)
