"""Steps of the labs: a cell forward and backward, a sequence forward and backward.

A lab is a sheet of such steps that ends in something made with them. ``make course``
writes the sheets. A step that is an exercise of a chapter is not repeated here.
"""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake

__all__ = ["STEPS"]


# --- chapter 2: a vanilla RNN


def rnn_step(x, h, W_x, W_h, b):
    """One step of a vanilla RNN.

    x is (N, D) and h is (N, H). W_x is (D, H), W_h is (H, H) and b is
    (H,). Return the new h, (N, H).
    """
    return np.tanh(x @ W_x + h @ W_h + b)


def rnn_step_transposed(x, h, W_x, W_h, b):
    """Transpose W_h."""
    return rnn_step(x, h, W_x, W_h.T, b)


def rnn_step_backward(d_h, x, h_before, h, W_x, W_h):
    """One step back through a vanilla RNN.

    d_h (N, H) is the total derivative of the loss by h, which the step made
    of x (N, D) and h_before (N, H). Return d_x, d_h_before, d_W_x, d_W_h
    and d_b, in the shapes of x, h_before, W_x, W_h and b, summed over the
    batch where a parameter is shared.
    """
    delta = d_h * (1 - h**2)
    return (
        delta @ W_x.T,
        delta @ W_h.T,
        x.T @ delta,
        h_before.T @ delta,
        delta.sum(axis=0),
    )


def rnn_step_without_slope(d_h, x, h_before, h, W_x, W_h):
    """Leave out the slope of tanh."""
    return rnn_step_backward(d_h, x, h_before, 0 * h, W_x, W_h)


def rnn_step_with_the_new_h(d_h, x, h_before, h, W_x, W_h):
    """Take the new h where W_h met the old one."""
    return rnn_step_backward(d_h, x, h, h, W_x, W_h)


def rnn_forward(xs, h_0, W_x, W_h, b):
    """Run a vanilla RNN over a batch of sequences.

    xs is (T, N, D) and h_0 is (N, H). Return hs (T, N, H): row t − 1 holds
    h_t.
    """
    hs, h = [], h_0
    for x in xs:
        h = np.tanh(x @ W_x + h @ W_h + b)
        hs.append(h)
    return np.stack(hs)


def rnn_forward_from_zero(xs, h_0, W_x, W_h, b):
    """Begin with zeros."""
    return rnn_forward(xs, 0 * h_0, W_x, W_h, b)


def rnn_backward(d_hs, xs, h_0, hs, W_x, W_h):
    """Go back through a sequence, from the last step to the first.

    d_hs (T, N, H) is the part of the loss's derivative by each h_t that
    does not pass through later steps. hs is what the forward pass
    returned. Return d_xs, d_h_0, d_W_x, d_W_h and d_b, in the shapes of
    xs, h_0, W_x, W_h and b.
    """
    befores = np.concatenate([h_0[None], hs[:-1]])
    d_xs, later = np.zeros_like(xs), np.zeros_like(h_0)
    d_W_x, d_W_h, d_b = np.zeros_like(W_x), np.zeros_like(W_h), 0
    for t in reversed(range(len(xs))):
        delta = (d_hs[t] + later) * (1 - hs[t] ** 2)
        d_xs[t], later = delta @ W_x.T, delta @ W_h.T
        d_W_x += xs[t].T @ delta
        d_W_h += befores[t].T @ delta
        d_b = d_b + delta.sum(axis=0)
    return d_xs, later, d_W_x, d_W_h, d_b


def rnn_backward_one_step(d_hs, xs, h_0, hs, W_x, W_h):
    """Hand nothing back from one step to the one before."""
    befores = np.concatenate([h_0[None], hs[:-1]])
    steps = [
        rnn_step_backward(*arguments, W_x, W_h)
        for arguments in zip(d_hs, xs, befores, hs, strict=True)
    ]
    d_xs, d_befores, d_W_x, d_W_h, d_b = zip(*steps, strict=True)
    return np.stack(d_xs), d_befores[0], sum(d_W_x), sum(d_W_h), sum(d_b)


def rnn_backward_reversed(d_hs, xs, h_0, hs, W_x, W_h):
    """Read the derivatives in reversed time."""
    return rnn_backward(d_hs[::-1], xs, h_0, hs, W_x, W_h)


def _rnn_weights(rng, D, H):
    return tuple(rng.standard_normal(s) for s in ((D, H), (H, H), (H,)))


def rnn_step_cases(rng):
    """Two steps of distinct sizes."""
    return [
        (
            rng.standard_normal((N, D)),
            rng.standard_normal((N, H)),
            *_rnn_weights(rng, D, H),
        )
        for N, D, H in ((3, 4, 2), (1, 2, 5))
    ]


def rnn_step_backward_cases(rng):
    """Two steps of distinct sizes, and a derivative."""
    return [
        (
            rng.standard_normal(h.shape),
            x,
            h,
            rnn_step(x, h, W_x, W_h, b),
            W_x,
            W_h,
        )
        for x, h, W_x, W_h, b in rnn_step_cases(rng)
    ]


def rnn_cases(rng):
    """Two batches of sequences of distinct sizes."""
    return [
        (
            rng.standard_normal((T, N, D)),
            rng.standard_normal((N, H)),
            *_rnn_weights(rng, D, H),
        )
        for T, N, D, H in ((5, 3, 4, 2), (4, 1, 2, 3))
    ]


def rnn_backward_cases(rng):
    """Two batches of sequences, and derivatives."""
    cases = []
    for xs, h_0, W_x, W_h, b in rnn_cases(rng):
        hs = rnn_forward(xs, h_0, W_x, W_h, b)
        cases.append((rng.standard_normal(hs.shape), xs, h_0, hs, W_x, W_h))
    return cases


# --- chapter 6: a cell with a main layer and a forget gate


def forget_step(x, h, c, W_x, W_h, b):
    """One step of a cell with a forget gate and a main layer.

    x is (N, D), h and c are (N, H). W_x (D, 2·H), W_h (H, 2·H) and
    b (2·H,) hold the blocks f, g side by side. The memory becomes
    f ⊙ c + g, the output is its tanh. Return the new h and c.
    """
    f, g = np.split(x @ W_x + h @ W_h + b, 2, axis=-1)
    c = c / (1 + np.exp(-f)) + np.tanh(g)
    return np.tanh(c), c


def forget_step_turned_round(x, h, c, W_x, W_h, b):
    """Take f for the share that is dropped."""
    f, g = np.split(x @ W_x + h @ W_h + b, 2, axis=-1)
    c = c / (1 + np.exp(f)) + np.tanh(g)
    return np.tanh(c), c


def forget_step_blocks(x, h, c, W_x, W_h, b):
    """Read the blocks in the order g, f."""
    g, f = np.split(x @ W_x + h @ W_h + b, 2, axis=-1)
    c = c / (1 + np.exp(-f)) + np.tanh(g)
    return np.tanh(c), c


def forget_step_backward(d_h, d_c, c_before, f, g, c):
    """One step back through that cell, to its two layers and the old memory.

    d_h is the total derivative by h, d_c what the next step hands back to c.
    c_before is the memory before the step, f, g and c are what the step
    made. All are (N, H). Return d_f and d_g, the derivatives by what stood
    in σ and in tanh, and d_c_before.
    """
    d_c = d_c + d_h * (1 - np.tanh(c) ** 2)
    return d_c * c_before * f * (1 - f), d_c * (1 - g**2), d_c * f


def forget_step_overwritten(d_h, d_c, c_before, f, g, c):
    """Forget the part from the next step."""
    return forget_step_backward(d_h, 0 * d_c, c_before, f, g, c)


def forget_step_later(d_h, d_c, c_before, f, g, c):
    """Take c where the gate met the old memory."""
    return forget_step_backward(d_h, d_c, c, f, g, c)


def forget_forward(xs, h_0, c_0, W_x, W_h, b):
    """Run that cell over a batch of sequences.

    xs is (T, N, D), h_0 and c_0 are (N, H). Return hs and cs, both
    (T, N, H).
    """
    hs, cs, h, c = [], [], h_0, c_0
    for x in xs:
        f, g = np.split(x @ W_x + h @ W_h + b, 2, axis=-1)
        c = c / (1 + np.exp(-f)) + np.tanh(g)
        h = np.tanh(c)
        hs.append(h)
        cs.append(c)
    return np.stack(hs), np.stack(cs)


def forget_forward_from_zero(xs, h_0, c_0, W_x, W_h, b):
    """Begin with an empty memory."""
    return forget_forward(xs, h_0, 0 * c_0, W_x, W_h, b)


def direct_gradient(d_c_last, fs):
    """Carry a gradient back along c alone, gates held fixed.

    d_c_last (N, H) is the derivative of the loss by c_T. fs (T, N, H) holds
    f_t in row t − 1. Return d_cs (T + 1, N, H): row t holds the derivative
    by c_t, row 0 by the memory before the first step.
    """
    d_cs = [d_c_last]
    for f in fs[::-1]:
        d_cs.append(d_cs[-1] * f)
    return np.stack(d_cs[::-1])


def direct_gradient_forward(d_c_last, fs):
    """Multiply by the gates in the order of time."""
    return direct_gradient(d_c_last, fs[::-1])


def forget_step_cases(rng):
    """Two steps of distinct sizes."""
    return [
        tuple(
            rng.standard_normal(s)
            for s in (
                (N, D),
                (N, H),
                (N, H),
                (D, 2 * H),
                (H, 2 * H),
                (2 * H,),
            )
        )
        for N, D, H in ((3, 4, 2), (1, 2, 5))
    ]


def forget_step_backward_cases(rng):
    """Two steps of distinct sizes, gates between 0 and 1."""

    def case(*shape):
        f, g = rng.uniform(0.05, 0.95, shape), rng.uniform(-1, 1, shape)
        d_h, d_c, c = rng.standard_normal((3, *shape))
        return d_h, d_c, c, f, g, f * c + g

    return [case(3, 2), case(1, 5)]


def forget_cases(rng):
    """Two batches of sequences of distinct sizes."""
    return [
        (rng.standard_normal((T, *x.shape)), h, c, *weights)
        for T, (x, h, c, *weights) in zip(
            (5, 4), forget_step_cases(rng), strict=True
        )
    ]


def direct_gradient_cases(rng):
    """Gates of two sizes."""
    return [
        (rng.standard_normal(shape), rng.uniform(size=(T, *shape)))
        for T, shape in ((5, (3, 2)), (4, (1, 4)))
    ]


# --- chapters 9 and 10: the LSTM


def lstm_forward(xs, h_0, c_0, W_x, W_h, b):
    """Run an LSTM over a batch of sequences.

    xs is (T, N, D), h_0 and c_0 are (N, H); the parameters hold the blocks
    i, f, g, o. Return hs, cs, both (T, N, H), and gates (T, N, 4·H), what
    the four layers made at each step, in the order of the blocks.
    """
    hs, cs, gates, h, c = [], [], [], h_0, c_0
    for x in xs:
        i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)
        i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
        g = np.tanh(g)
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
        cs.append(c)
        gates.append(np.concatenate([i, f, g, o], axis=-1))
    return np.stack(hs), np.stack(cs), np.stack(gates)


def lstm_forward_from_zero(xs, h_0, c_0, W_x, W_h, b):
    """Begin with empty memories."""
    return lstm_forward(xs, 0 * h_0, 0 * c_0, W_x, W_h, b)


def lstm_forward_unsquashed(xs, h_0, c_0, W_x, W_h, b):
    """Return what stood in σ and tanh for what the layers made."""
    hs, cs, _ = lstm_forward(xs, h_0, c_0, W_x, W_h, b)
    befores = np.concatenate([h_0[None], hs[:-1]])
    return hs, cs, xs @ W_x + befores @ W_h + b


def read_out(hs, W_y, b_y):
    """Read the outputs of a cell, y_t = W_yᵀ h_t + b_y at every step.

    hs is (T, N, H), W_y is (H, O) and b_y is (O,). Return ys (T, N, O).
    """
    return hs @ W_y + b_y


def read_out_without_bias(hs, W_y, b_y):
    """Leave out the bias."""
    return hs @ W_y


def lstm_step_backward(d_h, d_c, c_before, i, f, g, o, c):
    """One step back through the cell, to its four layers and the old memory.

    d_h is the total derivative by h, d_c what the next step hands back to c.
    i, f, g, o and c are what the step made of c_before. All are (N, H).
    Return delta (N, 4·H), the derivatives by what stood in σ and tanh, in
    the blocks i, f, g, o, and d_c_before.
    """
    tanh_c = np.tanh(c)
    d_c = d_c + d_h * o * (1 - tanh_c**2)
    delta_i = d_c * g * i * (1 - i)
    delta_f = d_c * c_before * f * (1 - f)
    delta_g = d_c * i * (1 - g**2)
    delta_o = d_h * tanh_c * o * (1 - o)
    return np.concatenate(
        [delta_i, delta_f, delta_g, delta_o], axis=-1
    ), d_c * f


def lstm_step_overwritten(d_h, d_c, c_before, i, f, g, o, c):
    """Forget the part from the next step."""
    return lstm_step_backward(d_h, 0 * d_c, c_before, i, f, g, o, c)


def lstm_step_later(d_h, d_c, c_before, i, f, g, o, c):
    """Take c where the gate met the old memory."""
    return lstm_step_backward(d_h, d_c, c, i, f, g, o, c)


def lstm_backward(d_hs, xs, h_0, c_0, hs, cs, gates, W_x, W_h):
    """Go back through a sequence, from the last step to the first.

    d_hs (T, N, H) is the part of the loss's derivative by each h_t that
    does not pass through later steps. hs, cs (T, N, H) and gates
    (T, N, 4·H) are what the forward pass returned. Return d_xs, d_h_0,
    d_c_0, d_W_x, d_W_h and d_b, in the shapes of xs, h_0, c_0, W_x, W_h
    and b.
    """
    h_befores = np.concatenate([h_0[None], hs[:-1]])
    c_befores = np.concatenate([c_0[None], cs[:-1]])
    d_xs, later_h, later_c = np.zeros_like(xs), 0, 0
    d_W_x, d_W_h, d_b = np.zeros_like(W_x), np.zeros_like(W_h), 0
    for t in reversed(range(len(xs))):
        i, f, g, o = np.split(gates[t], 4, axis=-1)
        d_h, tanh_c = d_hs[t] + later_h, np.tanh(cs[t])
        d_c = later_c + d_h * o * (1 - tanh_c**2)
        parts = [
            d_c * g * i * (1 - i),
            d_c * c_befores[t] * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * tanh_c * o * (1 - o),
        ]
        delta = np.concatenate(parts, axis=-1)
        d_xs[t], later_h, later_c = delta @ W_x.T, delta @ W_h.T, d_c * f
        d_W_x += xs[t].T @ delta
        d_W_h += h_befores[t].T @ delta
        d_b = d_b + delta.sum(axis=0)
    return d_xs, later_h, later_c, d_W_x, d_W_h, d_b


def lstm_backward_reversed(d_hs, *rest):
    """Read the derivatives in reversed time."""
    return lstm_backward(d_hs[::-1], *rest)


def lstm_backward_without_h(d_hs, xs, h_0, c_0, hs, cs, gates, W_x, W_h):
    """Hand back along c alone."""
    return lstm_backward(d_hs, xs, h_0, c_0, hs, cs, gates, W_x, 0 * W_h)


def lstm_cases(rng):
    """Two batches of sequences of distinct sizes."""
    return [
        tuple(
            rng.standard_normal(s)
            for s in (
                (T, N, D),
                (N, H),
                (N, H),
                (D, 4 * H),
                (H, 4 * H),
                (4 * H,),
            )
        )
        for T, N, D, H in ((5, 3, 4, 2), (4, 1, 2, 3))
    ]


def read_out_cases(rng):
    """Two batches of outputs of distinct sizes."""
    return [
        tuple(rng.standard_normal(s) for s in ((T, N, H), (H, O), (O,)))
        for T, N, H, O in ((5, 3, 4, 2), (1, 2, 3, 1))  # noqa: E741
    ]


def lstm_step_backward_cases(rng):
    """Two steps of distinct sizes, gates between 0 and 1."""

    def case(*shape):
        i, f, o = rng.uniform(0.05, 0.95, (3, *shape))
        g = rng.uniform(-1, 1, shape)
        d_h, d_c, c = rng.standard_normal((3, *shape))
        return d_h, d_c, c, i, f, g, o, f * c + i * g

    return [case(3, 2), case(1, 5)]


def lstm_backward_cases(rng):
    """Two batches of sequences, and derivatives."""
    cases = []
    for xs, h_0, c_0, W_x, W_h, b in lstm_cases(rng):
        hs, cs, gates = lstm_forward(xs, h_0, c_0, W_x, W_h, b)
        d_hs = rng.standard_normal(hs.shape)
        cases.append((d_hs, xs, h_0, c_0, hs, cs, gates, W_x, W_h))
    return cases


_GRADIENTS = ("d_W_x", "d_W_h", "d_b")
_INITIAL = "Step 1 starts from the state that was passed in."
_REVERSED = "The loop runs backwards; the array of derivatives does not."
_TWO_SOURCES = (
    "c goes to h and to the next step: its derivative has two sources."
)
_OLD_MEMORY = "The gate multiplied the memory from before the step."

#: Every step that is no exercise of a chapter.
STEPS = (
    Exercise(
        "lab-rnn-step",
        ("h",),
        rnn_step,
        rnn_step_cases,
        mistakes=(
            Mistake(
                "W_h transposed",
                rnn_step_transposed,
                "With rows it is h @ W_h. Its transpose fits, and is wrong.",
            ),
        ),
    ),
    Exercise(
        "lab-rnn-step-backward",
        ("d_x", "d_h_before", *_GRADIENTS),
        rnn_step_backward,
        rnn_step_backward_cases,
        mistakes=(
            Mistake(
                "no slope",
                rnn_step_without_slope,
                "Between h and what W_x and W_h made there is a tanh.",
            ),
            Mistake(
                "the new h",
                rnn_step_with_the_new_h,
                "W_h was multiplied by the h before the step.",
            ),
        ),
    ),
    Exercise(
        "lab-rnn-forward",
        ("hs",),
        rnn_forward,
        rnn_cases,
        mistakes=(
            Mistake("begun with zeros", rnn_forward_from_zero, _INITIAL),
        ),
    ),
    Exercise(
        "lab-rnn-backward",
        ("d_xs", "d_h_0", *_GRADIENTS),
        rnn_backward,
        rnn_backward_cases,
        mistakes=(
            Mistake(
                "nothing handed back",
                rnn_backward_one_step,
                "h_t goes to the loss and to the next step: add what comes from there.",
            ),
            Mistake("reversed time", rnn_backward_reversed, _REVERSED),
        ),
    ),
    Exercise(
        "lab-forget-step",
        ("h", "c"),
        forget_step,
        forget_step_cases,
        mistakes=(
            Mistake(
                "1 − f for f",
                forget_step_turned_round,
                "f is the share that is kept, not the share that is dropped.",
            ),
            Mistake(
                "the blocks read in the order g, f",
                forget_step_blocks,
                "Here they lie in the order f, g.",
            ),
        ),
    ),
    Exercise(
        "lab-forget-step-backward",
        ("d_f", "d_g", "d_c_before"),
        forget_step_backward,
        forget_step_backward_cases,
        mistakes=(
            Mistake("one source", forget_step_overwritten, _TWO_SOURCES),
            Mistake("the later memory", forget_step_later, _OLD_MEMORY),
        ),
    ),
    Exercise(
        "lab-forget-forward",
        ("hs", "cs"),
        forget_forward,
        forget_cases,
        mistakes=(
            Mistake("begun with zeros", forget_forward_from_zero, _INITIAL),
        ),
    ),
    Exercise(
        "lab-forget-backward",
        ("d_cs",),
        direct_gradient,
        direct_gradient_cases,
        mistakes=(
            Mistake(
                "the order of time",
                direct_gradient_forward,
                "Going back, the last step's gate comes first.",
            ),
        ),
    ),
    Exercise(
        "lab-lstm-forward",
        ("hs", "cs", "gates"),
        lstm_forward,
        lstm_cases,
        mistakes=(
            Mistake("begun with zeros", lstm_forward_from_zero, _INITIAL),
            Mistake(
                "gates not squashed",
                lstm_forward_unsquashed,
                "gates holds what σ and tanh returned, not what stood in them.",
            ),
        ),
    ),
    Exercise(
        "lab-read-out",
        ("ys",),
        read_out,
        read_out_cases,
        mistakes=(
            Mistake(
                "no bias",
                read_out_without_bias,
                "b_y is added at every step.",
            ),
        ),
    ),
    Exercise(
        "lab-lstm-step-backward",
        ("delta", "d_c_before"),
        lstm_step_backward,
        lstm_step_backward_cases,
        mistakes=(
            Mistake("one source", lstm_step_overwritten, _TWO_SOURCES),
            Mistake("the later memory", lstm_step_later, _OLD_MEMORY),
        ),
    ),
    Exercise(
        "lab-lstm-backward",
        ("d_xs", "d_h_0", "d_c_0", *_GRADIENTS),
        lstm_backward,
        lstm_backward_cases,
        mistakes=(
            Mistake("reversed time", lstm_backward_reversed, _REVERSED),
            Mistake(
                "nothing handed back through W_h",
                lstm_backward_without_h,
                "h enters all four layers of the next step: add delta @ W_h.T.",
            ),
        ),
    ),
)
