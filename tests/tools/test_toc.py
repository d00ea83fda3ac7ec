import pytest

from tools import toc

TOC = """\
format: jb-book
root: book/index
parts:
  - caption: One
    chapters:
      - file: book/01-first
        sections:
          - file: book/solutions/01-first
            sections:
              - file: book/deep
      - url: https://example.org
        title: Elsewhere
  - caption: Two
    chapters:
      - file: book/v1.2
"""
FILES = [
    "book/index.md",
    "book/01-first.ipynb",
    "book/solutions/01-first.ipynb",
    "book/deep.md",
    "book/v1.2.md",
]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "_toc.yml").write_text(TOC)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_pages_come_in_reading_order_however_deep(root):
    assert toc.pages(root) == [root / name for name in FILES]


def test_chapters_without_parts_and_names_with_suffixes(root):
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index.md\nchapters:\n- file: book/01-first.ipynb\n"
    )
    assert toc.pages(root) == [root / name for name in FILES[:2]]


def test_notebooks_are_the_pages_that_run(root):
    assert toc.notebooks(root) == [root / name for name in FILES[1:3]]


def test_entry_without_a_file_is_named(root):
    (root / "book/deep.md").unlink()
    with pytest.raises(FileNotFoundError, match="'book/deep'"):
        toc.pages(root)
