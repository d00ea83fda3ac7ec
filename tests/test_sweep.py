"""The benchmark of what a sweep costs; nothing here asserts a time."""

import re

import pytest

from benchmarks import sweep
from benchmarks.programs import NATIVE, OURS, TWIN, Size

TINY = Size(T=5, N=3, D=2, H=4)


def test_three_programs_make_the_same_updates():
    """All but nn.LSTM, whose second bias moves its sum twice as far."""
    found = sweep.programs(TINY)
    assert list(found) == [OURS, TWIN, NATIVE]
    losses = {name: [update() for _ in range(5)] for name, update in found.items()}
    assert losses[OURS] == pytest.approx(losses[TWIN], rel=1e-4)
    assert losses[NATIVE][0] == pytest.approx(losses[OURS][0], rel=1e-5)
    assert all(row[-1] < row[0] for row in losses.values())


def test_table_goes_where_the_page_has_a_place_for_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweep, "ROUNDS", 2)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- sweep -->\nold\n<!-- /sweep -->\nafter\n")
    sweep.main(["--write"], sizes=[TINY], page=page)
    text = page.read_text()
    assert text.startswith("before\n<!-- sweep -->\n| T, N, D, H | NumPy |")
    assert text.endswith("<!-- /sweep -->\nafter\n") and "old" not in text
    assert re.search(r"\| 5, 3, 2, 4 \| [\d,]+ \| [\d,]+ \| [\d,]+ \|\n", text)
    assert "| 5, 3, 2, 4 |" in capsys.readouterr().out


def test_page_has_the_table():
    text = sweep.PAGE.read_text(encoding="utf-8")
    (block,) = sweep.BLOCK.findall(text)
    for size in sweep.SIZES:
        assert f"| {', '.join(map(str, size))} | " in block
