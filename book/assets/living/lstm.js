/* The library's recurrent cells, forward and backward, for the living figures.
 *
 * The mathematics of lstmbook/recurrence.py and lstmbook/cells, in double precision;
 * tests/browser/test_lstm_js.py holds the two together. One sequence, no batch:
 *
 *   T steps, D inputs, H units
 *   params  {W_x: D rows of G·H, W_h: H rows of G·H, b: G·H}, fused as in lstmbook
 *   xs      T rows of D
 *   state   {h: H} for the RNN, {h: H, c: H} for the LSTM; zeros by default
 *
 * Rows are arrays or Float64Arrays. What is returned is made of Float64Arrays.
 *
 *   cell = LSTMBook.cells.lstm            // or .rnn
 *   trace = cell.forward(params, xs, state, clamp)
 *     trace.history.h[0] is the initial state, trace.history.h[t + 1] that after step t;
 *     trace.gates.f[t] the forget gate at step t
 *   grads = cell.backward(params, trace, d_hs, d_final)
 *     {W_x, W_h, b, xs, state} as lstmbook's Grads, with, in addition,
 *     history: d of the state before step t in row t, and layers: d of the
 *     pre-activations at each step, fused
 *   cell.jacobian(params, trace, t)
 *     of the state after step t with respect to the state before it: rows of h, then c
 */
(function (root) {
  "use strict";

  const vector = (n) => new Float64Array(n);
  const matrix = (rows, columns) => Array.from({ length: rows }, () => vector(columns));
  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  /* into += row · matrix */
  function addProduct(into, row, matrix) {
    for (let j = 0; j < row.length; j++) {
      const scale = row[j];
      const weights = matrix[j];
      for (let k = 0; k < into.length; k++) into[k] += scale * weights[k];
    }
  }

  /* into += matrix · column */
  function addTransposed(into, matrix, column) {
    for (let j = 0; j < into.length; j++) {
      const weights = matrix[j];
      let sum = 0;
      for (let k = 0; k < column.length; k++) sum += weights[k] * column[k];
      into[j] += sum;
    }
  }

  /* matrix += row ⊗ column */
  function addOuter(matrix, row, column) {
    for (let j = 0; j < row.length; j++) {
      const scale = row[j];
      const into = matrix[j];
      for (let k = 0; k < column.length; k++) into[k] += scale * column[k];
    }
  }

  /* A cell from its layers' names, its memories' names and four functions.
   *
   *   step(a, gates, prev, now, k): unit k of one step, from its pre-activations
   *   stepBackward(gates, prev, now, d, d_a, d_prev, k): unit k of one step back
   */
  function makeCell(layers, memories, squash, step, stepBackward) {
    const each = (names, make) => Object.fromEntries(names.map((n) => [n, make(n)]));
    const at = (parts, t) => each(Object.keys(parts), (name) => parts[name][t]);

    /* The share of a clamped gate, or undefined where the gate moves. */
    function clamped(clamp, layer, k) {
      const share = clamp && clamp[layer] ? clamp[layer][k] : null;
      return share === null || share === undefined ? undefined : share;
    }

    function forward(params, xs, state, clamp) {
      const T = xs.length;
      const H = params.W_h.length;
      const history = each(memories, () => matrix(T + 1, H));
      const gates = each(layers, () => matrix(T, H));
      if (state) memories.forEach((name) => history[name][0].set(state[name]));
      for (let t = 0; t < T; t++) {
        const a = Float64Array.from(params.b);
        addProduct(a, xs[t], params.W_x);
        addProduct(a, history.h[t], params.W_h);
        const now = at(history, t + 1);
        const prev = at(history, t);
        const out = at(gates, t);
        for (let k = 0; k < H; k++) {
          layers.forEach((layer, block) => {
            const share = clamped(clamp, layer, k);
            const free = squash[layer](a[block * H + k]);
            out[layer][k] = share === undefined ? free : share;
          });
          step(out, prev, now, k);
        }
      }
      return { xs, history, gates, clamp };
    }

    function backward(params, trace, d_hs, d_final) {
      const { xs, history, gates, clamp } = trace;
      const T = xs.length;
      const H = params.W_h.length;
      const D = params.W_x.length;
      const G = layers.length;
      const d = each(memories, () => matrix(T + 1, H));
      const d_layers = matrix(T, G * H);
      const grads = {
        W_x: matrix(D, G * H),
        W_h: matrix(H, G * H),
        b: vector(G * H),
        xs: matrix(T, D),
      };
      if (d_final) memories.forEach((name) => d[name][T].set(d_final[name]));
      for (let t = T - 1; t >= 0; t--) {
        const d_now = at(d, t + 1);
        const d_prev = at(d, t);
        // Two sources: the loss reads h directly, and so do the steps after it.
        if (d_hs) for (let k = 0; k < H; k++) d_now.h[k] += d_hs[t][k];
        const d_a = each(layers, (layer) => {
          const start = layers.indexOf(layer) * H;
          return d_layers[t].subarray(start, start + H);
        });
        for (let k = 0; k < H; k++) {
          stepBackward(at(gates, t), at(history, t), at(history, t + 1), d_now, d_a, d_prev, k);
          layers.forEach((layer) => {
            if (clamped(clamp, layer, k) !== undefined) d_a[layer][k] = 0;
          });
        }
        addTransposed(d_prev.h, params.W_h, d_layers[t]);
        addTransposed(grads.xs[t], params.W_x, d_layers[t]);
        addOuter(grads.W_x, xs[t], d_layers[t]);
        addOuter(grads.W_h, history.h[t], d_layers[t]);
        for (let k = 0; k < G * H; k++) grads.b[k] += d_layers[t][k];
      }
      return { ...grads, state: at(d, 0), history: d, layers: d_layers };
    }

    /* Row by row: one step back from a cotangent of 1 in each memory of each unit. */
    function jacobian(params, trace, t) {
      const H = params.W_h.length;
      const G = layers.length;
      const rows = matrix(memories.length * H, memories.length * H);
      const gates = at(trace.gates, t);
      const prev = at(trace.history, t);
      const now = at(trace.history, t + 1);
      rows.forEach((row, index) => {
        const k = index % H;
        const d_now = each(memories, () => vector(H));
        d_now[memories[Math.floor(index / H)]][k] = 1;
        // Only unit k's layers move its memories, so only k's columns of W_h count.
        const d_a = each(layers, () => vector(H));
        const d_prev = each(memories, (name) => {
          const start = memories.indexOf(name) * H;
          return row.subarray(start, start + H);
        });
        stepBackward(gates, prev, now, d_now, d_a, d_prev, k);
        for (let block = 0; block < G; block++) {
          if (clamped(trace.clamp, layers[block], k) !== undefined) continue;
          const slope = d_a[layers[block]][k];
          for (let j = 0; j < H; j++) d_prev.h[j] += params.W_h[j][block * H + k] * slope;
        }
      });
      return rows;
    }

    return { layers, memories, forward, backward, jacobian };
  }

  const rnn = makeCell(
    ["g"],
    ["h"],
    { g: Math.tanh },
    (gates, prev, now, k) => {
      now.h[k] = gates.g[k];
    },
    (gates, prev, now, d, d_a, d_prev, k) => {
      d_a.g[k] = d.h[k] * (1 - gates.g[k] * gates.g[k]);
    },
  );

  const lstm = makeCell(
    ["i", "f", "g", "o"],
    ["h", "c"],
    { i: sigmoid, f: sigmoid, g: Math.tanh, o: sigmoid },
    (gates, prev, now, k) => {
      now.c[k] = gates.f[k] * prev.c[k] + gates.i[k] * gates.g[k];
      now.h[k] = gates.o[k] * Math.tanh(now.c[k]);
    },
    (gates, prev, now, d, d_a, d_prev, k) => {
      const i = gates.i[k];
      const f = gates.f[k];
      const g = gates.g[k];
      const o = gates.o[k];
      const tanh_c = Math.tanh(now.c[k]);
      const d_c = d.c[k] + d.h[k] * o * (1 - tanh_c * tanh_c);
      d_a.i[k] = d_c * g * i * (1 - i);
      d_a.f[k] = d_c * prev.c[k] * f * (1 - f);
      d_a.g[k] = d_c * i * (1 - g * g);
      d_a.o[k] = d.h[k] * tanh_c * o * (1 - o);
      d_prev.c[k] = d_c * f;
    },
  );

  root.LSTMBook = Object.assign(root.LSTMBook || {}, { cells: { rnn, lstm } });
})(globalThis);
