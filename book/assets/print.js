// Paper is light, and nothing on it can be opened.
(() => {
  const root = document.documentElement;
  let theme, opened;
  addEventListener("beforeprint", () => {
    if (opened) return;
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    opened = [...document.querySelectorAll("details.sd-dropdown:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    for (const details of opened ?? []) details.open = false;
    opened = undefined;
  });
})();
