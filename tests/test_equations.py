"""Each equation has code and tests, and its tests fail when the code is broken."""

from pathlib import Path

import pytest

from tests.mutation import Mutation, processes, run_tests
from tools import equations

ROOT = Path(__file__).parents[1]

#: For each label, a file of lstmbook, a piece of its code and its broken form.
MUTATIONS = {
    "eq-step-jacobian": ("diagnostics.py", "cell.W_h.T", "cell.W_h"),
    "eq-jacobian-product": ("diagnostics.py", "jacobians[::-1]", "jacobians"),
    "eq-norm-bound": ("diagnostics.py", "norm(W_h, 2)", "norm(W_h, -2)"),
    "eq-radius-rate": ("diagnostics.py", "eigvals(W_h)).max()", "eigvals(W_h)).min()"),
    "eq-half-life": ("diagnostics.py", "np.log(2) / np.abs", "np.abs"),
    "eq-cell-gradient": (
        "diagnostics.py",
        "by_c + by_h * through_h[T - k - 1][:, None]",
        "by_c",
    ),
    "eq-cell-gradient-lag": ("diagnostics.py", "jacobians[T - k]", "jacobians[T - 1]"),
    "eq-chrono": (
        "initialisation.py",
        "rng.uniform(1, longest",
        "rng.uniform(0, longest",
    ),
    "eq-adding-constant": ("tasks/adding.py", "return 2 / 12", "return 1 / 12"),
    "eq-adding-last": (
        "tasks/adding.py",
        "1 / (length - length // 2)",
        "1 / (length // 2)",
    ),
    "eq-copying-baseline": (
        "tasks/copying.py",
        "WORD * np.log(SYMBOLS)",
        "WORD * np.log(SYMBOLS + 1)",
    ),
    "eq-rnn": ("cells/rnn.py", "tanh(x.g + h.g)", "tanh(x.g - h.g)"),
    "eq-readout": ("model.py", "read @ self.W_y + self.b_y", "read @ self.W_y"),
    "eq-rnn-backward": (
        "cells/rnn.py",
        "d.h * tanh_prime(gates.g)",
        "d.h * gates.g",
    ),
    "eq-bptt": ("recurrence.py", "d_h[t].dot(W_h_T)", "d_h[t].dot(self.W_h)"),
    "eq-grad-W-x": (
        "recurrence.py",
        "W_x=flat(trace.xs).T @",
        "W_x=-flat(trace.xs).T @",
    ),
    "eq-grad-W-h": ("recurrence.py", "trace.history.h[:-1]", "trace.history.h[1:]"),
    "eq-grad-b": ("recurrence.py", ".sum(axis=0)", ".mean(axis=0)"),
    "eq-grad-x": ("recurrence.py", "d_x @ self.W_x.T", "-d_x @ self.W_x.T"),
    "eq-central-difference": ("gradcheck.py", "/ (2 * step)", "/ step"),
    "eq-sigmoid": ("ops.py", "reciprocal(1 + np.exp(-a))", "reciprocal(1 + np.exp(a))"),
    "eq-sigmoid-prime": ("ops.py", "return s * (1 - s)", "return s * (1 + s)"),
    "eq-tanh-prime": ("ops.py", "1 - t * t", "1 - t"),
    "eq-input-gate": ("cells/lstm.py", "sigmoid(x.i + h.i)", "sigmoid(x.i)"),
    "eq-forget-gate": ("cells/lstm.py", "sigmoid(x.f + h.f)", "sigmoid(x.f - h.f)"),
    "eq-output-gate": ("cells/lstm.py", "sigmoid(x.o + h.o)", "tanh(x.o + h.o)"),
    "eq-main-layer": ("cells/lstm.py", "tanh(x.g + h.g)", "sigmoid(x.g + h.g)"),
    "eq-carousel": ("cells/lstm.py", "f * prev.c + i * g", "o * prev.c + i * g"),
    "eq-long-term": ("cells/lstm.py", "f * prev.c + i * g", "f * prev.c + (1 - f) * g"),
    "eq-short-term": ("cells/lstm.py", "o * tanh(c)", "o * c"),
    "eq-parameter-count": (
        "tree.py",
        "sum(array.size for",
        "sum(len(array) for",
    ),
    "eq-d-long-term": ("cells/lstm.py", "d_c = d.c + d.h * o", "d_c = d.h * o"),
    "eq-d-output-gate": ("cells/lstm.py", "d.h * tanh_c * sig", "d.h * now.c * sig"),
    "eq-d-forget-gate": ("cells/lstm.py", "f=d_c * prev.c", "f=d_c * now.c"),
    "eq-d-input-gate": (
        "cells/lstm.py",
        "d_c * g * sigmoid_prime(i)",
        "d_c * g * i",
    ),
    "eq-d-main-layer": (
        "cells/lstm.py",
        "d_c * i * tanh_prime(g)",
        "d_c * i * sigmoid_prime(g)",
    ),
    "eq-d-c-prev": ("cells/lstm.py", "c=d_c * f)", "c=d_c)"),
    "eq-d-h-prev": (
        "recurrence.py",
        "d_prev.h + d_h[t].dot(W_h_T)",
        "d_prev.h - d_h[t].dot(W_h_T)",
    ),
    "eq-reset-gate": ("cells/gru.py", "sigmoid(x.r + h.r)", "sigmoid(x.r)"),
    "eq-update-gate": ("cells/gru.py", "sigmoid(x.z + h.z)", "sigmoid(h.z)"),
    "eq-gru-proposal": ("cells/gru.py", "r * (h.n + self.b_hn)", "r * h.n + self.b_hn"),
    "eq-gru-memory": (
        "cells/gru.py",
        "(1 - z) * n + z * prev.h",
        "z * n + (1 - z) * prev.h",
    ),
    "eq-peephole-input-gate": (
        "cells/peephole.py",
        "self.p_i * prev.c",
        "self.p_i * prev.h",
    ),
    "eq-peephole-forget-gate": (
        "cells/peephole.py",
        "h.f + self.p_f * prev.c",
        "h.f",
    ),
    "eq-peephole-output-gate": (
        "cells/peephole.py",
        "self.p_o * c)",
        "self.p_o * prev.c)",
    ),
    "eq-coupled-memory": (
        "cells/coupled.py",
        "(1 - i) * prev.c + i * g",
        "i * prev.c + (1 - i) * g",
    ),
    "eq-word-problem": (
        "tasks/state_tracking.py",
        "table[targets[t - 1], shown[t]]",
        "table[shown[t], targets[t - 1]]",
    ),
    "eq-relative-error": (
        "course/forecasts.py",
        "np.abs(naive - came)",
        "np.abs(came)",
    ),
    "eq-band": (
        "course/forecasts.py",
        "np.ceil((K + 1) * share)",
        "np.ceil(K * share)",
    ),
    "eq-linear-input": ("cells/linear_input.py", "g = x.g + h.g", "g = x.g - h.g"),
    "eq-linear-output": (
        "cells/linear_output.py",
        "LSTMState(o * c, c)",
        "LSTMState(o * tanh(c), c)",
    ),
    "eq-forget-only": (
        "cells/forget_only.py",
        "f * prev.h + (1 - f) * g",
        "f * prev.h + g",
    ),
    "eq-slstm-stabiliser": (
        "cells/slstm.py",
        "np.maximum(log_f, log_i)",
        "np.minimum(log_f, log_i)",
    ),
    "eq-slstm-input-gate": (
        "cells/slstm.py",
        "np.exp(log_i - m), ",
        "np.exp(log_i), ",
    ),
    "eq-slstm-forget-gate": (
        "cells/slstm.py",
        "prev.m - np.logaddexp",
        "-np.logaddexp",
    ),
    "eq-slstm-normaliser": ("cells/slstm.py", "f * prev.n + i", "prev.n + i"),
    "eq-slstm-output": ("cells/slstm.py", "o * c / n, c", "o * c, c"),
    "eq-linear-recurrence": ("linear.py", "h += u[t]", "h -= u[t]"),
    "eq-scan-combine": (
        "linear.py",
        "a[reach:] * u[:-reach] + u[reach:]",
        "a[:-reach] * u[:-reach] + u[reach:]",
    ),
    "eq-min-lstm": ("cells/min_lstm.py", "(1 - share) * gates.g", "gates.g"),
    "eq-diagonal-ssm": (
        "cells/state_space.py",
        "return sigmoid(self.p_a)",
        "return tanh(self.p_a)",
    ),
    "eq-signed-ssm": (
        "cells/state_space.py",
        "SignedSSMGates(tanh(x.a)",
        "SignedSSMGates(sigmoid(x.a)",
    ),
    "eq-mse": ("losses.py", "(error * error).sum() / count", "(error * error).sum()"),
    "eq-softmax": ("ops.py", "e / e.sum(axis=-1, keepdims=True)", "e / e.sum()"),
    "eq-cross-entropy": (
        "losses.py",
        "float(surprise.mean())",
        "float(surprise.sum())",
    ),
    "eq-sgd": ("optim.py", "p - rate * d", "p + rate * d"),
    "eq-adam": ("optim.py", "np.sqrt(s) / root + self.eps", "np.sqrt(s) + self.eps"),
    "eq-clipping": (
        "optim.py",
        "min(1.0, max_norm / (norm + 1e-6))",
        "max_norm / norm",
    ),
}

LABELS = [label for label, _, _ in equations.equations(ROOT) if label]


def test_nothing_is_missing():
    assert equations.faults(ROOT) == []


def test_page_is_fresh():
    stored = (ROOT / equations.PAGE).read_text(encoding="utf-8")
    assert stored == equations.page(ROOT), "stale: run `make equations`"


def test_every_label_has_its_mutation():
    assert MUTATIONS.keys() == set(LABELS)


@pytest.fixture(scope="module")
def pool():
    with processes() as pool:
        yield pool


def proofs_of(labels):
    """The tests that carry these labels, as pytest names them."""
    proofs = equations.tests(ROOT)
    places = {place for label in labels for place in proofs[label]}
    return sorted(f"{place.file.as_posix()}::{place.name}" for place in places)


def test_unbroken_package_is_green(pool):
    code, output = pool.submit(run_tests, ROOT, proofs_of(LABELS)).result()
    assert code == 0, output


@pytest.mark.parametrize("label", MUTATIONS)
def test_mutation_turns_the_tests_of_its_label_red(pool, label):
    file, code, broken = MUTATIONS[label]
    mutation = Mutation(ROOT / "lstmbook" / file, code, broken)
    source = mutation.file.read_text(encoding="utf-8")
    assert source.count(code) == 1, f"{file} has not one {code!r}: mend the table"
    code, output = pool.submit(run_tests, ROOT, proofs_of([label]), mutation).result()
    # 1 is "tests ran and failed"; 2 and up would be a mistake of ours.
    assert code == 1, output
    assert "AssertionError" in output or "assert" in output, output


@pytest.fixture
def small(tmp_path):
    """A project of one page, one function and one test, all in order."""
    for folder in ("book", "lstmbook", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/page\n")
    (tmp_path / "book/page.md").write_text("# Page\n\n$$ a = b $$ (eq-a)\n")
    (tmp_path / "lstmbook/code.py").write_text('def a():\n    """Of :eq:`eq-a`."""\n')
    (tmp_path / "tests/test_a.py").write_text(
        "import pytest\n\n\n@pytest.mark.equation('eq-a')\ndef test_a():\n    pass\n"
    )
    return tmp_path


def test_small_project_is_in_order(small):
    assert equations.faults(small) == []
    page = equations.page(small)
    assert "{eq}`eq-a`" in page and "lstmbook.code.a" in page and "test_a" in page


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("book/page.md", "# P\n\n$$ a = b $$ (eq-a)\n\n$$ c $$\n", "without label: c"),
        (
            "book/page.md",
            "# P\n\n$$ a $$ (eq-a)\n\n```{math}\n:label: eq-a\nb\n```\n",
            "eq-a is already in book/page.md",
        ),
        ("book/page.md", "# P\n\n$$ a $$ (eq-b)\n", "eq-b is implemented nowhere"),
        ("book/page.md", "# P\n\n$$ a $$ (eq-b)\n", "eq-b has no test"),
        ("book/page.md", "# P\n", "the docstring of lstmbook.code.a cites eq-a, which"),
        (
            "book/page.md",
            "# P\n",
            "the test of test_a cites eq-a, which no page has",
        ),
        ("lstmbook/code.py", "", "eq-a is implemented nowhere"),
        ("tests/test_a.py", "", "eq-a has no test"),
    ],
)
def test_planted_fault_is_named(small, file, text, fault):
    (small / file).write_text(text)
    assert any(fault in line for line in equations.faults(small))


def test_derivations_need_no_label(small):
    with (small / "book/page.md").open("a") as page:
        page.write("\n$$\n\\begin{aligned} a &= b \\end{aligned}\n$$\n")
    assert equations.faults(small) == []
