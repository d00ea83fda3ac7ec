/* Ranks the hits of the site's search and chooses what they quote. Sphinx puts this
   below its own searchtools.js (html_search_scorer); tools/found.py fills in PLACES. */
"use strict";

const PLACES = {/* term: page */};

/* Where a hit stands counts before how well it matches. */
Scorer.score = ([page, title, anchor, description, score]) => {
  const asked = new URLSearchParams(window.location.search).get("q") || "";
  if (PLACES[asked.trim().toLowerCase()] === page) return 1000 + (anchor ? 0 : 10) + score / 100;
  const chapter = /^book\/(\d\d-|ten-minutes)/.test(page);
  const headed = score >= Scorer.title; // found in a heading, or an entry of the index
  const last = /^book\/(solutions\/|api$|equations$|bibliography$)/.test(page);
  return (last ? 0 : headed ? 200 : 100) + (chapter ? 50 : 0) + score / 100;
};

/* Quote the article alone: no buttons, no contents for print, nothing folded away,
   mathematics once, and no number of a chapter, which its title has. */
Search.htmlToText = (text, anchor) => {
  const article = new DOMParser()
    .parseFromString(text, "text/html")
    .querySelector("article, [role=main]");
  if (!article) return "";
  const hidden = ".headerlink, .kicker, .section-number, .onlyprint, details, script, style, annotation, .katex-html";
  article.querySelectorAll(hidden).forEach((element) => element.remove());
  const section = anchor && article.querySelector(`#${CSS.escape(anchor.slice(1))}`);
  return (section || article).textContent.replace(/\\[()[\]]/g, "").replace(/\s+/g, " ");
};
