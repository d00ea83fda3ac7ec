/* Living figure "Who still hears?": how much each earlier step still moves a later one.
 *
 * The nets are the book's own: NumPy's generator, seeded alike, draws the weights and the
 * input that RNN.init, LSTM.init and adding draw in Python. What is measured are
 * lstmbook.diagnostics' gradients by lag; tests/browser/test_hears.py holds them together.
 */
(function (root) {
  "use strict";

  const B = root.LSTMBook;
  const T = 50;
  const D = 2;
  const H = 32;

  /* NumPy's default_rng(seed): SeedSequence and PCG64. */
  function generator(seed) {
    const M64 = (1n << 64n) - 1n;
    const M128 = (1n << 128n) - 1n;
    let constant = 0x43b0d7e5;
    const scrambler = (factor) => (value) => {
      value ^= constant;
      constant = Math.imul(constant, factor);
      value = Math.imul(value, constant);
      return (value ^ (value >>> 16)) >>> 0;
    };
    const hash = scrambler(0x931e8875);
    const pool = [seed, 0, 0, 0].map(hash);
    for (let from = 0; from < 4; from++) {
      for (let to = 0; to < 4; to++) {
        if (from === to) continue;
        const value = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]));
        pool[to] = (value ^ (value >>> 16)) >>> 0;
      }
    }
    constant = 0x8b51f9dd;
    const spread = scrambler(0x58f38ded);
    const words = [0, 1, 2, 3, 0, 1, 2, 3].map((k) => BigInt(spread(pool[k])));
    const [high, low, incHigh, incLow] = [0, 2, 4, 6].map((k) => words[k] | (words[k + 1] << 32n));

    const factor = 0x2360ed051fc65da44385df649fccf645n;
    const inc = ((((incHigh << 64n) | incLow) << 1n) | 1n) & M128;
    let state = (inc + ((high << 64n) | low)) & M128;
    const step = () => {
      state = (state * factor + inc) & M128;
    };
    step();
    const next64 = () => {
      step();
      const word = (state >> 64n) ^ (state & M64);
      const turn = state >> 122n;
      return ((word >> turn) | (word << (64n - turn))) & M64;
    };
    let kept = null; // the upper half of a word whose lower half is used
    const next32 = () => {
      if (kept !== null) {
        const word = kept;
        kept = null;
        return word;
      }
      const word = next64();
      kept = word >> 32n;
      return word & 0xffffffffn;
    };
    return {
      uniform: (from, to) => from + (to - from) * (Number(next64() >> 11n) / 2 ** 53),
      integer(from, to) {
        const range = BigInt(to - from);
        const tooLow = (1n << 32n) % range;
        let product = next32() * range;
        while ((product & 0xffffffffn) < tooLow) product = next32() * range;
        return from + Number(product >> 32n);
      },
    };
  }

  /* Spectral radius by Gelfand's formula: ‖A^n‖^(1/n) for n = 2^60, by squaring. */
  function spectralRadius(A) {
    const n = A.length;
    let log = 0;
    for (let m = 0; m <= 60; m++) {
      let norm = 0;
      for (const row of A) for (const a of row) norm += a * a;
      norm = Math.sqrt(norm);
      log += Math.log(norm) / 2 ** m;
      const unit = A.map((row) => row.map((a) => a / norm));
      A = unit.map((row) => {
        const out = new Float64Array(n);
        row.forEach((a, j) => {
          for (let k = 0; k < n; k++) out[k] += a * unit[j][k];
        });
        return out;
      });
    }
    return Math.exp(log);
  }

  function largestSingularValue(A) {
    const gram = A.map((row) => Float64Array.from(A, (other) => row.reduce((sum, a, k) => sum + a * other[k], 0)));
    return Math.sqrt(spectralRadius(gram));
  }

  /* The nets, the input and the direction of one seed, drawn in this order:
   * RNN.init(rng, 2, 32), LSTM.init(rng, 2, 32), adding(rng, 50, 1), rng.uniform(-1, 1, 32). */
  function draw(seed) {
    const rng = generator(seed);
    const bound = 1 / Math.sqrt(H);
    const many = (n, from, to) => Float64Array.from({ length: n }, () => rng.uniform(from, to));
    const matrix = (rows, columns) => Array.from({ length: rows }, () => many(columns, -bound, bound));
    const cell = (layers) => ({
      W_x: matrix(D, layers * H),
      W_h: matrix(H, layers * H),
      b: new Float64Array(layers * H),
    });
    const rnn = cell(1);
    const lstm = cell(4);
    const values = many(T, 0, 1);
    const marked = [rng.integer(0, T / 2), rng.integer(T / 2, T)];
    const xs = Array.from(values, (value, t) => [value, marked.includes(t) ? 1 : 0]);
    const v = many(H, -1, 1);
    return { rnn, lstm, xs, v, rho: spectralRadius(rnn.W_h), sigma: largestSingularValue(rnn.W_h) };
  }

  const norm = (row) => Math.sqrt(row.reduce((sum, a) => sum + a * a, 0));

  /* What is left of a gradient of step t's memory, k steps back, in entry k:
   *   rnn     of h, against the bound σ_max^k and the linear net's rate ρ^k
   *   total   of the LSTM's c, along all paths; direct: through the forget gates alone */
  function measure(net, { rho, b_f, b_i }, t) {
    const xs = net.xs.slice(0, t);
    const scale = rho / net.rho;
    const rnn = { ...net.rnn, W_h: net.rnn.W_h.map((row) => row.map((w) => w * scale)) };
    const b = net.lstm.b.map((_, k) => (k < H ? b_i : k < 2 * H ? b_f : 0));
    const lstm = { ...net.lstm, b };

    const rnnTrace = B.cells.rnn.forward(rnn, xs);
    const d_h = B.cells.rnn.backward(rnn, rnnTrace, null, { h: net.v }).history.h;
    const { history, gates, ...lstmTrace } = B.cells.lstm.forward(lstm, xs);
    const back = B.cells.lstm.backward(lstm, { history, gates, ...lstmTrace }, null, {
      h: new Float64Array(H),
      c: net.v,
    }).history;

    const size = norm(net.v);
    const kept = Float64Array.from(net.v);
    const curves = { rnn: [], bound: [], rate: [], total: [], direct: [] };
    for (let k = 0; k < t; k++) {
      const s = t - k;
      if (k) gates.f[s].forEach((f, j) => (kept[j] *= f));
      // A change of c moves the h of the same step with it.
      const d_c = back.c[s].map((d, j) => {
        const tanh_c = Math.tanh(history.c[s][j]);
        return d + back.h[s][j] * gates.o[s - 1][j] * (1 - tanh_c * tanh_c);
      });
      curves.rnn.push(norm(d_h[s]) / size);
      curves.bound.push((net.sigma * scale) ** k);
      curves.rate.push(rho ** k);
      curves.total.push(norm(k ? d_c : net.v) / size);
      curves.direct.push(norm(kept) / size);
    }
    return curves;
  }

  B.hears = { generator, spectralRadius, largestSingularValue, draw, measure };
})(globalThis);
