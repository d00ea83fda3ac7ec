import sys
from urllib.parse import unquote

import pytest

from tools import links

CONFIG = """
repository:
  url: https://github.com/owner/repo
  branch: main
"""
COLAB = "https://colab.research.google.com/github/owner/repo/blob"
BINDER = "https://mybinder.org/v2/gh/owner/repo"
GITHUB = "https://github.com/owner/repo"
GOOD = [
    f"{COLAB}/main/book/01.ipynb",
    f"{BINDER}/main?urlpath=tree/book/01.ipynb",
    f"{BINDER}/main?urlpath=lab/tree/book/01.ipynb",
    f"{BINDER}/main?urlpath=lab%2Ftree%2Fbook%2F01.ipynb",
    f"{BINDER}/main?labpath=book%2F01.ipynb",
    f"{GITHUB}/blob/main/book/01.ipynb?plain=1",
    f"{GITHUB}/edit/main/book/01.ipynb#L3",
]
BROKEN = [
    f"{COLAB}/main/01.ipynb",
    f"{COLAB}/main/book/book/01.ipynb",
    f"{COLAB}/main/book",
    f"{COLAB}/master/book/01.ipynb",
    f"{BINDER}/main?urlpath=tree/01.ipynb",
    f"{BINDER}/main?urlpath=lab%2Ftree%2F01.ipynb",
    f"{BINDER}/main?labpath=01.ipynb",
    f"{BINDER}/master?urlpath=lab/tree/book/01.ipynb",
    f"{GITHUB}/blob/main/gone.md?plain=1",
    f"{GITHUB}/edit/main/book/02.ipynb",
]
OTHERS = [
    GITHUB,
    f"{GITHUB}/issues/new?title=Issue",
    "https://github.com/someone/else/blob/main/gone.py",
    "intro.html",
]


@pytest.fixture
def site(tmp_path):
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "book").mkdir()
    (tmp_path / "book/01.ipynb").touch()

    def write(hrefs):
        page = tmp_path / "_build/html/book/01.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        anchors = "".join(f'<a class="btn" href="{href}">go</a>' for href in hrefs)
        page.write_text(f"<html><body>{anchors}</body></html>")
        return tmp_path / "_build/html"

    return write


def test_links_to_files_pass(site, tmp_path):
    assert links.broken_launch_links(tmp_path, site([*GOOD, *OTHERS])) == []


@pytest.mark.parametrize("href", BROKEN)
def test_link_to_nowhere_is_named_with_its_page(href, site, tmp_path):
    [fault] = links.broken_launch_links(tmp_path, site([*GOOD, href]))
    assert fault.startswith("book/01.html: https://")
    assert unquote(href).startswith(fault.removeprefix("book/01.html: "))


def test_site_without_launch_links_is_a_fault(site, tmp_path):
    [fault] = links.broken_launch_links(tmp_path, site(OTHERS))
    assert "no page has a launch link" in fault


def test_command_exits_with_the_broken_link(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["links", "_build/html"])
    site(GOOD)
    links.main()
    site(BROKEN)
    with pytest.raises(SystemExit, match=r"master/book/01\.ipynb"):
        links.main()
