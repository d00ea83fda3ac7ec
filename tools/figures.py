"""Sphinx extension: figures for the page, in a form for day and one for night.

The notebooks store PNG on white, which any program shows. When the site has been
built, each becomes two transparent WebP files, one in the inks as drawn and one in
their counterparts for a dark page, and the pages show the one that fits. An image
states its size in the page, so that the text does not move when it arrives.
"""

import re
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from sphinx.application import Sphinx

from lstmbook.plots import LOOKS
from lstmbook.plots.style import BACKWARD, NEGATIVE

#: Each ink to its counterpart on a dark page, where lighter inks stand out.
NIGHT = {
    "#000000": "#e9e7e2",
    LOOKS["h"].color: "#4ea9ea",
    LOOKS["c"].color: "#ff8a42",
    LOOKS["i"].color: "#2fc495",
    LOOKS["f"].color: "#f3bd3f",
    LOOKS["g"].color: "#e59ac8",
    LOOKS["o"].color: "#a5dcff",
    BACKWARD: "#ff6f80",
    NEGATIVE: "#ab90ee",
}
GROUND = "#15171b"  # the dark page, as in book.css
SHARPNESS = 8
"""How fast an ink's say falls with the distance of a pixel's hue from its own."""

IMAGE = re.compile(r'<img\b[^>]*?\bsrc="(?P<src>[^"]+\.png)"[^>]*>')
CSS_PIXELS_PER_INCH = 96


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


@cache
def _inks() -> tuple[np.ndarray, np.ndarray]:
    day = np.array([_rgb(color) for color in NIGHT])
    return 1 - day, np.array([_rgb(color) for color in NIGHT.values()])


def day(absorbed: np.ndarray) -> np.ndarray:
    """
    Take the white out of colours.

    Parameters
    ----------
    absorbed
        What each colour takes from white, shape (n, 3).

    Returns
    -------
    ndarray, shape (n, 4)
        Colours with opacity that look the same on white.
    """
    opacity = absorbed.max(axis=1, keepdims=True)
    color = 1 - absorbed / np.maximum(opacity, 1e-9)
    return np.concatenate([color, opacity], axis=1)


def night(absorbed: np.ndarray) -> np.ndarray:
    """
    Put each colour's counterpart for a dark page in its place.

    An ink and its blends with white take from white in the same proportions. So those
    proportions tell the ink, and the amount tells its opacity.

    Parameters
    ----------
    absorbed
        What each colour takes from white, shape (n, 3).

    Returns
    -------
    ndarray, shape (n, 4)
        Colours with opacity.
    """
    inks, counterparts = _inks()
    amounts = np.linalg.norm(inks, axis=1)
    amount = np.linalg.norm(absorbed, axis=1, keepdims=True)
    hue = absorbed / np.maximum(amount, 1e-9)
    apart = np.linalg.norm(hue[:, None] - inks / amounts[:, None], axis=2)
    say = 1 / (apart + 1e-3) ** SHARPNESS
    say /= say.sum(axis=1, keepdims=True)
    opacity = np.clip(amount / (say @ amounts)[:, None], 0, 1)
    return np.concatenate([say @ counterparts, opacity], axis=1)


def _colors(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List the colours of an image, shape (n, 3), and which of them each pixel has."""
    packed = pixels.reshape(-1, 3).astype(np.uint32) @ [65536, 256, 1]
    colors, where = np.unique(packed, return_inverse=True)
    return (colors[:, None] >> np.array([16, 8, 0])) & 255, where


def dark(pixels: np.ndarray) -> np.ndarray:
    """
    Draw an image on the ground of a dark page.

    Parameters
    ----------
    pixels
        The image, on white, bytes of shape (..., 3).

    Returns
    -------
    ndarray
        Bytes of the same shape.
    """
    bytes_, where = _colors(pixels)
    inked = night(1 - bytes_ / 255)
    opacity = inked[:, 3:]
    shown = opacity * inked[:, :3] + (1 - opacity) * _rgb(GROUND)
    return np.rint(255 * shown).astype(np.uint8)[where].reshape(pixels.shape)


def convert(png: Path) -> tuple[int, int]:
    """
    Write an image's forms for day and night beside it.

    Parameters
    ----------
    png
        The image, on white.

    Returns
    -------
    tuple of int
        Width and height at which it is shown, in CSS pixels.
    """
    with Image.open(png) as image:
        dpi = image.info.get("dpi", (CSS_PIXELS_PER_INCH,) * 2)[0]
        pixels = np.asarray(image.convert("RGB"))
    bytes_, where = _colors(pixels)
    for form, name in ((day, ".day.webp"), (night, ".night.webp")):
        found = np.rint(255 * form(1 - bytes_ / 255)).astype(np.uint8)
        found[found[:, 3] == 0] = 0
        shown = found[where].reshape(*pixels.shape[:2], 4)
        Image.fromarray(shown).save(
            png.with_suffix(name), lossless=True, method=4, quality=50
        )
    height, width = pixels.shape[:2]
    return round(width * CSS_PIXELS_PER_INCH / dpi), round(
        height * CSS_PIXELS_PER_INCH / dpi
    )


def rewrite(page: Path, sizes: dict[Path, tuple[int, int]]) -> None:
    """Show, in a built page, each figure's two forms in the place of its PNG."""

    def replace(found: re.Match[str]) -> str:
        png = (page.parent / found["src"]).resolve()
        if png.parent.name != "_images":
            return found[0]
        if png not in sizes:
            sizes[png] = convert(png)
        width, height = sizes[png]
        alt = re.search(r'\balt="([^"]*)"', found[0])
        images = "".join(
            f'<img class="{time}" src="{found["src"][:-4]}.{time}.webp" '
            f'alt="{alt[1] if alt else ""}" width="{width}" '
            f'height="{height}" loading="lazy" decoding="async">'
            for time in ("day", "night")
        )
        return f'<span class="picture" style="--width: {width}px">{images}</span>'

    text = page.read_text(encoding="utf-8")
    page.write_text(IMAGE.sub(replace, text), encoding="utf-8")


def rewrite_all(app: Sphinx, error: Exception | None) -> None:
    """Rewrite every page of the site."""
    if error or app.builder.name != "html":
        return
    sizes: dict[Path, tuple[int, int]] = {}
    for page in sorted(Path(app.outdir).rglob("*.html")):
        rewrite(page, sizes)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", rewrite_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
