"""Exercises of chapter 6, the forget gate."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "06-forget-gate"


def dial_by_hand():
    """The forget gate, and its bias, for a half-life of 100 steps."""
    f = 0.5 ** (1 / 100)  # f^100 = 1/2
    b_f = np.log(f / (1 - f))  # the inverse of σ
    left = f**250
    return {"f": f, "b_f": b_f, "left_after_250": left}


def dial_for_the_share_1_over_e():
    """Ask for 1/e after 100 steps, where a half is wanted."""
    f = np.exp(-1 / 100)
    b_f = np.log(f / (1 - f))
    return {"f": f, "b_f": b_f, "left_after_250": f**250}


def dial_for_equal_losses():
    """Lose the half in 100 equal parts."""
    f = 1 - 0.5 / 100
    b_f = np.log(f / (1 - f))
    return {"f": f, "b_f": b_f, "left_after_250": f**250}


def dial_without_the_other_half():
    """Invert σ by the logarithm of f alone."""
    right = dial_by_hand()
    return right | {"b_f": np.log(right["f"])}


def rounded_too_early():
    """Go on from f = 0.993."""
    f = 0.993
    return {"f": f, "b_f": np.log(f / (1 - f)), "left_after_250": f**250}


def forget_products(fs):
    """Products of the forget gates, forward and backward.

    fs is (T, N, H): row t − 1 holds f_t. Return two arrays of that
    shape: kept, in row t − 1 the share of c_0 that is left in c_t,
    and back, in row t − 1 the direct derivative ∂c_T / ∂c_t.
    """
    kept = np.cumprod(fs, axis=0)
    back = np.ones_like(fs)  # ∂c_T / ∂c_T = 1
    back[:-1] = np.cumprod(fs[:0:-1], axis=0)[::-1]  # f_{t+1} … f_T
    return kept, back


def counted_its_own_gate(fs):
    """Count f_t for c_t, which it helped to make."""
    kept, _ = forget_products(fs)
    return kept, np.cumprod(fs[::-1], axis=0)[::-1]


def same_both_ways(fs):
    """Take the share of c_0 that is left for the derivative by c_t."""
    kept, _ = forget_products(fs)
    return kept, kept


def last_gate_to_the_power(fs):
    """Take each f_t to have had its value since step 1."""
    _, back = forget_products(fs)
    steps = np.arange(1, len(fs) + 1)[:, None, None]
    return fs**steps, back


def product_cases(rng):
    """Gates of two sizes, one of the first closed."""
    first = rng.uniform(size=(5, 3, 2))
    first[2, 0, 1] = 0
    return [(first,), (rng.uniform(size=(1, 2, 4)),)]


def forget_bias():
    """Train on "say the first of 50 values": medians of three seeds."""
    from lstmbook import LSTM
    from lstmbook.data import Batch
    from lstmbook.losses import mse
    from lstmbook.model import Model
    from lstmbook.optim import Adam
    from lstmbook.train import train

    def say_the_first(rng, length):
        xs = np.zeros((length, 32, 2))
        xs[..., 0] = rng.uniform(-1, 1, (length, 32))
        xs[0, :, 1] = 1
        return Batch(xs, xs[0, :, :1].copy())

    def last_loss(seed, b_f):
        rng = np.random.default_rng(seed)
        model = Model.init(rng, LSTM.init(rng, 2, 8), 1)
        model.cell.b_f[:] = b_f
        batches = (say_the_first(rng, 50) for _ in range(250))
        run = train(model, batches, mse, Adam(1e-2), max_norm=1.0)
        return run.losses[-50:].mean()

    return {
        f"loss_{b_f}": np.median([last_loss(seed, b_f) for seed in range(3)])
        for b_f in (0, 1, 3)
    }


def held_forget_gate():
    """What the notepad answers while its forget gate is held at 80 %."""
    f = 0.8
    first, second = -0.88, 0.82  # written at steps 5 and 13
    at_8 = first * f**3  # three steps later
    at_13 = first * f**8 + second  # the old note was not dropped
    at_14 = at_13 * f
    at_18 = at_13 * f**5  # nor was this one, at the clear of step 15
    return {"at_8": at_8, "at_14": at_14, "at_18": at_18}


def held_from_the_store_on():
    """Count the step that writes as one that loses a fifth."""
    f, first, second = 0.8, -0.88, 0.82
    at_13 = (first * f**8 + second) * f
    return {"at_8": first * f**4, "at_14": at_13 * f, "at_18": at_13 * f**5}


def held_and_dropped_all_the_same():
    """Let a new note drop the old one, as the free gate does."""
    f, second = 0.8, 0.82
    return held_forget_gate() | {"at_14": second * f, "at_18": second * f**5}


EXERCISES = (
    Exercise(
        name="dial-by-hand",
        quantities=("f", "b_f", "left_after_250"),
        solution=dial_by_hand,
        # Half-lives of 98 to 102 steps by f, of 99.4 to 100.6 by b_f.
        tolerance={"f": 1.5e-4, "b_f": 1.2e-3, "left_after_250": 1e-3},
        shares=("f", "left_after_250"),
        mistakes=(
            Mistake(
                "1/e for a half",
                dial_for_the_share_1_over_e(),
                "A half-life asks for f^100 = 1/2, not for e^−1.",
            ),
            Mistake(
                "the same amount lost at each step",
                dial_for_equal_losses(),
                "Each step multiplies: it takes a share of what is then left.",
            ),
            Mistake(
                "1 − f left out of the inverse of σ",
                dial_without_the_other_half(),
                "Solve f = 1 / (1 + e^−b): b = ln f − ln(1 − f).",
            ),
            Mistake(
                "rounded too early",
                rounded_too_early(),
                "So close to 1 the fourth digit of f matters: round at the end.",
            ),
        ),
    ),
    Exercise(
        name="forget-products",
        quantities=("kept", "back"),
        solution=forget_products,
        cases=product_cases,
        mistakes=(
            Mistake(
                "its own gate counted",
                counted_its_own_gate,
                "f_t acts on c_{t−1}. After c_t the gates are f_{t+1} … f_T.",
            ),
            Mistake(
                "the same both ways",
                same_both_ways,
                "kept counts from step 1 up to t, back from t + 1 up to T.",
            ),
            Mistake(
                "a power for a product",
                last_gate_to_the_power,
                "The gate changes from step to step: multiply f_1 · f_2 · … · f_t.",
            ),
        ),
    ),
    Exercise(
        name="forget-bias",
        quantities=("loss_0", "loss_1", "loss_3"),
        solution=forget_bias,
        # The three seeds gave 0.325, 0.325 and 0.0062. With a bias of 3, rounding
        # decides what the slow seed 0 does (0.03 to 0.32, from weights changed by
        # 1e-13), and the median moved from 0.0044 to 0.0084.
        expected={
            "loss_0": Band(0.318, 0.345),
            "loss_1": Band(0.318, 0.345),
            "loss_3": Band(0.003, 0.012),
        },
        mistakes=(
            Mistake(
                "fewer than fifty steps",
                {"loss_1": Band(0.03, 0.08)},
                "A bias of 1 can bridge twenty steps. Are your sequences of length 50?",
            ),
            Mistake(
                "the root of the loss",
                {
                    "loss_0": Band(0.56, 0.59),
                    "loss_1": Band(0.56, 0.59),
                    "loss_3": Band(0.054, 0.125),
                },
                "The loss is the mean squared error: do not take its root.",
            ),
            Mistake(
                "the mean over all updates",
                {"loss_3": Band(0.069, 0.076)},
                "Take the mean over the last 50 updates alone.",
            ),
            Mistake(
                "the first 50 updates",
                {"loss_3": Band(0.25, 0.29)},
                "Take the mean over the last 50 updates.",
            ),
        ),
    ),
    Exercise(
        name="held-forget-gate",
        quantities=("at_8", "at_14", "at_18"),
        solution=held_forget_gate,
        # The rounded values, and a tanh that is not quite straight.
        tolerance=0.01,
        mistakes=(
            Mistake(
                "the writing step counted",
                held_from_the_store_on(),
                "At step 5 the value is added whole. A share is lost from step 6 on.",
            ),
            Mistake(
                "the old note dropped",
                held_and_dropped_all_the_same(),
                "A gate held at 80 % drops nothing at step 13: "
                "add what is left of −0.88.",
            ),
        ),
    ),
)
