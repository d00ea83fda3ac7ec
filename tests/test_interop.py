"""Weights to and from torch.nn; that they compute the same stands in test_cells.py."""

import numpy as np
import pytest
import torch

from lstmbook import GRU, LSTM, interop, pytorch, tree
from lstmbook.exercises.mutants import MUTANTS
from tests.cases import D, H, largest, random_case

kinds = pytest.mark.parametrize("kind", interop.LAYOUTS)


@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip_is_exact(kind, dtype):
    cell = random_case(kind, dtype=dtype).cell
    again = interop.from_torch(interop.to_torch(cell))
    assert type(again) is kind and again.dtype == dtype and largest(again, cell) == 0
    assert not np.shares_memory(again.W_x, cell.W_x)


@kinds
@pytest.mark.parametrize("bias", [True, False])
def test_from_torch_computes_what_the_module_does(kind, bias):
    """Starting from PyTorch's own draw, in which both biases are random."""
    torch.manual_seed(0)
    module = interop.LAYOUTS[kind].module(D, H, bias=bias, dtype=torch.float64)
    xs = random_case(kind).xs
    expected, _ = module(torch.tensor(xs))
    hs, _ = interop.from_torch(module).forward(xs)
    assert largest(hs, expected.detach().numpy()) <= 1e-12


def test_from_torch_copies():
    module = torch.nn.LSTM(D, H, dtype=torch.float64)
    cell = interop.from_torch(module)
    before = tree.map(np.copy, cell)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert largest(cell, before) == 0


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.LSTM(D, H, num_layers=2), "num_layers=2; expected 1"),
        (torch.nn.GRU(D, H, bidirectional=True), "bidirectional=True; expected False"),
        (torch.nn.LSTM(D, H, proj_size=1), "proj_size=1; expected 0"),
        (torch.nn.RNN(D, H, nonlinearity="relu"), "'relu'; expected 'tanh'"),
    ],
)
def test_what_our_cells_have_not_is_refused(module, words):
    with pytest.raises(ValueError, match=f"module has .*{words}"):
        interop.from_torch(module)


def test_other_things_are_refused():
    with pytest.raises(
        TypeError, match=r"module is a Linear; expected .*torch\.nn\.GRU"
    ):
        interop.from_torch(torch.nn.Linear(2, 2))
    mutant = MUTANTS["bias-twice"].cell(
        *(a for _, a in tree.leaves(random_case(LSTM).cell))
    )
    with pytest.raises(TypeError, match=r"torch\.nn has only RNN, LSTM, GRU"):
        interop.to_torch(mutant)
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
