"""Say in what way a number is wrong, without giving the right one away."""

from typing import NamedTuple

import numpy as np

__all__ = ["Band", "finding"]


class Band(NamedTuple):
    """What counts as equal to a number, or to an array: all between two ends."""

    low: np.ndarray  #: the lower ends
    high: np.ndarray  #: the upper ends

    @classmethod
    def around(cls, value, margin):
        """Allow a margin on either side."""
        value = np.asarray(value, dtype=float)
        return cls(value - margin, value + margin)

    @property
    def middle(self):
        """Halfway between the ends."""
        return np.add(self.low, self.high) / 2

    def holds(self, value):
        """Whether a value has the shape and lies within; NaN does not."""
        return value.shape == np.shape(self.low) and bool(
            self.where(value).all()
        )

    def where(self, value):
        """Entry by entry, whether it lies within."""
        return (self.low <= value) & (value <= self.high)

    def wider(self, factor):
        """Stretch the band about its middle."""
        return Band.around(
            self.middle, factor * np.subtract(self.high, self.low) / 2
        )


# Each is a fact about the answer, not a guess at how it was found.
_TURNS = {
    "the other sign": np.negative,
    "1 minus it": lambda a: 1 - a,
    "1 divided by it": np.reciprocal,
    "its square": np.square,
    "its root": lambda a: np.sqrt(np.abs(a)),
    "half of it": lambda a: a / 2,
    "twice as much": lambda a: a * 2,
    "a tenth of it": lambda a: a / 10,
    "ten times as much": lambda a: a * 10,
    "a hundredth of it": lambda a: a / 100,
    "a hundred times as much": lambda a: a * 100,
    "a thousandth of it": lambda a: a / 1000,
    "a thousand times as much": lambda a: a * 1000,
    "the logarithm to base e, not 10,": lambda a: a * np.log(10),
    "the logarithm to base 10, not e,": lambda a: a / np.log(10),
    "the logarithm to base e, not 2,": lambda a: a * np.log(2),
    "the logarithm to base 2, not e,": lambda a: a / np.log(2),
    "its transpose": lambda a: np.swapaxes(a, -1, -2),
    "it in reversed order": lambda a: a[::-1],
}


def finding(value, band, close="nearly right; were digits lost on the way?"):
    """Say how a value is wrong, in kind.

    Parameters
    ----------
    value : numpy.ndarray
        The answer.
    band : Band
        What is right.
    close : str
        What to say of a value just outside the band.

    Returns
    -------
    str
        Empty where it is right.
    """
    if band.holds(value):
        return ""
    shape = np.shape(band.low)
    if value.shape != shape:
        turned = value.T.shape == shape and band.holds(value.T)
        hint = "; its transpose would be right" if turned else ""
        return f"has another shape; expected {shape}{hint}"
    if not np.isfinite(value).all():
        return "is not finite: NaN or infinity"
    # A guess of 0 or 1 must learn nothing; a wide band would fit by chance.
    guess = np.isin(value, (-1, 0, 1)).all()
    wide = band.where(band.middle * 1.1).all()
    if not guess and not wide:
        for what, turn in _TURNS.items():
            if _would_do(turn, value, band):
                return f"wrong; {what} would be right"
    if not guess and band.wider(5).holds(value):
        return close
    if not guess and (size := _size(value, band.middle)):
        return size
    inside = band.where(value).sum()
    if 0 < inside < value.size:
        return f"right in {inside} of {value.size} entries"
    return "wrong"


def _would_do(turn, value, band):
    try:
        with np.errstate(all="ignore"):
            return band.holds(turn(value))
    except (
        ValueError,
        IndexError,
    ):  # a number has no order, a vector no transpose
        return False


def _size(value, right):
    """Compare orders of magnitude; of a single number, the sign too."""
    ours, theirs = np.abs(value).max(), np.abs(right).max()
    if ours > 10 * theirs:
        return "wrong, more than ten times too large"
    if ours < theirs / 10:
        return "wrong, more than ten times too small"
    if value.ndim == 0 and value * right < 0:
        return "wrong, and of the wrong sign"
    spread = value.size > 2 and np.vdot(value, right) / np.vdot(right, right)
    if spread and np.allclose(value, spread * right, atol=1e-6 * theirs):
        return f"everywhere {spread:.3g} times what is right"
    return ""
