"""Weights to and from PyTorch, Keras and ONNX, by running the real things.

That cells and ``torch.nn`` have the same gradients stands in test_cells.py.
"""

import importlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator

from lstmbook import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    BidirectionalState,
    CoupledLSTM,
    PeepholeLSTM,
    Stack,
    interop,
    pytorch,
    tree,
)
from lstmbook.course.exercises.mutants import MUTANTS
from lstmbook.interop import LAYOUTS
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
    # Their tensors know nothing of the argument `copy` that NumPy 2 hands over.
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
    """Its bias gives it away; without one nothing would."""
    layer = keras.layers.GRU(H, reset_after=False)
    layer.build((N, T, D))
    assert tuple(layer.weights[2].shape) == (3 * H,)
    words = rf"expected the bias \(2, {3 * H}\) of a GRU with reset_after=True: our GRU"
    with pytest.raises(ValueError, match=rf"weights\[2\] has shape \(6,\); {words}"):
        interop.from_keras(keras_gru(np.zeros(3 * H)))
    with pytest.raises(ValueError, match=rf"weights\[2\] is missing; {words}"):
        interop.from_keras(keras_gru())
    good = keras_gru(np.zeros((2, 3 * H)))
    with pytest.raises(ValueError, match=rf"weights\[5\] has shape \(6,\); {words}"):
        interop.from_keras([*good, *keras_gru(np.zeros(3 * H))])


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([(D, H)], r"weights holds 1 arrays; expected a kernel, a recurrent kernel"),
        ([(D, 5 * H), (H, 5 * H)], r"weights\[1\] has shape \(2, 10\); .*\(H, G·H\)"),
        ([(D, H), (H,)], r"weights\[1\] has shape \(2,\); expected \(H, G·H\)"),
        ([(D, 3 * H), (H, 4 * H)], r"weights\[0\] has shape .* LSTM expects \(D, 8\)"),
        ([(D, 4 * H), (H, 4 * H), (2, 4 * H)], r"weights\[2\] .* expects \(8,\)"),
        ([(D, H), (H, H), (3,)], r"weights\[2\] .* Keras SimpleRNN expects \(2,\)"),
        ([(D, H), (H, H), (D, 3), (H, H)], r"weights\[2\] .*SimpleRNN .*\(D, 2\)"),
        ([(D, H), (H, H), (D + 1, H), (H, H)], r"reverse_cell has input_size=5"),
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
        (RNN, {"direction": "reverse"}, "direction='reverse'; expected 'forward'"),
        (RNN, {"hidden_size": 3}, "hidden_size=3; expected 2"),
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
        (PeepholeLSTM, "R", (1, 6, 2), r"R has shape .* with G = 4, for P came too"),
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


def test_other_things_are_refused():
    with pytest.raises(
        TypeError, match=r"module is a Linear; expected .*torch\.nn\.GRU"
    ):
        interop.from_torch(torch.nn.Linear(2, 2))
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
    with pytest.raises(ValueError, match=rf"\(3, 200\); {kind} expects \(T, N, D\)"):
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
