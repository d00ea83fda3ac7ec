"""Exercises of chapter 17, reading text one character at a time."""

import numpy as np

from lstmbook.course.exercises.checking import Band, Exercise, Mistake

#: The notebooks of this chapter and of its solutions.
NOTEBOOK = "17-characters"


def bits_by_hand():
    """Score four predictions, and cool another one down."""
    p = np.array([1 / 2, 1 / 4, 1 / 4, 1 / 8])
    bits = np.mean(-np.log2(p))  # (1 + 2 + 2 + 3) / 4
    loss = bits * np.log(2)
    perplexity = 2**bits
    # At half the temperature the scores differ by 2 ln 4 = ln 16.
    cold = 16 / 17
    return {
        "bits": bits,
        "loss": loss,
        "perplexity": perplexity,
        "cold": cold,
    }


def tempered(scores, temperature):
    """Turn scores into probabilities at a temperature.

    scores is (N, K), a score for each of K characters in each of N streams,
    and may be large: do not overflow. Divide the scores by the temperature
    before the softmax. Return p, (N, K), whose rows sum to 1.
    """
    a = scores / temperature
    p = np.exp(a - a.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def multiplied(scores, temperature):
    """Multiply the scores by the temperature."""
    return tempered(scores, 1 / temperature)


def not_at_all(scores, temperature):
    """Divide the probabilities, and normalise the temperature away."""
    return tempered(scores, 1.0)


def over_the_batch(scores, temperature):
    """Let the streams share one sum."""
    return tempered(scores.T, temperature).T


def divided_afterwards(scores, temperature):
    """Divide the probabilities by the temperature."""
    return tempered(scores, 1.0) / temperature


def tempered_cases(rng):
    """Ordinary scores, and some that overflow if they are exponentiated as they are."""
    return [
        (rng.standard_normal((3, 7)), 0.5),
        (3 * rng.standard_normal((2, 5)), 2.5),
        (900 + 2 * rng.standard_normal((4, 6)), 0.8),
    ]


def open_bracket():
    """Probability of a closing bracket, with one open and with none."""
    from lstmbook.course.nets import character_net
    from lstmbook.tasks.text import ALPHABET, encode

    net, found = character_net(), {}
    for name, text in (
        ("open", "    return len(values"),
        ("none", "    return values"),
    ):
        xs = np.eye(96, dtype=np.float32)[encode(text)][:, None]
        scores, _ = net.forward(xs)
        found[name] = tempered(scores[-1], 1.0)[0, ALPHABET.index(")")]
    return found


def where_it_costs():
    """Bits per character in strings, in comments and in code, of a module."""
    from lstmbook.course.nets import character_net
    from lstmbook.tasks.text import encode, library, syntax

    net, text = character_net(), library().test["shelve"]
    codes, found = encode(text), syntax(text)
    scores, _ = net.forward(np.eye(96, dtype=np.float32)[codes][:-1, None])
    p = tempered(scores[:, 0], 1.0)
    bits = -np.log2(p[np.arange(len(p)), codes[1:]])
    string, comment = found.string[1:], found.comment[1:]
    return {
        "strings": bits[string].mean(),
        "comments": bits[comment].mean(),
        "code": bits[~string & ~comment].mean(),
    }


EXERCISES = (
    Exercise(
        name="bits-by-hand",
        quantities=("bits", "loss", "perplexity", "cold"),
        solution=bits_by_hand,
        tolerance=2e-3,
        shares=("cold",),
        mistakes=(
            Mistake(
                "nats taken for bits",
                {"bits": 2 * np.log(2)},
                "Bits use the logarithm to base 2.",
            ),
            Mistake(
                "bits taken for nats",
                {"loss": 2},
                "The loss is in nats: −ln p, not −log₂ p.",
            ),
            Mistake(
                "the mean of the probabilities",
                {"perplexity": 1 / 0.28125},
                "Perplexity is 2 to the power of the bits per character: logarithms "
                "are averaged, not probabilities.",
            ),
            Mistake(
                "the mean of 1 / p",
                {"perplexity": 4.5},
                "Perplexity is the geometric mean of 1 / p, not the arithmetic one.",
            ),
            Mistake(
                "multiplied by the temperature",
                {"cold": 2 / 3},
                "Scores are divided by the temperature: a low one sharpens.",
            ),
        ),
    ),
    Exercise(
        name="tempered",
        quantities=("p",),
        solution=tempered,
        cases=tempered_cases,
        mistakes=(
            Mistake(
                "multiplied by the temperature",
                multiplied,
                "Scores are divided by the temperature: a low one sharpens.",
            ),
            Mistake(
                "no temperature",
                not_at_all,
                "The probabilities are those at temperature 1. If you divided after "
                "the exponential, the normalisation cancelled it.",
            ),
            Mistake(
                "normalised over the batch",
                over_the_batch,
                "Each row is a distribution over the K characters.",
            ),
            Mistake(
                "probabilities divided by the temperature",
                divided_afterwards,
                "Divide the scores, before the softmax.",
            ),
        ),
    ),
    Exercise(
        name="where-it-costs",
        quantities=("strings", "comments", "code"),
        solution=where_it_costs,
        expected={
            "strings": Band.around(2.508, 0.01),
            "comments": Band.around(2.91, 0.01),
            "code": Band.around(1.475, 0.01),
        },
        decimals=2,
        mistakes=(
            Mistake(
                "nats",
                {
                    "strings": Band.around(1.738, 0.01),
                    "comments": Band.around(2.017, 0.01),
                    "code": Band.around(1.023, 0.01),
                },
                "Asked are bits: the logarithm to base 2.",
            ),
            Mistake(
                "sorted by the character that was read",
                {"comments": Band.around(2.892, 0.005)},
                "Sort each prediction by the character that is predicted, one later.",
            ),
        ),
    ),
    Exercise(
        name="open-bracket",
        quantities=("open", "none"),
        solution=open_bracket,
        expected={
            "open": Band.around(0.67, 0.01),
            "none": Band.around(0.037, 0.004),
        },
        decimals=3,
        mistakes=(
            Mistake(
                "one character early",
                {
                    "open": Band.around(0.814, 0.01),
                    "none": Band.around(0.108, 0.005),
                },
                "Look at what comes after the last character, the s.",
            ),
            Mistake(
                "without the spaces",
                {
                    "open": Band.around(0.722, 0.01),
                    "none": Band.around(0.087, 0.005),
                },
                "Type the four spaces at the start too: the net reads them.",
            ),
        ),
    ),
)
