"""
A pytest plugin with which nbval also compares figures.

nbval compares text and skips images, so a stored figure could go stale unnoticed.
Load it with `python -m pytest -p tools.nbval_figures --nbval book`.
"""

import base64
import io
from collections.abc import Generator

import numpy as np
import pytest
from nbval.plugin import IPyNbCell
from PIL import Image

from tools.notebooks import figure_name, is_live, pngs

TOLERANCE = 1.0
"""
Largest root mean square difference of two figures, in levels of 0 to 255.

The same versions draw the same pixels, and storing them in 256 colours adds up to 0.4
(`tools.notebooks.UNSEEN`). Numbers that differ in their last digits, as between
processors, add less than 0.01. One changed digit on an axis gives more than 1.4, a
curve that moved by one percent more than 5.
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Compare a cell's figures once nbval has run it and found its text the same."""
    result = yield
    if isinstance(item, IPyNbCell) and item.options["check"] and not is_live(item.cell):
        stored, fresh = pngs(item.cell.outputs), pngs(item.test_outputs)
        found = difference(stored, fresh)
        if found:
            name = figure_name(item.cell) or "without a name"
            item.raise_cell_error(
                f"Figure {name}: {found}. If the change is meant: make run"
            )
    return result


def difference(stored: list[str], fresh: list[str]) -> str:
    """Say how two lists of PNG images, in base64, differ; empty if they do not."""
    if len(stored) != len(fresh):
        return f"{len(stored)} stored, {len(fresh)} drawn"
    for old, new in zip(map(_pixels, stored), map(_pixels, fresh), strict=True):
        if old.shape != new.shape:
            return f"{_size(old)} pixels stored, {_size(new)} drawn"
        rms = np.sqrt(np.mean((old - new) ** 2))
        if rms > TOLERANCE:
            return f"RMS difference {rms:.2f} of 255, allowed {TOLERANCE}"
    return ""


def _pixels(png: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    return np.asarray(image.convert("RGBA"), dtype=np.float64)


def _size(pixels: np.ndarray) -> str:
    height, width, _ = pixels.shape
    return f"{width} × {height}"
