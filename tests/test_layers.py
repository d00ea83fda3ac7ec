"""Layers on top of one another and in both directions, alone and in a model."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstmbook import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    BidirectionalState,
    HiddenState,
    LSTMState,
    Reversed,
    Stack,
    gradcheck,
    interop,
    tree,
)
from lstmbook.data import Batch
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train
from tests.cases import Case, largest
from tests.test_bad_input import refuse

#: Two directions of H are 4 wide, a size that nothing else has.
T, N, D, H = 5, 6, 3, 2
O = 8  # noqa: E741
LENGTHS = [3, 5, 1, 4, 3, 2]
RNG = np.random.default_rng(0)


def one(kind, inputs=D, units=H):
    return kind.init(RNG, inputs, units)


def both(kind, inputs=D, units=H):
    return Bidirectional(one(kind, inputs, units), one(kind, inputs, units))


KINDS = {kind.__name__: kind for kind in (RNN, LSTM, GRU)}
#: What torch.nn can build, by kind.
SHAPES = {
    "cell": one,
    "stack": lambda kind: Stack((one(kind), one(kind, H))),
    "both": both,
    "stack-of-both": lambda kind: Stack((both(kind), both(kind, 2 * H))),
}
#: What it cannot: several kinds and widths, and every way to combine them.
MIXED = {
    "three": Stack((one(GRU, D, 4), one(RNN, 4, 7), one(LSTM, 7, 2))),
    "unlike": Bidirectional(one(LSTM, D, 4), one(GRU, D, 2)),
    "under": Stack((one(RNN), Bidirectional(one(LSTM, H, 4), one(RNN, H, 1)))),
    "over": Stack((Bidirectional(one(GRU), one(LSTM)), one(GRU, 2 * H, 1))),
    "stack-each-way": Bidirectional(
        Stack((one(LSTM), one(RNN, H, 4))), Stack((one(GRU, D, 1), one(GRU, 1, 2)))
    ),
    "both-each-way": Bidirectional(both(RNN), Bidirectional(one(LSTM), both(GRU))),
    "from-the-end": Reversed(one(GRU, D, 4)),
    "there-and-back": Stack((Reversed(one(LSTM, D, 4)), Reversed(both(RNN, 4)))),
}
NETS = {
    f"{shape}-{name}": build(kind)
    for (shape, build), (name, kind) in itertools.product(SHAPES.items(), KINDS.items())
} | MIXED
COMPOSITES = {name: net for name, net in NETS.items() if not name.startswith("cell")}

every_net = pytest.mark.parametrize("net", NETS.values(), ids=NETS)
every_composite = pytest.mark.parametrize("net", COMPOSITES.values(), ids=COMPOSITES)
padded_or_not = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "pad"])


def random_case(net, seed=0, dtype=np.float64):
    """Random values in every slot, for whatever the net's state is."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    def like(a):
        return normal(*a.shape)

    # Half as large as a cell's: the truncation of a difference grows with depth.
    net = tree.map(lambda a: dtype(0.5) * like(a), net)
    xs = normal(T, N, D)
    hs, trace = net.forward(xs)
    return Case(
        net, xs, tree.map(like, trace.final), like(hs), tree.map(like, trace.final)
    )


# --- The reference: torch.nn, built from our cells one by one


def cells(net):
    """The cells of a net in PyTorch's order: layer by layer, forward before reverse."""
    if isinstance(net, Stack):
        return [cell for layer in net.layers for cell in cells(layer)]
    if isinstance(net, Bidirectional):
        return [net.forward_cell, net.reverse_cell]
    return [net]


def states(state):
    """The cells' states, in the same order."""
    if hasattr(state, "h"):
        return [state]
    return [own for part in state for own in states(part)]


def torch_names(net):
    """PyTorch's names of our parameters, each with its array.

    Of its recurrent biases only the GRU's block for n is there: the others double ours.
    """
    layers = net.layers if isinstance(net, Stack) else [net]
    directions = 1 + isinstance(layers[0], Bidirectional)
    for k, cell in enumerate(cells(net)):
        suffix = f"l{k // directions}" + "_reverse" * (k % directions)
        for name, tensor in interop.to_torch(cell).state_dict().items():
            yield name.replace("l0", suffix), tensor


def to_torch(net):
    layers = net.layers if isinstance(net, Stack) else [net]
    module = getattr(torch.nn, type(cells(net)[0]).__name__)(
        D,
        H,
        num_layers=len(layers),
        bidirectional=isinstance(layers[0], Bidirectional),
        dtype=torch.float64,
    )
    module.load_state_dict(dict(torch_names(net)))
    return module


def stacked(state):
    """A state as PyTorch has it: each part of all cells in one array."""
    return [np.stack(part) for part in zip(*states(state), strict=True)]


def run_torch(case, lengths):
    """The module, and what the case's sum says of its values and gradients.

    Returns
    -------
    module, hs, [h_n, …], d_xs, [d_h_0, …]
    """
    module = to_torch(case.cell)
    xs = torch.tensor(case.xs, requires_grad=True)
    start = [torch.tensor(a, requires_grad=True) for a in stacked(case.state)]
    state = tuple(start) if len(start) > 1 else start[0]
    if lengths is None:
        hs, final = module(xs, state)
    else:
        packed = pack_padded_sequence(xs, lengths, enforce_sorted=False)
        hs, final = module(packed, state)
        hs, _ = pad_packed_sequence(hs, total_length=T)
    final = final if len(start) > 1 else [final]
    total = (hs * torch.tensor(case.d_hs)).sum()
    for end, d in zip(final, stacked(case.d_final), strict=True):
        total = total + (end * torch.tensor(d)).sum()
    total.backward()
    return (
        module,
        hs.detach().numpy(),
        [end.detach().numpy() for end in final],
        xs.grad.numpy(),
        [a.grad.numpy() for a in start],
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@padded_or_not
def test_equals_torch_nn(shape, kind, lengths):
    case = random_case(NETS[f"{shape}-{kind}"])
    inside = np.arange(T)[:, None] < (lengths or [T] * N)
    # PyTorch has zeros in the padding, so the loss must not depend on it.
    case.d_hs[~inside] = 0
    hs, trace, grads = case.run(lengths)
    module, torch_hs, final, d_xs, d_state = run_torch(case, lengths)
    assert largest(hs[inside], torch_hs[inside]) <= 1e-12
    assert largest(stacked(trace.final), final) <= 1e-12
    assert largest(grads.xs, d_xs) <= 1e-12
    assert largest(stacked(grads.state), d_state) <= 1e-12
    ours = dict(torch_names(grads.cell))
    parameters = dict(module.named_parameters())
    assert ours.keys() == parameters.keys()
    for name, parameter in parameters.items():
        came, expected = ours[name].numpy(), parameter.grad.numpy()
        if "bias_hh" in name:  # doubles ours, but for the GRU's on n, the last block
            rows = slice(2 * H, None) if kind == "GRU" else slice(0, 0)
            came, expected = came[rows], expected[rows]
        assert came.shape == expected.shape
        assert np.abs(came - expected).max(initial=0) <= 1e-12, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@padded_or_not
def test_last_is_what_torch_calls_h_n(shape, kind, lengths):
    case = random_case(NETS[f"{shape}-{kind}"])
    hs, _ = case.forward(lengths)
    _, _, (h_n, *_), _, _ = run_torch(case, lengths)
    directions = 1 + ("both" in shape)
    assert largest(case.cell.last(hs), np.concatenate(h_n[-directions:], -1)) <= 1e-12


# --- Tests of every net


def output_of(net, state):
    """The short-term memory in a net's state, (N, H)."""
    if isinstance(net, Stack):
        return output_of(net.layers[-1], state[-1])
    if isinstance(net, Bidirectional):
        ends = (
            output_of(net.forward_cell, state.forward),
            output_of(net.reverse_cell, state.reverse),
        )
        return np.concatenate(ends, axis=-1)
    if isinstance(net, Reversed):
        return output_of(net.layer, state)
    return state.h


@every_net
@padded_or_not
def test_last_is_the_final_state_s(net, lengths):
    case = random_case(net)
    hs, trace = case.forward(lengths)
    assert hs.shape == (T, N, net.hidden_size)
    assert largest(net.last(hs), output_of(net, trace.final)) == 0
    # The adjoint: <last(hs), d> = <hs, last_backward(d)>, for any hs.
    d_last = case.d_hs[0]
    d_hs = net.last_backward(d_last, T)
    assert d_hs.shape == hs.shape
    expected = np.vdot(net.last(case.d_hs), d_last)
    assert abs(np.vdot(case.d_hs, d_hs) - expected) <= 1e-12


@every_composite
def test_backward_equals_central_differences(net):
    # test_full_lengths_change_nothing covers the case without lengths.
    rows = gradcheck.check_cell(*random_case(net), lengths=LENGTHS)
    assert max(row.error for row in rows) <= 1e-8, rows


def test_names_of_the_parts():
    net = Stack((both(GRU), one(LSTM, 2 * H)))
    names = [row.name for row in gradcheck.check_cell(*random_case(net))]
    assert names == [
        *(f"cell.layers[0].forward_cell.{p}" for p in ("W_x", "W_h", "b", "b_hn")),
        *(f"cell.layers[0].reverse_cell.{p}" for p in ("W_x", "W_h", "b", "b_hn")),
        *(f"cell.layers[1].{p}" for p in ("W_x", "W_h", "b")),
        "xs",
        "state[0].forward.h",
        "state[0].reverse.h",
        "state[1].h",
        "state[1].c",
    ]


@every_composite
@pytest.mark.parametrize("seed", range(3))
def test_padded_batch_equals_sequences_one_by_one(net, seed):
    case = random_case(net, seed)
    for n, length in enumerate(LENGTHS):
        case.xs[length:, n] = 1e6
    hs, trace, grads = case.run(LENGTHS)
    total = tree.map(np.zeros_like, grads.cell)
    for n, length in enumerate(LENGTHS):

        def own(a, n=n):
            return a[n : n + 1]

        # The padding repeats a sequence's final output, and its cotangents count there.
        d_hs, d_end = case.d_hs[:length, n : n + 1], case.d_hs[length:, n : n + 1]
        alone = Case(
            case.cell,
            case.xs[:length, n : n + 1],
            tree.map(own, case.state),
            d_hs + net.last_backward(d_end.sum(axis=0), length),
            tree.map(own, case.d_final),
        )
        hs_n, trace_n, grads_n = alone.run()
        assert largest(hs[:length, n : n + 1], hs_n) <= 1e-12
        if length < T:
            end = np.broadcast_to(net.last(hs_n), d_end.shape)
            assert largest(hs[length:, n : n + 1], end) <= 1e-12
        assert largest(tree.map(own, trace.final), trace_n.final) <= 1e-12
        assert largest(grads.xs[:length, n : n + 1], grads_n.xs) <= 1e-12
        assert not grads.xs[length:, n].any()
        assert largest(tree.map(own, grads.state), grads_n.state) <= 1e-12
        total = tree.map(np.add, total, grads_n.cell)
    assert largest(total, grads.cell) <= 1e-12


@pytest.mark.parametrize("net", [NETS["stack-LSTM"], NETS["stack-GRU"], MIXED["three"]])
def test_halves_of_a_stack_equal_the_whole(net):
    case = random_case(net)
    net, xs, state, d_hs, d_final = case
    hs, trace, grads = case.run()
    hs1, first = net.forward(xs[:3], state)
    hs2, second = net.forward(xs[3:], first.final)
    late = net.backward(second, d_hs[3:], d_final)
    early = net.backward(first, d_hs[:3], late.state)
    assert largest(np.concatenate([hs1, hs2]), hs) <= 1e-12
    assert largest(second.final, trace.final) <= 1e-12
    assert largest(np.concatenate([early.xs, late.xs]), grads.xs) <= 1e-12
    assert largest(early.state, grads.state) <= 1e-12
    assert largest(tree.map(np.add, early.cell, late.cell), grads.cell) <= 1e-12


def test_halves_of_both_directions_do_not():
    """As the docstring says: the end is not known in the first half."""
    case = random_case(NETS["both-LSTM"])
    hs, _ = case.forward()
    early, _ = case.cell.forward(case.xs[:3], case.state)
    assert largest(early[..., :H], hs[:3, :, :H]) <= 1e-12
    assert np.abs(early[..., H:] - hs[:3, :, H:]).min() > 1e-4


@padded_or_not
def test_reversed_is_the_second_half_of_both_directions(lengths):
    case = random_case(MIXED["unlike"])
    net = case.cell
    hs, trace = case.forward(lengths)
    own_hs, own = Reversed(net.reverse_cell).forward(
        case.xs, case.state.reverse, lengths
    )
    assert largest(own_hs, hs[..., net.forward_cell.hidden_size :]) == 0
    assert largest(own.final, trace.final.reverse) == 0


@every_composite
def test_full_lengths_change_nothing(net):
    case = random_case(net)
    for full in ([T] * N, np.full(N, T, np.uint64)):
        hs, trace, grads = case.run(full)
        same_hs, same, same_grads = case.run()
        assert largest((hs, trace.final), (same_hs, same.final)) == 0
        assert largest(grads, same_grads) == 0


@every_composite
def test_no_state_means_zeros(net):
    case = random_case(net)
    zeros = tree.map(np.zeros_like, case.state)
    hs, trace = case.cell.forward(case.xs)
    assert largest(hs, case.cell.forward(case.xs, zeros)[0]) == 0
    without = case.cell.backward(trace, case.d_hs)
    assert largest(without, case.cell.backward(trace, case.d_hs, zeros)) == 0


@every_composite
def test_float32_stays_float32(net):
    case = random_case(net, dtype=np.float32)
    assert case.cell.dtype == np.float32
    hs, trace, grads = case.run(LENGTHS)
    arrays = tree.leaves((hs, trace.final, grads, net.last_backward(case.d_hs[0], T)))
    assert {array.dtype for _, array in arrays} == {np.dtype("float32")}


@every_composite
def test_arguments_are_left_alone_and_outputs_protected(net):
    case = random_case(net)
    before = tree.map(np.copy, case)
    hs, trace, _ = case.run(LENGTHS)
    assert largest(case, before) == 0
    assert trace.hs is hs or np.shares_memory(trace.hs, hs)
    assert trace.lengths.tolist() == LENGTHS
    with pytest.raises(ValueError, match="read-only"):
        hs[0] = 0


def test_sizes_and_repr():
    net = Stack((both(LSTM), one(GRU, 2 * H, 7)))
    assert (net.input_size, net.hidden_size, net.dtype) == (D, 7, np.float64)
    direction = "LSTM(input_size=3, hidden_size=2, dtype=float64)"
    assert repr(net) == (
        f"Stack((Bidirectional({direction}, {direction}), "
        "GRU(input_size=4, hidden_size=7, dtype=float64)))"
    )
    assert (net.layers[0].input_size, net.layers[0].hidden_size) == (D, 2 * H)


# --- In a model


def random_model(net, readout):
    model = Model.init(np.random.default_rng(1), random_case(net).cell, O, readout)
    model.b_y[:] = RNG.standard_normal(O)
    return model


@pytest.mark.parametrize("name", ["stack-LSTM", "unlike", "over", "both-each-way"])
@pytest.mark.parametrize("readout", ["last", "all"])
@padded_or_not
def test_gradient_of_a_model(name, readout, lengths):
    model, case = random_model(NETS[name], readout), random_case(NETS[name])
    shape = (N, O) if readout == "last" else (T, N, O)
    mask = np.arange(N) != 2 if readout == "last" else np.arange(T * N) % 3 > 0
    targets = np.random.default_rng(2).standard_normal(shape)
    lengths = None if lengths is None else np.array(lengths)
    batch = Batch(case.xs, targets, mask.reshape(shape[:-1]), lengths)
    _, analytic, _ = value_and_grads(model, batch, mse)
    numeric = gradcheck.central_differences(
        lambda m: value_and_grads(m, batch, mse)[0], model
    )
    assert max(row.error for row in gradcheck.compare(numeric, analytic)) <= 1e-8


@pytest.mark.parametrize("shape", SHAPES)
@padded_or_not
def test_model_reads_h_n(shape, lengths):
    model = random_model(NETS[f"{shape}-LSTM"], "last")
    case = random_case(NETS[f"{shape}-LSTM"])
    _, _, (h_n, _), _, _ = run_torch(case._replace(cell=model.cell), lengths)
    directions = 1 + ("both" in shape)
    read = np.concatenate(h_n[-directions:], axis=-1)
    predictions, _ = model.forward(case.xs, case.state, lengths)
    assert largest(predictions, read @ model.W_y + model.b_y) <= 1e-12


def test_stack_learns_from_the_last_step():
    rng = np.random.default_rng(0)
    batches = [adding(rng, 6, 32) for _ in range(200)]
    stack = Stack((LSTM.init(rng, 2, 6), LSTM.init(rng, 6, 5)))
    run = train(Model.init(rng, stack, 1), batches, mse, Adam(2e-2), max_norm=1)
    assert isinstance(run.model.cell, Stack)
    assert np.mean(run.losses[-20:]) < 0.3 * np.mean(run.losses[:5])


def test_both_directions_learn_what_comes_next():
    """Padding and a mask included; one direction cannot know the next value."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, T + 1, 32)
    before_the_end = np.arange(T)[:, None] < lengths - 1

    def batch():
        xs = rng.uniform(-1, 1, (T, 32, 1))
        return Batch(xs, np.roll(xs, -1, axis=0), before_the_end, lengths)

    losses = {}
    cells = {
        "one": GRU.init(rng, 1, 8),
        "both": Bidirectional(GRU.init(rng, 1, 4), GRU.init(rng, 1, 4)),
    }
    for name, cell in cells.items():
        model = Model.init(rng, cell, 1, readout="all")
        run = train(model, [batch() for _ in range(200)], mse, Adam(2e-2))
        losses[name] = np.mean(run.losses[-20:])
    assert losses["both"] < 0.05 < 0.25 < losses["one"]  # the values' variance is 1/3


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cell: cell,
        lambda cell: Stack((cell, one(LSTM, H))),
        lambda cell: Stack((Bidirectional(cell, cell), Stack((both(GRU, 2 * H),)))),
        lambda cell: Bidirectional(Stack((cell, one(RNN, H))), one(GRU)),
    ],
    ids=["cell", "stack", "over", "stack-each-way"],
)
def test_overflow_in_any_layer_stops_training_alike(wrap):
    cell = random_case(one(LSTM)).cell
    cell.W_x[:] = np.inf  # and 0 · ∞ is not a number
    model = Model.init(RNG, wrap(cell), O, "all")
    batch = Batch(np.zeros((T, N, D)), np.zeros((T, N, O)))
    with pytest.warns(UserWarning, match="loss is nan at update 0"):
        run = train(model, [batch], mse, Adam())
    assert run.model is model


# --- Bad input


def about(part):
    """The line beneath a message that says which part it is about."""
    return rf"(?s:.*)\nThis is about {part}\."


def stack():
    return random_case(NETS["stack-LSTM"])


def two_ways():
    return random_case(Bidirectional(one(LSTM), one(GRU, D, 4)))


def from_the_end():
    return random_case(Reversed(one(LSTM)))


def test_layers_that_are_none():
    with refuse(TypeError, "layers is a list", "expected a tuple"):
        Stack([one(RNN)])
    with refuse(TypeError, "layers is a RNN", "expected a tuple"):
        Stack(one(RNN))
    with refuse(ValueError, "layers is empty", "at least one"):
        Stack(())
    with refuse(TypeError, r"layers\[1\] is a type", "expected a cell, Stack, Bid"):
        Stack((one(RNN), LSTM))
    with refuse(TypeError, "forward_cell is a NoneType", "expected a cell, Stack, Bid"):
        Bidirectional(None, one(RNN))
    with refuse(TypeError, "reverse_cell is a ndarray", "expected a cell, Stack, Bid"):
        Bidirectional(one(RNN), np.zeros(2))
    with refuse(TypeError, "layer is a ndarray", "expected a cell, Stack, Bid"):
        Reversed(np.zeros(2))


def test_layers_that_do_not_fit():
    words = r"layers\[2\] has input_size=3", r"layers\[1\] puts out hidden_size=4"
    with refuse(ValueError, *words):
        Stack((one(RNN), both(LSTM, H), one(GRU)))
    single = tree.map(np.float32, one(RNN, H))
    words = r"layers\[1\] has dtype float32", r"layers\[0\] has float64"
    with refuse(TypeError, *words):
        Stack((one(RNN), single))
    words = "reverse_cell has input_size=2", "forward_cell has input_size=3"
    with refuse(ValueError, *words):
        Bidirectional(one(RNN), one(RNN, H))
    words = "reverse_cell has dtype float32", "forward_cell has float64"
    with refuse(TypeError, *words):
        Bidirectional(one(RNN, H), single)


@pytest.mark.parametrize("draw", [stack, two_ways, from_the_end])
def test_inputs(draw):
    case = draw()
    with refuse(ValueError, r"xs has shape \(5, 6, 2\)", r"expects \(T, N, 3\)"):
        case.cell.forward(case.xs[..., :2])
    with refuse(TypeError, "xs has dtype float32", "expects float64"):
        case.cell.forward(case.xs.astype(np.float32))
    with refuse(ValueError, "lengths runs from 1 to 6", "expected 1 to T = 5"):
        case.cell.forward(case.xs, lengths=[1, 2, 3, 4, 5, 6])
    case.xs[1, 2, 0] = np.nan
    with refuse(ValueError, r"xs holds nan at \[1, 2, 0\]"):
        case.cell.forward(case.xs)


@pytest.mark.parametrize("draw", [stack, two_ways, from_the_end])
def test_cotangents_of_hs(draw):
    case = draw()
    _, trace = case.forward()
    H = case.cell.hidden_size
    words = rf"d_hs has shape \(5, 6, {H + 1}\)", rf"expects \(5, 6, {H}\)"
    with refuse(ValueError, *words):
        case.cell.backward(trace, np.zeros((T, N, H + 1)))
    with refuse(TypeError, "d_hs has dtype float32", "expects float64"):
        case.cell.backward(trace, case.d_hs.astype(np.float32))


def test_states_of_a_stack():
    case = stack()
    _, trace = case.forward()
    low, high = case.state
    expected = "Stack of 2 layers expects a tuple of 2 states"
    for state, came in (
        (low, "LSTMState of 2"),
        ([low, high], "list of 2"),
        ((low,), "tuple of 1"),
        (low.h, "ndarray"),
    ):
        with refuse(TypeError, f"^state is a {came}", expected):
            case.cell.forward(case.xs, state)
        with refuse(TypeError, f"^d_final is a {came}", expected):
            case.cell.backward(trace, case.d_hs, state)
    # The note says which layer's it is.
    words = "state is a HiddenState; LSTM expects LSTMState", about(r"layers\[1\]")
    with refuse(TypeError, *words):
        case.cell.forward(case.xs, (low, HiddenState(high.h)))
    words = r"d_final\.c has shape \(6, 1\)", about(r"layers\[0\]")
    with refuse(ValueError, *words):
        case.cell.backward(trace, case.d_hs, (LSTMState(low.h, low.c[:, :1]), high))


def test_states_of_both_directions():
    case = two_ways()
    _, trace = case.forward()
    forward, reverse = case.state
    for state, came in ((forward, "LSTMState"), ((forward, reverse), "tuple")):
        with refuse(TypeError, f"^state is a {came}; Bi", "expects BidirectionalState"):
            case.cell.forward(case.xs, state)
        with refuse(TypeError, f"^d_final is a {came}; Bi"):
            case.cell.backward(trace, case.d_hs, state)
    swapped = BidirectionalState(reverse, forward)
    with refuse(TypeError, "state is a HiddenState; LSTM", about("forward_cell")):
        case.cell.forward(case.xs, swapped)
    late = BidirectionalState(forward, HiddenState(np.full((N, 4), np.nan)))
    with refuse(ValueError, r"state\.h holds nan at \[0, 0\]", about("reverse_cell")):
        case.cell.forward(case.xs, late)
    with refuse(TypeError, "d_final is a LSTMState; GRU", about("reverse_cell")):
        late = BidirectionalState(forward, forward)
        case.cell.backward(trace, case.d_hs, late)


def test_trace_of_another_net():
    case, other = stack(), two_ways()
    (_, trace), (_, reverse) = case.forward(), other.forward()
    _, plain = case.cell.layers[0].forward(case.xs)
    for wrong, came in ((reverse, "BidirectionalTrace"), (plain, "Trace"), (1, "int")):
        with refuse(TypeError, f"trace is a {came}; Stack of 2", "a StackTrace"):
            case.cell.backward(wrong, case.d_hs)
    for wrong, came in ((trace, "StackTrace"), (plain, "Trace")):
        with refuse(TypeError, f"trace is a {came}; Bi", "a BidirectionalTrace"):
            other.cell.backward(wrong, other.d_hs)
    ended = from_the_end()
    for wrong, came in ((trace, "StackTrace"), (plain, "Trace")):
        with refuse(TypeError, f"trace is a {came}; Reversed", "a ReversedTrace"):
            ended.cell.backward(wrong, ended.d_hs)
    with refuse(TypeError, "trace holds StackTrace", "expects a Trace of LSTMGates"):
        case.cell.layers[0].backward(trace, case.d_hs)
    _, three = random_case(MIXED["three"]).forward()
    with refuse(ValueError, "trace has 3 layers", "its own forward pass, 2"):
        case.cell.backward(three, case.d_hs)
    _, wide = random_case(Stack((one(LSTM), one(LSTM, H, 4)))).forward()
    with refuse(ValueError, r"trace has \(D, H\) = \(2, 4\)", about(r"layers\[1\]")):
        case.cell.backward(wide, case.d_hs)
    _, alike = random_case(both(LSTM)).forward()
    with refuse(TypeError, "trace holds LSTMGates", about("reverse_cell")):
        other.cell.backward(alike, other.d_hs)
    model = random_model(NETS["stack-LSTM"], "last")
    with refuse(TypeError, "trace is a BidirectionalTrace; Model"):
        model.backward(reverse, np.zeros((N, O)))


def test_assignment_is_refused():
    net = stack().cell
    with refuse(TypeError, "layers was assigned a tuple", r"replace\(stack, layers="):
        net.layers = ()
    with refuse(TypeError, "W_x was assigned a int", "a Stack has only layers"):
        net.W_x = 3
