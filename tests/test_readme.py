"""The README's Python runs as written, and its picture is the cell as drawn today."""

import base64
import re
from pathlib import Path

from tools import picture
from tools.nbval_figures import difference

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_python_in_the_readme():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        names = {}
        exec(block, names)
        assert names["grads"].xs.shape == names["xs"].shape
        assert names["trace"].gates.f.shape == names["hs"].shape == (5, 2, 4)


def test_picture_is_the_cell_as_drawn_today():
    drawn, stored = picture.draw(), (ROOT / picture.PICTURE).read_bytes()
    pngs = [[base64.b64encode(png).decode()] for png in (stored, drawn)]
    assert not difference(*pngs), "stale: run `python -m tools.picture`"
