"""Text on a coloured ground."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lstmbook.plots import colored_text


def test_each_character_stands_on_its_colour():
    _, ax = plt.subplots()
    text, values = "ab\ncdefg", np.array([0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8])
    mesh = colored_text(ax, text, values, width=4, limit=0.9)
    grid = mesh.get_array()
    np.testing.assert_array_equal(
        np.ma.filled(grid, 9),
        [[0.1, -0.2, 0.3, 9], [0.4, -0.5, 0.6, 0.7], [-0.8, 9, 9, 9]],
    )
    assert mesh.get_clim() == (-0.9, 0.9)
    drawn = {(t.get_position()[0], int(t.get_position()[1])): t for t in ax.texts}
    shown = {place: t.get_text() for place, t in drawn.items()}
    assert shown == {
        (0.5, 0): "a",
        (1.5, 0): "b",
        (2.5, 0): "↵",
        (0.5, 1): "c",
        (1.5, 1): "d",
        (2.5, 1): "e",
        (3.5, 1): "f",
        (0.5, 2): "g",
    }
    assert ax.get_ylim() == (3, 0)  # the first line is on top
    plt.close()


def test_one_value_for_each_character():
    _, ax = plt.subplots()
    with pytest.raises(
        ValueError, match=r"shape \(2,\); expected one for each of the 3"
    ):
        colored_text(ax, "abc", [1, 2])
    plt.close()
