"""The equations that ``help(LSTM)`` prints are those that the code computes."""

import re

import numpy as np
import pytest

from lstmbook import CELLS, LSTM
from lstmbook.ops import sigmoid, tanh
from tests.cases import random_case


def printed(kind):
    """Name to right-hand side, of the lines ``| name = …, …`` of a class."""
    text = re.sub(r"\n +(?![ |])", " ", kind.__doc__)
    found = re.findall(r"^ *\| (\w+) = (.*?), (?!x )", text, re.MULTILINE)
    return {name: python(right) for name, right in found}


def python(right):
    for sign, spelled in {
        "x W": "x @ cell.W",
        "h₋ W": "h₋ @ cell.W",
        "⊙": "*",
        "−": "-",
        "σ": "sigmoid",
    }.items():
        right = right.replace(sign, spelled)
    right = re.sub(r"(\w)₋", r"prev_\1", right)
    return re.sub(r"(?<![.\w])(?=[bp](_\w+)?\b)", "cell.", right)


@pytest.mark.parametrize("kind", CELLS.values(), ids=CELLS)
def test_printed_equations(kind):
    case = random_case(kind)
    equations = printed(kind)
    if "the rest is the" in kind.__doc__.lower():
        names = {*kind.Gates._fields, *kind.State._fields}
        lstm = {name: right for name, right in printed(LSTM).items() if name in names}
        equations = lstm | equations
    _, trace = case.cell.forward(case.xs[:1], case.state)
    known = {"cell": case.cell, "x": case.xs[0], "sigmoid": sigmoid}
    known |= {"tanh": tanh, "exp": np.exp, "log": np.log, "max": np.maximum}
    known |= {f"prev_{name}": part for name, part in case.state._asdict().items()}
    found = {}
    while equations:
        # In an order that their dependencies allow: o may see the new c.
        ready = [
            name
            for name, right in equations.items()
            if not set(re.findall(r"(?<!\.)\b[a-z]\b", right)) - {"x"} - found.keys()
        ]
        assert ready, f"{kind.__name__} prints what cannot be computed: {equations}"
        for name in ready:
            found[name] = eval(equations.pop(name), known, found)
    expected = {name: part[0] for name, part in trace.states._asdict().items()}
    gates = {name: part[0] for name, part in trace.gates._asdict().items()}
    expected |= gates if kind.__name__ != "RNN" else {}
    missing = expected.keys() - found.keys()
    assert not missing, f"{kind.__name__}'s docstring has no equation for {missing}"
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-14, (
            f"{kind.__name__}'s docstring prints another {name} than step computes"
        )
