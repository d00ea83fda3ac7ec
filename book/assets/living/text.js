/* Living figure "Your own text": a character LSTM reads what the reader types.
 *
 * Its weights come from a data script that tools/text_weights.py writes:
 *   LSTMBook.data.text = {alphabet, hidden_size, weights}
 * with W_x (V, 4·H), W_h (H, 4·H), b (4·H), W_y (H, V) and b_y (V), row by row, as float16
 * in base64. Each character is one-hot. tests/browser/test_text.py holds what is shown
 * to lstmbook.
 */
(function (root) {
  "use strict";

  const B = root.LSTMBook;
  const lstm = B.cells.lstm;
  const LONGEST = 120;

  function float16(bits) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    return bits >> 15 ? -size : size;
  }

  function decode({ alphabet, hidden_size: H, weights }) {
    const bytes = atob(weights);
    const V = [...alphabet].length;
    let place = 0;
    const next = () => {
      const bits = bytes.charCodeAt(place) | (bytes.charCodeAt(place + 1) << 8);
      place += 2;
      return float16(bits);
    };
    const row = (n) => Float64Array.from({ length: n }, next);
    const rows = (m, n) => Array.from({ length: m }, () => row(n));
    return {
      alphabet: [...alphabet],
      params: { W_x: rows(V, 4 * H), W_h: rows(H, 4 * H), b: row(4 * H) },
      W_y: rows(H, V),
      b_y: row(V),
    };
  }

  const known = (model, text) => [...text].filter((c) => model.alphabet.includes(c));

  /* Read characters; what an earlier reading has in common with them is not read again. */
  function read(model, text, before) {
    const characters = known(model, text);
    let p = 0;
    if (before) while (p < characters.length && characters[p] === before.characters[p]) p++;
    const xs = characters.map((c) => {
      const x = new Float64Array(model.alphabet.length);
      x[model.alphabet.indexOf(c)] = 1;
      return x;
    });
    const old = p ? before.trace : null;
    const state = p ? { h: old.history.h[p], c: old.history.c[p] } : undefined;
    const trace = lstm.forward(model.params, xs.slice(p), state);
    if (p) {
      for (const name of ["h", "c"]) {
        trace.history[name] = [...old.history[name].slice(0, p), ...trace.history[name]];
      }
      for (const name of lstm.layers) {
        trace.gates[name] = [...old.gates[name].slice(0, p), ...trace.gates[name]];
      }
      trace.xs = xs;
    }
    return { characters, trace };
  }

  /* Probabilities of the next character after the first t. */
  function next(model, reading, t) {
    const h = reading.trace.history.h[t];
    const logits = model.b_y.map((b, k) => h.reduce((sum, value, j) => sum + value * model.W_y[j][k], b));
    const top = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - top));
    const all = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => value / all);
  }

  /* Norm of the gradient of log p(character k comes after the first t) by each input. */
  function heard(model, reading, t, k) {
    const d_logits = next(model, reading, t).map((p, j) => (j === k ? 1 : 0) - p);
    const d_h = Float64Array.from(model.W_y, (row) => row.reduce((sum, w, j) => sum + w * d_logits[j], 0));
    const cut = (parts, end) => Object.fromEntries(Object.entries(parts).map(([name, rows]) => [name, rows.slice(0, end)]));
    const { xs, history, gates } = reading.trace;
    const trace = { xs: xs.slice(0, t), history: cut(history, t + 1), gates: cut(gates, t) };
    const d = lstm.backward(model.params, trace, null, { h: d_h, c: new Float64Array(d_h.length) });
    return d.xs.map((row) => Math.sqrt(row.reduce((sum, a) => sum + a * a, 0)));
  }

  const VALUES = {
    i: "input gate",
    f: "forget gate",
    g: "candidate",
    o: "output gate",
    c: "cell state",
    h: "hidden state",
  };
  const MARKS = { " ": "␣", "\n": "↵", "\t": "⇥" };
  const visible = (c) => MARKS[c] || c;
  const percent = (p) => (p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`);
  const NAMES = { " ": "space", "\n": "new line", "\t": "tab" };
  const spoken = (c) => NAMES[c] || c;

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function mount(figure, { question }) {
    const model = decode(B.data.text);
    const H = model.params.W_h.length;
    figure.classList.add("living-figure", "own-text");
    figure.setAttribute("role", "group");
    figure.setAttribute("aria-label", question);
    figure.innerHTML = `
      <p class="question">${question}</p>
      <ol class="tries"><li>Begin a word and stop in the middle. What does the net expect, and which of your characters does it hear?</li>
        <li>Choose a less probable character. Do the same ones decide about it?</li>
        <li>Choose <i>f</i> and go through the units. Does one close at every space? Does one stay open?</li></ol>
      <label>Your text <textarea rows="2" maxlength="${LONGEST}" spellcheck="false" autocapitalize="off"></textarea></label>
      <p class="note" role="status"></p>
      <div class="line" role="slider" tabindex="0" aria-label="Characters read" aria-valuemin="1"></div>
      <p class="legend">The fuller its colour, the more a character moves the probability of <b class="chosen"></b> (logarithmic,
        down to a thousandth of the largest). Bars: <span class="what"></span></p>
      <div class="below">
        <fieldset><legend>Next character</legend><div class="next"></div></fieldset>
        <fieldset><legend>Inside the net</legend>
          <label>unit <input type="number" min="1" max="${H}" value="1"></label> of ${H}
          <div class="values">${Object.entries(VALUES)
            .map(([name, words]) => `<label><input type="radio" name="value" value="${name}"> <span><i>${name}</i> ${words}</span></label>`)
            .join("")}</div>
        </fieldset>
      </div>`;

    const $ = (selector) => figure.querySelector(selector);
    const line = $(".line");
    const area = $("textarea");
    const state = { t: 0, chosen: null, unit: 0, value: "f" };
    const start = figure.dataset.start || "";
    let reading = read(model, start);
    area.value = start;
    state.t = reading.characters.length;
    $(`input[value=${state.value}]`).checked = true;

    function drawLine(loud, chosen) {
      const { characters, trace } = reading;
      const { t, unit, value } = state;
      const rows = trace.gates[value] || trace.history[value].slice(1);
      const values = rows.map((row) => row[unit]);
      const signed = "gch".includes(value);
      const top = value === "c" ? Math.max(1, ...values.map(Math.abs)) : 1;
      const largest = Math.max(...loud, 1e-300);
      line.dataset.value = value;
      const cells = characters.map((c, s) => {
        const share = s < t ? loud[s] / largest : 0;
        const level = share ? Math.min(1, Math.max(0, 1 + Math.log10(share) / 3)) : 0;
        const size = (Math.abs(values[s]) / top) * (signed ? 50 : 100);
        const bottom = signed ? (values[s] < 0 ? 50 - size : 50) : 0;
        const kind = s < t ? (s === t - 1 ? "at" : "read") : "unread";
        const title = s < t ? `${share.toPrecision(2)} of the largest; ` : "";
        return make(
          "span",
          { class: kind, "data-t": s + 1, title: `${title}${value} of unit ${unit + 1}: ${values[s].toFixed(3)}` },
          make("b", { style: `--level:${level.toFixed(3)}` }, visible(c)),
          make("i", { class: signed ? "signed" : "" }, make("u", { style: `height:${size}%;bottom:${bottom}%` })),
        );
      });
      // Lines break between words.
      const words = [];
      cells.forEach((cell, s) => {
        if (!s || characters[s - 1] === " ") words.push(make("div", {}));
        words[words.length - 1].append(cell);
      });
      line.replaceChildren(...words);
      $(".chosen").textContent = visible(chosen);
      const scale = value === "c" ? `−${top.toFixed(1)} to ${top.toFixed(1)}` : signed ? "−1 to 1" : "0 to 100 %";
      $(".what").textContent = `${VALUES[value]} ${value} of unit ${unit + 1}, ${scale}.`;
    }

    function update() {
      const { alphabet } = model;
      const length = reading.characters.length;
      state.t = Math.min(state.t, length);
      const probabilities = next(model, reading, state.t);
      const order = [...alphabet.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
      const chosen = state.chosen === null ? order[0] : state.chosen;
      const listed = order.slice(0, 8);
      if (!listed.includes(chosen)) listed[7] = chosen;
      const focused = document.activeElement && document.activeElement.dataset.k;
      $(".next").replaceChildren(
        ...listed.map((k) => {
          const attributes = { type: "button", "data-k": k, "aria-pressed": k === chosen };
          const bar = make("i", { style: `width:${100 * probabilities[k]}%` });
          const c = make("b", { "aria-label": spoken(alphabet[k]) }, visible(alphabet[k]));
          return make("button", attributes, c, make("span", {}, bar), percent(probabilities[k]));
        }),
      );
      if (focused) $(`[data-k="${focused}"]`)?.focus();
      const loud = state.t ? heard(model, reading, state.t, chosen) : [];
      drawLine(loud, alphabet[chosen]);
      line.setAttribute("aria-valuemax", length);
      line.setAttribute("aria-valuenow", state.t);
      const expected = order.slice(0, 3).map((k) => `${spoken(alphabet[k])} ${percent(probabilities[k])}`);
      const said = reading.characters.slice(0, state.t).slice(-12).join("");
      line.setAttribute("aria-valuetext", `after “${said}”: ${expected.join(", ")}`);
    }

    let waiting = 0;
    function later(milliseconds = 0) {
      clearTimeout(waiting);
      waiting = setTimeout(update, milliseconds);
    }

    area.addEventListener("input", () => {
      reading = read(model, area.value, reading);
      state.t = reading.characters.length;
      state.chosen = null;
      const unknown = [...new Set(area.value)].filter((c) => !model.alphabet.includes(c));
      $(".note").textContent = unknown.length ? `The net does not know ${unknown.join(" ")} and leaves it out.` : "";
      later(120);
    });
    const point = (event) => {
      const cell = event.target.closest("[data-t]");
      if (!cell || (event.type === "pointermove" && !event.buttons)) return;
      state.t = Number(cell.dataset.t);
      later();
    };
    line.addEventListener("pointerdown", point);
    line.addEventListener("pointermove", point);
    line.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -LONGEST, End: LONGEST }[event.key];
      if (!by) return;
      event.preventDefault();
      state.t = Math.min(reading.characters.length, Math.max(1, state.t + by));
      later();
    });
    $(".next").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      state.chosen = Number(button.dataset.k);
      later();
    });
    $(".values").parentElement.addEventListener("input", (event) => {
      const { type, value } = event.target;
      if (type === "radio") state.value = value;
      else if (value >= 1 && value <= H) state.unit = Math.round(value) - 1;
      later();
    });
    update();
  }

  B.text = { float16, decode, read, next, heard };
  B.figures = { ...B.figures, text: mount };
})(globalThis);
