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
      // NumPy draws again in one of a hundred million cases; that is left out.
      integer: (from, to) => from + Number((next32() * BigInt(to - from)) >> 32n),
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

  /* What the chapters ask of the figure. The curves' names are those of measure. */
  const PRESETS = {
    radius: {
      curves: ["rnn", "rate", "bound"],
      sliders: ["rho"],
      tries: [
        "Raise the spectral radius from 0.6 to 1. How far back does step 50 hear now? Then go on to 2: compare the gradient with its bound.",
        "Stay at 2 and move along the strip, so that other steps listen. Each has slopes of its own, set by the inputs.",
        "Set the radius to 1 and draw other nets. Most hear all fifty steps. Which one does not?",
      ],
    },
    paths: {
      curves: ["rnn", "total", "direct"],
      sliders: ["rho", "b_f"],
      tries: [
        "Raise the forget bias to 6, so that the forget gates are open. What is left at step 1 of the direct part, and of the LSTM’s whole gradient?",
        "Now find a radius at which the RNN hears all fifty steps too. Does it serve the next four nets as well?",
        "Lower the forget bias to −2 and set the radius to 0.9. Which net hears further now?",
      ],
    },
    leak: {
      curves: ["total", "direct", "rnn", "bound"],
      sliders: ["b_f", "b_i", "rho"],
      tries: [
        "Point at the curves 40 steps back. How many times the direct part is the whole gradient? The rest has leaked through <i>h</i>.",
        "Lower the input bias to −4, so that less is written. What becomes of the leak?",
        "Raise the forget bias to 4 as well. Now step 50 hears them all, and the product of the forget gates is nearly the whole gradient.",
      ],
    },
  };
  const NAMES = {
    rnn: "RNN",
    bound: "RNN bound, σ<sub>max</sub><sup><i>k</i></sup>",
    rate: "linear net, ρ<sup><i>k</i></sup>",
    total: "LSTM, all paths",
    direct: "direct, ∏ <i>f</i>",
  };
  const share = (b) => `${Math.round(100 / (1 + Math.exp(-b)))} %`;
  const SLIDERS = {
    rho: { name: "RNN: spectral radius ρ", min: 0, max: 2, step: 0.05, start: 0.6 },
    b_f: { name: "LSTM: forget bias", min: -2, max: 6, step: 0.5, start: 1, gate: "f" },
    b_i: { name: "LSTM: input bias", min: -6, max: 2, step: 0.5, start: 0, gate: "i" },
  };
  const LOW = -12;
  const HIGH = 3;
  const HEARD = 1e-3;
  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

  const power = (n) => "10" + (n < 0 ? "⁻" : "") + [...String(Math.abs(n))].map((c) => SUPERSCRIPTS[c]).join("");
  const signed = (x, digits) => x.toFixed(digits).replace("-", "−");

  function number(x) {
    if (x === 0) return "0";
    if (x >= 1e-3 && x < 999.5) return x.toPrecision(3);
    const [digits, exponent] = x.toExponential(2).split("e");
    return `${digits} × ${power(Number(exponent))}`;
  }

  /* The first lag at which less than a thousandth is left; −1 if there is none. */
  const lost = (curve) => curve.findIndex((value) => value < HEARD);
  const reach = (curve) => (lost(curve) < 0 ? "not yet" : `after ${lost(curve)}`);

  function mount(figure, { preset, question }) {
    const view = PRESETS[preset];
    const start = Object.fromEntries(Object.entries(SLIDERS).map(([name, { start }]) => [name, start]));
    const state = { ...start, seed: 0, t: T, k: 20 };
    let net = draw(state.seed);
    const rows = view.curves.filter((name) => name === "rnn" || name === "total");

    figure.classList.add("living-figure", "hears");
    figure.setAttribute("role", "group");
    figure.setAttribute("aria-label", question);
    figure.innerHTML = `
      <p class="question">${question}</p>
      <p class="how">A step <b>hears</b> an earlier one if a small change of the memory there still moves its own: the
        fuller its colour, the better. Point at the strip to choose who listens, and at the curves to read them; a click
        holds the place. Untrained nets of 32 units read the adding problem; the two numbers to add stand out.</p>
      <ol class="tries">${view.tries.map((text) => `<li>${text}</li>`).join("")}</ol>
      <div class="chart">
        <svg aria-hidden="true"></svg>
        <div class="strip" role="slider" tabindex="0" aria-label="Step that listens" aria-valuemin="1" aria-valuemax="${T}"></div>
        <div class="plane" role="slider" tabindex="0" aria-label="Steps back" aria-valuemin="0"></div>
      </div>
      <div class="below">
        <table>
          <thead><tr><th scope="col">what is left</th><th scope="col" class="at"></th>
            <th scope="col"><svg width="10" height="10" aria-hidden="true"><circle class="gone" cx="5" cy="5" r="4"/></svg> 1/1000 left</th></tr></thead>
          <tbody>${view.curves
            .map(
              (name) => `<tr data-curve="${name}"><th scope="row"><svg width="24" height="10" aria-hidden="true">
              <path class="curve ${name}" d="M1 5H23"/></svg> ${NAMES[name]}</th><td></td><td></td></tr>`,
            )
            .join("")}</tbody>
        </table>
        <div>${view.sliders
          .map((name) => {
            const { name: label, min, max, step } = SLIDERS[name];
            const id = `hears-${preset}-${name}`;
            return `<div class="setting"><label for="${id}">${label}</label> <output for="${id}"></output>
              <input type="range" id="${id}" name="${name}" min="${min}" max="${max}" step="${step}"></div>`;
          })
          .join("")}
          <div class="bar"><button type="button" data-do="other">Another net</button>
          <button type="button" data-do="reset">Start again</button></div>
          <p class="seed"></p>
        </div>
      </div>`;

    const $ = (selector) => figure.querySelector(selector);
    const svg = $(".chart > svg");
    const strip = $(".strip");
    const plane = $(".plane");
    const inputs = [...figure.querySelectorAll("input")];

    const left = 44;
    const right = 8;
    const top = 20;
    const stems = 26;
    const lane = 20;
    const planeTop = top + stems + 6 + rows.length * lane + 26;
    const planeHeight = 230;
    const height = planeTop + planeHeight + 40;
    let width = 0;
    const slot = () => (width - left - right) / T;
    const x = (s) => left + (s - 0.5) * slot();
    const y = (value) => {
      const level = Math.log10(Math.max(value, 1e-300));
      return planeTop + (planeHeight * (HIGH - Math.min(Math.max(level, LOW), HIGH))) / (HIGH - LOW);
    };

    function line(name, curve) {
      const points = [];
      for (let k = 0; k < curve.length; k++) {
        points.push(`${x(state.t - k).toFixed(1)} ${y(curve[k]).toFixed(1)}`);
        if (curve[k] < 10 ** LOW || curve[k] > 10 ** HIGH) break;
      }
      return `<path class="curve ${name}" d="M${points.join("L")}"/>`;
    }

    function drawing(curves) {
      const { t, k } = state;
      const out = [];
      const text = (cls, px, py, words, anchor = "middle") =>
        out.push(`<text class="${cls}" x="${px}" y="${py}" text-anchor="${anchor}">${words}</text>`);
      const bottom = planeTop + planeHeight;

      // The listener, through all rows.
      out.push(`<rect class="listener" x="${x(t) - slot() / 2}" y="${top - 3}" width="${slot()}" height="${bottom - top + 3}"/>`);
      const side = t > T / 2 ? "end" : "start";
      text("listens", x(t) + (side === "end" ? 1 : -1) * (slot() / 2), 12, `step ${t} listens`, side);

      text("label", left - 6, top + stems - 4, "input", "end");
      net.xs.forEach(([value, mark], s) => {
        const cls = mark ? "stem added" : "stem";
        const h = 2 + value * (stems - 8);
        out.push(`<rect class="${cls}${s >= t ? " unread" : ""}" x="${x(s + 1) - slot() * 0.3}" y="${top + stems - h}" width="${slot() * 0.6}" height="${h}"/>`);
      });

      rows.forEach((name, row) => {
        const py = top + stems + 6 + row * lane;
        text("label", left - 6, py + 13, name === "rnn" ? "RNN" : "LSTM", "end");
        for (let s = 1; s <= T; s++) {
          const value = s <= t ? curves[name][t - s] : 0;
          const loud = Math.min(1, Math.max(0, 1 + Math.log10(value || 1e-300) / 6));
          out.push(
            `<rect class="hole${s > t ? " unread" : ""}" x="${x(s) - slot() * 0.42}" y="${py}" width="${slot() * 0.84}" height="${lane - 4}" rx="2"/>`,
            loud ? `<rect class="bead ${name}" x="${x(s) - slot() * 0.42}" y="${py}" width="${slot() * 0.84}" height="${lane - 4}" rx="2" opacity="${loud.toFixed(3)}"/>` : "",
          );
        }
      });

      for (let level = LOW; level <= HIGH; level += 3) {
        const py = y(10 ** level);
        out.push(`<path class="${level === 0 ? "grid one" : "grid"}" d="M${left} ${py}H${width - right}"/>`);
        text("tick", left - 6, py + 4, level ? power(level) : "1", "end");
      }
      for (const s of [1, 10, 20, 30, 40, 50]) text("tick", x(s), bottom + 16, s);
      text("label", left, planeTop - 4, "share of the gradient that is left", "start");
      text("label", left + (width - left - right) / 2, bottom + 33, "step whose memory is moved a little");

      const probe = x(t - k);
      out.push(`<path class="probe" d="M${probe} ${planeTop - 8}V${bottom}"/>`);
      for (const name of [...view.curves].reverse()) out.push(line(name, curves[name]));
      for (const name of view.curves) {
        const gone = lost(curves[name]);
        if (gone > 0 && name !== "bound" && name !== "rate") {
          out.push(`<circle class="gone ${name}" cx="${x(t - gone)}" cy="${y(curves[name][gone])}" r="4"/>`);
        }
        const value = curves[name][k];
        if (value >= 10 ** LOW && value <= 10 ** HIGH) {
          out.push(`<circle class="dot ${name}" cx="${probe}" cy="${y(value)}" r="3.5"/>`);
        }
      }
      return out.join("");
    }

    function show() {
      width = Math.max(280, svg.parentElement.clientWidth);
      state.k = Math.min(state.k, state.t - 1);
      const curves = measure(net, state, state.t);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.style.height = `${height}px`;
      svg.innerHTML = drawing(curves);
      strip.style.cssText = `left:${left}px;right:${right}px;top:0;height:${planeTop - 22}px`;
      plane.style.cssText = `left:${left}px;right:${right}px;top:${planeTop - 8}px;height:${planeHeight + 8}px`;

      $(".at").textContent = `${state.k} steps back`;
      for (const name of view.curves) {
        const [, at, after] = $(`tr[data-curve=${name}]`).children;
        at.textContent = number(curves[name][state.k]);
        after.textContent = reach(curves[name]);
      }
      for (const input of inputs) {
        const { step, gate } = SLIDERS[input.name];
        const value = state[input.name];
        input.value = value;
        const text = signed(value, step < 0.1 ? 2 : 1) + (gate ? ` (${gate} near ${share(value)})` : "");
        input.setAttribute("aria-valuetext", text);
        input.parentElement.querySelector("output").textContent = text;
      }
      $(".seed").textContent = `Net ${state.seed}. The RNN’s radius as drawn: ${net.rho.toFixed(2)}.`;
      const said = rows.map((name) => `${name === "rnn" ? "RNN" : "LSTM"}: a thousandth ${reach(curves[name])}`);
      strip.setAttribute("aria-valuenow", state.t);
      strip.setAttribute("aria-valuetext", `step ${state.t}; ${said.join("; ")}`);
      const readings = view.curves.map((name) => `${$(`tr[data-curve=${name}] th`).textContent.trim()} ${number(curves[name][state.k])}`);
      plane.setAttribute("aria-valuemax", state.t - 1);
      plane.setAttribute("aria-valuenow", state.k);
      plane.setAttribute("aria-valuetext", `${state.k} steps back, left: ${readings.join("; ")}`);
    }

    let waiting = false;
    function later() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        show();
      });
    }

    const stepAt = (event, element) => {
      const box = element.getBoundingClientRect();
      return Math.min(T, Math.max(1, Math.ceil((T * (event.clientX - box.left)) / box.width)));
    };
    /* A place follows the pointer until it is clicked; then it is dragged. */
    function points(element, act) {
      let held = false;
      const moved = (event) => {
        held ||= event.type === "pointerdown";
        if (held && !event.buttons) return;
        act(stepAt(event, element));
        later();
      };
      element.addEventListener("pointerdown", moved);
      element.addEventListener("pointermove", moved);
    }
    points(strip, (s) => (state.t = s));
    points(plane, (s) => (state.k = Math.max(0, state.t - s)));

    function keys(element, get, set, low, high, forward) {
      element.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
        const ends = { Home: -Infinity, End: Infinity }[event.key];
        if (!by && !ends) return;
        event.preventDefault();
        set(Math.min(high(), Math.max(low, get() + forward * (by || ends))));
        later();
      });
    }
    keys(strip, () => state.t, (value) => (state.t = value), 1, () => T, 1);
    // The right arrow moves the line to the right: fewer steps back.
    keys(plane, () => state.k, (value) => (state.k = value), 0, () => state.t - 1, -1);

    figure.addEventListener("input", (event) => {
      state[event.target.name] = Number(event.target.value);
      later();
    });
    figure.addEventListener("click", (event) => {
      const what = event.target.dataset.do;
      if (!what) return;
      if (what === "reset") Object.assign(state, start, { seed: 0, t: T, k: 20 });
      else state.seed += 1;
      net = draw(state.seed);
      later();
    });
    new ResizeObserver(later).observe(svg.parentElement);
    show();
  }

  B.hears = { generator, spectralRadius, largestSingularValue, draw, measure };
  B.figures = { ...B.figures, hears: mount };
})(globalThis);
