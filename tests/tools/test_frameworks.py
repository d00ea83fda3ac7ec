"""The page on today's frameworks says with which releases it was made."""

import datetime
import re
from pathlib import Path

import pytest

from tools import frameworks

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def test_the_page_was_run_with_the_releases_that_are_pinned():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", CONSTRAINTS.read_text(), re.M))
    versions = {name: pinned[name] for name in frameworks.PACKAGES}
    (said,) = frameworks.STAMP.findall(frameworks.PAGE.read_text())
    date = datetime.date.fromisoformat(re.search(r"\d{4}-\d\d-\d\d", said).group())
    assert said == frameworks.stamp(date, versions)


def test_writing_the_stamp_changes_nothing_else(tmp_path, monkeypatch):
    page = tmp_path / "page.ipynb"
    before = frameworks.PAGE.read_text()
    page.write_text(before)
    monkeypatch.setattr(frameworks, "PAGE", page)
    monkeypatch.setattr(frameworks, "installed", lambda: {"torch": "9.9", "onnx": "8"})
    frameworks.write()
    after = page.read_text()
    assert "with torch 9.9 and onnx 8, on a CPU." in after
    assert (
        frameworks.STAMP.sub("", after).split()
        == frameworks.STAMP.sub("", before).split()
    )


def test_a_page_without_a_stamp_is_refused(tmp_path, monkeypatch):
    page = tmp_path / "page.ipynb"
    page.write_text(frameworks.STAMP.sub("", frameworks.PAGE.read_text()))
    monkeypatch.setattr(frameworks, "PAGE", page)
    with pytest.raises(ValueError, match="not enough values"):
        frameworks.write()
