"""What the book's template is given: its contents, its links, and its own files."""

from pathlib import Path
from types import SimpleNamespace

from tools.page import (
    FONT_AT_ONCE,
    STYLE,
    keep_letters,
    links,
    sections,
    write_fonts_into_style,
)


def test_the_sections_of_a_page_are_those_below_its_title():
    toc = (
        '<ul><li><a href="#">Title</a><ul>'
        '<li><a href="#a">A <em>word</em></a><ul><li><a href="#b">B</a></li></ul></li>'
        '<li><a href="#c">C</a></li></ul></li></ul>'
    )
    assert sections(toc) == [("#a", "A <em>word</em>"), ("#c", "C")]
    assert sections("") == []


def test_links_are_found_within_groups_and_scripts_are_not():
    buttons = [
        {"type": "group", "buttons": [{"type": "link", "text": "Colab", "url": "u"}]},
        {"type": "javascript", "text": "Print", "javascript": "print()"},
        {"type": "link", "text": ".ipynb", "url": "v"},
    ]
    assert links(buttons) == {"Colab": "u", ".ipynb": "v"}


def test_only_the_fonts_marked_so_are_written_into_the_style_sheet(tmp_path):
    static = tmp_path / "_static"
    static.mkdir()
    (static / "a.woff2").write_bytes(b"font")
    font = 'src: url({}.woff2) format("woff2");{}'
    (static / STYLE).write_text(
        font.format("a", " /* at once */") + font.format("b", "")
    )
    write_fonts_into_style(SimpleNamespace(outdir=str(tmp_path)), None)
    text = (static / STYLE).read_text()
    assert 'url(data:font/woff2;base64,Zm9udA==) format("woff2");' in text
    assert "url(b.woff2)" in text


def test_the_style_sheet_marks_the_fonts_of_the_first_text():
    text = Path(__file__).parents[2].joinpath("book/assets", STYLE).read_text("utf-8")
    assert [found["path"] for found in FONT_AT_ONCE.finditer(text)] == [
        "fonts/serif.woff2",
        "fonts/serif-italic.woff2",
        "fonts/display.woff2",
    ]


def test_a_description_of_one_letter_is_no_item_of_a_list():
    lines = ["batch_size", "    N.", "and H."]
    keep_letters(None, "function", "f", None, None, lines)
    assert lines == ["batch_size", r"    \N.", "and H."]
