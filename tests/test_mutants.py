"""Every classic mistake is caught; a weak test is shown to miss some of them."""

import numpy as np
import pytest

from lstmbook import LSTM, gradcheck, tree
from lstmbook.course.exercises.mutants import MUTANTS
from tests import naive, twins
from tests.cases import largest, random_case, weak_case

#: Mistakes that a weak test misses: found by running it, and kept here.
SURVIVES_WEAK_TEST = {
    "reversed-cotangents",
    "no-final-cotangent",
    "no-initial-state",
}


def caught_by(cell, case):
    """The checks of test_cells.py that fail for a cell.

    Of a state that is zero a test knows nothing, nor of its gradient.
    """
    case = case._replace(cell=cell(*(a for _, a in tree.leaves(case.cell))))
    stateless = not any(array.any() for array in case.state)
    rows = gradcheck.check_cell(*case)
    if stateless:
        rows = [row for row in rows if not row.name.startswith("state")]
    hs, trace, grads = case.run()
    record = naive.run(naive.lstm, case.cell, case.xs, case.state)
    computed = trace.gates._asdict() | trace.states._asdict()
    original = case._replace(cell=LSTM(*(a for _, a in tree.leaves(case.cell))))
    twin_hs, twin_grads = twins.written_out(original)
    plain = grads._replace(cell=LSTM(*(a for _, a in tree.leaves(grads.cell))))
    if stateless:
        plain = plain._replace(state=twin_grads.state)
    checks = {
        "central differences": max(row.error for row in rows) > 1e-8,
        "naive loop": any(
            np.abs(computed[name] - value).max() > 1e-12
            for name, value in record.items()
        ),
        "pytorch": largest((hs, plain), (twin_hs, twin_grads)) > 1e-12,
    }
    return {name for name, fails in checks.items() if fails}


def test_the_cell_itself_passes():
    assert caught_by(LSTM, random_case(LSTM)) == set()
    assert caught_by(LSTM, weak_case(LSTM)) == set()


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name):
    assert caught_by(MUTANTS[name].cell, random_case(LSTM))


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_weak_test_lets_live(name):
    survives = not caught_by(MUTANTS[name].cell, weak_case(LSTM))
    assert survives == (name in SURVIVES_WEAK_TEST)


@pytest.mark.parametrize("name", ["swapped-order", "sigmoid-main-layer"])
def test_gradient_check_alone_is_not_enough(name):
    """Forward and backward are wrong together: only another forward pass shows it."""
    caught = caught_by(MUTANTS[name].cell, random_case(LSTM))
    assert caught == {"naive loop", "pytorch"}


def test_mutants_explain_themselves():
    assert len(MUTANTS) >= 10
    for mutant in MUTANTS.values():
        assert issubclass(mutant.cell, LSTM) and mutant.mistake and mutant.hint


def test_a_sigmoid_that_is_full_has_a_gradient_all_the_same():
    """Where g is 1 its slope is 0, not 0/0: nets are trained with this one."""
    cell = random_case(MUTANTS["sigmoid-main-layer"].cell).cell
    cell.b_g[:] = 1e3
    hs, trace = cell.forward(random_case(type(cell)).xs)
    assert (trace.gates.g == 1).all()
    grads = cell.backward(trace, np.ones_like(hs)).cell
    assert np.isfinite(grads.W_x).all() and not grads.b_g.any()
