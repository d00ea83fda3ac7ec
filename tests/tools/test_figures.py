"""A figure by day is the picture itself; by night its inks are others, alike."""

import numpy as np
import pytest
from PIL import Image

from tools.figures import NIGHT, convert, day, night, rewrite


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def over(layer, ground):
    opacity = layer[:, 3:]
    return opacity * layer[:, :3] + (1 - opacity) * ground


def test_by_day_the_picture_on_white_is_the_picture():
    rng = np.random.default_rng(0)
    colors = np.concatenate([rng.random((50, 3)), [[1, 1, 1], [0, 0, 0]]])
    np.testing.assert_allclose(over(day(1 - colors), np.ones(3)), colors, atol=1e-12)


@pytest.mark.parametrize("ink", NIGHT)
def test_by_night_each_ink_is_its_counterpart(ink):
    layer = night(1 - rgb(ink)[None])
    np.testing.assert_allclose(layer[0, :3], rgb(NIGHT[ink]), atol=0.01)
    assert layer[0, 3] > 0.99


@pytest.mark.parametrize("ink", NIGHT)
def test_a_blend_with_white_is_the_same_ink_thinner(ink):
    shares = np.linspace(0.1, 0.9, 9)[:, None]
    layer = night(1 - (shares * rgb(ink) + (1 - shares)))
    np.testing.assert_allclose(
        layer[:, :3], np.tile(rgb(NIGHT[ink]), (9, 1)), atol=0.01
    )
    np.testing.assert_allclose(layer[:, 3:], shares, atol=0.01)


def test_white_is_the_page():
    assert day(np.zeros((1, 3)))[0, 3] == 0
    assert night(np.zeros((1, 3)))[0, 3] == 0


def contrast(one, other):
    def luminance(color):
        linear = np.where(
            color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ink", NIGHT.values())
def test_the_inks_of_the_night_stand_out(ink):
    assert contrast(rgb(ink), rgb("#15171b")) > 4.5


def test_a_page_shows_both_forms_at_the_size_of_the_drawing(tmp_path):
    folder = tmp_path / "_images"
    folder.mkdir()
    Image.new("RGB", (400, 200), "white").save(folder / "a.png", dpi=(192, 192))
    page = tmp_path / "page.html"
    page.write_text('<img alt="A hat." src="_images/a.png" /><img src="logo.png">')
    rewrite(page, {})
    text = page.read_text()
    assert text.count('alt="A hat." width="200" height="100" loading="lazy"') == 2
    assert '<img src="logo.png">' in text
    for time in ("day", "night"):
        assert f'class="{time}" src="_images/a.{time}.webp"' in text
        with Image.open(folder / f"a.{time}.webp") as image:
            assert image.size == (400, 200)


def test_the_smallest_details_are_kept(tmp_path):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    convert(tmp_path / "a.png")
    with Image.open(tmp_path / "a.day.webp") as image:
        layer = np.asarray(image).reshape(-1, 4) / 255
    shown = over(layer, np.ones(3)).reshape(pixels.shape) * 255
    assert np.abs(shown - pixels).max() < 2
