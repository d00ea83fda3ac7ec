"""Weights to and from PyTorch, Keras and ONNX, by running the real things.

test_cells.py checks that cells and ``torch.nn`` have the same gradients.
"""

import copy
import importlib
import subprocess
import sys

import numpy as np
import onnx.backend.test.case.node
import pytest
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator
from torch.nn.utils import parametrizations, parametrize, prune

from lstmbook import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    BidirectionalState,
    CoupledLSTM,
    PeepholeLSTM,
    Reversed,
    Stack,
    interop,
    pytorch,
    tree,
)
from lstmbook.course.exercises.mutants import MUTANTS
from lstmbook.interop import LAYOUTS
from lstmbook.model import Model
from tests.cases import D, H, N, T, largest, random_case

kinds = pytest.mark.parametrize("kind", LAYOUTS["PyTorch"])
directions = pytest.mark.parametrize("directions", [1, 2], ids=["one", "both"])
every_layout = pytest.mark.parametrize(
    ("framework", "kind"),
    [(framework, kind) for framework, table in LAYOUTS.items() for kind in table],
)
dtypes = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)]
)


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras 3 on PyTorch, which would leave its settings in the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        return importlib.import_module("keras")


def random_layer(kind, directions, seed=0, dtype=np.float64, inputs=D):
    """Make a cell or a Bidirectional, and a state: random in every slot."""
    cases = [
        random_case(kind, seed + k, dtype, (T, N, inputs, H)) for k in range(directions)
    ]
    cells, states = [case.cell for case in cases], [case.state for case in cases]
    if directions == 1:
        return cells[0], states[0]
    return Bidirectional(*cells), BidirectionalState(*states)


def random_stack(kind, directions, layers, dtype=np.float64):
    made = [
        random_layer(kind, directions, 10 * k, dtype, D if k == 0 else directions * H)
        for k in range(layers)
    ]
    cells, states = zip(*made, strict=True)
    return Stack(cells), states


def arrays(states):
    return [array for _, array in tree.leaves(states)]


def within(tolerance, framework, kind):
    """What a framework's own arithmetic allows."""
    # On PyTorch keras.ops.matmul computes in float32 whatever it is given, and
    # SimpleRNN uses it: https://github.com/keras-team/keras/issues/23704
    return 1e-6 if (framework, kind) == ("Keras", RNN) else tolerance


def steps(seed, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((T, N, D)).astype(dtype)


def run_ours(cell, xs, state):
    hs, trace = cell.forward(xs, state)
    return [hs, *arrays(trace.final)]


def by_field(kind, states):
    """All h, (num_directions, N, H), then all c."""
    fields, flat = len(kind.State._fields), arrays(states)
    return [np.stack(flat[k::fields]) for k in range(fields)]


def by_direction(finals):
    """The arrays h, c, h, c … from h and c of all directions."""
    return [array for states in zip(*finals, strict=True) for array in states]


def run_torch(kind, module, xs, state):
    start = tuple(map(torch.tensor, by_field(kind, state)))
    with torch.no_grad():
        hs, final = module(torch.tensor(xs), start if len(start) > 1 else start[0])
    final = final if len(start) > 1 else (final,)
    return [hs.numpy(), *by_direction([a.numpy() for a in final])]


def run_keras(kind, weights, xs, state):
    import keras  # as the fixture has set it up

    layout, dtype = LAYOUTS["Keras"][kind], weights[0].dtype.name
    layer = getattr(keras.layers, layout.name)(
        H, return_sequences=True, return_state=True, dtype=dtype, **layout.attributes
    )
    if len(weights) > 3:
        layer = keras.layers.Bidirectional(layer, dtype=dtype)
    layer.build((N, T, D))
    layer.set_weights(weights)
    start = [torch.tensor(a) for a in arrays(state)]
    hs, *final = layer(torch.tensor(xs.swapaxes(0, 1)), initial_state=start)
    hs, *final = (a.detach().numpy() for a in (hs, *final))
    return [hs.swapaxes(0, 1), *final]


def run_onnx(kind, weights, xs, state):
    """Run the operator's reference implementation, the model having been checked."""
    weights, attributes = weights
    start = by_field(kind, state)
    feeds = {"X": xs, **weights, **dict(zip(["h", "c"], start, strict=False))}
    inputs = ["X", "W", "R", "B", "", "h"] + ["c", "P"] * (len(start) > 1)
    inputs = [name if name in feeds else "" for name in inputs]
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(start)]

    def declare(shapes):
        dtype = helper.np_dtype_to_tensor_dtype(xs.dtype)
        return [
            helper.make_tensor_value_info(name, dtype, shape)
            for name, shape in shapes.items()
        ]

    n = len(weights["W"])
    sent = {name: array.shape for name, array in feeds.items()}
    returned = {name: (n, N, H) for name in outputs} | {"Y": (T, n, N, H)}
    node = helper.make_node(LAYOUTS["ONNX"][kind].name, inputs, outputs, **attributes)
    graph = helper.make_graph([node], "cell", declare(sent), declare(returned))
    model = helper.make_model(graph)
    onnx.checker.check_model(model, full_check=True)
    Y, *final = ReferenceEvaluator(model).run(None, feeds)
    # Y is (T, num_directions, N, H).
    return [np.concatenate(Y.swapaxes(0, 1), axis=-1), *by_direction(final)]


RUN = {"PyTorch": run_torch, "Keras": run_keras, "ONNX": run_onnx}
TO = {"PyTorch": interop.to_torch, "Keras": interop.to_keras, "ONNX": interop.to_onnx}
FROM = {
    "PyTorch": interop.from_torch,
    "Keras": interop.from_keras,
    "ONNX": lambda weights: interop.from_onnx(**weights[0], **weights[1]),
}


def scrambled(framework, weights):
    """Weights of the same shapes, random in every slot, so both biases."""
    rng = np.random.default_rng(7)

    def draw(array):
        return rng.standard_normal(array.shape).astype(array.dtype)

    if framework == "Keras":
        return [draw(array) for array in weights]
    if framework == "ONNX":
        return {name: draw(array) for name, array in weights[0].items()}, weights[1]
    values = {k: torch.tensor(draw(v.numpy())) for k, v in weights.state_dict().items()}
    weights.load_state_dict(values)
    return weights


@every_layout
@directions
@dtypes
def test_the_framework_computes_what_the_cell_does(
    framework, kind, directions, dtype, tolerance, keras
):
    """Outputs and final states, from random initial states."""
    cell, state = random_layer(kind, directions, dtype=dtype)
    xs = steps(1, dtype)
    theirs = RUN[framework](kind, TO[framework](cell), xs, state)
    assert {a.dtype for a in theirs} == {np.dtype(dtype)}
    allowed = within(tolerance, framework, kind)
    assert largest(theirs, run_ours(cell, xs, state)) <= allowed


@every_layout
@directions
@dtypes
def test_the_cell_computes_what_the_framework_does(
    framework, kind, directions, dtype, tolerance, keras
):
    """Starting there, where both biases are random."""
    like, state = random_layer(kind, directions, dtype=dtype)
    weights = scrambled(framework, TO[framework](like))
    xs = steps(2, dtype)
    cell = FROM[framework](weights)
    ours = run_ours(cell, xs, state)
    theirs = RUN[framework](kind, weights, xs, state)
    assert largest(theirs, ours) <= within(tolerance, framework, kind)


@every_layout
@directions
@dtypes
def test_round_trip_is_exact(framework, kind, directions, dtype, tolerance):
    cell, _ = random_layer(kind, directions, dtype=dtype)
    weights = TO[framework](cell)
    again = FROM[framework](weights)
    assert type(again) is type(cell) and again.dtype == dtype
    assert largest(again, cell) == 0
    ours = arrays(again)
    assert all(a.flags.c_contiguous and a.flags.owndata for a in ours)
    if framework == "Keras":
        theirs = weights
    elif framework == "ONNX":
        theirs = list(weights[0].values())
    else:
        theirs = [p.detach().numpy() for p in weights.parameters()]
    for there in theirs:
        assert not any(np.shares_memory(there, a) for a in [*ours, *arrays(cell)])


@kinds
@directions
def test_torch_stacks_layers(kind, directions):
    stack, state = random_stack(kind, directions, layers=3)
    module = interop.to_torch(stack)
    xs = steps(3)
    theirs = run_torch(kind, module, xs, state)
    assert largest(theirs, run_ours(stack, xs, state)) <= 1e-12
    assert largest(interop.from_torch(module), stack) == 0

    scrambled("PyTorch", module)
    ours = run_ours(interop.from_torch(module), xs, state)
    assert largest(run_torch(kind, module, xs, state), ours) <= 1e-12


@kinds
def test_torch_without_bias(kind):
    module = getattr(torch.nn, kind.__name__)(D, H, bias=False, dtype=torch.float64)
    _, state = random_layer(kind, 1)
    xs = steps(4)
    ours = run_ours(interop.from_torch(module), xs, state)
    assert largest(run_torch(kind, module, xs, state), ours) <= 1e-12


@pytest.mark.parametrize("kind", [RNN, LSTM])
@directions
def test_keras_without_bias(kind, directions, keras):
    cell, state = random_layer(kind, directions)
    weights = interop.to_keras(cell)
    weights[2::3] = [np.zeros_like(b) for b in weights[2::3]]
    kernels = [a for k, a in enumerate(weights) if k % 3 < 2]
    xs = steps(5)
    ours = run_ours(interop.from_keras(kernels), xs, state)
    theirs = run_keras(kind, weights, xs, state)
    assert largest(theirs, ours) <= within(1e-12, "Keras", kind)


@pytest.mark.parametrize("kind", LAYOUTS["ONNX"])
def test_onnx_without_bias(kind):
    cell, state = random_layer(kind, 2)
    weights, attributes = interop.to_onnx(cell)
    del weights["B"]
    xs = steps(6)
    ours = run_ours(interop.from_onnx(**weights, **attributes), xs, state)
    theirs = run_onnx(kind, (weights, attributes), xs, state)
    assert largest(theirs, ours) <= 1e-12


def test_keras_gives_back_what_it_took(keras):
    """What ``get_weights`` returns, from_keras takes."""
    layer = keras.layers.Bidirectional(keras.layers.GRU(H))
    layer.build((N, T, D))
    weights = interop.to_keras(random_layer(GRU, 2, dtype=np.float32)[0])
    layer.set_weights(weights)
    # Their tensors do not know the argument `copy` that NumPy 2 passes.
    with pytest.warns(DeprecationWarning, match="__array__ .* copy keyword"):
        again = layer.get_weights()
    assert largest(again, weights) == 0


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.LSTM(D, H, proj_size=1), "proj_size=1; expected 0: .* project"),
        (torch.nn.RNN(D, H, nonlinearity="relu"), "'relu'; expected 'tanh': our RNN"),
    ],
)
def test_what_our_cells_have_not_torch_modules_may_not_have(module, words):
    with pytest.raises(ValueError, match=f"module has .*{words}"):
        interop.from_torch(module)


def keras_gru(*bias):
    return [np.zeros((D, 3 * H)), np.zeros((H, 3 * H)), *bias]


def test_a_keras_gru_that_resets_before_the_product_is_refused(keras):
    """Its bias shows it; without a bias nothing would."""
    layer = keras.layers.GRU(H, reset_after=False)
    layer.build((N, T, D))
    assert tuple(layer.weights[2].shape) == (3 * H,)
    words = rf"expected the bias \(2, {3 * H}\) of a GRU with reset_after=True: our GRU"
    with pytest.raises(ValueError, match=rf"weights\[2\] has shape \(6,\); {words}"):
        interop.from_keras(keras_gru(np.zeros(3 * H)))
    good = keras_gru(np.zeros((2, 3 * H)))
    with pytest.raises(ValueError, match=rf"weights\[5\] has shape \(6,\); {words}"):
        interop.from_keras([*good, *keras_gru(np.zeros(3 * H))])


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([(D, H)], r"weights holds 1 arrays; expected those of one layer: a kernel"),
        ([(D, 5 * H), (H, 5 * H)], r"weights\[1\] has shape \(2, 10\); .*\(H, G·H\)"),
        ([(D, H), (H,)], r"weights\[1\] has shape \(2,\); expected \(H, G·H\)"),
        ([(D, 3 * H), (H, 4 * H)], r"weights\[0\] has shape .* LSTM expects \(D, 8\)"),
        ([(D, 4 * H), (H, 4 * H), (2, 4 * H)], r"weights\[2\] .* expects \(8,\)"),
        ([(D, H), (H, H), (3,)], r"weights\[2\] .* Keras SimpleRNN expects \(2,\)"),
        ([(D, H), (H, H), (D, 3), (H, H)], r"weights\[2\] .*SimpleRNN .*\(D, 2\)"),
    ],
)
def test_keras_weights_of_wrong_shapes_are_refused(shapes, words):
    with pytest.raises(ValueError, match=words):
        interop.from_keras([np.zeros(shape) for shape in shapes])


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (GRU, {"linear_before_reset": 0}, "linear_before_reset=0; expected 1: our GRU"),
        (GRU, {"linear_before_reset": None}, "linear_before_reset=0; expected 1"),
        (LSTM, {"input_forget": 1}, "input_forget=1; expected 0: our LSTM has"),
        (LSTM, {"clip": 3.0}, "clip=3.0; expected None: our cells clip nothing"),
        (
            RNN,
            {"activations": [b"Relu"]},
            r"activations=\['Relu'\]; .* \['Tanh'\]: our",
        ),
        (LSTM, {"activations": ["Tanh"]}, "activations=.* 'Tanh', 'Tanh'.: our cells"),
        (RNN, {"direction": "bidirectional"}, "direction='bidir.*; expected 'forward'"),
        (RNN, {"direction": "sideways"}, "direction='sideways'; expected 'forward'"),
        (RNN, {"hidden_size": 3}, "hidden_size=3; expected 2"),
        (RNN, {"layout": 7}, r"layout=7; expected 0 \(time-major\) or 1 \(batch-major"),
        (LSTM, {"activations": "Tanh"}, r"activations=\['Tanh'\]; expected \['Sigmoid"),
        (
            RNN,
            {"activations_alpha": [0.5]},
            r"activations_alpha=\[0.5\]; expected None",
        ),
    ],
)
def test_attributes_of_onnx_that_our_cells_have_not_are_refused(kind, changes, words):
    weights, attributes = interop.to_onnx(random_case(kind).cell)
    attributes |= changes
    left = {name: value for name, value in attributes.items() if value is not None}
    with pytest.raises(ValueError, match=f"node has {words}"):
        interop.from_onnx(**weights, **left)


@pytest.mark.parametrize("kind", LAYOUTS["ONNX"])
@directions
def test_what_a_node_says_of_its_defaults_is_read_as_onnx_stores_it(kind, directions):
    """PyTorch's exporter names the activations of its RNN; all text comes as bytes."""
    cell, _ = random_layer(kind, directions)
    weights, attributes = interop.to_onnx(cell)
    name = LAYOUTS["ONNX"][kind].name
    one = {"RNN": "Tanh", "LSTM": "Sigmoid Tanh Tanh", "GRU": "Sigmoid Tanh"}[name]
    attributes |= {"activations": directions * one.split()}
    node = helper.make_node(name, ["X", "W", "R"], ["Y"], **attributes)
    stored = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    assert stored["activations"][0] == one.split()[0].encode()
    assert largest(interop.from_onnx(**weights, **stored), cell) == 0


@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        (RNN, "tanh"),
        (RNN, b"TANH"),
        (RNN, ("Tanh",)),
        (GRU, np.array(["sigmoid", "TANH"])),
        (LSTM, [b"sigmoid", "Tanh", np.str_("tanh")]),
        (LSTM, None),
        (LSTM, []),
    ],
)
def test_default_activations_are_read_in_any_spelling(kind, spelling):
    cell = random_case(kind).cell
    weights, attributes = interop.to_onnx(cell)
    attributes |= {"activations": spelling, "activations_alpha": [], "clip": None}
    assert largest(interop.from_onnx(**weights, **attributes), cell) == 0


def test_inputs_of_a_node_are_no_attributes():
    weights, _ = interop.to_onnx(random_case(LSTM).cell)
    for name, ours in [("sequence_lens", "lengths"), ("initial_c", "state")]:
        words = f"{name} is one of the node's inputs, .* forward takes it as {ours}"
        with pytest.raises(TypeError, match=words):
            interop.from_onnx(**weights, **{name: np.zeros(3)})


def one_unit_rnn(direction):
    """The node RNN with W = 1, R = 0.5 and no biases."""
    W, R = np.ones((1, 1, 1)), np.full((1, 1, 1), 0.5)
    return interop.from_onnx(W, R, direction=direction, hidden_size=1)


def test_onnx_reverse():
    cell = one_unit_rnn(b"reverse")
    assert isinstance(cell, Reversed)
    hs, trace = cell.forward(np.array([1.0, 2, 3])[:, None, None])
    assert hs[:, 0, 0].round(4).tolist() == [0.9039, 0.9865, 0.9951]
    assert trace.final.h.round(4) == [[0.9039]]


@pytest.mark.parametrize(
    ("direction", "Y", "Y_h"),
    [
        ("forward", [0.7616, 0.9830], 0.9830),
        ("reverse", [0.9018, 0.9640], 0.9018),
    ],
)
def test_onnx_sequence_lens_are_our_lengths(direction, Y, Y_h):
    """The numbers are onnxruntime's; onnx.reference ignores sequence_lens."""
    xs = np.array([[1.0, 2, 3], [1, 2, 9]]).T[:, :, None]
    hs, trace = one_unit_rnn(direction).forward(xs, lengths=[3, 2])
    assert hs[:2, 1, 0].round(4).tolist() == Y
    assert trace.final.h[1, 0].round(4) == Y_h
    assert hs[2, 1, 0] == trace.final.h[1, 0]  # where onnxruntime has 0


@pytest.mark.parametrize("kind", LAYOUTS["ONNX"])
def test_onnx_reverse_equals_the_operator(kind):
    cell, state = random_layer(kind, 1)
    weights, attributes = interop.to_onnx(Reversed(cell))
    assert attributes["direction"] == "reverse"
    weights, _ = scrambled("ONNX", (weights, attributes))
    again = interop.from_onnx(**weights, **attributes)
    assert type(again.layer) is kind
    xs = steps(8)
    theirs = run_onnx(kind, (weights, attributes), xs, state)
    assert largest(theirs, run_ours(again, xs, state)) <= 1e-12
    there_and_back = interop.from_onnx(
        **interop.to_onnx(Reversed(cell))[0], **attributes
    )
    assert largest(there_and_back, Reversed(cell)) == 0


@pytest.fixture(scope="module")
def own_cases():
    """The node tests of RNN, LSTM and GRU that ONNX comes with, by name."""
    # collect_testcases would run those of all operators: twelve seconds.
    for name in ("rnn", "lstm", "gru"):
        importlib.import_module(f"onnx.backend.test.case.node.{name}")
    return {
        case.name: case
        for case in onnx.backend.test.case.node._NodeTestCases
        if case.model.graph.node[0].op_type in ("RNN", "LSTM", "GRU")
    }


#: ONNX's name of a test, without test_: it has a direction, a layout, and so on.
OWN_CASES = """
simple_rnn_defaults simple_rnn_with_initial_bias rnn_seq_length simple_rnn_batchwise
simple_rnn_reverse simple_rnn_bidirectional
lstm_defaults lstm_with_initial_bias lstm_with_peepholes lstm_batchwise lstm_reverse
lstm_bidirectional
gru_defaults gru_with_initial_bias gru_seq_length gru_batchwise gru_reverse
gru_bidirectional
""".split()


def read_case(case):
    """A node, its inputs by name, its attributes, and its outputs."""
    (node,) = case.model.graph.node
    inputs, outputs = case.data_sets[0]
    feeds = dict(zip(node.input, inputs, strict=True))
    wanted = dict(zip(filter(None, node.output), outputs, strict=True))
    said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    arrays = {name: feeds[name] for name in "WRBP" if name in feeds}
    return feeds, wanted, arrays, said


def test_no_case_of_onnx_s_own_is_left_out(own_cases):
    assert own_cases.keys() == {f"test_{name}" for name in OWN_CASES}


@pytest.mark.parametrize("name", OWN_CASES)
def test_onnx_s_own_case(name, own_cases):
    """Right, or refused with the reason: all of its GRUs reset before the product."""
    feeds, wanted, weights, said = read_case(own_cases[f"test_{name}"])
    if name.startswith("gru"):
        words = "linear_before_reset=0; expected 1: .* another net. .* ONNX runtime"
        with pytest.raises(ValueError, match=words):
            interop.from_onnx(**weights, **said)
        return
    cell = interop.from_onnx(**weights, **said)
    batch_first = said.get("layout") == 1
    xs = feeds["X"].swapaxes(0, 1) if batch_first else feeds["X"]
    state = None
    if "initial_h" in feeds:
        state = cell.State(feeds["initial_h"][0], feeds["initial_c"][0])
    hs, trace = cell.forward(xs, state, feeds.get("sequence_lens"))
    n = len(weights["W"])
    ours = {"Y": np.stack(np.split(hs, n, axis=-1), axis=1)}
    flat = arrays(trace.final)
    fields = len(flat) // n
    ours["Y_h"] = np.stack(flat[::fields])
    ours["Y_c"] = np.stack(flat[fields - 1 :: fields])
    if batch_first:
        ours["Y"] = ours["Y"].transpose(2, 0, 1, 3)
        ours["Y_h"] = ours["Y_h"].swapaxes(0, 1)
    for output, values in wanted.items():
        assert ours[output].shape == values.shape
        assert np.abs(ours[output] - values).max() <= 1e-6, output


@pytest.mark.parametrize("name", ["gru_with_initial_bias", "gru_bidirectional"])
def test_a_gru_of_onnx_s_own_is_read_where_it_resets_after(name, own_cases):
    """Follow the error's advice: the same node with linear_before_reset=1."""
    feeds, _, weights, said = read_case(own_cases[f"test_{name}"])
    said |= {"linear_before_reset": 1}
    weights = {name: array.astype(np.float64) for name, array in weights.items()}
    weights, _ = scrambled("ONNX", (weights, said))
    xs = feeds["X"].astype(np.float64)
    hs, _ = interop.from_onnx(**weights, **said).forward(xs)
    node = helper.make_node("GRU", ["X", *weights], ["Y"], **said)
    (Y,) = ReferenceEvaluator(node).run(None, {"X": xs, **weights})
    assert np.abs(np.concatenate(Y.swapaxes(0, 1), axis=-1) - hs).max() <= 1e-12


def test_what_an_onnx_node_need_not_say():
    case = random_case(LSTM)
    weights, _ = interop.to_onnx(case.cell)
    assert largest(interop.from_onnx(**weights, layout=1), case.cell) == 0
    weights, _ = interop.to_onnx(random_layer(LSTM, 2)[0])
    words = "direction='forward'; expected 'bidirectional'"
    with pytest.raises(ValueError, match=words):
        interop.from_onnx(**weights)


@pytest.mark.parametrize(
    ("kind", "name", "shape", "words"),
    [
        (LSTM, "W", (1, 6, D), r"W has shape .* \(1, 8, 2\) expects \(1, 8, D\)"),
        (
            LSTM,
            "R",
            (8, 2),
            r"R has shape \(8, 2\); expected \(num_directions, G·H, H\)",
        ),
        (LSTM, "R", (1, 10, 2), r"R has shape .* with G = 1, 3 or 4"),
        (LSTM, "R", (3, 8, 2), "R has num_directions=3; expected 1 or 2"),
        (LSTM, "B", (1, 8), r"B has shape \(1, 8\); .* expects \(1, 16\)"),
        (PeepholeLSTM, "P", (1, 4), r"P has shape \(1, 4\); .* expects \(1, 6\)"),
        (
            PeepholeLSTM,
            "R",
            (1, 6, 2),
            r"R has shape .* with G = 4, as P is of an LSTM",
        ),
    ],
)
def test_onnx_weights_of_wrong_shapes_are_refused(kind, name, shape, words):
    weights, attributes = interop.to_onnx(random_case(kind).cell)
    weights[name] = np.zeros(shape)
    with pytest.raises(ValueError, match=words):
        interop.from_onnx(**weights, **attributes)


def test_arrays_of_different_dtypes_are_refused():
    weights, attributes = interop.to_onnx(random_case(LSTM).cell)
    weights["B"] = weights["B"].astype(np.float32)
    with pytest.raises(TypeError, match=r"B has dtype float32; .* expects float64"):
        interop.from_onnx(**weights, **attributes)
    weights = interop.to_keras(random_case(LSTM).cell)
    weights[0] = weights[0].astype(np.float32)
    words = r"weights\[0\] has dtype float32; Keras LSTM expects float64"
    with pytest.raises(TypeError, match=words):
        interop.from_keras(weights)


@pytest.mark.parametrize("framework", LAYOUTS)
def test_cells_that_a_framework_has_not_are_refused(framework):
    def refused(cell, error, words):
        with pytest.raises(error, match=words):
            TO[framework](cell)

    known = "RNN, LSTM, PeepholeLSTM, GRU" if framework == "ONNX" else "RNN, LSTM, GRU"
    refused(
        random_case(CoupledLSTM).cell,
        TypeError,
        f"cell is a CoupledLSTM; {framework} has only {known}$",
    )
    if framework != "ONNX":
        words = f"cell is a PeepholeLSTM; {framework} has only"
        refused(random_case(PeepholeLSTM).cell, TypeError, words)
    mutant = MUTANTS["bias-twice"].cell(*arrays(random_case(LSTM).cell))
    refused(mutant, TypeError, f"; {framework} has only")
    other = random_case(GRU).cell
    mixed = Bidirectional(random_case(LSTM).cell, other)
    words = (
        f"holds LSTMs of hidden_size=2 and GRUs of .*; {framework} expects all alike"
    )
    refused(mixed, ValueError, words)
    wider = random_case(GRU, sizes=(T, N, D, H + 1)).cell
    refused(Bidirectional(other, wider), ValueError, "hidden_size=2 .* hidden_size=3")
    if framework != "PyTorch":
        refused(Stack((other,)), TypeError, f"cell is a Stack; {framework} has only")


def test_torch_layers_of_one_and_of_two_directions_are_refused():
    both, _ = random_layer(LSTM, 2)
    one, _ = random_layer(LSTM, 1, inputs=2 * H)
    with pytest.raises(
        ValueError, match="cell has layers of one and of two directions"
    ):
        interop.to_torch(Stack((both, one)))


@kinds
@pytest.mark.parametrize("bias", [True, False])
def test_torch_cells_are_read_too(kind, bias):
    module = getattr(torch.nn, f"{kind.__name__}Cell")(D, H, bias, dtype=torch.float64)
    scrambled("PyTorch", module)
    _, state = random_layer(kind, 1)
    x = steps(9)[0]
    ours = run_ours(interop.from_torch(module), x[None], state)
    start = tuple(map(torch.tensor, state))
    with torch.no_grad():
        final = module(torch.tensor(x), start if len(start) > 1 else start[0])
    final = final if len(start) > 1 else [final]
    assert largest([a.numpy() for a in final], ours[1:]) <= 1e-12


def test_torch_cells_may_not_have_what_ours_have_not():
    with pytest.raises(ValueError, match="'relu'; expected 'tanh': our RNN"):
        interop.from_torch(torch.nn.RNNCell(D, H, nonlinearity="relu"))


def test_other_things_are_refused():
    others = torch.nn.Linear(2, 2), {}, torch.nn.LSTM
    for module, name in zip(others, ["Linear", "dict", "type"], strict=True):
        words = rf"module is a {name}; expected .*torch\.nn\.GRU, .*torch\.nn\.GRUCell$"
        with pytest.raises(TypeError, match=words):
            interop.from_torch(module)
    with pytest.raises(TypeError, match="cell is a GRU; expected LSTM"):
        pytorch.LSTM.from_numpy(random_case(GRU).cell)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_written_out_twin_draws_as_documented(kind):
    torch.manual_seed(0)
    twin = getattr(pytorch, kind)(200, 100)
    assert twin.W_x.dtype == torch.float32
    for weights in (twin.W_x, twin.W_h):
        assert 0.099 < weights.abs().max() <= 0.1
    blocks = twin.b.detach().numpy().reshape(-1, 100)
    assert blocks.any(axis=1).tolist() == [
        kind == "LSTM" and k == 1 for k in range(len(blocks))
    ]
    assert blocks.max() == (kind == "LSTM")
    with pytest.raises(ValueError, match=rf"\(3, 200\); {kind} expects \(T, N, 200\)"):
        twin(torch.randn(3, 200))
    hs, final = twin(torch.randn(3, 2, 200))
    assert hs.shape == (3, 2, 100) and (final.h == hs[-1]).all()


def test_keras_and_onnx_need_no_framework():
    code = (
        "import sys, numpy as np; from lstmbook import LSTM, interop; "
        "cell = LSTM.init(np.random.default_rng(0), 3, 2); "
        "interop.from_keras(interop.to_keras(cell)); "
        "arrays, attributes = interop.to_onnx(cell); "
        "interop.from_onnx(**arrays, **attributes); "
        "print([m for m in ('torch', 'keras', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_net_around_the_layer_says_which_part_to_hand_in():
    net = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.LSTM(D, H))
    parallel = torch.nn.DataParallel(torch.nn.GRU(D, H))
    for module, name in [(net, "1"), (parallel, "module")]:
        words = rf"module is a .*: pass its layer, module\.get_submodule\('{name}'\)$"
        with pytest.raises(TypeError, match=words):
            interop.from_torch(module)
        interop.from_torch(module.get_submodule(name))


# --- Modules that are almost a torch.nn.LSTM, and what to do with them


def pruned(lstm, name):
    return prune.random_unstructured(lstm, name, 0.5)


COMPUTED = {
    "pruned": (pruned, "_mask", prune.remove),
    "parametrised": (
        parametrizations.weight_norm,
        "parametrizations.",
        parametrize.remove_parametrizations,
    ),
    "weight norm": (
        torch.nn.utils.weight_norm,
        "_g",
        torch.nn.utils.remove_weight_norm,
    ),
    "spectral norm": (
        torch.nn.utils.spectral_norm,
        "_u",
        torch.nn.utils.remove_spectral_norm,
    ),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize("sort", COMPUTED)
def test_a_computed_weight_is_refused_and_the_advice_helps(sort):
    make, mark, remove = COMPUTED[sort]
    lstm = torch.nn.LSTM(D, H, dtype=torch.float64)
    make(lstm, "weight_hh_l0")
    undo = f"{remove.__module__}.{remove.__name__}"
    words = (
        rf"module computes weight_hh_l0 from .*{mark}.*: call (\S+)\(module, 'weight"
    )
    with pytest.raises(ValueError, match=words) as refusal:
        interop.from_torch(lstm)
    # The name in the advice is the function's.
    path = str(refusal.value).split(": call ")[1].split("(")[0]
    found = torch
    for part in path.split(".")[1:]:
        found = getattr(found, part)
    assert found is remove, undo
    remove(lstm, "weight_hh_l0")
    xs = steps(10)
    _, state = random_layer(LSTM, 1)
    ours = run_ours(interop.from_torch(lstm), xs, state)
    assert largest(run_torch(LSTM, lstm, xs, state), ours) <= 1e-12


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_narrow_dtype_is_refused_and_the_advice_helps(dtype):
    lstm = torch.nn.LSTM(D, H, dtype=dtype)
    words = rf"weight_ih_l0 of dtype {dtype}; .* float64: .*deepcopy\(module\)\.float"
    with pytest.raises(TypeError, match=words):
        interop.from_torch(lstm)
    cell = interop.from_torch(copy.deepcopy(lstm).float())
    assert (cell.W_hi == lstm.weight_hh_l0[:H].T.detach().float().numpy()).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz.*:UserWarning")
def test_a_quantised_lstm_is_refused():
    net = torch.nn.Sequential(torch.nn.LSTM(D, H))
    quantise = torch.ao.quantization.quantize_dynamic
    words = r"module is a torch\.ao\.nn\.quantized\..*LSTM; .* before the quantisation"
    for dtype in (torch.qint8, torch.float16):
        with pytest.raises(TypeError, match=words):
            interop.from_torch(quantise(net, {torch.nn.LSTM}, dtype=dtype)[0])
    words = r"module is a torch\.ao\.nn\.quantizable\..*LSTM"
    with pytest.raises(TypeError, match=words):
        interop.from_torch(torch.ao.nn.quantizable.LSTM(D, H))


def test_a_subclass_is_refused_and_the_advice_helps():
    class Own(torch.nn.LSTM):
        pass

    own = Own(D, H)
    with pytest.raises(TypeError, match=r"module is a Own; .* not a subclass, .*load"):
        interop.from_torch(own)
    plain = torch.nn.LSTM(D, H)
    plain.load_state_dict(own.state_dict())
    assert (
        interop.from_torch(plain).W_hi == own.weight_hh_l0[:H].T.detach().numpy()
    ).all()


@pytest.mark.parametrize("dtype", [np.float16, np.int8])
def test_arrays_of_a_narrow_dtype_are_refused(dtype):
    words = f"has dtype {np.dtype(dtype)}; expected float32 or float64: convert each"
    weights, _ = interop.to_onnx(random_case(LSTM).cell)
    with pytest.raises(TypeError, match=f"R {words}"):
        interop.from_onnx(**{name: a.astype(dtype) for name, a in weights.items()})
    weights = interop.to_keras(random_case(LSTM).cell)
    with pytest.raises(TypeError, match=rf"weights\[1\] {words}"):
        interop.from_keras([a.astype(dtype) for a in weights])


# --- Lists that are almost one Keras layer's weights


def test_a_keras_layer_instead_of_its_weights(keras):
    layer = keras.layers.LSTM(H)
    for passed in (layer, np.zeros((D, 4 * H)), {}):
        name = type(passed).__name__
        words = rf"weights is a {name}; expected the list that layer\.get_weights\(\)"
        with pytest.raises(TypeError, match=words):
            interop.from_keras(passed)


@directions
def test_a_keras_gru_without_biases_is_refused_and_the_advice_helps(directions, keras):
    cell, state = random_layer(GRU, directions)
    weights = interop.to_keras(cell)
    weights[2::3] = [np.zeros_like(b) for b in weights[2::3]]
    kernels = [a for k, a in enumerate(weights) if k % 3 < 2]
    words = r"hold no biases, .* put np\.zeros\(\(2, 6\)\) after each recurrent kernel"
    with pytest.raises(ValueError, match=words):
        interop.from_keras(kernels)
    for k in range(directions):
        kernels.insert(3 * k + 2, np.zeros((2, 6)))
    xs = steps(11)
    ours = run_ours(interop.from_keras(kernels), xs, state)
    assert largest(run_keras(GRU, weights, xs, state), ours) <= 1e-12


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((LSTM, D, H), (LSTM, H, H)),  # D is not H
        ((LSTM, D, D), (LSTM, D, H)),  # the first D = H, the second narrower
        ((LSTM, H, H), (RNN, H, H)),
    ],
)
def test_two_keras_layers_are_not_two_directions(first, second, biases):
    weights = []
    for kind, inputs, units in (first, second):
        cell = random_case(kind, sizes=(T, N, inputs, units)).cell
        weights += interop.to_keras(cell)[: 2 + biases]
    words = "two equal directions; if these are two layers, pass each separately"
    with pytest.raises(ValueError, match=f"weights holds LSTM.*{words}"):
        interop.from_keras(weights)


def test_two_square_keras_layers_look_like_two_directions():
    """As the docstring says: nothing in the shapes tells them apart."""
    cells = [random_case(LSTM, seed, sizes=(T, N, H, H)).cell for seed in (0, 1)]
    weights = [array for cell in cells for array in interop.to_keras(cell)]
    assert isinstance(interop.from_keras(weights), Bidirectional)
    again = Stack((interop.from_keras(weights[:3]), interop.from_keras(weights[3:])))
    assert largest(again, Stack(tuple(cells))) == 0
    assert "look like the two directions" in " ".join(
        interop.from_keras.__doc__.split()
    )


@pytest.mark.parametrize("framework", LAYOUTS)
def test_more_than_a_cell_says_which_part_to_hand_in(framework):
    cell = random_case(LSTM).cell
    nets = {
        r"Model; .*: pass its \.cell$": Model(cell, np.zeros((H, 1)), np.zeros(1)),
        r"Stack; .*: pass each of its \.layers sep": Stack((Stack((cell,)),)),
        r"Reversed; .*: pass its \.layer, and": Stack((Reversed(cell),)),
    }
    if framework != "PyTorch":
        nets[r"Reversed; .*: pass its \.layer, and"] = Bidirectional(
            Reversed(cell), cell
        )
    for words, net in nets.items():
        with pytest.raises(TypeError, match=f"cell is a {words}"):
            TO[framework](net)
