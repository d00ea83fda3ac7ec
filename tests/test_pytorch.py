"""The PyTorch twins and Model honour every setting that they accept."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from lstmbook import CELLS, LSTM, Bidirectional, Stack, gradcheck, interop, pytorch
from lstmbook.model import Model
from lstmbook.recurrence import Grads
from tests.cases import D, H, N, T, largest, random_case

LENGTHS = [5, 1, 3]
TWINS = {name: kind for name, kind in CELLS.items() if hasattr(pytorch, kind.__name__)}
every_twin = pytest.mark.parametrize("kind", TWINS.values(), ids=TWINS)


def twin_of(cell):
    return getattr(pytorch, type(cell).__name__).from_numpy(cell)


def tensors(parts):
    return parts._make([torch.tensor(a, requires_grad=True) for a in parts])


@every_twin
@pytest.mark.parametrize("kindof", [list, np.array, torch.tensor, np.uint8])
def test_lengths(kind, kindof):
    """Outputs, final state and every gradient, with 1e6 in the padding."""
    case = random_case(kind)
    for n, length in enumerate(LENGTHS):
        case.xs[length:, n] = 1e6
    hs, trace, grads = case.run(LENGTHS)
    twin, xs, state = (
        twin_of(case.cell),
        torch.tensor(case.xs, requires_grad=True),
        tensors(case.state),
    )
    hs_twin, final = twin(xs, state, kindof(LENGTHS))
    total = (hs_twin * torch.tensor(case.d_hs)).sum()
    for end, d in zip(final, case.d_final, strict=True):
        total = total + (end * torch.tensor(d)).sum()
    total.backward()
    assert largest(hs, hs_twin.detach().numpy()) <= 1e-12
    assert (
        largest(trace.final, final._make([a.detach().numpy() for a in final])) <= 1e-12
    )
    cell = kind(*(p.grad.numpy() for p in twin.parameters()))
    d_state = state._make([a.grad.numpy() for a in state])
    rows = gradcheck.compare(grads, Grads(cell, xs.grad.numpy(), d_state))
    assert max(row.error for row in rows) <= 1e-12


def test_not_even_nan_reaches_a_gradient_from_the_padding():
    case = random_case(LSTM)
    inside = (np.arange(T)[:, None] < LENGTHS)[..., None]
    found = []
    for padding in (0.0, np.nan):
        twin = twin_of(case.cell)
        xs = torch.tensor(np.where(inside, case.xs, padding))
        hs, _ = twin(xs, lengths=LENGTHS)
        (hs * torch.tensor(case.d_hs)).sum().backward()
        found.append([p.grad.numpy() for p in twin.parameters()])
    assert largest(*found) == 0


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([5, 0, 1], ValueError, "lengths runs from 0 to 5; expected 1 to T = 5"),
        ([5, 6, 1], ValueError, "lengths runs from 1 to 6; expected 1 to T = 5"),
        ([5, 1], ValueError, r"lengths has shape \(2,\)"),
        ([5.0, 1.0, 2.0], TypeError, "lengths has dtype float64; expected integers"),
    ],
)
def test_lengths_that_are_none(lengths, error, message):
    case = random_case(LSTM)
    model = Model.init(np.random.default_rng(0), case.cell, 1)
    cores = twin_of(case.cell), interop.to_torch(case.cell)
    for net in (cores[0], *(pytorch.Model(core, model) for core in cores)):
        with pytest.raises(error, match=message):
            net(torch.tensor(case.xs), lengths=lengths)


@every_twin
def test_inputs_and_states_are_checked(kind):
    """As the NumPy cell does: nothing is broadcast by luck, nothing left out."""
    case, name = random_case(kind), kind.__name__
    twin, xs, state = twin_of(case.cell), torch.tensor(case.xs), tensors(case.state)
    for wrong in (xs[0], xs[..., :3], xs[:0], xs[:, :0]):
        with pytest.raises(
            ValueError, match=rf"xs has shape .*{name} expects \(T, N, 4\)"
        ):
            twin(wrong)
    with pytest.raises(TypeError, match=f"xs has dtype .*float32; {name} expects .*64"):
        twin(xs.float())
    others = {k.State for k in CELLS.values()} - {kind.State}
    for other in (*(k(*[state.h] * len(k._fields)) for k in others), tuple(state)):
        came = type(other).__name__
        message = f"state is a {came}; {name} expects {kind.State.__name__}"
        with pytest.raises(TypeError, match=message):
            twin(xs, other)
    last = state._fields[-1]
    with pytest.raises(
        ValueError, match=rf"state.{last} has shape \(1, 2\); .*\(3, 2\)"
    ):
        twin(xs, state._replace(**{last: state[-1][:1]}))
    with pytest.raises(TypeError, match=f"state.{last} has dtype torch.float32"):
        twin(xs, state._replace(**{last: state[-1].float()}))


@every_twin
@pytest.mark.parametrize("size", [0, 2.0, True])
def test_sizes(kind, size):
    for sizes in ((size, 2), (2, size)):
        with pytest.raises(ValueError, match=r"_size is .* integer of at least 1"):
            getattr(pytorch, kind.__name__)(*sizes)


def nets():
    """NumPy nets and their counterparts in torch.nn, both with the same parameters."""
    rng = np.random.default_rng(0)

    def one(kind, inputs=D, units=H):
        return random_case(kind, rng.integers(99), sizes=(T, N, inputs, units)).cell

    for name, kind in itertools.islice(CELLS.items(), 3):
        yield f"twin-{name}", (cell := one(kind)), twin_of(cell)
        yield name, (cell := one(kind)), interop.to_torch(cell)
        both = Bidirectional(one(kind), one(kind))
        yield f"{name}-both", both, interop.to_torch(both)
        deep = Stack((both, Bidirectional(one(kind, 2 * H), one(kind, 2 * H))))
        yield f"{name}-deep", deep, interop.to_torch(deep)


NETS = {name: (net, core) for name, net, core in nets()}


@pytest.mark.parametrize(("net", "core"), NETS.values(), ids=NETS)
@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "pad"])
def test_model_is_the_numpy_model(net, core, readout, lengths):
    rng = np.random.default_rng(1)
    model = Model.init(rng, net, 2, readout)
    model.b_y[:] = rng.standard_normal(2)
    xs = rng.standard_normal((T, N, D))
    ours, _ = model.forward(xs, lengths=lengths)
    theirs = pytorch.Model(core, model)(torch.tensor(xs), lengths=lengths)
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    if readout == "all" and lengths:
        inside = np.arange(T)[:, None] < lengths
        ours, theirs = ours[inside], theirs[inside]
    assert np.abs(ours - theirs).max() <= 1e-12


@pytest.mark.parametrize(
    "core", [twin_of(random_case(LSTM).cell), nn.LSTM(D, H).double()]
)
def test_model_passes_a_state_on(core):
    case = random_case(LSTM)
    model = Model.init(np.random.default_rng(0), case.cell, 2)
    xs = torch.tensor(case.xs)
    state = tensors(case.state)
    if isinstance(core, nn.LSTM):
        state = tuple(a[None] for a in state)
    net = pytorch.Model(core, model)
    assert not torch.equal(net(xs, state), net(xs))


def test_projection_is_honoured():
    core = nn.LSTM(D, 6, num_layers=2, proj_size=3, bidirectional=True).double()
    reads = Stack((Bidirectional(LSTM.init(RNG, D, 3), LSTM.init(RNG, D, 3)),))
    xs = torch.tensor(RNG.standard_normal((T, N, D)))
    hs, _ = core(xs)
    for readout in ("last", "all"):
        model = Model.init(RNG, reads, 2, readout)
        read = hs if readout == "all" else torch.cat([hs[-1, :, :3], hs[0, :, 3:]], -1)
        expected = read @ torch.tensor(model.W_y) + torch.tensor(model.b_y)
        found = pytorch.Model(core, model)(xs)
        assert (found - expected).abs().max() <= 1e-14


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("core", "error", "message"),
    [
        (nn.LSTM(D, H, batch_first=True), ValueError, "core has batch_first=True"),
        (nn.LSTM(D, H), TypeError, "core has dtype torch.float32; model has .*64"),
        (
            nn.LSTM(D, 3).double(),
            ValueError,
            "core has 3 outputs .*; model reads H = 2",
        ),
        (nn.GRU(D, H, bidirectional=True).double(), ValueError, "core has 4"),
        (nn.LSTM(D, 5, proj_size=1).double(), ValueError, "core has 1"),
        (nn.LSTMCell(D, H).double(), TypeError, "core is a LSTMCell; expected one of"),
        (nn.Sequential(nn.LSTM(D, H)), TypeError, "core is a Sequential"),
        (random_case(LSTM).cell, TypeError, "core is a LSTM; expected one of lstmbook"),
    ],
)
def test_cores_that_are_refused(core, error, message):
    model = Model.init(RNG, LSTM.init(RNG, D, H), 1)
    with pytest.raises(error, match=message):
        pytorch.Model(core, model)


def test_model_that_is_none():
    cell = random_case(LSTM).cell
    with pytest.raises(TypeError, match=r"model is a LSTM; expected a lstmbook.model"):
        pytorch.Model(twin_of(cell), cell)
