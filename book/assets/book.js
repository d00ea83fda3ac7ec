/* What the page can do: light or dark, the contents on a phone, where one is, copying. */
(function () {
  "use strict";
  const root = document.documentElement;

  const themeButton = document.querySelector(".theme-button");
  themeButton.addEventListener("click", function () {
    const mode = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.theme = mode;
    try {
      localStorage.setItem("mode", mode);
    } catch (error) {
      // No storage: the choice holds for this page.
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function (system) {
    let chosen = null;
    try {
      chosen = localStorage.getItem("mode");
    } catch (error) {
      // No storage: the system decides.
    }
    if (!chosen) root.dataset.theme = system.matches ? "dark" : "light";
  });

  const menuButton = document.querySelector(".menu-button");
  const contents = document.getElementById("contents");
  function openMenu(open) {
    root.classList.toggle("menu-open", open);
    menuButton.setAttribute("aria-expanded", String(open));
  }
  menuButton.addEventListener("click", function () {
    openMenu(!root.classList.contains("menu-open"));
  });
  contents.addEventListener("click", function (event) {
    if (event.target.closest("a")) openMenu(false);
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && root.classList.contains("menu-open")) {
      openMenu(false);
      menuButton.focus();
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const wanted = event.key === "/" || (event.key === "k" && (event.ctrlKey || event.metaKey));
    const field = document.querySelector('.search input[type="search"]');
    if (wanted && !typing && field && field.offsetParent) {
      event.preventDefault();
      field.focus();
    }
  });

  // The contents show where the reader is.
  const current = contents.querySelector('[aria-current="page"]');
  if (current && current.offsetTop > contents.clientHeight - 100) {
    contents.scrollTop = current.offsetTop - contents.clientHeight / 3;
  }
  const links = Array.from(contents.querySelectorAll(".on-this-page a"));
  const headings = links.map((link) =>
    document.getElementById(decodeURIComponent(link.hash.slice(1))),
  );
  function mark() {
    let last = -1;
    headings.forEach(function (heading, index) {
      if (heading && heading.getBoundingClientRect().top < innerHeight / 3) last = index;
    });
    links.forEach((link, index) => link.classList.toggle("here", index === last));
  }
  if (links.length) {
    let waiting = false;
    addEventListener(
      "scroll",
      function () {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(function () {
          waiting = false;
          mark();
        });
      },
      { passive: true },
    );
    mark();
  }

  // What scrolls by itself can be reached and scrolled by keyboard, also when it is
  // unfolded later or the fonts have changed its width.
  const boxes = document.querySelectorAll("pre, .formula, .picture, span.math, .pst-scrollable-table-container");
  function reach(box) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
  const unfolded = new ResizeObserver((seen) => seen.forEach((entry) => reach(entry.target)));
  boxes.forEach((box) => unfolded.observe(box));
  document.fonts.ready.then(() => boxes.forEach(reach));

  document.querySelectorAll(".cell_input .highlight, .bd-article > section > div[class*='highlight-'] .highlight").forEach(function (block) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async function () {
      await navigator.clipboard.writeText(block.textContent.trimEnd());
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    if (navigator.clipboard) block.parentElement.append(button);
  });
})();
