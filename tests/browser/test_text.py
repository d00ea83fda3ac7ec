"""The figure "Your own text" shows what lstmbook computes with the same weights."""

import shutil

import numpy as np
import pytest

from lstmbook import LSTM, tree
from lstmbook.model import Model
from lstmbook.ops import softmax
from tests.browser.conftest import LIVING
from tools import text_weights

ALPHABET = "abc d\né😀"
TEXT = "a bad 😀 cab\né bed"  # no e in the alphabet
KNOWN = "a bad 😀 cab\né bd"
CLOSE = {"rtol": 1e-10, "atol": 1e-13}
RUN = """([text, before, t, k]) => {
  const { decode, read, next, heard } = LSTMBook.text;
  const model = decode(LSTMBook.data.text);
  const reading = read(model, text, read(model, before));
  const rows = (parts) => Object.fromEntries(
    Object.entries(parts).map(([name, all]) => [name, all.map((row) => [...row])]));
  return { characters: reading.characters.join(""), next: [...next(model, reading, t)],
           heard: heard(model, reading, t, k), gates: rows(reading.trace.gates),
           history: rows(reading.trace.history) };
}"""


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """The scripts, with the weights of a small net beside them; and that net."""
    folder = tmp_path_factory.mktemp("living")
    shutil.copytree(LIVING, folder, dirs_exist_ok=True)
    rng = np.random.default_rng(5)
    V = len(ALPHABET)
    model = Model.init(rng, LSTM.init(rng, V, 5), V, readout="all")
    model = tree.map(lambda a: rng.normal(size=a.shape), model)
    text_weights.write(folder / "text-weights.js", model, ALPHABET)
    return folder, text_weights.read(folder / "text-weights.js")[0]


@pytest.fixture
def numbers(bare, assets):
    """An empty page with the scripts and the weights."""
    for name in ("lstm.js", "text-weights.js", "text.js"):
        bare.add_script_tag(path=assets[0] / name)
    return bare


@pytest.fixture
def figure(context, assets, tmp_path):
    """A function that opens the figure on a page, as a reader does."""

    def open_figure(**options):
        page = context(**options).new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        folder = assets[0].as_uri()
        path = tmp_path / "text.html"
        path.write_text(
            f'<!doctype html><meta charset="utf-8"><title>text</title>'
            f'<link rel="stylesheet" href="{folder}/living.css">'
            f'<div class="living" data-figure="text" data-preset="own" '
            f'data-start="bad cab"></div>'
            f'<script src="{folder}/living.js"></script>',
            encoding="utf-8",
        )
        page.goto(path.as_uri())
        assert page.locator("textarea").count() == 0
        page.get_by_role("button", name="Type and find out").click()
        page.wait_for_selector(".line [data-t]")
        return page

    return open_figure


def by_the_library(model, text, target=None):
    """Probabilities after a text, its trace, and the norms of the gradients."""
    ids = [ALPHABET.index(c) for c in text]
    logits, trace = model.forward(np.eye(len(ALPHABET))[ids][:, None])
    p = softmax(logits[-1, 0])
    k = p.argmax() if target is None else ALPHABET.index(target)
    d = np.zeros_like(logits)
    d[-1, 0] = np.eye(len(ALPHABET))[k] - p
    return p, trace, np.linalg.norm(model.backward(trace, d).xs[:, 0], axis=-1)


@pytest.mark.parametrize("before", ["", "a bad 😀", "a bad dad", TEXT])
@pytest.mark.parametrize("t", [1, 9, len(KNOWN)])
def test_numbers_are_the_librarys_whatever_was_read_before(numbers, assets, before, t):
    model = assets[1]
    found = numbers.evaluate(RUN, [TEXT, before, t, ALPHABET.index("é")])
    assert found["characters"] == KNOWN
    _, trace, _ = by_the_library(model, KNOWN)
    p, _, heard = by_the_library(model, KNOWN[:t], "é")
    np.testing.assert_allclose(found["next"], p, **CLOSE)
    np.testing.assert_allclose(found["heard"], heard, **CLOSE)
    for name, rows in trace.gates._asdict().items():
        np.testing.assert_allclose(found["gates"][name], rows[:, 0], **CLOSE)
    for name, rows in trace.history._asdict().items():
        np.testing.assert_allclose(found["history"][name], rows[:, 0], **CLOSE)


def test_every_half_precision_number_is_read(numbers):
    half = np.arange(2**16, dtype=np.uint16).view(np.float16)
    half = half[np.isfinite(half)]
    found = numbers.evaluate(
        "(bits) => bits.map((b) => LSTMBook.text.float16(b))",
        half.view(np.uint16).tolist(),
    )
    np.testing.assert_array_equal(found, half.astype(float))


def chances(page):
    """What is listed as next: character to per cent."""
    rows = page.locator(".next button").all()
    return {
        row.locator("b").get_attribute("aria-label"): row.inner_text().split()[-2]
        for row in rows
    }


def test_typing_choosing_and_pointing(figure, assets):
    page = figure()
    line = page.get_by_role("slider", name="Characters read")
    assert line.inner_text().replace("\n", "") == "bad␣cab"
    page.get_by_label("Your text").fill("cab ade")
    page.wait_for_function("document.querySelectorAll('[data-t]').length === 6")
    assert "does not know e" in page.locator(".note").inner_text()

    p, trace, heard = by_the_library(assets[1], "cab ad")
    names = ["space" if c == " " else "new line" if c == "\n" else c for c in ALPHABET]
    for name, percent in chances(page).items():
        if percent != "0.1":  # less than that
            assert float(percent) == pytest.approx(100 * p[names.index(name)], abs=0.5)

    page.get_by_label("unit").fill("4")
    page.get_by_label("output gate").check()
    page.wait_for_selector(".line[data-value=o]")
    title = page.locator("[data-t='6']").get_attribute("title")
    assert title.endswith(f"o of unit 4: {trace.gates.o[5, 0, 3]:.3f}")
    first = page.locator("[data-t='1']").get_attribute("title")
    share = float(first.split()[0])
    assert share == pytest.approx(heard[0] / heard.max(), rel=0.06)

    line.press("Home")
    line.press("ArrowRight")
    page.wait_for_function(
        "document.querySelector('.line').getAttribute('aria-valuenow') === '2'"
    )
    assert page.locator(".line .unread").count() == 4
    assert "after “ca”" in line.get_attribute("aria-valuetext")
    page.get_by_role("button", name="space").click()
    page.wait_for_function("document.querySelector('.chosen').textContent === '␣'")
    _, _, heard = by_the_library(assets[1], "ca", " ")
    share = float(page.locator("[data-t='1']").get_attribute("title").split()[0])
    assert share == pytest.approx(heard[0] / heard.max(), rel=0.06)
    assert page.errors == []


def test_fits_a_phone(figure):
    page = figure(viewport={"width": 375, "height": 812})
    page.get_by_label("Your text").fill("abc d" * 24)
    page.wait_for_function("document.querySelectorAll('[data-t]').length === 120")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.locator(".question").inner_text().endswith("?")
    assert page.locator(".tries li").count() == 3


def test_the_page_has_its_weights(site, context):
    page = context().new_page()
    page.goto((site / "book/17-characters.html").as_uri())
    page.locator("#living-text .living-offer").click()
    box = page.get_by_label("Your text")
    box.fill("    return len(values")
    page.wait_for_function("document.querySelectorAll('[data-t]').length === 21")
    chances = page.locator("#living-text .next").inner_text()
    assert chances.lstrip().startswith(")")
