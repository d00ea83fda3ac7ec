/* Brings the living figures of a page to life.
 *
 *   <div class="living" id="living-cell" data-figure="cell"></div>
 *
 * stands in a page after the static figure. Its script is loaded when the reader presses
 * the button that appears there, or, with data-open, as soon as it comes near.
 * With data-over, the static figure before it makes room on screen while it is open.
 *
 * A figure's script calls LSTMBook.figures.NAME = (element, options) => …, which fills
 * the element. Everything is a classic script: pages are also opened from disk.
 */
(function () {
  "use strict";

  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const book = (globalThis.LSTMBook = globalThis.LSTMBook || {});
  book.figures = book.figures || {};

  const FIGURES = {
    cell: { scripts: ["lstm.js", "cell-data.js", "cell.js"], label: "Operate this cell" },
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
    const { scripts } = FIGURES[element.dataset.figure];
    for (const name of scripts) await load(name); // in order
    element.replaceChildren();
    element.classList.add("living-open");
    const still = element.previousElementSibling || element.parentElement.previousElementSibling;
    if ("over" in element.dataset && still) still.classList.add("living-still");
    book.figures[element.dataset.figure](element, element.dataset);
  }

  function offer(element) {
    const { label } = FIGURES[element.dataset.figure];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "living-offer";
    button.textContent = element.dataset.label || label;
    button.addEventListener("click", async () => {
      button.disabled = true;
      await open(element);
      const first = element.querySelector("[tabindex], button, input, select");
      if (first) first.focus({ preventScroll: true });
    });
    element.append(button);
  }

  function whenNear(element) {
    const watch = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        open(element);
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
