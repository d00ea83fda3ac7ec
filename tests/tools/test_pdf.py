"""How the site's pages are joined; without a browser. `tests/browser` prints them."""

import pytest
from bs4 import BeautifulSoup

from tools import pdf
from tools.pdf import Page, PDFError, article, contents, document, filled

HEAD = (
    '<html><head><link rel="stylesheet" href="{up}_static/book.css?v=1">'
    '<link rel="icon" href="{up}_static/favicon.svg">'
    '<script src="{up}_static/print.js"></script>'
    '<script src="{up}_static/book.js"></script></head><body><nav>menu</nav>'
)
CHAPTER = """
<article class="bd-article"><p class="kicker">Chapter 2</p><section id="loops">
<h1><span class="section-number">2. </span>Loops<a class="headerlink"
href="#loops">#</a></h1><p><a href="#more">on</a>
<a href="solutions/02-loops.html#one">solution</a>
<a href="welcome.html">start</a> <a href="../genindex.html#A">index</a>
<a href="../notebooks/02-loops.ipynb">notebook</a> <a href="https://a.b/c">far</a></p>
<div class="cell tag_hide-cell"><details class="hide"><summary>Show</summary>
<pre>import secret</pre></details></div>
<details class="sd-dropdown"><summary>Hint</summary><p>think</p></details>
<img class="day" alt="A loop" loading="lazy" src="../_images/a.webp">
<img class="night" alt="A loop" loading="lazy" src="../_images/b.webp">
<section id="more">
<span id="aside"></span><h2>More</h2></section></section></article></body></html>
"""
SOLUTION = (
    '<article class="bd-article"><section id="one"><h1>One</h1></section></article>'
)
LISTED = [
    Page("", "book/welcome"),
    Page("I  Nets", "book/02-loops"),
    Page("Solutions", "book/solutions/02-loops"),
]


@pytest.fixture
def site(tmp_path):
    for name, body in [
        ("book/welcome", SOLUTION.replace("One", "Welcome")),
        ("book/02-loops", CHAPTER),
        ("book/solutions/02-loops", SOLUTION),
    ]:
        file = tmp_path / f"{name}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD.format(up="../" * name.count("/")) + body, "utf-8")
    return tmp_path


def test_links_stay_inside_where_they_can(site):
    body = article(site, LISTED[1], {page.name for page in LISTED})
    assert [tag["href"] for tag in body.select("a")] == [
        "#02-loops--more",
        "#solutions-02-loops--one",
        "#welcome",
        f"{pdf.SITE}genindex.html#A",
        f"{pdf.SITE}notebooks/02-loops.ipynb",
        "https://a.b/c",
    ]
    assert body["id"] == "02-loops"


def test_anchors_are_in_the_headings_which_may_begin_a_sheet(site):
    body = article(site, LISTED[1], {page.name for page in LISTED})
    anchored = [(tag.name, tag["id"]) for tag in body.find_all(id=True)]
    assert anchored == [
        ("h2", "02-loops--loops"),
        ("h3", "02-loops--more"),
        ("span", "02-loops--aside"),
    ]
    assert body.h3.span and not body.section.has_attr("id")


def test_a_page_that_is_not_printed_is_linked_on_the_site(site):
    body = article(site, LISTED[1], {"book/02-loops"})
    assert body.select("a")[1]["href"] == f"{pdf.SITE}{LISTED[2].name}.html#one"


def test_what_paper_cannot_use_is_left_out(site):
    body = article(site, LISTED[1], set())
    assert "secret" not in str(body) and "#" not in body.h2.get_text()
    assert body.select_one("details.sd-dropdown").has_attr("open")
    (image,) = body.select("img")
    assert image["src"] == f"{site.as_uri()}/_images/a.webp"
    assert image["alt"] == "A loop" and "loading" not in image.attrs
    assert body.h1 is None and body.h3.get_text() == "More"


def test_the_contents_list_parts_chapters_and_their_sections(site):
    names = {page.name for page in LISTED}
    found = contents([(page, article(site, page, names)) for page in LISTED])
    assert [(line.level, line.text.strip(), line.anchor) for line in found] == [
        (1, "Welcome", "welcome"),
        (0, "I  Nets", "02-loops"),
        (1, "2. Loops", "02-loops"),
        (2, "More", "02-loops--more"),
        (0, "Solutions", "solutions-02-loops"),
        (1, "One", "solutions-02-loops"),
    ]


def test_the_pages_are_joined_with_the_styles_of_the_site(site):
    text, lines = document(site, LISTED)
    soup = BeautifulSoup(text, "html.parser")
    assert [tag["href"] for tag in soup.select("head link")] == [
        f"{site.as_uri()}/_static/book.css?v=1"
    ]
    assert [tag["src"] for tag in soup.select("script")] == [
        f"{site.as_uri()}/_static/print.js"
    ]
    assert [tag["id"] for tag in soup.select("article")] == [p.key for p in LISTED]
    assert [tag.get_text() for tag in soup.select("h1.part")] == [
        "I  Nets",
        "Solutions",
    ]
    assert soup.select_one("#\\30 2-loops .online a")["href"] == (
        f"{pdf.SITE}book/02-loops.html"
    )
    assert "menu" not in soup.get_text()
    shown = filled(text, {line.anchor: 70 + n for n, line in enumerate(lines)})
    rows = BeautifulSoup(shown, "html.parser").select(".book-contents li")
    assert [row.select("span")[1].get_text() for row in rows] == (
        ["70", "72", "72", "73", "75", "75"]
    )


def test_a_link_that_leads_nowhere_is_an_error(site):
    file = site / "book/02-loops.html"
    file.write_text(file.read_text("utf-8").replace('"#more"', '"#mire"'), "utf-8")
    with pytest.raises(PDFError, match=r"lead nowhere: 02-loops--mire$"):
        document(site, LISTED)


def test_a_site_that_is_not_built_is_an_error(tmp_path):
    with pytest.raises(
        PDFError, match=r"welcome\.html does not exist: run `make book`"
    ):
        document(tmp_path, LISTED)


def test_the_book_has_its_parts_and_solutions_run_on(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/welcome\nparts:\n"
        "- caption: I  Nets\n  chapters: [{file: book/01-a}, {file: book/02-b}]\n"
        "- caption: Solutions\n"
        "  chapters: [{file: book/solutions/01-a}, {file: book/solutions/02-b}]\n",
        encoding="utf-8",
    )
    assert pdf.pages(tmp_path) == [
        Page("", "book/welcome"),
        Page("I  Nets", "book/01-a"),
        Page("", "book/02-b"),
        Page("Solutions", "book/solutions/01-a"),
        Page("", "book/solutions/02-b", runs_on=True),
    ]


def test_a_number_that_is_not_known_is_an_error():
    assert filled("{page:a} {page:b}", {"a": 3, "b": 12}) == "3 12"
    with pytest.raises(KeyError):
        filled("{page:c}", {"a": 3})
