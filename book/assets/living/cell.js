/* The living cell: the LSTM's diagram, on the notepad's stream, to be operated.
 *
 * Nodes, wires, places and words come from the graph of the static diagram
 * (lstmbook/plots/graph.py, exported by tools/living.py), the numbers from lstm.js.
 */
(function (book) {
  "use strict";

  const GATES = { f: "forget gate", i: "input gate", o: "output gate" };
  const NETS = { hand: "by hand", learned: "learned", untrained: "untrained" };
  const WAYS = { forward: "forward", backward: "backward" };
  const MARK = { store: 1, recall: 2, clear: 3 };
  const OPEN = { i: 1, f: 1, o: 1 };
  const PLAIN = { net: "hand", step: 5, way: "forward", hold: {}, all: false };

  /* What to try on each page, and how the figure stands there at first. */
  const PRESETS = {
    start: {
      tries: [
        "Press ▶ up to step 8. The note was written at step 5, kept, and is read now.",
        "Drag the forget gate down to 80 %. The red line at step 8 is what has been lost.",
        "Press “let go”, choose “learned”, and hold the gate at 80 % again: now step 14 loses most. Choose “backward”: each orange bar is 80 % of the next.",
      ],
    },
    paths: {
      tries: [
        "Press ▶ from step 5 to 7. The long-term memory c stays as it is; h, below, shows 0.",
        "Press ▶ once more, to the recall. Now h shows the note, and c still holds it.",
        "Choose “backward” and go back to step 5: along the top the number stays the same.",
      ],
    },
    main: {
      hold: OPEN,
      all: true,
      tries: [
        "All gates are held open. Press ▶ and watch c: a tenth of every value is added.",
        "Look at step 8, the recall. The answer is a sum, not the note.",
        "Let go of the gates one by one. Does any one of them alone bring all answers to the line?",
      ],
    },
    forget: {
      hold: { f: 0.9 },
      tries: [
        "Press ▶ from step 5 to 8. A tenth of c is lost at each step.",
        "Work out the answer at step 8 for 50 %. Then set the gate to 50 % and look.",
        "Set it to 100 %. Step 8 is right, and step 14 is wrong: what was not forgotten?",
      ],
    },
    input: {
      hold: { i: 1, o: 1 },
      tries: [
        "Press ▶ from step 5. Every value is added to c, announced or not.",
        "Let go of the input gate: c now changes at steps 5, 13 and 15 only.",
        "Hold it at 50 % and say what c is at step 5 before you look.",
      ],
    },
    output: {
      hold: { o: 1 },
      tries: [
        "The output gate is held open. The note of step 5 is said at eight steps; it was asked for once.",
        "Let go of the output gate: it is said at step 8 only, and c has not changed.",
        "Hold it at 0 %: nothing is said. Is the note lost?",
      ],
    },
    whole: {
      net: "learned",
      tries: [
        "Press ▶ and watch the three gates fill. Only at step 15 does one of them reach 0 %, and none reaches 100 %.",
        "At step 5 the note is announced. Choose the other units: in which one is the input gate less than half open?",
        "Tick “hold in all units” and drag the forget gate to 100 %. What is the answer of step 8? And with “by hand”?",
      ],
    },
    backward: {
      way: "backward",
      step: 8,
      tries: [
        "Press ◀ from step 8 to 5. Along the top the gradient keeps its size, as f is at 100 %: nearly 10, by which the readout multiplies.",
        "Read the number at x in step 5: the noted value moves the answer almost one for one.",
        "Choose “learned”. The direct path carries one part; the rest leaks through the layers.",
      ],
    },
  };

  /* --- Numbers and words as the static diagram writes them */

  function number(value, digits = 2) {
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  }

  const percent = (share) => `${(100 * share).toFixed(0)} %`;

  /* $f_t$ and $h_{t-1}$ as SVG text. */
  function typeset(text) {
    return text.replace(
      /\$([a-z])_(?:\{([^}]*)\}|(.))\$/g,
      (_, letter, long, short) =>
        `<tspan font-style="italic">${letter}</tspan>` +
        `<tspan class="sub" dy=".35em">${(long || short).replace("-", "−")}</tspan>` +
        `<tspan dy="-.25em">\u200b</tspan>`,
    );
  }

  /* --- What is computed */

  /* The note after each step, as lstmbook.tasks.notepad.notes replays it. */
  function notes(xs) {
    let note = 0;
    let announced = false;
    return xs.map((x) => {
      if (announced) note = x[0];
      if (x[MARK.clear] === 1) note = 0;
      announced = x[MARK.store] === 1;
      return note;
    });
  }

  /* Run a net over the stream; its answers, and how far off they are. */
  function run(net, xs, clamp) {
    const trace = book.cells.lstm.forward(net, xs, null, clamp);
    const answers = xs.map((_, t) =>
      net.W_y.reduce((sum, w, k) => sum + w * trace.history.h[t + 1][k], net.b_y),
    );
    const targets = notes(xs).map((note, t) => note * xs[t][MARK.recall]);
    const errors = answers.map((answer, t) => Math.abs(answer - targets[t]));
    const worst = errors.indexOf(Math.max(...errors));
    return { trace, answers, targets, errors, worst };
  }

  /* Each node's value at a step, for one unit: the graph, operation by operation. */
  function nodeValues(graph, trace, t, unit) {
    const { xs, history, gates } = trace;
    const given = { x: xs[t], h_prev: history.h[t], c_prev: history.c[t][unit] };
    const values = {};
    for (const { name, op, parents } of graph.nodes) {
      const [a, b] = parents.map((parent) => values[parent]);
      if (op === "given") values[name] = given[name];
      else if (op === "product") values[name] = a * b;
      else if (op === "sum") values[name] = a + b;
      else if (op === "tanh") values[name] = Math.tanh(a);
      else if (op === "copy") values[name] = a;
      else values[name] = gates[name][t][unit];
    }
    return values;
  }

  /* Cotangents of the answer at one step, at every node and wire of step t. */
  function nodeCotangents(graph, values, grads, d_hs, t, unit) {
    const d = Object.fromEntries(graph.nodes.map(({ name }) => [name, 0]));
    d.y = d_hs[t][unit];
    d.h_next = grads.history.h[t + 1][unit] - d_hs[t][unit];
    d.c_next = grads.history.c[t + 1][unit];
    for (const { name, op, parents } of [...graph.nodes].reverse()) {
      const [a, b] = parents.map((parent) => values[parent]);
      let shares = [];
      if (op === "product") shares = [d[name] * b, d[name] * a];
      else if (op === "sum") shares = [d[name], d[name]];
      else if (op === "tanh") shares = [d[name] * (1 - values[name] * values[name])];
      else if (op === "copy") shares = [d[name]];
      shares.forEach((share, k) => {
        d[`${parents[k]}>${name}`] = share;
        d[parents[k]] += share;
      });
    }
    // What the layers of all units send back.
    d.x = grads.xs[t];
    d.h_prev = grads.history.h[t].map((value, k) => value - (t ? d_hs[t - 1][k] : 0));
    return d;
  }

  /* The gradient of the answer at step `asked`, at all steps before it. */
  function pullBack(net, trace, asked, unit) {
    const { gates, history } = trace;
    const d_hs = trace.xs.map((_, t) => net.W_y.map((w) => (t === asked ? w : 0)));
    const grads = book.cells.lstm.backward(net, trace, d_hs);
    const slope = (t) => gates.o[t][unit] * (1 - Math.tanh(history.c[t + 1][unit]) ** 2);
    const total = d_hs.map(
      (_, t) => grads.history.c[t + 1][unit] + grads.history.h[t + 1][unit] * slope(t),
    );
    const direct = total.map(() => 0);
    for (let t = asked, share = net.W_y[unit] * slope(asked); t >= 0; t--) {
      direct[t] = share;
      share *= gates.f[t][unit];
    }
    return { d_hs, grads, total, direct };
  }

  /* --- The diagram */

  const flip = ([x, y]) => [100 * x, 600 - 100 * y];

  /* A path through points, its corners rounded. */
  function rounded(points, radius = 16) {
    const toward = ([x, y], [to_x, to_y]) => [
      x + radius * Math.sign(to_x - x),
      y + radius * Math.sign(to_y - y),
    ];
    return points
      .map((point, k) => {
        if (k === 0) return `M${point}`;
        if (k === points.length - 1) return `L${point}`;
        return `L${toward(point, points[k - 1])}Q${point} ${toward(point, points[k + 1])}`;
      })
      .join("");
  }

  /* Points of an arrowhead at the end of a wire. */
  function head(points, broad, gap) {
    const [[x0, y0], [x1, y1]] = points.slice(-2);
    const way = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
    const [length, half] = broad ? [34, 19] : [24, 12];
    const tip = [x1 - gap * way[0], y1 - gap * way[1]];
    const base = [tip[0] - length * way[0], tip[1] - length * way[1]];
    const side = [half * way[1], half * way[0]];
    return [
      tip,
      [base[0] + side[0], base[1] + side[1]],
      [base[0] - side[0], base[1] - side[1]],
    ].join(" ");
  }

  const DIRECT = new Set(["c>c_next", "kept>c", "c_prev>kept"]);

  function wire({ from, to, pieces }, graph, nodes, dashes) {
    const top = nodes.c.at[1];
    const { look, op } = nodes[from];
    const dotted = op === "gate" || op === "tanh layer" ? " layer" : "";
    const marks = pieces.map((piece, k) => {
      const points = piece.map(flip);
      const broad = piece.every(([, y]) => y === top);
      const kind = broad ? " broad" : from === "x" ? " sheath" : "";
      const last = k === pieces.length - 1;
      const gap = k ? 100 * graph.junction : 0;
      const back = head([...points].reverse(), broad, gap);
      return (
        `<path class="line${kind}${dotted}" d="${rounded(points)}"/>` +
        (last ? `<polygon class="fwd" points="${head(points, broad, 0)}"/>` : "") +
        `<polygon class="bwd" points="${back}"/>` +
        (k ? junction(points[0]) : "")
      );
    });
    const key = `${from}>${to}`;
    const path = DIRECT.has(key) ? "direct" : "leak";
    const whole = pieces.flat().filter((p, k, all) => !k || String(p) !== String(all[k - 1]));
    return (
      `<g class="wire ${path}" data-wire="${key}" style="--look: var(--look-${look}); --dash: ${dashes[look]}">${marks.join("")}` +
      `<path class="pulse" pathLength="1" d="${rounded(whole.map(flip))}"/></g>`
    );
  }

  function junction([x, y]) {
    return (
      `<circle class="fwd" cx="${x}" cy="${y}" r="7"/>` +
      `<g class="bwd plus"><circle cx="${x}" cy="${y}" r="15"/>` +
      `<path d="M${x - 8} ${y}h16M${x} ${y - 8}v16"/></g>`
    );
  }

  function shape({ name, label, op, at, half, look }) {
    const [x, y] = flip(at);
    const [w, h] = half.map((size) => 100 * size);
    const start = `<g class="node" data-node="${name}" style="--look: var(--look-${look})">`;
    const box = `x="${x - w}" y="${y - h}" width="${2 * w}" height="${2 * h}" rx="12"`;
    if (op === "product" || op === "sum") {
      const inside =
        op === "product"
          ? `<circle class="dot" cx="${x}" cy="${y}" r="6"/>`
          : `<path class="sign" d="M${x - 11} ${y}h22M${x} ${y - 11}v22"/>`;
      return `${start}<circle class="outline" cx="${x}" cy="${y}" r="${w}"/>${inside}</g>`;
    }
    if (op === "given" || op === "copy") {
      return `${start}<text class="end" x="${x}" y="${y}">${typeset(label)}</text></g>`;
    }
    if (op === "tanh") {
      return `${start}<rect class="outline" ${box}/><text class="small" x="${x}" y="${y}">${label}</text></g>`;
    }
    const gate = op === "gate";
    const level = gate
      ? `<rect class="level" data-level="${name}" x="${x - w}" y="${y}" width="${2 * w}" height="0"/>`
      : "";
    const grip = gate
      ? // Not across the gate's name.
        `<g class="grip" data-grip="${name}"><path d="M${x - w} ${y}h18m${2 * w - 36} 0h18"/>` +
        `<circle cx="${x - w}" cy="${y}" r="11"/></g>` +
        `<rect class="grab" data-grab="${name}" x="${x - w - 6}" y="${y - 80}" width="${2 * w + 12}" height="160"/>`
      : "";
    const clip = `<clipPath id="clip-${name}"><rect ${box}/></clipPath>`;
    return (
      `${start}<rect class="ground" ${box}/>${clip}<g clip-path="url(#clip-${name})">${level}</g>` +
      `<rect class="outline" ${box}/>${grip}` +
      `<text class="name" x="${x}" y="${y - 20}">${typeset(label)}</text></g>`
    );
  }

  function place({ about, wire, node, text, at, side, rise }) {
    const [x, y] = flip(at);
    const anchor = { left: "start", center: "middle", right: "end" }[side];
    const key = wire ? about.join(">") : node ? about[0] : "";
    return (
      `<text class="words ${rise}" data-key="${key}" x="${x}" y="${y}" text-anchor="${anchor}">` +
      `<tspan class="word">${typeset(text)}</tspan><tspan class="number"></tspan></text>`
    );
  }

  function diagram(graph, dashes) {
    const nodes = Object.fromEntries(graph.nodes.map((node) => [node.name, node]));
    const [left, bottom, width, height] = graph.frame.map((size) => 100 * size);
    // The wires of x lie under those of h, and the direct path on top.
    const layer = ({ from, to }) => (from === "x" ? 0 : DIRECT.has(`${from}>${to}`) ? 2 : 1);
    const edges = [...graph.edges].sort((a, b) => layer(a) - layer(b));
    return (
      `<rect class="frame" x="${left}" y="${600 - bottom - height}" width="${width}" height="${height}" rx="30"/>` +
      edges.map((edge) => wire(edge, graph, nodes, dashes)).join("") +
      graph.nodes.map(shape).join("") +
      graph.words.map(place).join("")
    );
  }

  /* Steps from the inputs to each node, so that pulses set out one after the other. */
  function depths(graph) {
    const depth = {};
    for (const { name, parents } of graph.nodes) {
      depth[name] = Math.max(0, ...parents.map((parent) => depth[parent] + 1));
    }
    return depth;
  }

  /* --- The stream, drawn as the static chart of the notepad is */

  const ROWS = { input: 58, f: 17, i: 17, o: 17, memory: 66, answer: 74 };
  const GUTTER = 24;
  const TITLE = 17;

  function chart(width, now) {
    const { xs, t, unit, names, held, ran, free, back, asked } = now;
    const pitch = (width - GUTTER - 4) / xs.length;
    const x = (step) => GUTTER + pitch * (step + 0.5);
    const parts = [];
    let top = 0;
    const title = (text) => {
      parts.push(`<text class="title" x="0" y="${top + 12}">${text}</text>`);
      top += TITLE;
    };
    const row = (height, draw) => {
      draw(top, height, top + height / 2);
      top += height + 5;
    };
    const base = (y) => parts.push(`<path class="axis" d="M${GUTTER} ${y}H${width - 4}"/>`);
    // A bar that rises from y, or hangs down, within a step from `from` to `to`.
    const bar = (step, y, height, cls, from = -0.36, to = 0.36) =>
      parts.push(
        `<rect class="${cls}" x="${x(step) + from * pitch}" y="${Math.min(y, y - height)}" ` +
          `width="${(to - from) * pitch}" height="${Math.abs(height)}"/>`,
      );

    title("input: value, and <tspan class='strong'>S</tspan>tore, <tspan class='strong'>R</tspan>ecall, <tspan class='strong'>C</tspan>lear");
    row(ROWS.input, (y0, height) => {
      const middle = y0 + 18 + (height - 18) / 2;
      base(middle);
      xs.forEach((row, step) => {
        const y = middle - (row[0] * (height - 22)) / 2;
        parts.push(
          `<path class="stem" d="M${x(step)} ${middle}V${y}"/><circle class="value" cx="${x(step)}" cy="${y}" r="2.5"/>`,
        );
        const mark = book.data.cell.marks.find((name) => row[MARK[name]] === 1);
        if (mark)
          parts.push(`<text class="mark" x="${x(step)}" y="${y0 + 12}">${mark[0].toUpperCase()}</text>`);
      });
    });

    title(`gates of ${names[unit]}, 0 to 100 %`);
    for (const gate of "fio") {
      row(ROWS[gate], (y0, height) => {
        parts.push(
          `<text class="lane" x="4" y="${y0 + height - 3}" style="fill: var(--ink-${gate})">${gate}</text>`,
          `<rect class="ground" x="${GUTTER}" y="${y0}" width="${width - GUTTER - 4}" height="${height}"/>`,
        );
        xs.forEach((_, step) => {
          const share = ran.trace.gates[gate][step][unit];
          parts.push(`<g style="--look: var(--look-${gate})">`);
          bar(step, y0 + height, share * height, held[gate] === undefined ? "share" : "share held");
          parts.push("</g>");
        });
      });
    }
    top += 4;

    if (back) {
      const most = Math.max(1e-9, ...back.total.map(Math.abs), ...back.direct.map(Math.abs));
      title(
        `<tspan font-style="italic">c</tspan> moves the answer of step ${asked + 1} by: ` +
          `<tspan class="direct">■ direct</tspan> <tspan class="leak">■ leak</tspan>`,
      );
      row(ROWS.memory, (y0, height, middle) => {
        base(middle);
        const scale = height / 2 / most;
        back.total.slice(0, asked + 1).forEach((total, step) => {
          const leak = total - back.direct[step];
          bar(step, middle, back.direct[step] * scale, "direct", -0.36, -0.02);
          bar(step, middle, leak * scale, "leak", 0, 0.34);
        });
        parts.push(`<text class="scale" x="${width - 4}" y="${y0 - 5}">± ${most.toPrecision(2)}</text>`);
      });
      const d_x = back.grads.xs.map((row) => row[0]);
      const largest = Math.max(1e-9, ...d_x.map(Math.abs));
      title(`the input value moves it by:`);
      row(ROWS.answer, (y0, height, middle) => {
        base(middle);
        d_x.slice(0, asked + 1).forEach((value, step) => bar(step, middle, (value * height) / 2 / largest, "d_x"));
        parts.push(`<text class="scale" x="${width - 4}" y="${y0 - 5}">± ${largest.toPrecision(2)}</text>`);
      });
    } else {
      const c = (of) => of.trace.history.c.slice(1).map((memory) => memory[unit]);
      const most = Math.max(0.1, ...c(ran).map(Math.abs), ...c(free).map(Math.abs));
      const any = Object.keys(held).length > 0;
      title(
        `long-term memory <tspan font-style="italic">c</tspan>` +
          (any ? ` <tspan class="ghostly">(grey: with no gate held)</tspan>` : ""),
      );
      row(ROWS.memory, (y0, height, middle) => {
        base(middle);
        const y = (value) => middle - (value * (height / 2 - 3)) / most;
        const steps = (values) =>
          values.map((v, s) => `${s ? "V" : "M" + (x(s) - pitch / 2) + " "}${y(v)}h${pitch}`).join("");
        if (any) parts.push(`<path class="ghost" d="${steps(c(free))}"/>`);
        parts.push(`<path class="memory" d="${steps(c(ran))}"/>`);
        parts.push(`<text class="scale" x="${width - 4}" y="${y0 - 5}">± ${number(most)}</text>`);
      });
      title(
        `answer, read from <tspan font-style="italic">h</tspan>: <tspan class="wanted-key">― wanted</tspan> <tspan class="answer-key">● given</tspan> <tspan class="error-key">| error</tspan>`,
      );
      row(ROWS.answer, (y0, height, middle) => {
        base(middle);
        const most = Math.max(1, ...ran.answers.map(Math.abs));
        const y = (value) => middle - (value * (height / 2 - 5)) / most;
        xs.forEach((_, step) => {
          const [wanted, given] = [y(ran.targets[step]), y(ran.answers[step])];
          parts.push(`<path class="wanted" d="M${x(step) - pitch / 2} ${wanted}h${pitch}"/>`);
          if (ran.errors[step] > 0.05)
            parts.push(`<path class="error" d="M${x(step)} ${wanted}V${given}"/>`);
          parts.push(`<circle class="answer" cx="${x(step)}" cy="${given}" r="3.5"/>`);
        });
        parts.push(`<text class="scale" x="${width - 4}" y="${y0 - 5}">± ${number(most, 1)}</text>`);
      });
    }
    const band = (step, cls) =>
      `<rect class="${cls}" x="${x(step) - pitch / 2}" y="${TITLE}" width="${pitch}" height="${top - TITLE}" rx="3"/>`;
    const every = pitch < 24 ? 5 : 1;
    const ticks = xs
      .map((_, step) =>
        (step + 1) % every && step !== t
          ? ""
          : `<text class="${step === t ? "tick now" : "tick"}" x="${x(step)}" y="${top + 11}">${step + 1}</text>`,
      )
      .join("");
    const bands = (back ? band(asked, "asked") : "") + band(t, "now");
    return { height: top + 16, html: bands + parts.join("") + ticks, pitch };
  }

  /* --- The figure */

  let figures = 0;

  function options(names, chosen) {
    return names
      .map((name, k) => `<option value="${k}"${k === chosen ? " selected" : ""}>${name}</option>`)
      .join("");
  }

  function choices(label, name, all) {
    const buttons = Object.entries(all).map(
      ([value, text]) => `<button type="button" data-${name}="${value}">${text}</button>`,
    );
    return `<div class="choices" role="group" aria-label="${label}"><span>${label}</span>${buttons.join("")}</div>`;
  }

  function page(id, question, preset, { graph, dashes }) {
    const gates = Object.entries(GATES).map(
      ([gate, words]) =>
        `<div class="gate" style="--look: var(--look-${gate})">` +
        `<label for="${id}-${gate}"><i>${gate}</i> ${words.replace(" gate", "<span> gate</span>")}</label>` +
        `<input type="range" id="${id}-${gate}" data-range="${gate}" min="0" max="100" step="1">` +
        `<span class="share" data-share="${gate}"></span>` +
        `<button type="button" data-hold="${gate}"></button></div>`,
    );
    return `
      <p class="question">${question}</p>
      <ol class="tries">${preset.tries.map((text) => `<li>${text}</li>`).join("")}</ol>
      <div class="bar">
        ${choices("weights", "net", NETS)}
        <select data-unit aria-label="unit"></select>
        ${choices("pass", "way", WAYS)}
      </div>
      <svg class="cell-svg" viewBox="0 0 1000 600" role="img">${diagram(graph, dashes).replaceAll("clip-", id + "-clip-")}</svg>
      <p class="key"><b>numbers: how much the answer moves for each 1</b> <span class="direct">direct path: each step multiplies by <i>f</i></span>
        <span class="leak">leak: through <i>h</i> and the layers</span></p>
      <div class="walk">
        <button type="button" data-walk="-1" aria-label="one step back">◀</button>
        <p class="telling"></p>
        <button type="button" data-walk="1" aria-label="one step on">▶</button>
      </div>
      <div class="stream" role="slider" tabindex="0" aria-label="Step of the stream" aria-valuemin="1"><svg aria-hidden="true"></svg></div>
      <label class="asking">answer asked at step <select data-asked></select></label>
      <p class="loss"></p>
      <div class="gates" role="group" aria-label="Hold a gate">${gates.join("")}
        <label class="all"><input type="checkbox" data-all> hold in all units</label></div>
      <details class="own"><summary>Write your own stream</summary>
        <p><button type="button" data-step="-1" aria-label="edit one step back">◀</button>
        <b>step <span data-at></span></b>
        <button type="button" data-step="1" aria-label="edit one step on">▶</button>
        <label>value <input type="number" data-value min="-1" max="1" step="0.05"></label>
        <label>mark <select data-mark><option value="">none</option>
        ${book.data.cell.marks.map((mark) => `<option>${mark}</option>`).join("")}</select></label></p>
        <p><button type="button" data-stream="blank">empty stream</button>
        <button type="button" data-stream="book">the book’s stream</button></p>
      </details>
      <p class="aloud" role="status"></p>`;
  }

  function cell(element, { preset: name, question }) {
    const { graph, nets, stream, looks } = book.data.cell;
    const preset = { ...PLAIN, ...PRESETS[name] };
    const id = `living-${++figures}`;
    const state = {
      net: preset.net,
      unit: nets[preset.net].unit,
      t: preset.step - 1,
      way: preset.way,
      hold: { ...preset.hold },
      all: preset.all,
      xs: stream.map((row) => [...row]),
      asked: null,
    };
    element.classList.add("living-figure");
    for (const [name, color] of Object.entries(looks)) element.style.setProperty(`--book-${name}`, color);
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", question);
    element.innerHTML = page(id, question, preset, book.data.cell);

    const find = (selector) => element.querySelector(selector);
    const drawing = find(".cell-svg");
    const strip = find(".stream");
    const depth = depths(graph);
    const copied = new Set(graph.nodes.filter((n) => n.op === "copy").map((n) => n.parents[0]));
    const ops = Object.fromEntries(graph.nodes.map((node) => [node.name, node.op]));
    const layers = new Set(book.cells.lstm.layers);
    let pitch = 1;

    function clamp(net) {
      const only = (share) => net.names.map((_, k) => (state.all || k === state.unit ? share : null));
      return Object.fromEntries(Object.entries(state.hold).map(([gate, share]) => [gate, only(share)]));
    }

    /* The step whose answer is asked for: the first recall of a note, if none is chosen. */
    function asked(targets) {
      if (state.asked !== null) return state.asked;
      const first = targets.findIndex((target) => target !== 0);
      return first < 0 ? state.xs.length - 1 : first;
    }

    function compute() {
      const net = nets[state.net];
      const ran = run(net, state.xs, clamp(net));
      const free = run(net, state.xs);
      const values = nodeValues(graph, ran.trace, state.t, state.unit);
      const ask = asked(ran.targets);
      const back = state.way === "backward" ? pullBack(net, ran.trace, ask, state.unit) : null;
      const d = back && nodeCotangents(graph, values, back.grads, back.d_hs, state.t, state.unit);
      return { net, ran, free, values, back, d, ask };
    }

    function written(key, value, gate) {
      const digits = state.way === "backward" ? 3 : 2;
      if (typeof value === "number") return gate ? percent(value) : number(value, digits);
      const entries = Array.from(value, (entry) => number(entry, digits));
      if (entries.length > 4) return [`${entries.length}`, "values"];
      return key === "x" ? `(${entries.join(", ")})` : entries;
    }

    function drawNumbers({ values, d }) {
      const backward = state.way === "backward";
      const numbers = backward ? d : values;
      for (const text of drawing.querySelectorAll("text.words")) {
        const key = text.dataset.key;
        const shown = key in numbers && (backward || !copied.has(key));
        const slot = text.querySelector(".number");
        text.classList.toggle("has-number", shown);
        text.classList.toggle("in-layer", layers.has(key));
        if (!shown) {
          slot.textContent = "";
          continue;
        }
        const value = written(key, numbers[key], ops[key] === "gate" && !backward);
        const x = text.getAttribute("x");
        const up = text.classList.contains("bottom");
        if (Array.isArray(value)) {
          slot.innerHTML = value
            .map((line, k) => `<tspan x="${x}" dy="${k ? 1.05 : up ? -1.05 * (value.length - 1) : 0}em">${line}</tspan>`)
            .join("");
        } else {
          // In a layer there is room for one of the two.
          const beside = text.querySelector(".word").textContent && !layers.has(key);
          slot.textContent = (beside ? " " : "") + value;
        }
        const exact = numbers[key];
        slot.dataset.value = JSON.stringify(exact.length ? Array.from(exact) : exact);
      }
      for (const gate of Object.keys(GATES)) {
        const level = find(`[data-level=${gate}]`);
        const box = find(`[data-node=${gate}] .outline`);
        const [y, height] = ["y", "height"].map((name) => Number(box.getAttribute(name)));
        level.setAttribute("y", y + height * (1 - values[gate]));
        level.setAttribute("height", height * values[gate]);
        find(`[data-grip=${gate}]`).setAttribute("transform", `translate(0 ${height * (0.5 - values[gate])})`);
        find(`[data-node=${gate}]`).classList.toggle("held", gate in state.hold);
      }
    }

    function sentence({ ran, back, ask }) {
      const { t, xs } = state;
      const mark = book.data.cell.marks.find((name) => xs[t][MARK[name]] === 1);
      const announced = t > 0 && xs[t - 1][MARK.store] === 1;
      if (back) {
        if (t > ask) return `after the answer of step ${ask + 1}: nothing comes back from there`;
        const leak = back.total[t] - back.direct[t];
        return (
          `<i>c</i> moves the answer of step ${ask + 1} by ${number(back.total[t])} for each 1: ` +
          `<span class="direct">${number(back.direct[t])} direct</span>, <span class="leak">${number(leak)} leak</span>`
        );
      }
      const what = {
        store: "store: note the next value",
        recall: "recall: say the note",
        clear: "clear: wipe the note",
      }[mark];
      return (
        `value ${number(xs[t][0])}, ${what || (announced ? "announced: note this one" : "no mark")}. ` +
        `Wanted ${number(ran.targets[t])}, answer ${number(ran.answers[t])}`
      );
    }

    function lossText({ ran, free }) {
      const held = Object.entries(state.hold).map(([gate, share]) => `<i>${gate}</i> at ${percent(share)}`);
      const w = ran.worst;
      const worst =
        ran.errors[w] < 0.05
          ? `All answers are right to ${number(Math.max(0.01, ran.errors[w]))}.`
          : `Largest error ${number(ran.errors[w])}, at step ${w + 1}: wanted ${number(ran.targets[w])}, ` +
            `answer ${number(ran.answers[w])}.`;
      if (!held.length) return `No gate is held. ${worst}`;
      return `Held: ${held.join(", ")}. ${worst} With no gate held the largest is ${number(free.errors[free.worst])}.`;
    }

    function drawStrip(now) {
      const width = Math.max(240, strip.clientWidth);
      const drawn = chart(width, {
        xs: state.xs,
        t: state.t,
        unit: state.unit,
        names: now.net.names,
        held: state.hold,
        ran: now.ran,
        free: now.free,
        back: now.back,
        asked: now.ask,
      });
      const svg = strip.firstChild;
      svg.setAttribute("viewBox", `0 0 ${width} ${drawn.height}`);
      svg.style.height = `${drawn.height}px`;
      svg.innerHTML = drawn.html;
      pitch = drawn.pitch;
    }

    function draw() {
      const now = compute();
      const backward = state.way === "backward";
      element.classList.toggle("backward", backward);
      drawing.classList.toggle("narrow", drawing.clientWidth < 560);
      drawNumbers(now);
      drawStrip(now);
      const text = sentence(now);
      find(".telling").innerHTML = `<b>step ${state.t + 1}</b> ${text}`;
      find(".loss").innerHTML = lossText(now);
      const plain = find(".telling").textContent;
      strip.setAttribute("aria-valuemax", state.xs.length);
      strip.setAttribute("aria-valuenow", state.t + 1);
      strip.setAttribute("aria-valuetext", plain);
      const said = backward
        ? Object.keys(GATES).map((gate) => `${GATES[gate]} ${number(now.d[gate], 3)}`)
        : Object.keys(GATES).map((gate) => `${GATES[gate]} ${percent(now.values[gate])}`);
      const numbers = backward ? now.d : now.values;
      drawing.setAttribute(
        "aria-label",
        `The LSTM cell, ${now.net.names[state.unit]}, ${backward ? "gradients" : "values"} at step ${state.t + 1}: ` +
          `${said.join(", ")}, main layer ${number(numbers.g, 3)}, long-term memory ${number(numbers.c, 3)}, ` +
          `short-term memory ${number(numbers.h, 3)}`,
      );
      for (const name of ["net", "way"])
        for (const button of element.querySelectorAll(`[data-${name}]`))
          button.setAttribute("aria-pressed", button.dataset[name] === state[name]);
      find("[data-unit]").innerHTML = options(now.net.names, state.unit);
      find("[data-asked]").innerHTML = options(state.xs.map((_, t) => t + 1), now.ask);
      find("[data-all]").checked = state.all;
      const row = state.xs[state.t];
      const value = find("input[data-value]"); // numbers in the diagram have this too
      if (document.activeElement !== value) value.value = Number(row[0].toFixed(2));
      find("[data-mark]").value = book.data.cell.marks.find((name) => row[MARK[name]] === 1) || "";
      find("[data-at]").textContent = state.t + 1;
      for (const name of ["walk", "step"]) {
        find(`[data-${name}='-1']`).disabled = state.t === 0;
        find(`[data-${name}='1']`).disabled = state.t === state.xs.length - 1;
      }
      for (const gate of Object.keys(GATES)) {
        const held = gate in state.hold;
        const share = now.values[gate];
        const range = find(`[data-range=${gate}]`);
        range.value = Math.round(100 * share);
        range.setAttribute("aria-valuetext", `${percent(share)}, ${held ? "held" : "set by the net"}`);
        find(`[data-share=${gate}]`).textContent = percent(share);
        const button = find(`[data-hold=${gate}]`);
        button.textContent = held ? "let go" : "hold";
        button.setAttribute("aria-label", held ? `let go of the ${GATES[gate]}` : `hold the ${GATES[gate]}`);
        range.parentElement.classList.toggle("held", held);
      }
    }

    /* Light runs along the wires, in the order in which the nodes are computed. */
    function pulse() {
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      const last = Math.max(...Object.values(depth));
      const ahead = [{ strokeDashoffset: 0.3 }, { strokeDashoffset: -1 }];
      for (const group of drawing.querySelectorAll(".wire")) {
        const [from, to] = group.dataset.wire.split(">");
        const back = state.way === "backward";
        const wait = back ? last - depth[to] : depth[from];
        group.querySelector(".pulse").animate(back ? [...ahead].reverse() : ahead, {
          duration: 420,
          delay: 150 * wait,
          easing: "ease-in-out",
        });
      }
    }

    function go(t) {
      const to = Math.min(state.xs.length - 1, Math.max(0, t));
      if (to === state.t) return;
      state.t = to;
      draw();
      pulse();
    }

    /* Say the outcome once a change is complete, not while it is being made. */
    const say = () => (find(".aloud").textContent = find(".loss").textContent);

    function hold(gate, share) {
      if (share === null) delete state.hold[gate];
      else state.hold[gate] = Math.round(100 * share) / 100;
      draw();
    }

    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || !element.contains(button)) return;
      const { walk, step = walk, net, way, hold: gate, stream: which } = button.dataset;
      if (step) go(state.t + Number(step));
      if (net) {
        const same = nets[net].names.length === nets[state.net].names.length;
        state.unit = same ? state.unit : nets[net].unit;
        state.net = net;
      }
      if (way) state.way = way;
      if (which) {
        state.xs = which === "book" ? stream.map((row) => [...row]) : stream.map(() => [0, 0, 0, 0]);
        state.asked = null;
        if (which === "blank") state.t = 0;
      }
      if (gate) hold(gate, gate in state.hold ? null : Number(find(`[data-range=${gate}]`).value) / 100);
      if (net || way || which) draw();
      if (way) pulse();
      if (net || gate) say();
    });

    element.addEventListener("input", (event) => {
      const { range, value } = event.target.dataset;
      if (range) hold(range, Number(event.target.value) / 100);
      if (value !== undefined && event.target.value !== "") {
        state.xs[state.t][0] = Math.min(1, Math.max(-1, Number(event.target.value)));
        draw();
      }
    });

    element.addEventListener("change", (event) => {
      const { unit, asked, all, mark, range } = event.target.dataset;
      if (unit !== undefined) state.unit = Number(event.target.value);
      if (asked !== undefined) state.asked = Number(event.target.value);
      if (all !== undefined) state.all = event.target.checked;
      if (mark !== undefined)
        for (const [name, column] of Object.entries(MARK))
          state.xs[state.t][column] = Number(name === event.target.value);
      draw();
      if (range || all !== undefined || unit !== undefined) say();
    });

    element.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select, summary")) return;
      const to = {
        ArrowLeft: state.t - 1,
        ArrowRight: state.t + 1,
        Home: 0,
        End: state.xs.length - 1,
      }[event.key];
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      go(to);
    });

    /* Follow a pointer from where it goes down to where it is let go. */
    function drag(target, start) {
      target.addEventListener("pointerdown", (event) => {
        const move = start(event);
        if (!move) return;
        event.preventDefault();
        target.setPointerCapture(event.pointerId);
        move(event);
        target.addEventListener("pointermove", move);
        target.addEventListener("lostpointercapture", () => {
          target.removeEventListener("pointermove", move);
        }, { once: true });
      });
    }

    drag(strip, () => {
      const left = strip.getBoundingClientRect().left;
      strip.focus({ preventScroll: true });
      return (event) => go(Math.floor((event.clientX - left - GUTTER) / pitch));
    });

    drag(drawing, (event) => {
      const gate = event.target.dataset.grab;
      if (!gate) return null;
      const box = find(`[data-node=${gate}] .outline`).getBoundingClientRect();
      return (moved) => hold(gate, Math.min(1, Math.max(0, (box.bottom - moved.clientY) / box.height)));
    });

    new ResizeObserver(draw).observe(strip);
    draw();
  }

  book.figures.cell = cell;
  // What the tests compare with lstmbook.
  book.cellFigure = { notes, run, pullBack };
})(globalThis.LSTMBook);
