"""A tree in a file: it is restored exactly, or not at all."""

import itertools
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from lstmbook import CELLS, GRU, LSTM, RNN, Bidirectional, Stack, tree
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import SGD, Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train


def nets(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    made = {name: kind.init(rng, 2, 3, dtype) for name, kind in CELLS.items()}
    made["both"] = Bidirectional(
        LSTM.init(rng, 2, 3, dtype), GRU.init(rng, 2, 4, dtype)
    )
    made["stack"] = Stack((made["both"], RNN.init(rng, 7, 2, dtype)))
    made["model"] = Model.init(rng, made["stack"], 1, readout="all")
    return {name: tree.map(lambda a: random(rng, a), net) for name, net in made.items()}


def random(rng, array):
    return rng.standard_normal(array.shape).astype(array.dtype)


def same(a, b):
    pairs = zip(tree.leaves(a), tree.leaves(b), strict=True)
    return type(a) is type(b) and all(
        name == other and x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for (name, x), (other, y) in pairs
    )


@pytest.mark.parametrize("name", nets(0))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(tmp_path, name, dtype):
    net, like = nets(0, dtype)[name], nets(1, dtype)[name]
    before = tree.map(np.copy, like)
    tree.save(tmp_path / "net.npz", net)
    assert same(tree.load(tmp_path / "net.npz", like), net) and same(like, before)
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def test_round_trip_of_what_else_is_a_tree(tmp_path):
    """Numbers are data, names and None are structure."""
    kept = {"epoch": 7, "best": np.float32(0.1), "rate": 1e-3, "done": True}
    kept |= {"name": "lstm", "none": None, "empty": (), "file": np.arange(3)}
    like = {"epoch": 0, "best": np.float32(), "rate": 0.0, "done": False}
    like |= {"name": "lstm", "none": None, "empty": (), "file": np.zeros(3, int)}
    path = str(tmp_path / "no suffix")
    tree.save(path, kept)
    found = tree.load(path, like)
    assert [type(value) for value in found.values()] == [*map(type, kept.values())]
    assert found.pop("file").tolist() == kept.pop("file").tolist() and found == kept
    tree.save(path, np.ones(2))
    assert tree.load(path, np.zeros(2)).tolist() == [1, 1]


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(1e-2)])
def test_training_goes_on_to_the_bit(tmp_path, optimizer):
    """As the module's docstring says, as if in a fresh process."""
    rng = np.random.default_rng(0)
    batches = [adding(rng, 6, 16) for _ in range(6)]

    def start():
        rng = np.random.default_rng(1)
        return Model.init(rng, LSTM.init(rng, 2, 5), 1)

    whole = train(start(), batches, mse, optimizer)
    run = train(start(), batches[:3], mse, optimizer)
    tree.save(tmp_path / "run.npz", (run.model, run.optimizer_state))
    fresh = start()
    model, state = tree.load(tmp_path / "run.npz", like=(fresh, optimizer.init(fresh)))
    late = train(model, batches[3:], mse, optimizer, optimizer_state=state)
    assert same(late.model, whole.model)
    assert np.array_equal(late.losses, whole.losses[3:])


def test_numpy_reads_it_by_name(tmp_path):
    net = nets(0)["model"]
    tree.save(tmp_path / "net.npz", net)
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "readout"}
        assert str(file["cell.layers[0].reverse_cell.type"]) == "GRU"
    numbers = [name for name in arrays if not name.endswith("type")]
    assert numbers == [name for name, _ in tree.leaves(net)]
    assert same(arrays["cell.layers[1].W_x"], net.cell.layers[1].W_x)


def test_every_kind_of_net_refuses_every_other(tmp_path):
    made = nets(0)
    for name, other in itertools.permutations(made, 2):
        tree.save(tmp_path / name, made[name])
        with pytest.raises(ValueError, match=r"lacks|has|type is"):
            tree.load(tmp_path / name, made[other])


class Other(LSTM):
    """The same shapes, but a different function of them."""


def test_a_cell_of_another_kind_is_refused(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "net.npz"
    tree.save(path, Stack((LSTM.init(rng, 2, 3),)))
    with pytest.raises(ValueError, match=r"layers\[0\]\.type is LSTM in .* has Other"):
        tree.load(path, Stack((Other.init(rng, 2, 3),)))


def test_what_differs_is_named(tmp_path):
    path, rng = tmp_path / "net.npz", np.random.default_rng(0)
    cell, wide = GRU.init(rng, 2, 3), GRU.init(rng, 2, 4)
    tree.save(path, cell)
    with pytest.raises(
        ValueError, match=r"W_x has shape \(2, 9\) in .*net.npz; `like`"
    ):
        tree.load(path, wide)
    with pytest.raises(TypeError, match=r"W_x has dtype float64 in .* has float32"):
        tree.load(path, tree.map(np.float32, cell))
    with pytest.raises(
        ValueError,
        match=r"lacks \[0\]\.W_h, \[0\]\.W_x, \[0\]\.b, \[0\]\.b_hn, \[0\]\.type$",
    ):
        tree.load(path, [cell])
    with pytest.raises(ValueError, match=r"has, and `like` has not, b, b_hn, type$"):
        tree.load(path, {"W_x": cell.W_x, "W_h": cell.W_h})
    tree.save(path, Model.init(rng, cell, 1, "all"))
    with pytest.raises(ValueError, match=r"readout is all in .*; `like` has last"):
        tree.load(path, Model.init(rng, cell, 1, "last"))
    tree.save(path, Adam().init(cell))
    with pytest.raises(TypeError, match=r"updates has dtype int64 in .* has float64"):
        tree.load(path, Adam().init(cell)._replace(updates=0.5))


def test_what_cannot_be_saved(tmp_path):
    path = tmp_path / "net.npz"
    tree.save(path, np.ones(2))
    for wrong, error, message in (
        ({"a.b": np.ones(1), "a": {"b": np.ones(1)}}, ValueError, "two leaves are"),
        ([np.array([None])], TypeError, r"\[0\] has dtype object; expected numbers"),
        ([2**70], TypeError, r"\[0\] has dtype object"),
        ([object()], TypeError, "a tree holds a object"),
    ):
        with pytest.raises(error, match=message):
            tree.save(path, wrong)
    assert tree.load(path, np.zeros(2)).tolist() == [1, 1]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        tree.load(tmp_path / "none.npz", np.ones(1))
    path = tmp_path / "file"
    tree.save(path, np.ones(500))
    cut = path.read_bytes()[:-300]
    with zipfile.ZipFile(tmp_path / "pickled", "w") as archive:
        archive.writestr("a.npy", pickle.dumps(np.ones(1)))
    wrong = {
        "cut": cut,
        "empty": b"",
        "text": b"W_x = 1",
        "pickle": pickle.dumps([1]),
        "zip of a pickle": (tmp_path / "pickled").read_bytes(),
    }
    for name, data in wrong.items():
        path.write_bytes(data)
        with pytest.raises(ValueError, match="file is not a file that save has"):
            pytest.fail(f"{name}: {tree.load(path, np.ones(500))}")
    np.save(tmp_path / "one.npy", np.ones(1))
    with pytest.raises(ValueError, match="is not a file that save has written"):
        tree.load(tmp_path / "one.npy", np.ones(1))


def test_nothing_is_executed(tmp_path):
    """A file that would run code when unpickled does not."""
    code = f"open({str(tmp_path / 'ran')!r}, 'w')"
    bad = np.array([Executes(code)])
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        with archive.open("a.npy", "w") as member:
            np.lib.format.write_array(member, bad, allow_pickle=True)
    with pytest.raises(ValueError, match="is not a file that save has written"):
        tree.load(tmp_path / "bad.npz", {"a": np.ones(1)})
    assert not (tmp_path / "ran").exists()


class Executes:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


def test_an_interrupted_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.npz"
    tree.save(path, np.ones(3))
    code = (
        "import numpy as np, os\n"
        "from lstmbook import tree\n"
        "write = np.lib.format.write_array\n"
        "def die(*a, **k):\n    write(*a, **k); os._exit(9)\n"
        "np.lib.format.write_array = die\n"
        f"tree.save({str(path)!r}, [np.zeros(3), np.zeros(3)])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 9, run.stderr
    assert tree.load(path, np.zeros(3)).tolist() == [1, 1, 1]
