"""The script of the living figures computes what lstmbook computes."""

import numpy as np
import pytest

from lstmbook.cells import LSTM, RNN
from tests.browser.conftest import LIVING

CELLS = {"rnn": RNN, "lstm": LSTM}
SIZES = [(1, 1, 1, 1), (5, 3, 2, 4), (7, 2, 4, 3), (30, 1, 1, 8)]
CLOSE = dict(rtol=1e-12, atol=1e-12)

RUN = """([name, params, sequences]) => sequences.map(({xs, state, d_hs, d_final}) => {
  const cell = LSTMBook.cells[name];
  const trace = cell.forward(params, xs, state);
  const grads = cell.backward(params, trace, d_hs, d_final);
  const plain = (v) => ArrayBuffer.isView(v) ? Array.from(v)
    : Array.isArray(v) ? v.map(plain)
    : Object.fromEntries(Object.entries(v).map(([k, w]) => [k, plain(w)]));
  const jacobians = xs.map((_, t) => cell.jacobian(params, trace, t));
  return plain({history: trace.history, gates: trace.gates, grads, jacobians});
})"""


@pytest.fixture
def page(bare):
    """A page with nothing but the script."""
    bare.add_script_tag(path=LIVING / "lstm.js")
    return bare


def drawn(kind, size, seed=0):
    """Random values in every slot: a cell, its inputs, states and cotangents."""
    T, N, D, H = size
    rng = np.random.default_rng([seed, *size])
    cell = kind.init(rng, D, H)
    cell.b[:] = rng.normal(size=cell.b.shape)

    def state():
        return kind.State(*rng.normal(size=(len(kind.State._fields), N, H)))

    return (
        cell,
        rng.normal(size=(T, N, D)),
        state(),
        rng.normal(size=(T, N, H)),
        state(),
    )


def computed(page, name, cell, xs, state, d_hs, d_final):
    """The script's results, one dict for each sequence."""
    params = {key: getattr(cell, key).tolist() for key in ("W_x", "W_h", "b")}
    sequences = [
        {
            "xs": xs[:, n].tolist(),
            "state": {k: v[n].tolist() for k, v in state._asdict().items()},
            "d_hs": d_hs[:, n].tolist(),
            "d_final": {k: v[n].tolist() for k, v in d_final._asdict().items()},
        }
        for n in range(xs.shape[1])
    ]
    return page.evaluate(RUN, [name, params, sequences])


def test_numbers_survive_the_way_into_the_page(page):
    values = np.random.default_rng(3).normal(size=50).tolist()
    assert page.evaluate("(values) => values", values) == values


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_forward_and_backward_are_the_librarys(page, name, size):
    cell, xs, state, d_hs, d_final = drawn(CELLS[name], size)
    _, trace = cell.forward(xs, state)
    grads = cell.backward(trace, d_hs, d_final)
    results = computed(page, name, cell, xs, state, d_hs, d_final)
    for n, result in enumerate(results):
        for field, values in trace.history._asdict().items():
            np.testing.assert_allclose(
                result["history"][field], values[:, n], **CLOSE, err_msg=field
            )
        for field, values in trace.gates._asdict().items():
            np.testing.assert_allclose(
                result["gates"][field], values[:, n], **CLOSE, err_msg=field
            )
        np.testing.assert_allclose(result["grads"]["xs"], grads.xs[:, n], **CLOSE)
        for field, values in grads.state._asdict().items():
            np.testing.assert_allclose(
                result["grads"]["state"][field], values[n], **CLOSE, err_msg=field
            )
    for field in ("W_x", "W_h", "b"):
        summed = np.sum([result["grads"][field] for result in results], axis=0)
        np.testing.assert_allclose(
            summed, getattr(grads.cell, field), **CLOSE, err_msg=field
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_jacobians_are_the_librarys(page, name, size):
    cell, *rest = drawn(CELLS[name], size, seed=1)
    xs, state = rest[:2]
    _, trace = cell.forward(xs, state)
    fields = type(state)._fields
    T, N, _, H = size
    results = computed(page, name, cell, *rest)
    for t in range(T):
        prev = type(state)(*(values[t] for values in trace.history))
        _, one = cell.forward(xs[t : t + 1], prev)
        expected = np.zeros((N, len(fields) * H, len(fields) * H))
        for row in range(len(fields) * H):
            d = {field: np.zeros((N, H)) for field in fields}
            d[fields[row // H]][:, row % H] = 1
            back = cell.backward(one, np.zeros((1, N, H)), type(state)(**d))
            expected[:, row] = np.concatenate(back.state, axis=-1)
        for n, result in enumerate(results):
            np.testing.assert_allclose(result["jacobians"][t], expected[n], **CLOSE)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_zeros_are_the_defaults(page, name, size):
    cell, xs, _, _, _ = drawn(CELLS[name], size)
    hs, _ = cell.forward(xs)
    params = {key: getattr(cell, key).tolist() for key in ("W_x", "W_h", "b")}
    for n in range(xs.shape[1]):
        found = page.evaluate(
            """([name, params, xs]) => {
              const cell = LSTMBook.cells[name];
              const trace = cell.forward(params, xs);
              const grads = cell.backward(params, trace);
              return [trace.history.h.slice(1).map((h) => [...h]), [...grads.b]];
            }""",
            [name, params, xs[:, n].tolist()],
        )
        np.testing.assert_allclose(found[0], hs[:, n], **CLOSE)
        assert not np.any(found[1])
