// SPDX-License-Identifier: Apache-2.0
/* Marks tables of three columns and more that have words, and gives each cell the name of its column, for phones. */
"use strict";
addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table.docutils")) {
    const names = [...table.querySelectorAll("thead th")].map(cell => cell.textContent);
    if (names.length < 3 || table.querySelector("td.text-right")) {
      continue;
    }
    table.classList.add("words");
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, i) => {
        cell.dataset.column = names[i];
        cell.classList.toggle("empty", !cell.textContent.trim());
      });
    }
  }
});

/* Furo shows the headings of a page at its right on wide screens only: on others they go under the title. */
addEventListener("DOMContentLoaded", () => {
  const headings = document.querySelector(".toc-tree > ul > li > ul");
  const title = document.querySelector("article h1");
  if (!headings || !title || headings.children.length < 3) {
    return;
  }
  const contents = document.createElement("details");
  contents.className = "on-this-page";
  contents.open = innerWidth > 740;
  contents.innerHTML = "<summary>On this page</summary>";
  contents.append(headings.cloneNode(true));
  title.after(contents);
});

/* Short names do not break; others break between their words: after a sign, or before a capital. */
addEventListener("DOMContentLoaded", () => {
  for (const name of document.querySelectorAll("article code .pre, .toc-tree code .pre")) {
    const text = name.textContent;
    name.classList.add(text.length <= 20 ? "short" : text.length <= 40 ? "medium" : "long");
    const words = text.length <= 20 ? [text] : text.split(/(?<=[_.(,])(?=\w)|(?<=[a-z])(?=[A-Z])/);
    name.replaceChildren(...words.flatMap(word => [word, document.createElement("wbr")]).slice(0, -1));
  }
});
