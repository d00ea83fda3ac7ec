// Paper is light, and nothing on it can be opened. Long code may break across pages.
(() => {
  const root = document.documentElement, LONG = 24; // lines
  let theme, opened;
  addEventListener("beforeprint", () => {
    if (opened) return;
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    opened = [...document.querySelectorAll("details.sd-dropdown:not([open])")];
    for (const details of opened) details.open = true;
    for (const code of document.querySelectorAll("div.highlight"))
      if (code.textContent.split("\n").length > LONG)
        for (const box of [code, code.closest(".cell_input")]) box?.classList.add("long");
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    for (const details of opened ?? []) details.open = false;
    opened = undefined;
  });
})();
