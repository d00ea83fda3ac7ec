"""The figure "Who still hears?" draws lstmbook's nets and shows lstmbook's numbers."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from lstmbook import LSTM, RNN, HiddenState
from lstmbook.diagnostics import (
    cell_gradient_split,
    gradient_by_lag,
    norm_bound,
    radius_rate,
)
from lstmbook.plots import LOOKS
from lstmbook.tasks.adding import adding
from tests.browser.conftest import LIVING

#: Where the figure stands, as which of its presets.
PAGES = {
    "radius": "book/03-vanishing-and-exploding.html",
    "paths": "book/04-two-paths.html",
    "leak": "book/11-surviving-gradient.html",
}
#: Seed, spectral radius, forget bias, input bias, step that listens.
SETTINGS = [
    (0, 0.6, 1, 0, 50),
    (7, 1.3, 3, -3, 50),
    (4, 1.0, 6, 2, 31),
    (123_456, 2.0, -2, -6, 17),
    (2**32 - 1, 0.05, 0.5, 1.5, 1),
]
MEASURE = """([seed, rho, b_f, b_i, t]) => {
  const { draw, measure } = LSTMBook.hears;
  const net = draw(seed);
  return { rho: net.rho, sigma: net.sigma, xs: net.xs, v: [...net.v],
           W_h: net.lstm.W_h.map((row) => [...row]),
           curves: measure(net, { rho, b_f, b_i }, t) };
}"""


@pytest.fixture
def bare_numbers(bare):
    """A page with the scripts and no figure."""
    for name in ("lstm.js", "hears.js"):
        bare.add_script_tag(path=LIVING / name)
    return bare


@pytest.fixture
def figure(context, tmp_path):
    """A function that opens the figure in one view, and returns page and figure."""

    def open_figure(view, **options):
        page = context(**options).new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        path = tmp_path / f"{view}.html"
        path.write_text(
            f'<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="'
            f'{(LIVING / "living.css").as_uri()}"><div class="living" '
            f'data-figure="hears" data-preset="{view}"></div>'
            f'<script src="{(LIVING / "living.js").as_uri()}"></script>',
            encoding="utf-8",
        )
        page.goto(path.as_uri())
        page.get_by_role("button", name="Point and find out").click()
        page.wait_for_selector(".strip")
        return page

    return open_figure


def drawn(seed):
    """What the figure says that it draws, by the library."""
    rng = np.random.default_rng(seed)
    rnn, lstm = RNN.init(rng, 2, 32), LSTM.init(rng, 2, 32)
    return rnn, lstm, adding(rng, 50, 1).xs, rng.uniform(-1, 1, 32)


def measured(seed, rho, b_f, b_i, t):
    """The curves, by the library's diagnostics."""
    rnn, lstm, xs, v = drawn(seed)
    rnn.W_h[:] *= rho / radius_rate(rnn.W_h, 1)
    lstm.b_f[:], lstm.b_i[:] = b_f, b_i
    lags = np.arange(t)
    by_h = gradient_by_lag(rnn, rnn.forward(xs[:t])[1], HiddenState(v[None])).h[:t, 0]
    direct, leak = (
        part[:, 0] for part in cell_gradient_split(lstm, lstm.forward(xs[:t])[1])
    )
    total = np.linalg.norm(v @ (leak + direct[:, None] * np.eye(32)), axis=-1)
    size = np.linalg.norm(v)
    return {
        "rnn": by_h / size,
        "bound": norm_bound(rnn.W_h, lags),
        "rate": radius_rate(rnn.W_h, lags),
        "total": total / size,
        "direct": np.linalg.norm(v * direct, axis=-1) / size,
    }


@pytest.mark.parametrize("setting", SETTINGS)
def test_curves_are_the_librarys(bare_numbers, setting):
    found = bare_numbers.evaluate(MEASURE, list(setting))
    curves = measured(*setting)
    assert set(found["curves"]) == set(curves)
    for name, expected in curves.items():
        np.testing.assert_allclose(
            found["curves"][name], expected, rtol=1e-11, err_msg=name
        )


@pytest.mark.parametrize("seed", [0, 1, 31, 2**31, 2**32 - 1])
def test_nets_and_inputs_are_those_that_numpy_draws(bare_numbers, seed):
    found = bare_numbers.evaluate(MEASURE, [seed, 1, 0, 0, 2])
    rnn, lstm, xs, v = drawn(seed)
    np.testing.assert_array_equal(found["W_h"], lstm.W_h)
    np.testing.assert_array_equal(found["xs"], xs[:, 0])
    np.testing.assert_array_equal(found["v"], v)
    np.testing.assert_allclose(found["rho"], radius_rate(rnn.W_h, 1), rtol=1e-12)
    np.testing.assert_allclose(found["sigma"], norm_bound(rnn.W_h, 1), rtol=1e-12)


POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def shown(page, curve):
    """What the table says of a curve: what is left, and where a thousandth is left."""
    cells = page.locator(f"tr[data-curve={curve}] td")
    left, after = (cells.nth(k).text_content() for k in range(2))
    return float(left.replace(" × 10", "e").translate(POWERS)), after


def move(page, name, value):
    """Set a slider."""
    page.eval_on_selector(
        f"input[name={name}]",
        "(input, value) => { input.value = value;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )


def settled(page):
    """Wait until the figure has been drawn anew."""
    page.evaluate(
        "() => new Promise((done) =>"
        " requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def test_sliders_keys_and_buttons_set_what_the_table_shows(figure):
    page = figure("leak")
    page.get_by_role("button", name="Another net").click()
    for name, value in (("rho", 1.3), ("b_f", 3), ("b_i", -3)):
        move(page, name, value)
    strip = page.get_by_role("slider", name="Step that listens")
    for _ in range(6):
        strip.press("ArrowLeft")
    plane = page.get_by_role("slider", name="Steps back")
    plane.press("PageDown")  # left: further back
    plane.press("ArrowRight")
    settled(page)
    curves = measured(1, 1.3, 3, -3, 44)
    assert page.locator(".at").text_content() == "29 steps back"
    for name in ("total", "direct", "rnn"):
        left, after = shown(page, name)
        assert left == pytest.approx(curves[name][29], rel=0.005)
        assert after == "not yet" and curves[name].min() > 1e-3
    assert strip.get_attribute("aria-valuenow") == "44"
    assert strip.get_attribute("aria-valuetext").startswith("step 44; ")
    assert "29 steps back" in plane.get_attribute("aria-valuetext")
    assert (
        page.get_by_label("forget bias")
        .get_attribute("aria-valuetext")
        .endswith("(f near 95 %)")
    )
    page.get_by_role("button", name="Start again").click()
    settled(page)
    again = measured(0, 0.6, 1, 0, 50)["rnn"]
    assert shown(page, "rnn")[1] == f"after {np.argmax(again < 1e-3)}"
    assert page.errors == []


def test_numbers_of_any_size_are_written_to_three_digits(figure):
    page = figure("radius")
    plane = page.get_by_role("slider", name="Steps back")
    plane.press("End")  # the right end: lag 0
    for rho in (2, 0.05):
        move(page, "rho", rho)
        for k in range(0, 20, 2):
            settled(page)
            curves = measured(0, rho, 1, 0, 50)
            for name in ("rnn", "bound", "rate"):
                left, after = shown(page, name)
                assert left == pytest.approx(curves[name][k], rel=0.005)
                below = curves[name] < 1e-3
                assert after == (
                    f"after {below.argmax()}" if below.any() else "not yet"
                )
            plane.press("ArrowLeft")
            plane.press("ArrowLeft")
        plane.press("End")


def test_pointing_chooses_who_listens_and_what_is_read(figure):
    page = figure("paths")
    box = page.locator(".strip").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 24.5 / 50, box["y"] + 5)
    settled(page)
    strip = page.get_by_role("slider", name="Step that listens")
    assert strip.get_attribute("aria-valuenow") == "25"
    box = page.locator(".plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 4.5 / 50, box["y"] + 50)
    settled(page)
    assert page.locator(".at").text_content() == "20 steps back"
    curves = measured(0, 0.6, 1, 0, 25)
    assert shown(page, "total")[0] == pytest.approx(curves["total"][20], rel=0.005)


def test_a_click_holds_the_place(figure):
    page = figure("paths")
    box = page.locator(".plane").bounding_box()

    def at(step):
        return box["x"] + box["width"] * (step - 0.5) / 50, box["y"] + 50

    lag = page.locator(".at")
    page.mouse.click(*at(10))
    page.mouse.move(*at(33))
    settled(page)
    assert lag.text_content() == "40 steps back"
    page.mouse.down()
    page.mouse.move(*at(45))
    settled(page)
    assert lag.text_content() == "5 steps back"


@pytest.mark.parametrize("view", PAGES)
def test_a_view_has_its_question_its_steps_and_nothing_wider_than_a_phone(figure, view):
    page = figure(view, viewport={"width": 375, "height": 812})
    assert page.locator(".question").text_content().endswith("?")
    assert page.locator(".living ol li").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    drawn = page.locator(".chart > svg path.curve").count()
    assert drawn == page.locator("tbody tr").count() >= 3
    assert page.errors == []


def test_a_quantity_has_the_books_colour():
    css = (LIVING / "living.css").read_text("utf-8")
    (rule,) = re.findall(r"^\.hears, \.own-text {(.*)}$", css, re.M)
    colors = dict(re.findall(r"--look-(\w): (#\w{6});", rule))
    assert set(colors) == set("hcifgo")
    for name, color in colors.items():
        assert color.upper() == LOOKS[name].color.upper()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_accessible(figure, width, scheme):
    page = figure("leak", viewport={"width": width, "height": 812})
    page.evaluate(
        "(theme) => Object.assign(document.documentElement, { lang: 'en' })"
        ".dataset.theme = theme",
        scheme,
    )
    found = Axe().run(page, context=".living").response
    assert not [violation["id"] for violation in found["violations"]]


@pytest.mark.parametrize("view", PAGES)
def test_stands_on_its_page_and_leaves_no_trace_in_print(site, context, view):
    page, errors = context(viewport={"width": 1280, "height": 800}).new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / PAGES[view]).as_uri(), wait_until="domcontentloaded")
    figure = page.locator("#living-hears")
    assert figure.get_attribute("data-preset") == view
    figure.scroll_into_view_if_needed()
    figure.get_by_role("button", name="Point and find out").click()
    page.wait_for_selector("#living-hears .strip")
    # The page's own style leaves the bars of the input alone.
    widths = figure.locator(".stem").evaluate_all(
        "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
    )
    assert len(widths) == 50 and max(widths) < 1.01 * min(widths)
    assert errors == []
    page.emulate_media(media="print")
    assert not figure.is_visible()


@pytest.mark.parametrize("view", PAGES)
def test_without_scripts_the_static_figure_stands_alone(site, context, view):
    page = context(java_script_enabled=False).new_page()
    page.goto((site / PAGES[view]).as_uri(), wait_until="domcontentloaded")
    figure = page.locator("#living-hears")
    assert figure.inner_text() == "" and figure.bounding_box()["height"] < 1
    still = page.locator("section:has(> #living-hears) figure").last
    assert still.is_visible() and still.locator("figcaption").inner_text()
    assert still.locator("img").first.get_attribute("alt")
