"""Trained nets that the book stores."""

import io
import json

import numpy as np

from lstmbook import LSTM, tree
from lstmbook.course.experiments import stored
from lstmbook.model import Model
from lstmbook.tasks.text import ALPHABET

__all__ = ["character_card", "character_net", "halved"]


def halved(model):
    """Name each array of a model, in float16: half the size, three digits.

    Parameters
    ----------
    model : Model
        To be stored by :func:`lstmbook.tree.save`.

    Returns
    -------
    dict
    """
    return {name: array.astype(np.float16) for name, array in tree.leaves(model)}


def character_card():
    """Read how the net of chapter 17 was made.

    Returns
    -------
    dict
        The data, the settings, the losses on the way (``history``: updates, bits per
        character in training, on the validation modules), text that the net wrote after
        so many updates (``samples``), and the versions of all programs.
    """
    return json.loads(stored("character-net.json"))


def character_net():
    """Load the net of chapter 17, an LSTM that predicts the next character.

    Returns
    -------
    Model
        In float32, with one-hot inputs and scores in the order of
        :data:`lstmbook.tasks.text.ALPHABET`; every step is read.
    """
    rng, K = np.random.default_rng(0), len(ALPHABET)
    H = character_card()["settings"]["hidden"]
    empty = Model.init(rng, LSTM.init(rng, K, H, np.float32), K, readout="all")
    file = io.BytesIO(stored("character-net.npz"))
    arrays = {
        name: array.astype(np.float32)
        for name, array in tree.load(file, like=halved(empty)).items()
    }
    cell = LSTM(*(arrays[f"cell.{name}"] for name in ("W_x", "W_h", "b")))
    return Model(cell, arrays["W_y"], arrays["b_y"], readout="all")
