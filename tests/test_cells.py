"""Tests of every cell in the registry; a new cell is covered once it is listed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmbook import (
    CELLS,
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    HiddenState,
    PeepholeLSTM,
    gradcheck,
    interop,
    pytorch,
    tree,
)
from lstmbook.cells import RNNGates
from tests import naive, twins
from tests.cases import D, H, N, T, largest, random_case

every_cell = pytest.mark.parametrize("kind", CELLS.values(), ids=CELLS)
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=20, deadline=None, derandomize=True)


@every_cell
@pytest.mark.parametrize("lengths", [None, [5, 1, 3]], ids=["full", "padded"])
def test_backward_equals_central_differences(kind, lengths):
    rows = gradcheck.check_cell(*random_case(kind), lengths=lengths)
    parameters = [f"cell.{name}" for name, _ in tree.leaves(random_case(kind).cell)]
    assert {row.name for row in rows} >= {*parameters, "xs", "state.h"}
    assert max(row.error for row in rows) <= 1e-8, rows


with_a_twin = pytest.mark.parametrize(
    "kind", [k for k in CELLS.values() if hasattr(pytorch, k.__name__)]
)


@with_a_twin
def test_equals_written_out_pytorch(kind):
    case = random_case(kind)
    hs, _, grads = case.run()
    twin_hs, twin_grads = twins.written_out(case)
    assert largest(hs, twin_hs) <= 1e-12
    assert largest(grads, twin_grads) <= 1e-12


@with_a_twin
def test_written_out_pytorch_begins_as_numpy_does(kind):
    cell = kind.init(np.random.default_rng(0), D, H)
    twin = getattr(pytorch, kind.__name__)(D, H, torch.float64)
    for parameter, value in tree.leaves(cell):
        drawn = getattr(twin, parameter).detach().numpy()
        if parameter in ("W_x", "W_h"):
            assert drawn.shape == value.shape
            assert 0 < np.abs(drawn).max() <= H**-0.5
        else:
            assert (drawn == value).all()


@pytest.mark.parametrize("kind", interop.LAYOUTS["PyTorch"])
def test_equals_torch_nn(kind):
    case = random_case(kind)
    hs, _, grads = case.run()
    native_hs, native_grads = twins.native(case)
    assert largest(hs, native_hs) <= 1e-12
    assert largest(grads, native_grads) <= 1e-12


@pytest.mark.parametrize("name", naive.NAIVE)
def test_forward_equals_naive_loop(name):
    case = random_case(CELLS[name])
    _, trace = case.forward()
    record = naive.run(naive.NAIVE[name], case.cell, case.xs, case.state)
    computed = trace.gates._asdict() | trace.states._asdict()
    for quantity, expected in record.items():
        assert np.abs(computed[quantity] - expected).max() <= 1e-12, quantity


@every_cell
@few
@seeds
def test_split_sequence_equals_whole(kind, seed):
    case = random_case(kind, seed)
    cell, xs, state, d_hs, d_final = case
    hs, trace, grads = case.run()
    hs1, first = cell.forward(xs[:2], state)
    hs2, second = cell.forward(xs[2:], first.final)
    late = cell.backward(second, d_hs[2:], d_final)
    early = cell.backward(first, d_hs[:2], late.state)
    assert largest(np.concatenate([hs1, hs2]), hs) <= 1e-12
    assert largest(second.final, trace.final) <= 1e-12
    assert largest(np.concatenate([early.xs, late.xs]), grads.xs) <= 1e-12
    assert largest(early.state, grads.state) <= 1e-12
    total = tree.map(np.add, early.cell, late.cell)
    assert largest(total, grads.cell) <= 1e-12


@every_cell
@few
@seeds
def test_batch_permutation(kind, seed):
    case = random_case(kind, seed)
    order = np.random.default_rng(seed).permutation(N)
    hs, _, grads = case.run()
    permuted = case._replace(
        xs=case.xs[:, order],
        state=tree.map(lambda a: a[order], case.state),
        d_hs=case.d_hs[:, order],
        d_final=tree.map(lambda a: a[order], case.d_final),
    )
    hs_p, _, grads_p = permuted.run()
    assert largest(hs_p, hs[:, order]) <= 1e-12
    assert largest(grads_p.xs, grads.xs[:, order]) <= 1e-12
    assert largest(grads_p.cell, grads.cell) <= 1e-12
    assert largest(grads_p.state, tree.map(lambda a: a[order], grads.state)) <= 1e-12


@every_cell
@few
@seeds
def test_backward_is_linear_in_its_cotangents(kind, seed):
    case, other = random_case(kind, seed), random_case(kind, seed + 1)
    _, trace = case.forward()

    def backward(a, b):
        def mix(p, q):
            return a * p + b * q

        d_final = tree.map(mix, case.d_final, other.d_final)
        return case.cell.backward(trace, mix(case.d_hs, other.d_hs), d_final)

    mixed = tree.map(lambda p, q: 2 * p - 3 * q, backward(1, 0), backward(0, 1))
    scale = max(np.abs(a).max() for _, a in tree.leaves(mixed))
    assert largest(mixed, backward(2, -3)) <= 1e-13 * max(1, scale)


@every_cell
def test_float32_stays_float32(kind):
    case = random_case(kind, dtype=np.float32)
    results = case.run(lengths=[5, 2, 4])
    dtypes = {array.dtype.name for _, array in tree.leaves((results[0], results[2]))}
    dtypes |= {a.dtype.name for _, a in tree.leaves(results[1]) if a.dtype != int}
    assert dtypes == {"float32"}


@every_cell
@few
@given(seed=st.integers(0, 2**32 - 1), lengths=st.tuples(*[st.integers(1, T)] * N))
def test_padded_batch_equals_sequences_one_by_one(kind, seed, lengths):
    case = random_case(kind, seed)
    padded = case.xs.copy()
    for n, length in enumerate(lengths):
        padded[length:, n] = 1e6
    case = case._replace(xs=padded)
    hs, trace, grads = case.run(np.array(lengths))
    total = tree.map(np.zeros_like, grads.cell)
    for n, length in enumerate(lengths):

        def own(a, n=n):
            return a[n : n + 1]

        # A finished state stays, so cotangents in the padding belong to the last step.
        d_hs = case.d_hs[:length, n : n + 1].copy()
        d_hs[-1] += case.d_hs[length:, n].sum(axis=0)
        alone = case._replace(
            xs=padded[:length, n : n + 1],
            state=tree.map(own, case.state),
            d_hs=d_hs,
            d_final=tree.map(own, case.d_final),
        )
        hs_n, trace_n, grads_n = alone.run()
        assert largest(hs[:length, n : n + 1], hs_n) <= 1e-12
        assert (
            largest(hs[length - 1 :, n], np.tile(hs_n[-1], (T - length + 1, 1))) < 1e-12
        )
        assert largest(tree.map(own, trace.final), trace_n.final) <= 1e-12
        assert largest(grads.xs[:length, n : n + 1], grads_n.xs) <= 1e-12
        assert not grads.xs[length:, n].any()
        assert largest(tree.map(own, grads.state), grads_n.state) <= 1e-12
        assert all(not gate[length:, n].any() for gate in trace.gates)
        total = tree.map(np.add, total, grads_n.cell)
    scale = max(np.abs(a).max() for _, a in tree.leaves(total))
    assert largest(total, grads.cell) <= 1e-12 * max(1, scale)


@every_cell
def test_full_lengths_change_nothing(kind):
    case = random_case(kind)
    full = case.run(lengths=[T] * N)
    assert largest(full[0], case.run()[0]) == 0
    assert largest(full[2], case.run()[2]) == 0


@every_cell
def test_no_state_means_zeros(kind):
    case = random_case(kind)
    zeros = tree.map(np.zeros_like, case.state)
    hs, trace = case.cell.forward(case.xs)
    assert largest(hs, case.cell.forward(case.xs, zeros)[0]) == 0
    assert largest(trace.initial, zeros) == 0
    assert (
        largest(
            case.cell.backward(trace, case.d_hs),
            case.cell.backward(trace, case.d_hs, zeros),
        )
        == 0
    )


@every_cell
def test_trace_shapes_and_protection(kind):
    case = random_case(kind)
    hs, trace, _ = case.run()
    for array in (*trace.gates, *trace.states):
        assert array.shape == (T, N, H)
    assert hs is not None and np.shares_memory(hs, trace.history.h)
    for array in (hs, trace.xs, *trace.gates, *trace.states):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert np.shares_memory(trace.xs, case.xs) and case.xs.flags.writeable


@every_cell
def test_lengths_are_the_trace_s_own(kind):
    case = random_case(kind)
    lengths = np.array([5, 1, 3])
    _, trace, grads = case.run(lengths)
    lengths[:] = 5
    again = case.cell.backward(trace, case.d_hs, case.d_final)
    assert largest(again, grads) == 0


@every_cell
def test_arguments_are_left_alone(kind):
    case = random_case(kind)
    before = tree.map(np.copy, case)
    case.run(lengths=[2, 5, 1])
    assert largest(case, before) == 0


@every_cell
def test_init_draws_as_documented(kind):
    cell = kind.init(np.random.default_rng(0), 300, 100)
    for weights in (a for name, a in tree.leaves(cell) if name[0] == "W"):
        assert 0.099 < np.abs(weights).max() <= 0.1
        assert abs(weights.std() - 0.1 / 3**0.5) < 1e-3
    biases = np.concatenate([a for name, a in tree.leaves(cell) if name[0] == "b"])
    expected = np.zeros_like(biases)
    for k, layer in enumerate(kind.Gates._fields):
        expected[100 * k : 100 * (k + 1)] = kind.initial_biases.get(layer, 0)
    assert (biases == expected).all()
    own = [a for name, a in tree.leaves(cell) if name[0] not in "Wb"]
    assert not np.any(own)
    assert (
        repr(cell) == f"{kind.__name__}(input_size=300, hidden_size=100, dtype=float64)"
    )


def test_gates_are_about_as_open_as_the_docstrings_say():
    assert LSTM.initial_biases == PeepholeLSTM.initial_biases == {"f": 1}
    assert CoupledLSTM.initial_biases == {"i": -1}
    assert RNN.initial_biases == GRU.initial_biases == {}


def test_views_are_views():
    cell = random_case(LSTM).cell
    for k, layer in enumerate("ifgo"):
        view = getattr(cell, f"W_x{layer}")
        assert view.shape == (D, H)
        assert np.shares_memory(view, cell.W_x)
        assert (view == cell.W_x[:, k * H : (k + 1) * H]).all()
        assert np.shares_memory(getattr(cell, f"W_h{layer}"), cell.W_h)
        getattr(cell, f"b_{layer}")[:] = k
    assert (cell.b == np.repeat(np.arange(4), H)).all()


def test_adding_in_place_works():
    cell = random_case(LSTM).cell
    before = cell.b.copy()
    cell.b_f += 1
    cell.W_x *= 2
    assert (cell.b_f == before[H : 2 * H] + 1).all()


def test_d_h_may_part_from_d_x_late():
    """A cell that returns one object at the last step, and two at earlier steps."""

    class Late(GRU):
        def step_backward(self, prev, gates, now, d):
            d_x, d_h, d_prev = super().step_backward(prev, gates, now, d)
            same = all(np.array_equal(a, b) for a, b in zip(d_x, d_h, strict=True))
            return d_x, d_x if same else d_h, d_prev

    case = random_case(GRU)
    case.d_hs[-1] = 0
    case = case._replace(d_final=tree.map(np.zeros_like, case.d_final))
    late = Late(*(a for _, a in tree.leaves(case.cell)))
    _, _, grads = case._replace(cell=late).run()
    _, _, expected = case.run()
    for name in ("xs", "state"):
        assert largest(getattr(grads, name), getattr(expected, name)) == 0
    assert largest(grads.cell.W_h, expected.cell.W_h) == 0


class Exponential(RNN):
    """Its layer is unbounded, like an exponential gate."""

    def step(self, x, h, prev):
        g = np.expm1(x.g + h.g)
        return HiddenState(g), RNNGates(g)

    def step_backward(self, prev, gates, now, d):
        d_a = RNNGates(d.h * (gates.g + 1))
        return d_a, d_a, HiddenState(h=0)


def test_padding_does_not_reach_a_cell():
    """1e6 in it would overflow; a warning is an error here."""
    case = random_case(Exponential)
    quiet = tree.map(lambda a: 0.1 * a, case)
    padded = quiet.xs.copy()
    padded[1:, 1], padded[3:, 2] = 1e6, -1e6
    hs, _, grads = quiet._replace(xs=padded).run([5, 1, 3])
    expected, _, expected_grads = quiet.run([5, 1, 3])
    assert largest(hs, expected) == 0
    assert largest(grads, expected_grads) == 0


@pytest.mark.parametrize("bias", [np.inf, -np.inf])
def test_infinite_bias_wires_a_gate_off(bias):
    case = random_case(LSTM)
    case.cell.b_f[:] = bias
    _, trace, grads = case.run()
    assert (trace.gates.f == (bias > 0)).all()
    assert not grads.cell.b_f.any()
    assert all(np.isfinite(array).all() for _, array in tree.leaves(grads))


def test_gru_keeps_its_bias_apart():
    cell = random_case(GRU).cell
    assert cell.b_hn.shape == (H,) and not np.shares_memory(cell.b_hn, cell.b)


def test_every_cell_has_its_naive_loop():
    differ = naive.NAIVE.keys() ^ CELLS.keys()
    assert not differ, f"in only one of CELLS and NAIVE (tests/naive.py): {differ}"
