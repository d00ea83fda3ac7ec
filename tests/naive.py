"""The book's equations, one number at a time: no matrix products, no shared code.

Each cell in the registry has its entry here; a test sees to it.
"""

import math

import numpy as np


def sigma(a):
    return 1 / (1 + math.exp(-a))


def affine(cell, layer, x, h, k):
    """W_xᵀ x + W_hᵀ h + b, entry k, by the definition of a product."""
    W_h = getattr(cell, f"W_h{layer}")
    return projected(cell, layer, x, k) + sum(W_h[u, k] * h[u] for u in range(len(h)))


def projected(cell, layer, x, k):
    """W_xᵀ x + b, entry k: all that a layer without W_h sees."""
    W_x = getattr(cell, f"W_x{layer}")
    return sum(W_x[d, k] * x[d] for d in range(len(x))) + getattr(cell, f"b_{layer}")[k]


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


def slstm(cell, x, state, k):
    h, c, n, m = (state[name] for name in "hcnm")
    log_i = affine(cell, "i", x, h, k)
    log_f = math.log(sigma(affine(cell, "f", x, h, k))) + m[k]
    g = math.tanh(affine(cell, "g", x, h, k))
    o = sigma(affine(cell, "o", x, h, k))
    m = max(log_i, log_f)
    i, f = math.exp(log_i - m), math.exp(log_f - m)
    c, n = f * c[k] + i * g, f * n[k] + i
    return {"h": o * c / n, "c": c, "n": n, "m": m, "i": i, "f": f, "g": g, "o": o}


def min_lstm(cell, x, state, k):
    i = sigma(projected(cell, "i", x, k))
    f = sigma(projected(cell, "f", x, k))
    g = projected(cell, "g", x, k)
    return {"h": (f * state["h"][k] + i * g) / (f + i), "i": i, "f": f, "g": g}


def diagonal_ssm(cell, x, state, k):
    g = projected(cell, "g", x, k)
    return {"h": sigma(cell.p_a[k]) * state["h"][k] + g, "g": g}


def signed_ssm(cell, x, state, k):
    a = math.tanh(projected(cell, "a", x, k))
    g = projected(cell, "g", x, k)
    return {"h": a * state["h"][k] + g, "a": a, "g": g}


NAIVE = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "peephole": peephole,
    "coupled": coupled,
    "linear-input": linear_input,
    "linear-output": linear_output,
    "forget-only": forget_only,
    "slstm": slstm,
    "min-lstm": min_lstm,
    "diagonal-ssm": diagonal_ssm,
    "signed-ssm": signed_ssm,
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
