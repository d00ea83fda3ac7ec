"""The living cell shows what lstmbook computes, and answers to hand and keyboard."""

import gzip
import json

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from lstmbook import tree
from lstmbook.cells import LSTMState
from lstmbook.course.exercises import EXERCISES
from lstmbook.plots import step_cotangents, step_values
from lstmbook.plots.cell import _number
from lstmbook.plots.graph import GATE, GRAPHS
from lstmbook.tasks.notepad import MARKS, VALUE, by_hand, example, notepad, notes
from tests.browser.conftest import LIVING
from tools.living import cell_data, fresh, learned, script

NETS = {
    "hand": by_hand(),
    "learned": learned(),
    "untrained": tree.map(lambda array: array.round(4), fresh()),
}
CLOSE = dict(rtol=1e-12, atol=1e-12)
(GRAPH,) = (graph for kind, graph in GRAPHS.items() if kind.__name__ == "LSTM")
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><title>test</title>
<meta name="viewport" content="width=device-width">
<style>* {{ box-sizing: border-box }} body {{ max-width: 45rem; margin: 0 auto;
padding: 1rem; font-family: sans-serif; color: gray; background: {ground} }}</style>
<main><h1>test</h1><div class="living"></div></main></html>"""
GROUNDS = {"light": "#ffffff", "dark": "#121212"}


def show(context, preset="start", theme="light", **options):
    """Open a page with nothing but the figure."""
    page = context(**options).new_page()
    page.set_content(PAGE.format(theme=theme, ground=GROUNDS[theme]))
    page.add_style_tag(path=LIVING / "living.css")
    page.add_script_tag(path=LIVING / "lstm.js")
    page.add_script_tag(content="LSTMBook.figures = {};")
    page.add_script_tag(content=script("cell", cell_data()))
    page.add_script_tag(path=LIVING / "cell.js")
    page.evaluate(
        """(preset) => LSTMBook.figures.cell(
          document.querySelector(".living"), {preset, question: "What is asked?"})""",
        preset,
    )
    return page


def step(page):
    return int(page.locator(".stream").get_attribute("aria-valuenow"))


def said(page):
    return page.locator(".telling").inner_text()


WALK = """([net, way]) => {
  const find = (selector) => document.querySelector(selector);
  find(`[data-net=${net}]`).click();
  find(`[data-way=${way}]`).click();
  const select = find("[data-unit]");
  return [...select.options].map((_, unit) => {
    select.value = unit;
    select.dispatchEvent(new Event("change", {bubbles: true}));
    find(".stream").dispatchEvent(
      new KeyboardEvent("keydown", {key: "Home", bubbles: true}));
    const steps = [];
    for (;;) {
      const shown = [...document.querySelectorAll(".words.has-number")].map((text) => {
        const slot = text.querySelector(".number");
        const lines = [...slot.querySelectorAll("tspan")].map((l) => l.textContent);
        const written = lines.length ? lines.join("\\n") : slot.textContent.trim();
        return [text.dataset.key, slot.dataset.value, written];
      });
      steps.push(shown);
      if (find("[data-walk='1']").disabled) return steps;
      find("[data-walk='1']").click();
    }
  });
}"""


def row(state, t):
    return LSTMState(*(values[t, 0] for values in state))


def expect(shown, expected, backward):
    """Compare what a step shows with what lstmbook computes for it."""
    copied = {n.parents[0] for n in GRAPH.nodes if n.op.name == "copy"}
    gates = {n.name for n in GRAPH.nodes if n.op.name == GATE}
    keys = {
        ">".join(key) if isinstance(key, tuple) else key: key
        for key in GRAPH.places
        if key in expected and (backward or key not in copied)
    }
    assert {key for key, _, _ in shown} == set(keys)
    for name, exact, text in shown:
        value = expected[keys[name]]
        np.testing.assert_allclose(json.loads(exact), value, **CLOSE, err_msg=name)
        share = name in gates and not backward
        written = _number(keys[name], value, share, 3 if backward else 2)
        assert text.replace("\n", " ") == written.replace("\n", " "), name


@pytest.mark.parametrize("net", NETS)
def test_numbers_on_the_wires_are_the_librarys(context, net):
    page, model, xs = show(context), NETS[net], example().xs
    _, trace = model.cell.forward(xs)
    for unit, steps in enumerate(page.evaluate(WALK, [net, "forward"])):
        assert len(steps) == len(xs)
        for t, shown in enumerate(steps):
            prev = row(trace.history, t)
            expect(shown, step_values(model.cell, xs[t, 0], prev, unit), False)


@pytest.mark.parametrize("net", NETS)
def test_cotangents_on_the_wires_are_the_librarys(context, net):
    page, model, xs = show(context), NETS[net], example().xs
    _, trace = model.cell.forward(xs)
    asked = 7  # the recall of step 8
    found = page.evaluate(WALK, [net, "backward"])
    for t in (0, 4, 5, 7, 8):
        d_hs = np.zeros(trace.hs.shape)
        d_hs[asked, 0] = model.W_y[:, 0]
        _, rest = model.cell.forward(xs[t + 1 :], _batch(trace, t + 1))
        d_next = (
            model.cell.backward(rest, d_hs[t + 1 :]).state if t + 1 < len(xs) else None
        )
        for unit, steps in enumerate(found):
            expected = step_cotangents(
                model.cell,
                xs[t, 0],
                row(trace.history, t),
                unit,
                d_hs[t, 0],
                LSTMState(*(part[0] for part in d_next)),
            )
            expect(steps[t], expected, True)


def _batch(trace, t):
    return LSTMState(*(values[t] for values in trace.history))


@pytest.mark.parametrize("net", NETS)
def test_direct_and_leak_add_up_to_the_gradient(context, net):
    page, model, xs, asked = show(context), NETS[net], example().xs, 13
    found = page.evaluate(
        """([net, asked]) => {
          const {nets, stream} = LSTMBook.data.cell;
          const {trace} = LSTMBook.cellFigure.run(nets[net], stream);
          return nets[net].names.map((_, unit) => {
            const back = LSTMBook.cellFigure.pullBack(nets[net], trace, asked, unit);
            return [back.total, back.direct];
          });
        }""",
        [net, asked],
    )
    _, trace = model.cell.forward(xs)
    for unit, (total, direct) in enumerate(found):
        slope = 1 - np.tanh(trace.states.c[asked, 0, unit]) ** 2
        slope *= trace.gates.o[asked, 0, unit] * model.W_y[unit, 0]
        f = trace.gates.f[:, 0, unit]
        for t in range(asked + 1):
            product = slope * f[t + 1 : asked + 1].prod()
            np.testing.assert_allclose(direct[t], product, **CLOSE)
            # How far the answer moves with c_t, by central differences.
            np.testing.assert_allclose(
                total[t],
                _nudged(model, xs, trace, t, unit, asked),
                rtol=1e-6,
                atol=1e-8,
            )
        assert not np.any(total[asked + 1 :]) and not np.any(direct[asked + 1 :])


def _nudged(model, xs, trace, t, unit, asked, eps=1e-5):
    answers = []
    for change in (eps, -eps):
        c = trace.states.c[t].copy()
        c[0, unit] += change
        h = trace.gates.o[t] * np.tanh(c)
        if t < asked:
            hs, _ = model.cell.forward(xs[t + 1 : asked + 1], LSTMState(h, c))
            h = hs[-1]
        answers.append((h @ model.W_y + model.b_y).item())
    return (answers[0] - answers[1]) / (2 * eps)


@pytest.mark.parametrize("gate", ["f", "i", "o"])
@pytest.mark.parametrize("units", [(1,), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_a_held_gate_has_no_weights(context, gate, units):
    """Answers and gradients are those of a net whose gate is held by its bias."""
    page, share, net = show(context), 0.37, NETS["learned"]
    held, xs = tree.map(np.copy, net), example().xs
    for weights in ("W_x", "W_h"):
        getattr(held.cell, weights + gate)[:, units] = 0
    getattr(held.cell, f"b_{gate}")[list(units)] = np.log(share / (1 - share))
    clamp = {gate: [share if k in units else None for k in range(8)]}
    d_hs = np.random.default_rng(4).normal(size=(20, 1, 8))
    found = page.evaluate(
        """([clamp, d_hs]) => {
          const {nets, stream} = LSTMBook.data.cell;
          const {trace, answers} = LSTMBook.cellFigure.run(nets.learned, stream, clamp);
          const cell = LSTMBook.cells.lstm;
          const grads = cell.backward(nets.learned, trace, d_hs);
          return {answers, xs: grads.xs.map((row) => [...row]), b: [...grads.b],
            jacobian: cell.jacobian(nets.learned, trace, 6).map((row) => [...row])};
        }""",
        [
            clamp,
            (d_hs := np.random.default_rng(4).normal(size=(20, 1, 8)))[:, 0].tolist(),
        ],
    )
    answers, _ = held.forward(xs)
    _, trace = held.cell.forward(xs)
    grads = held.cell.backward(trace, d_hs)
    np.testing.assert_allclose(found["answers"], answers[:, 0, 0], **CLOSE)
    np.testing.assert_allclose(found["xs"], grads.xs[:, 0], **CLOSE)
    free = np.ones(32, bool)
    free[["ifgo".index(gate) * 8 + k for k in units]] = False
    np.testing.assert_allclose(np.array(found["b"])[free], grads.cell.b[free], **CLOSE)
    assert not np.array(found["b"])[~free].any()
    d_final = LSTMState(np.zeros((1, 8)), np.zeros((1, 8)))
    d_final.c[0, 3] = 1
    _, one = held.cell.forward(xs[6:7], _batch(trace, 6))
    back = held.cell.backward(one, np.zeros((1, 1, 8)), d_final).state
    expected = np.concatenate(back, axis=-1)[0]
    np.testing.assert_allclose(found["jacobian"][8 + 3], expected, **CLOSE)


def test_the_note_is_replayed_as_by_the_library(context):
    page, rng = show(context), np.random.default_rng(5)
    xs = notepad(rng, 200, 3, store=0.2, recall=0.2, clear=0.2).xs
    # The reader may write streams that are never drawn: marks on announced steps.
    xs[..., 1:] = np.eye(4)[rng.integers(0, 4, xs.shape[:2])][..., 1:]
    for n in range(3):
        found = page.evaluate("LSTMBook.cellFigure.notes", xs[:, n].tolist())
        np.testing.assert_array_equal(found, notes(xs)[:, n])


# --- By hand


def test_the_exercise_can_be_read_off(context):
    page = show(context, "forget")
    page.locator("[data-range=f]").fill("80")
    solution = EXERCISES["held-forget-gate"].solution()
    for name, number in solution.items():
        at = int(name.removeprefix("at_"))
        while step(page) != at:
            page.locator(f"[data-walk='{1 if step(page) < at else -1}']").click()
        answer = float(said(page).split()[-1].replace("−", "-"))
        assert answer == pytest.approx(number, abs=0.01)


def test_holding_and_letting_go(context):
    page = show(context)
    loss = page.locator(".loss")
    assert loss.inner_text() == "No gate is held. All answers are right to 0.01."
    page.locator("[data-range=f]").fill("50")
    assert "Held: f at 50 %." in loss.inner_text()
    assert "at step 8: wanted −0.88" in loss.inner_text()
    assert page.locator("[data-share=f]").inner_text() == "50 %"
    assert page.locator(".stream .error").count() > 0
    page.get_by_role("button", name="let go of the forget gate").click()
    assert loss.inner_text().startswith("No gate is held.")
    assert page.locator(".stream .error").count() == 0
    page.get_by_role("button", name="hold the input gate").click()
    assert "i at 100 %" in loss.inner_text()  # where it stood at step 5


def test_a_gate_is_grabbed_in_the_diagram(context):
    page = show(context)
    box = page.locator("[data-node=f] .outline").bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.75)
    share = float(page.locator("[data-share=f]").inner_text().removesuffix(" %"))
    assert share == pytest.approx(25, abs=2)
    page.mouse.up()
    page.mouse.move(x, box["y"])
    assert page.locator("[data-share=f]").inner_text() == f"{share:.0f} %"


def test_one_unit_is_held_or_all(context):
    page = show(context)
    page.locator("[data-net=learned]").click()
    page.locator("[data-range=f]").fill("0")
    one = page.locator(".loss").inner_text()
    page.get_by_label("hold in all units").check()
    assert page.locator(".loss").inner_text() != one
    cell, xs = tree.map(np.copy, NETS["learned"].cell), example().xs
    cell.W_xf[:] = cell.W_hf[:] = 0
    cell.b_f[:] = -800
    hs, _ = cell.forward(xs)
    off = hs @ NETS["learned"].W_y + NETS["learned"].b_y - example().targets
    assert (
        f"Largest error {np.abs(off).max():.2f}," in page.locator(".loss").inner_text()
    )


def test_all_by_keyboard(context):
    page = show(context)
    strip = page.get_by_role("slider", name="Step of the stream")
    strip.focus()
    for key, at in (("ArrowRight", 6), ("End", 20), ("Home", 1), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        assert step(page) == at
    page.get_by_role("slider", name="forget gate").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert "f at 99 %" in page.locator(".loss").inner_text()
    assert step(page) == 1
    # What changed is said once, to those who do not see it.
    assert page.get_by_role("status").inner_text() == page.locator(".loss").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(".loss").inner_text().startswith("No gate is held.")
    page.locator("[data-way=backward]").focus()
    page.keyboard.press("Space")
    assert page.locator("[data-way=backward]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    assert step(page) == 2


def test_ones_own_stream(context):
    page = show(context)
    page.get_by_text("Write your own stream").click()
    page.get_by_role("button", name="empty stream").click()
    assert step(page) == 1
    page.locator("[data-mark]").select_option("store")
    page.locator("[data-walk='1']").click()
    page.get_by_label("value", exact=True).fill("0.5")
    page.locator("[data-walk='1']").click()
    page.locator("[data-mark]").select_option("recall")
    assert "recall: say the note. Wanted 0.50, answer 0.50" in said(page)
    # A value beyond the task's range is brought back into it.
    page.locator("[data-walk='-1']").click()
    page.get_by_label("value", exact=True).fill("7")
    page.locator("[data-walk='1']").click()
    assert "Wanted 1.00" in said(page)
    page.get_by_role("button", name="the book’s stream").click()
    assert f"value {example().xs[2, 0, VALUE]:.2f}".replace("-", "−") in said(page)


def test_the_stream_is_a_place_to_point_at(context):
    page = show(context)
    page.locator(".stream").scroll_into_view_if_needed()
    box = page.locator(".stream").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.99, box["y"] + box["height"] / 2)
    assert step(page) == len(example().xs)
    assert "recall" in said(page) and example().xs[-1, 0, MARKS["recall"]] == 1


def go(page, at):
    page.locator(".stream").press("Home")
    for _ in range(at - 1):
        page.locator(".stream").press("ArrowRight")
    assert step(page) == at


def test_what_the_steps_to_try_promise_can_be_seen(context):
    page = show(context, "start")
    page.locator("[data-net=learned]").click()
    page.locator("[data-range=f]").fill("80")
    assert "at step 14:" in page.locator(".loss").inner_text()
    page.locator("[data-way=backward]").click()
    heights = page.locator(".stream rect.direct").evaluate_all(
        "(bars) => bars.map((bar) => Number(bar.getAttribute('height')))"
    )
    assert len(heights) == 8
    np.testing.assert_allclose(np.divide(heights[:-1], heights[1:]), 0.8)

    page = show(context, "output")
    page.locator("[data-range=o]").fill("0")
    c = by_hand().cell.forward(example().xs)[1].states.c[:, 0, 1]
    go(page, 8)
    shown = page.locator(".words[data-key=c_next] .number, .words[data-key=c] .number")
    assert f"{c[7]:.2f}".replace("-", "−") in "".join(shown.all_text_contents())

    page = show(context, "whole")
    _, trace = NETS["learned"].cell.forward(example().xs)
    unit = int(page.locator("[data-unit]").input_value())
    gates = {k: (100 * getattr(trace.gates, k)[:, 0]).round() for k in "fio"}
    ends = {t + 1 for k in "fio" for t in range(20) if gates[k][t, unit] == 0}
    assert ends == {15} and all((gates[k][:, unit] < 100).all() for k in "fio")
    assert [k for k in range(8) if gates["i"][4, k] < 50] == [1]


def test_gradients_are_not_named_as_values(context):
    page = show(context, "backward")
    word = page.locator(".words[data-key='kept>c'] .word, .words[data-key=kept] .word")
    assert word.count() and not word.first.is_visible()
    assert page.locator(".key").is_visible()
    page.locator("[data-way=forward]").click()
    assert word.first.is_visible() and not page.locator(".key").is_visible()


@pytest.mark.parametrize("width", [375, 1280])
def test_a_slider_stays_where_it_is_while_it_is_dragged(context, width):
    page = show(context, viewport={"width": width, "height": 900})
    slider = page.locator("[data-range=f]")
    slider.scroll_into_view_if_needed()
    before = slider.bounding_box()["y"]
    slider.fill("80")
    assert slider.bounding_box()["y"] == before


def test_a_number_is_clear_of_the_box_below_it(context):
    page = show(context, viewport={"width": 375, "height": 812})
    number = page.locator(".words[data-key=squashed]").bounding_box()
    box = page.locator("[data-node=o] .ground").bounding_box()
    assert number["y"] + number["height"] < box["y"]


def test_the_stream_is_written_from_one_place(context):
    page = show(context)
    page.get_by_text("Write your own stream").click()
    value = page.get_by_label("value", exact=True)
    for name, at in (("on", 6), ("back", 5), ("back", 4)):
        page.get_by_role("button", name=f"edit one step {name}").click()
        assert step(page) == at
        assert page.locator("[data-at]").inner_text() == str(at)
        assert float(value.input_value()) == example().xs[at - 1, 0, VALUE].round(2)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_where_motion_is_unwanted(context, motion):
    page = show(context, reduced_motion=motion)
    moving = page.evaluate(
        """() => {
          document.querySelector("[data-walk='1']").click();
          return document.getAnimations().length;
        }"""
    )
    assert (moving > 0) == (motion == "no-preference")


@pytest.mark.parametrize("way", ["forward", "backward"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_accessible(context, width, theme, way):
    size = {"width": width, "height": 900}
    page = show(context, theme=theme, viewport=size, reduced_motion="reduce")
    page.locator(f"[data-way={way}]").click()
    page.locator("[data-range=f]").fill("60")
    page.get_by_text("Write your own stream").click()
    found = Axe().run(page)
    problems = [
        (v["id"], [(n["html"], n["failureSummary"]) for n in v["nodes"]])
        for v in found.response["violations"]
    ]
    assert not problems
    # Nothing is wider than the page, and everything is large enough for a finger.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(
        ".living :is(button, select, input, summary):visible"
    ).all():
        box = target.bounding_box()
        if target.get_attribute("type") == "checkbox":
            box = target.locator("xpath=..").bounding_box()
        assert box["height"] >= 40 and box["width"] >= 40, target.inner_html()


def test_weight():
    data = script("cell", cell_data()).encode()
    sizes = {
        path.name: len(gzip.compress(path.read_bytes())) for path in LIVING.glob("*.js")
    }
    sizes["cell-data.js"] = len(gzip.compress(data))
    of_cell = "lstm.js", "cell-data.js", "cell.js"
    assert sum(sizes[name] for name in of_cell) <= 20_000, sizes
    assert sum(sizes.values()) <= 40_000, sizes
