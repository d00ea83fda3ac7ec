"""Real handwriting, read a row or a pixel at a time."""

import numpy as np

from lstmbook.checks import check_dtype, check_rng, check_size
from lstmbook.losses import Batch

__all__ = ["TEST_SIZE", "digits", "minibatches"]

#: Images held out, a fifth of the 1,797.
TEST_SIZE = 360


def digits(rng, by="row", dtype=np.float64):
    """Load scikit-learn's handwritten digits as sequences, split at random.

    1,797 images of 8 × 8 pixels, the test part of the UCI set "Optical Recognition of
    Handwritten Digits" :cite:`alpaydin1998`. They come with scikit-learn
    :cite:`pedregosa2011`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides which images are held out.
    by : {"row", "pixel"}
        A row of 8 pixels a step (T = 8, D = 8), or one pixel (T = 64, D = 1).
    dtype : dtype
        float64 by default.

    Returns
    -------
    train, test : Batch
        ``xs`` (T, N, D), ink from 0 to 1; ``targets`` (N,), the digit 0 … 9.

    Raises
    ------
    TypeError
        If ``rng`` is no generator, or ``dtype`` not float32 or float64.
    ValueError
        If ``by`` is neither.
    """
    check_rng(rng)
    dtype = check_dtype(dtype)
    from sklearn.datasets import load_digits

    shapes = {"row": (8, 8), "pixel": (64, 1)}
    if by not in shapes:
        raise ValueError(f"by is {by!r}; expected one of {tuple(shapes)}")
    data = load_digits()
    images = (data.images / 16).astype(dtype).reshape(-1, *shapes[by])
    xs, targets = images.swapaxes(0, 1), data.target
    order = rng.permutation(len(targets))
    held_out, rest = order[:TEST_SIZE], order[TEST_SIZE:]
    return _select(xs, targets, rest), _select(xs, targets, held_out)


def minibatches(rng, batch, batch_size, epochs=1):
    """Yield a batch in random pieces, each sequence once an epoch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides the order, anew each epoch.
    batch : Batch
        What to cut; its targets are one to a sequence, (N, …).
    batch_size : int
        N of a piece; the last of an epoch may be smaller.
    epochs : int
        Passes over the batch.

    Yields
    ------
    Batch

    Raises
    ------
    TypeError
        If ``rng`` is no generator.
    ValueError
        If the targets are not one to a sequence, there is a mask or are lengths, or
        ``batch_size`` or ``epochs`` is not an integer from 1 up.
    """
    check_rng(rng)
    batch_size = check_size("batch_size", batch_size)
    epochs = check_size("epochs", epochs)
    N = batch.xs.shape[1]
    if (
        len(batch.targets) != N
        or batch.targets.ndim > 2
        or any(part is not None for part in batch[2:])
    ):
        raise ValueError(
            f"batch has {len(batch.targets)} targets for N = {N} sequences, or a mask "
            "or lengths; expected one target each and neither"
        )
    for _ in range(epochs):
        order = rng.permutation(N)
        for start in range(0, N, batch_size):
            yield _select(*batch[:2], order[start : start + batch_size])


def _select(xs, targets, which):
    return Batch(np.ascontiguousarray(xs[:, which]), targets[which])
