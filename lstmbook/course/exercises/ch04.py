"""Exercises of chapter 4, two paths."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "04-two-paths"


def loop_and_carousel():
    """Gradients over several steps: through a loop, along the carousel."""
    slope = 1 - 0.6**2  # tanh' from the output, the same at each step
    loop = slope**5
    direct = 1.0
    # At c = 0 every tanh has slope 1: the path through h gives W_hg.
    total = (1 - 0.1) ** 10
    return {"loop": loop, "direct": direct, "total": total}


def total_jacobians(c_history, gs, W_hg):
    """Total derivatives of the cell with all gates open, i = f = o = 1.

    c_history is (T + 1, H): row 0 holds c_0, row t holds c_t. gs is
    (T, H), the main layer's output, and W_hg is (H, H). Return
    (T, H, H), in row t − 1 the matrix dc_t / dc_{t−1}, in which
    h_{t−1} follows c_{t−1}; its entry [j, i] is dc_t[j] / dc_{t−1}[i].
    """
    into_h = 1 - np.tanh(c_history[:-1]) ** 2  # scales columns
    into_c = 1 - gs**2  # scales rows
    through_h = into_c[:, :, None] * W_hg.T * into_h[:, None, :]
    return np.eye(len(W_hg)) + through_h


def without_the_direct_path(c_history, gs, W_hg):
    """Leave out the identity."""
    return total_jacobians(c_history, gs, W_hg) - np.eye(len(W_hg))


def direct_for_total(c_history, gs, W_hg):
    """Hold h still."""
    return np.tile(np.eye(len(W_hg)), (len(gs), 1, 1))


def transposed_W_hg(c_history, gs, W_hg):
    """Leave the transpose out."""
    return total_jacobians(c_history, gs, W_hg.T)


def slope_from_c(c_history, gs, W_hg):
    """Take 1 − c² for the slope of tanh(c)."""
    return total_jacobians(np.arctanh(np.clip(c_history, -1, 1)), gs, W_hg)


def read_after_the_step(c_history, gs, W_hg):
    """Read h from c_t, not from c_{t−1}."""
    after = np.concatenate([c_history[1:], c_history[-1:]])
    return total_jacobians(after, gs, W_hg)


def open_cell_cases(rng):
    """Two nets of distinct sizes; |c| below 1, so that arctanh exists."""
    cases = []
    for T, H in ((4, 3), (1, 2)):
        c_history = rng.uniform(-0.9, 0.9, (T + 1, H))
        gs = np.tanh(rng.standard_normal((T, H)))
        cases.append((c_history, gs, rng.standard_normal((H, H))))
    return cases


def leak_through_h():
    """Total gradient of c, 49 steps back: the median of 20 seeds."""
    from lstmbook import LSTM
    from lstmbook.diagnostics import step_jacobians
    from lstmbook.tasks.adding import adding

    def share(seed, scale):
        rng = np.random.default_rng(seed)
        cell = LSTM.init(rng, input_size=2, hidden_size=32)
        cell.W_h[:] *= scale
        cell.W_xf[:], cell.W_hf[:], cell.b_f[:] = 0, 0, 40
        _, trace = cell.forward(adding(rng, length=50, batch_size=16).xs)
        d_c = rng.standard_normal((16, 32))
        d = np.concatenate([np.zeros_like(d_c), d_c], axis=-1)
        for jacobian in step_jacobians(cell, trace)[:0:-1]:
            d = np.einsum("nj,njk->nk", d, jacobian)
        by_h, by_c = np.split(d, 2, axis=-1)
        slope = 1 - np.tanh(trace.states.c[0]) ** 2
        total = by_c + by_h * trace.gates.o[0] * slope
        norms = np.linalg.norm(total, axis=-1)
        return np.median(norms / np.linalg.norm(d_c, axis=-1))

    return {
        name: np.median([share(seed, scale) for seed in range(20)])
        for name, scale in (("none", 0), ("half", 0.5), ("whole", 1))
    }


EXERCISES = (
    Exercise(
        name="loop-and-carousel",
        quantities=("loop", "direct", "total"),
        solution=loop_and_carousel,
        tolerance=1e-3,
        shares=("loop", "direct", "total"),
        mistakes=(
            Mistake(
                "the square forgotten",
                {"loop": 0.4**5},
                "From the output the slope of tanh is 1 − h², not 1 − h.",
            ),
            Mistake(
                "slopes added",
                {"loop": 5 * 0.64},
                "Steps follow one another: their slopes are multiplied.",
            ),
            Mistake(
                "h for the slope",
                {"loop": 0.6**5},
                "Each step multiplies by w · tanh'(a) = 1 − h².",
            ),
            Mistake(
                "one step too few",
                {"loop": 0.64**4, "total": 0.9**9},
                "Each of the steps multiplies, the first and the last too.",
            ),
            Mistake(
                "the sign of W_hg lost",
                {"total": 1.1**10},
                "W_hg is −0.1: what passes through h is subtracted.",
            ),
            Mistake(
                "the direct gradient taken for the total",
                {"total": 1.0},
                "h = tanh(c) changes with c, and enters the next c through W_hg.",
            ),
            Mistake(
                "the direct path left out of the total",
                {"total": (-0.1) ** 10},
                "Two paths lead from c to the next c: one gives 1, one W_hg.",
            ),
        ),
    ),
    Exercise(
        name="total-jacobians",
        quantities=("jacobians",),
        solution=total_jacobians,
        cases=open_cell_cases,
        mistakes=(
            Mistake(
                "the direct path left out",
                without_the_direct_path,
                "c_t contains c_{t−1} itself: add the identity.",
            ),
            Mistake(
                "the direct gradient taken for the total",
                direct_for_total,
                "h_{t−1} = tanh(c_{t−1}) changes too, and enters g_t through W_hg.",
            ),
            Mistake(
                "W_hg without its transpose",
                transposed_W_hg,
                "h[k] reaches g[j] through W_hg[k, j], not W_hg[j, k].",
            ),
            Mistake(
                "the slope of tanh taken from c",
                slope_from_c,
                "The slope from the output is 1 − h², and h is tanh(c), not c.",
            ),
            Mistake(
                "h of the wrong step",
                read_after_the_step,
                "g_t reads h_{t−1} = tanh(c_{t−1}).",
            ),
        ),
    ),
    Exercise(
        name="leak-through-h",
        quantities=("none", "half", "whole"),
        solution=leak_through_h,
        # Nothing is trained and the text says in which order to draw: 4.601, 15.210.
        # Other draws gave 4.2 to 5.0 and 13.5 to 20.9.
        expected={
            "none": Band.around(1, 1e-3),
            "half": Band.around(4.6, 0.03),
            "whole": Band.around(15.2, 0.1),
        },
        mistakes=(
            Mistake(
                "the direct gradient taken for the total",
                {"half": 1.0, "whole": 1.0},
                "The direct gradient is 1. Let h change with c, and carry both back.",
            ),
            Mistake(
                "the forget gate not wired open",
                {
                    "none": Band(0, 1e-5),
                    "half": Band(0, 1e-4),
                    "whole": Band(0, 3e-3),
                },
                "Set W_xf and W_hf to 0 and b_f to 40.",
            ),
            Mistake(
                "the mean of the seeds for their median",
                {"half": 4.83, "whole": 19.1},
                "A few cells have a very large gradient. Take the median.",
            ),
            Mistake(
                "the mean over the sequences",
                {"half": 5.05, "whole": 18.2},
                "Take the median there too.",
            ),
            Mistake(
                "h held still at the last step",
                {"half": 4.35, "whole": 13.5},
                "At c_1, too, h changes with c: add the part that arrives in h_1.",
            ),
            Mistake(
                "seed 0 alone",
                {"half": 4.27, "whole": 14.8},
                "Cells differ: take the median over the seeds 0 to 19.",
            ),
        ),
    ),
)
