// On paper nothing can be opened, and long code may be continued on the next page.
(function () {
  "use strict";
  const LONG = 24; // lines
  let opened = [];
  addEventListener("beforeprint", function () {
    for (const details of document.querySelectorAll("details.sd-dropdown:not([open])")) {
      details.open = true;
      opened.push(details);
    }
    for (const code of document.querySelectorAll("div.highlight")) {
      if (code.textContent.split("\n").length <= LONG) continue;
      code.classList.add("long");
      code.closest(".cell_input")?.classList.add("long");
    }
  });
  addEventListener("afterprint", function () {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
