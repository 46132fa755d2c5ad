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
      [...row.cells].forEach((cell, i) => { cell.dataset.column = names[i]; });
    }
  }
});
