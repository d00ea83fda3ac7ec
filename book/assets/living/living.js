/* Brings the living figures of a page to life.
 *
 *   <div class="living" id="living-cell" data-figure="cell" data-preset="start"></div>
 *
 * stands in a page after the static figure. Its script is loaded when the reader presses
 * the button that appears there, or, with data-open, as soon as it comes near.
 * With data-over, the static figure before it makes room on screen while it is open.
 *
 * A figure's script calls LSTMBook.figures.NAME = (element, {preset, question}) => …,
 * which fills the element. Everything is a classic script: pages are also opened from disk.
 */
(function () {
  "use strict";

  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const book = (globalThis.LSTMBook = globalThis.LSTMBook || {});
  book.figures = book.figures || {};

  /* Each figure's scripts, in the order in which they load; the question that it answers
   * on a page, by data-preset. */
  const FIGURES = {
    cell: {
      scripts: ["lstm.js", "cell-data.js", "cell.js"],
      label: "Operate this cell",
      questions: {
        start: "What is lost when a gate cannot move?",
        paths: "Where is the note between the step that stores it and the step that asks?",
        main: "What does a cell remember if only its main layer is set?",
        forget: "How much of a note is left if the forget gate stays below 100 %?",
        input: "What gets into the memory while the input gate stands open?",
        output: "How can a cell hold a note without saying it?",
        whole: "Do learned gates switch as those set by hand do?",
        backward: "How much does each earlier number move the answer?",
      },
    },
    hears: {
      scripts: ["lstm.js", "hears.js"],
      label: "Point and find out",
      questions: {
        radius: "Who still hears the early steps of an RNN?",
        paths: "Who still hears the early steps: one loop or two paths?",
        leak: "Who still hears the early steps, and through what: forget gates or leak?",
      },
    },
    text: {
      scripts: ["lstm.js", "text-weights.js", "text.js"],
      label: "Type and find out (loads 1 MB)",
      questions: { own: "What comes next, and which of your characters decide it?" },
    },
  };

  const loading = {};

  /* Load a script once. */
  function load(name) {
    loading[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = here + name;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return loading[name];
  }

  async function open(element) {
    const { figure, preset } = element.dataset;
    const { scripts, questions } = FIGURES[figure];
    for (const name of scripts) await load(name);
    element.replaceChildren();
    element.classList.remove("living-closed");
    const still = element.previousElementSibling || element.parentElement.previousElementSibling;
    if ("over" in element.dataset && still) still.classList.add("living-still");
    book.figures[figure](element, { preset, question: questions[preset] });
  }

  function offer(element) {
    const { label, questions } = FIGURES[element.dataset.figure];
    const question = document.createElement("p");
    question.textContent = questions[element.dataset.preset];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "living-offer";
    button.textContent = label;
    button.addEventListener("click", async () => {
      button.disabled = true;
      await open(element).finally(() => (button.disabled = false));
      const first = element.querySelector("[tabindex], button, input, select");
      if (first) first.focus({ preventScroll: true });
      // Where the static figure has made room, the living one begins above.
      if (element.getBoundingClientRect().top < 0) element.scrollIntoView();
    });
    element.classList.add("living-closed");
    element.append(question, button);
  }

  function whenNear(element) {
    // About what it will take, so that a link to it, or past it, does not miss.
    element.style.minHeight = "78rem";
    const watch = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        open(element).finally(() => (element.style.minHeight = ""));
      },
      { rootMargin: "600px" },
    );
    watch.observe(element);
  }

  for (const element of document.querySelectorAll(".living[data-figure]")) {
    if (!FIGURES[element.dataset.figure]) continue;
    if ("open" in element.dataset) whenNear(element);
    else offer(element);
  }
})();
