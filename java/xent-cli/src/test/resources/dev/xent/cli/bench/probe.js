// SPDX-License-Identifier: Apache-2.0
/* Tells the frame around the page what is drawn. */
"use strict";
const errors = [];
addEventListener("error", event => errors.push(event.message));
addEventListener("load", () => {
  const charts = () => [...document.querySelectorAll("canvas")].map(canvas => Chart.getChart(canvas));
  const roofline = () => charts()[0];
  const isLine = dataset => dataset.type === "line";
  const shownTier = () => roofline().data.datasets.find(dataset => !isLine(dataset)).data[0].r.tier;

  /* Dots less than two pixels apart. */
  const hidden = chart => {
    const dots = chart.data.datasets.flatMap((dataset, i) =>
      isLine(dataset) ? [] : chart.getDatasetMeta(i).data.map(({ x, y }) => ({ x, y, name: dataset.label })));
    return dots.flatMap((a, i) => dots.slice(i + 1)
      .filter(b => Math.hypot(a.x - b.x, a.y - b.y) < 2)
      .map(b => `${a.name} and ${b.name}`));
  };

  /* Labels of the axis at the bottom with less than four pixels between them. */
  const collisions = chart => {
    const { x } = chart.scales;
    chart.ctx.font = `12px ${Chart.defaults.font.family}`;
    const labels = x.ticks.map((tick, i) => {
      const half = chart.ctx.measureText(tick.label).width / 2;
      return { text: tick.label, left: x.getPixelForTick(i) - half, right: x.getPixelForTick(i) + half };
    }).sort((a, b) => a.left - b.left);
    return labels.slice(1).filter((label, i) => label.left < labels[i].right + 4).map(label => label.text);
  };

  const tiers = [shownTier()];
  const seen = {
    visible: [...document.querySelectorAll(".drawn")].every(section => section.offsetHeight > 0),
    charts: charts().length,
    overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
    legend: Object.fromEntries(roofline().legend.legendItems
      .filter(item => isLine(roofline().data.datasets[item.datasetIndex]))
      .map(item => [item.text, item.lineDash])),
    curved: roofline().data.datasets.filter(isLine)
      .filter(dataset => dataset.tension || dataset.cubicInterpolationMode).map(dataset => dataset.label),
    memory: roofline().data.datasets.filter(isLine).map(dataset => dataset.data.length),
    hidden: charts().flatMap(hidden),
    collisions: charts().flatMap(collisions),
  };
  document.querySelector(".choice button").click();
  tiers.push(shownTier());
  const pressed = [...document.querySelectorAll(".choice [aria-pressed=true]")].map(button => button.textContent);
  parent.postMessage({ ...seen, tiers, pressed, errors }, "*");
});
