"""The README's Python runs as written."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_python_in_the_readme():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        names = {}
        exec(block, names)
        assert names["grads"].xs.shape == names["xs"].shape
        assert names["trace"].gates.f.shape == names["hs"].shape == (5, 2, 4)
