"""The book's equations, one number at a time: no matrix products, no shared code.

Each cell in the registry has its entry here; a test sees to it.
"""

import math

import numpy as np


def sigma(a):
    return 1 / (1 + math.exp(-a))


def affine(cell, layer, x, h, k):
    """W_xᵀ x + W_hᵀ h + b, entry k, by the definition of a product."""
    W_x, W_h = getattr(cell, f"W_x{layer}"), getattr(cell, f"W_h{layer}")
    return (
        sum(W_x[d, k] * x[d] for d in range(len(x)))
        + sum(W_h[u, k] * h[u] for u in range(len(h)))
        + getattr(cell, f"b_{layer}")[k]
    )


def rnn(cell, x, state, k):
    return {"h": math.tanh(affine(cell, "g", x, state["h"], k))}


def lstm(cell, x, state, k):
    h, c = state["h"], state["c"]
    i = sigma(affine(cell, "i", x, h, k))
    f = sigma(affine(cell, "f", x, h, k))
    g = math.tanh(affine(cell, "g", x, h, k))
    o = sigma(affine(cell, "o", x, h, k))
    c = f * c[k] + i * g
    return {"h": o * math.tanh(c), "c": c, "i": i, "f": f, "g": g, "o": o}


def gru(cell, x, state, k):
    h = state["h"]
    r = sigma(affine(cell, "r", x, h, k))
    z = sigma(affine(cell, "z", x, h, k))
    nothing = np.zeros_like(h)
    proposed = affine(cell, "n", x, nothing, k)
    recurrent = affine(cell, "n", np.zeros_like(x), h, k) - cell.b_n[k] + cell.b_hn[k]
    n = math.tanh(proposed + r * recurrent)
    return {"h": (1 - z) * n + z * h[k], "r": r, "z": z, "n": n}


def peephole(cell, x, state, k):
    h, c = state["h"], state["c"][k]
    i = sigma(affine(cell, "i", x, h, k) + cell.p_i[k] * c)
    f = sigma(affine(cell, "f", x, h, k) + cell.p_f[k] * c)
    g = math.tanh(affine(cell, "g", x, h, k))
    c = f * c + i * g
    o = sigma(affine(cell, "o", x, h, k) + cell.p_o[k] * c)
    return {"h": o * math.tanh(c), "c": c, "i": i, "f": f, "g": g, "o": o}


def coupled(cell, x, state, k):
    h, c = state["h"], state["c"]
    i = sigma(affine(cell, "i", x, h, k))
    g = math.tanh(affine(cell, "g", x, h, k))
    o = sigma(affine(cell, "o", x, h, k))
    c = (1 - i) * c[k] + i * g
    return {"h": o * math.tanh(c), "c": c, "i": i, "g": g, "o": o}


def linear_input(cell, x, state, k):
    h, c = state["h"], state["c"]
    i = sigma(affine(cell, "i", x, h, k))
    f = sigma(affine(cell, "f", x, h, k))
    g = affine(cell, "g", x, h, k)
    o = sigma(affine(cell, "o", x, h, k))
    c = f * c[k] + i * g
    return {"h": o * math.tanh(c), "c": c, "i": i, "f": f, "g": g, "o": o}


def linear_output(cell, x, state, k):
    h, c = state["h"], state["c"]
    i = sigma(affine(cell, "i", x, h, k))
    f = sigma(affine(cell, "f", x, h, k))
    g = math.tanh(affine(cell, "g", x, h, k))
    o = sigma(affine(cell, "o", x, h, k))
    c = f * c[k] + i * g
    return {"h": o * c, "c": c, "i": i, "f": f, "g": g, "o": o}


def forget_only(cell, x, state, k):
    h = state["h"]
    f = sigma(affine(cell, "f", x, h, k))
    g = math.tanh(affine(cell, "g", x, h, k))
    return {"h": f * h[k] + (1 - f) * g, "f": f, "g": g}


NAIVE = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "peephole": peephole,
    "coupled": coupled,
    "linear-input": linear_input,
    "linear-output": linear_output,
    "forget-only": forget_only,
}


def run(equations, cell, xs, state):
    """Everything the equations name, each (T, N, H), example by example."""
    steps, batch, _ = xs.shape
    record = {}
    for n in range(batch):
        now = {field: getattr(state, field)[n] for field in state._fields}
        for t in range(steps):
            units = [equations(cell, xs[t, n], now, k) for k in range(cell.hidden_size)]
            values = {name: np.array([u[name] for u in units]) for name in units[0]}
            now = {field: values[field] for field in state._fields}
            for name, value in values.items():
                shape = steps, batch, cell.hidden_size
                record.setdefault(name, np.empty(shape))[t, n] = value
    return record
