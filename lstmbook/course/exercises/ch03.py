"""Exercises of chapter 3, gradients that vanish and explode."""

import numpy as np

from lstmbook.course.exercises.checking import Exercise, Mistake


def shear_by_hand():
    """Norm, radius and tenth power of W_h = [[0.6, 0.9], [0, 0.6]]."""
    a, b = 0.6, 0.9
    # The product of the two singular values is |det W_h| = a², the sum
    # of their squares is that of all entries, 2a² + b²: they differ by b.
    sigma_max = (b + np.sqrt(b**2 + 4 * a**2)) / 2
    rho = a  # a triangular matrix has its eigenvalues on the diagonal
    # W_h = a I + b E with E² = 0: of the powers only two terms remain.
    corner = 10 * a**9 * b
    return {"sigma_max": sigma_max, "rho": rho, "corner": corner}


def forgot_the_root():
    """Give the largest eigenvalue of W_hᵀ W_h for its root."""
    right = shear_by_hand()
    return right | {"sigma_max": right["sigma_max"] ** 2}


def took_eigenvalues_for_singular_values():
    """Take the two to be the same, as they are for symmetric matrices."""
    return shear_by_hand() | {"sigma_max": 0.6}


def powers_entry_by_entry():
    """Raise each entry to the tenth power."""
    return shear_by_hand() | {"corner": 0.9**10}


def rnn_jacobians(history, W_h):
    """Step Jacobians of the vanilla RNN, for one sequence.

    history is (T + 1, H): row 0 holds h_0, row t holds h_t. W_h is
    (H, H). Return (T, H, H), in row t − 1 the matrix ∂h_t / ∂h_{t−1},
    whose entry [j, i] is ∂h_t[j] / ∂h_{t−1}[i].
    """
    slopes = 1 - history[1:] ** 2  # of the step that was taken
    return slopes[:, :, None] * W_h.T  # row j times slope j


def transposed_W_h(history, W_h):
    """Leave the transpose out."""
    return rnn_jacobians(history, W_h.T)


def slope_of_the_wrong_step(history, W_h):
    """Take tanh' from h_{t−1}, where the step began."""
    return (1 - history[:-1] ** 2)[:, :, None] * W_h.T


def slopes_on_the_columns(history, W_h):
    """Multiply column k, not row j, by a slope."""
    return (1 - history[1:] ** 2)[:, None, :] * W_h.T


def jacobian_cases(rng):
    """Two nets of distinct sizes."""
    return [
        (
            np.tanh(rng.standard_normal((T + 1, H))),
            rng.standard_normal((H, H)),
        )
        for T, H in ((4, 3), (1, 2))
    ]


def thousandfold():
    """Lag of a thousandfold shrinkage, the median of 20 seeds."""
    from lstmbook import RNN, HiddenState
    from lstmbook.diagnostics import gradient_by_lag, radius_rate
    from lstmbook.tasks.adding import adding

    def first_lag(seed, rho):
        rng = np.random.default_rng(seed)
        cell = RNN.init(rng, input_size=2, hidden_size=32)
        cell.W_h[:] *= rho / radius_rate(cell.W_h, 1)
        _, trace = cell.forward(adding(rng, length=100, batch_size=16).xs)
        d_final = HiddenState(rng.standard_normal((16, 32)))
        norms = gradient_by_lag(cell, trace, d_final).h
        shares = np.median(norms / norms[0], axis=1)
        return np.argmax(shares < 1e-3)

    return {
        name: np.median([first_lag(seed, rho) for seed in range(20)])
        for name, rho in (("lag_07", 0.7), ("lag_08", 0.8), ("lag_09", 0.9))
    }


EXERCISES = (
    Exercise(
        name="shear-by-hand",
        quantities=("sigma_max", "rho", "corner"),
        solution=shear_by_hand,
        tolerance=2e-3,  # three digits by hand are enough
        mistakes=(
            Mistake(
                "the root forgotten",
                forgot_the_root(),
                "Singular values are roots of the eigenvalues of W_hᵀ W_h.",
            ),
            Mistake(
                "an eigenvalue taken for a singular value",
                took_eigenvalues_for_singular_values(),
                "W_h (0, 1)ᵀ = (0.9, 0.6)ᵀ has length 1.08: σ_max > 0.6.",
            ),
            Mistake(
                "powers entry by entry",
                powers_entry_by_entry(),
                "W_h² is a matrix product: its corner is 2 · 0.6 · 0.9.",
            ),
        ),
    ),
    Exercise(
        name="rnn-jacobians",
        quantities=("jacobians",),
        solution=rnn_jacobians,
        cases=jacobian_cases,
        mistakes=(
            Mistake(
                "W_h without its transpose",
                transposed_W_h,
                "h_{t−1}[k] reaches a_t[j] through W_h[k, j], not W_h[j, k].",
            ),
            Mistake(
                "the slope of the wrong step",
                slope_of_the_wrong_step,
                "The tanh that was passed is that of step t: 1 − h_t².",
            ),
            Mistake(
                "slopes on the columns",
                slopes_on_the_columns,
                "The slope is that of the unit that comes out: it scales a row.",
            ),
        ),
    ),
    Exercise(
        name="thousandfold",
        quantities=("lag_07", "lag_08", "lag_09"),
        solution=thousandfold,
        # Medians of 20 seeds; single seeds gave 15–20, 22–30 and 25–59.
        expected={"lag_07": 17.0, "lag_08": 26.0, "lag_09": 48.5},
        tolerance=0.1,
        mistakes=(
            Mistake(
                "the linear net's rate",
                {"lag_07": 19.4, "lag_08": 31.0, "lag_09": 65.6},
                "ln 1000 / ln(1/ρ) holds without tanh: measure it with.",
            ),
        ),
    ),
)
