"""Weights of a character net survive the way into a script and back."""

import numpy as np
import pytest

from lstmbook import LSTM, RNN, tree
from lstmbook.model import Model
from tools import text_weights

ALPHABET = 'aé"\\\n—😀'


def model_of(kind=LSTM, V=7, H=3, dtype=float):
    """A net with random values in every slot."""
    rng = np.random.default_rng(1)
    model = Model.init(rng, kind.init(rng, V, H), V, readout="all")
    return tree.map(lambda a: rng.normal(size=a.shape).astype(dtype), model)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.js"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_come_back_rounded_to_half_precision(path, dtype):
    model = model_of(dtype=dtype)
    text_weights.write(path, model, ALPHABET)
    back, alphabet = text_weights.read(path)
    assert alphabet == ALPHABET and back.readout == "all"
    for name in ("W_x", "W_h", "b"):
        half = getattr(model.cell, name).astype(np.float16)
        np.testing.assert_array_equal(getattr(back.cell, name), half)
    for name in ("W_y", "b_y"):
        half = getattr(model, name).astype(np.float16)
        np.testing.assert_array_equal(getattr(back, name), half)
    assert back.cell.dtype == float
    # What has been rounded is not rounded again.
    again = path.with_name("again.js")
    text_weights.write(again, back, alphabet)
    assert again.read_bytes() == path.read_bytes()


def test_256_units_and_100_characters_fit_and_more_do_not(path):
    alphabet = "".join(map(chr, range(32, 132)))
    text_weights.write(path, model_of(V=100, H=256), alphabet)
    assert path.stat().st_size <= text_weights.LIMIT
    with pytest.raises(ValueError, match=r"bytes; expected up to 1048576"):
        text_weights.write(path, model_of(V=100, H=260), alphabet)


def test_what_cannot_be_shown_is_refused(path):
    with pytest.raises(TypeError, match="model has a RNN; expected an LSTM"):
        text_weights.write(path, model_of(RNN), ALPHABET)
    with pytest.raises(ValueError, match="'aab' has a character twice"):
        text_weights.write(path, model_of(V=3), "aab")
    with pytest.raises(ValueError, match=r"alphabet has 2 characters; .* inputs, 7"):
        text_weights.write(path, model_of(), "ab")
    loud = model_of()
    loud.cell.W_h[0, 0] = -7e4
    with pytest.raises(ValueError, match=r"a weight is 70000.0; float16 ends at 65504"):
        text_weights.write(path, loud, ALPHABET)
    assert not path.exists()
