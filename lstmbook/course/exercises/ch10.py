"""Exercises of chapter 10, backpropagation through the cell."""

from dataclasses import replace

import numpy as np

from lstmbook import gradcheck, tree
from lstmbook.cells.lstm import LSTM, LSTMGates, LSTMState
from lstmbook.course.exercises.checking import Band, Exercise, Mistake
from lstmbook.ops import sigmoid_prime, tanh, tanh_prime

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "10-backward"


def step_back_by_hand():
    """One unit, one step: derivatives by c, by a_f and by the old c."""
    o, f, c_prev, c = 0.5, 0.8, 1.5, 0.5
    d_h, d_c_from_next = 1.0, 0.3
    d_c = d_c_from_next + d_h * o * (1 - np.tanh(c) ** 2)  # two sources
    delta_f = d_c * c_prev * f * (1 - f)
    d_c_prev = d_c * f
    return {"d_c": d_c, "delta_f": delta_f, "d_c_prev": d_c_prev}


def one_source():
    """Let the part from h overwrite the part from the next step."""
    d_c = 0.5 * (1 - np.tanh(0.5) ** 2)
    return {"d_c": d_c, "delta_f": d_c * 1.5 * 0.16, "d_c_prev": d_c * 0.8}


def later_memory():
    """Take c for c₋ in the forget gate's gradient."""
    right = step_back_by_hand()
    return right | {"delta_f": right["d_c"] * 0.5 * 0.16}


def no_output_slope():
    """Leave out the slope of tanh between c and h."""
    d_c = 0.3 + 0.5
    return {"d_c": d_c, "delta_f": d_c * 1.5 * 0.16, "d_c_prev": d_c * 0.8}


def no_gate_slope():
    """Stop at the gate, before its σ."""
    right = step_back_by_hand()
    return right | {"delta_f": right["d_c"] * 1.5}


def coupled_step_backward(c_prev, gates, c, d_h, d_c):
    """One step back through a cell whose gates are coupled, f = 1 − i.

    It has three layers, gates = (i, g, o), and c = (1 − i) ⊙ c₋ + i ⊙ g.
    c_prev and c are the cell state before and after the step, d_h is the
    total derivative by h_t, d_c what the next step hands back to c_t. All
    arrays are (N, H). Return delta_i, delta_g, delta_o and d_c_prev.
    """
    i, g, o = gates
    tanh_c = np.tanh(c)
    d_c = d_c + d_h * o * (1 - tanh_c**2)
    # One gate, two effects: more of g, less of the old c.
    delta_i = d_c * (g - c_prev) * i * (1 - i)
    delta_g = d_c * i * (1 - g**2)
    delta_o = d_h * tanh_c * o * (1 - o)
    return delta_i, delta_g, delta_o, d_c * (1 - i)


def overwritten(c_prev, gates, c, d_h, d_c):
    """Forget the part from the next step."""
    return coupled_step_backward(c_prev, gates, c, d_h, 0 * d_c)


def later(c_prev, gates, c, d_h, d_c):
    """Take c where the gate met c₋."""
    _, *rest = coupled_step_backward(c_prev, gates, c, d_h, d_c)
    delta_i, *_ = coupled_step_backward(c, gates, c, d_h, d_c)
    return delta_i, *rest


def written_only(c_prev, gates, c, d_h, d_c):
    """Forget that the gate also says what is dropped."""
    _, *rest = coupled_step_backward(c_prev, gates, c, d_h, d_c)
    i, g, o = gates
    d_c = d_c + d_h * o * (1 - np.tanh(c) ** 2)
    return d_c * g * i * (1 - i), *rest


def step_cases(rng):
    """Two steps of distinct sizes, gates between 0 and 1."""

    def case(*shape):
        i, o = rng.uniform(0.05, 0.95, (2, *shape))
        g = rng.uniform(-1, 1, shape)
        c_prev, d_h, d_c = rng.standard_normal((3, *shape))
        return c_prev, (i, g, o), (1 - i) * c_prev + i * g, d_h, d_c

    return [case(3, 2), case(1, 5)]


class _SuspectA(LSTM):
    def step_backward(self, prev, gates, now, d):
        d_a, _, d_prev = super().step_backward(prev, gates, now, d)
        g = gates.g
        d_a = d_a._replace(g=d_a.g / tanh_prime(g) * sigmoid_prime(g))
        return d_a, d_a, d_prev


class _SuspectB(LSTM):
    def backward(self, trace, d_hs, d_final=None):
        h = trace.history.h
        later = trace.history._replace(h=np.concatenate([h[1:], h[-1:]]))
        return super().backward(replace(trace, history=later), d_hs, d_final)


class _SuspectC(LSTM):
    def step_backward(self, prev, gates, now, d):
        d_a, d_h, _ = super().step_backward(prev, gates, now, d)
        d_c = d.c + d.h * gates.o * tanh_prime(tanh(now.c))
        return d_a, d_h, LSTMState(h=0, c=d_c)


#: Three cells whose backward pass has one line wrong. Do not read above.
SUSPECTS = {"A": _SuspectA, "B": _SuspectB, "C": _SuspectC}


def wrong_arrays(kind, steps, seed=0, weak=False):
    """Check the gradients of one kind of LSTM, layer by layer.

    Parameters
    ----------
    kind : type
        LSTM or a subclass of it.
    steps : int
        T of the sequences that are checked.
    seed : int
        Of the random cell, inputs, initial state and cotangents.
    weak : bool
        Test as one should not: biases and initial state are zero, all outputs'
        cotangents are one, the final state has none, and the gradient by the
        initial state is not looked at.

    Returns
    -------
    dict of str to float
        The arrays that are off by more than 1e-8 and by how much, relative
        where the true gradient is larger than 1.
    """
    rng = np.random.default_rng(seed)
    N, D, H = 3, 4, 2
    cell = tree.map(
        lambda a: rng.standard_normal(a.shape), kind.init(rng, D, H)
    )
    xs = rng.standard_normal((steps, N, D))
    state, d_final = (
        LSTMState(*rng.standard_normal((2, N, H))) for _ in range(2)
    )
    d_hs = rng.standard_normal((steps, N, H))
    if weak:
        cell.b[:] = 0
        d_hs[:] = 1
        for zero in (*state, *d_final):
            zero[:] = 0

    def loss(point):
        cell, xs, state = point
        hs, trace = cell.forward(xs, state)
        ends = zip(d_final, trace.final, strict=True)
        return (d_hs * hs).sum() + sum((d * end).sum() for d, end in ends)

    _, trace = cell.forward(xs, state)
    grads = cell.backward(trace, d_hs, d_final)
    true = gradcheck.central_differences(loss, (cell, xs, state))
    found, wanted = _by_layer(grads), _by_layer(type(grads)(*true))
    errors = {
        name: float(np.abs(found[name] - a).max() / max(1, np.abs(a).max()))
        for name, a in wanted.items()
    }
    if weak:
        del errors["h0"], errors["c0"]
    # Written so that NaN is wrong.
    return {name: e for name, e in errors.items() if not e <= 1e-8}


def _by_layer(grads):
    arrays = {
        kind + layer: getattr(grads.cell, kind + layer)
        for kind in ("W_x", "W_h", "b_")
        for layer in LSTMGates._fields
    }
    return arrays | {"xs": grads.xs, "h0": grads.state.h, "c0": grads.state.c}


def hunt_a():
    """Find the line of ``backward`` that suspect A has wrong."""
    from lstmbook.course.exercises.ch10 import SUSPECTS, wrong_arrays

    one, five = (wrong_arrays(SUSPECTS["A"], T) for T in (1, 5))
    # The main layer, and what its δ_g goes on to in the backward pass.
    assert set(one) == {"W_xg", "W_hg", "b_g", "xs", "h0"}
    return {"wrong_at_1": len(one), "wrong_at_5": len(five), "line": 5}


def hunt_b():
    """Find the line of ``backward`` that suspect B has wrong."""
    from lstmbook.course.exercises.ch10 import SUSPECTS, wrong_arrays

    one, five = (wrong_arrays(SUSPECTS["B"], T) for T in (1, 5))
    # b, W_x, xs and h0 are right, so every δ is: W_h met another h.
    assert set(one) == set(five) == {"W_hi", "W_hf", "W_hg", "W_ho"}
    return {"wrong_at_1": len(one), "wrong_at_5": len(five), "line": 11}


def hunt_c():
    """Find the line of ``backward`` that suspect C has wrong."""
    from lstmbook.course.exercises.ch10 import SUSPECTS, wrong_arrays

    one, five = (wrong_arrays(SUSPECTS["C"], T) for T in (1, 5))
    # One step is right, except for what it hands back to c₋.
    assert set(one) == {"c0"}
    return {"wrong_at_1": len(one), "wrong_at_5": len(five), "line": 9}


#: Line of the chapter's ``backward`` → what a mistake in it spoils in one step.
VICTIMS = {
    1: "every array",
    2: "what belongs to i, f and g, with xs, h0 and c0, but nothing of o",
    3: "what belongs to i, with xs and h0",
    4: "what belongs to f, with xs and h0",
    5: "what belongs to g, with xs and h0",
    6: "what belongs to o, with xs and h0",
    7: "arrays of more than one layer, with xs and h0",
    8: "h0 alone",
    9: "c0 alone",
    10: "the four blocks of W_x alone",
    11: "the four blocks of W_h alone",
    12: "the four biases alone",
    13: "xs alone",
}


def hunt(letter, solution, wrong_at_1, wrong_at_5, line):
    """Make the exercise of one suspect; every other line has its alibi."""
    return Exercise(
        name=f"hunt-{letter}",
        quantities=("wrong_at_1", "wrong_at_5", "line"),
        solution=solution,
        expected={
            "wrong_at_1": Band.around(wrong_at_1, 1e-6),
            "wrong_at_5": Band.around(wrong_at_5, 1e-6),
            "line": Band.around(line, 1e-6),
        },
        mistakes=tuple(
            Mistake(
                f"line {other} has an alibi",
                {"line": other},
                f"In one step a mistake there spoils {spoiled}. Which arrays "
                "did you find wrong at T = 1?",
            )
            for other, spoiled in VICTIMS.items()
            if other != line
        ),
    )


EXERCISES = (
    Exercise(
        name="step-back-by-hand",
        quantities=("d_c", "delta_f", "d_c_prev"),
        solution=step_back_by_hand,
        tolerance=1e-3,
        mistakes=(
            Mistake(
                "one source",
                one_source(),
                "c goes to h and to the next step: add the 0.3.",
            ),
            Mistake(
                "the later memory",
                later_memory(),
                "The forget gate multiplied the memory before the step, 1.5.",
            ),
            Mistake(
                "no slope between c and h",
                no_output_slope(),
                "h = o ⊙ tanh(c): between h and c there is a tanh.",
            ),
            Mistake(
                "no slope of the gate",
                no_gate_slope(),
                "δ_f is the derivative by a_f: times f (1 − f).",
            ),
            Mistake(
                "nothing forgotten",
                {"d_c_prev": step_back_by_hand()["d_c"]},
                "c keeps the share f of the old c: times f.",
            ),
        ),
    ),
    Exercise(
        name="coupled-step-backward",
        quantities=("delta_i", "delta_g", "delta_o", "d_c_prev"),
        solution=coupled_step_backward,
        cases=step_cases,
        mistakes=(
            Mistake(
                "`d_c =` where `d_c +=` is needed",
                overwritten,
                "c goes to h and to the next step: its cotangent has two "
                "sources.",
            ),
            Mistake(
                "the gate only writes",
                written_only,
                "i acts on c twice: it adds g, and it drops c₋.",
            ),
            Mistake(
                "the later memory",
                later,
                "The gate multiplied c₋, the memory before the step.",
            ),
        ),
    ),
    hunt("a", hunt_a, 5, 15, 5),
    hunt("b", hunt_b, 4, 4, 11),
    hunt("c", hunt_c, 1, 15, 9),
)
