"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const operations = [...new Set(data.results.map(r => r.op))];
  const marks = { reference: "rect", scalar: "triangle", avx2: "circle", avx512: "rectRot" };
  const symbols = ["circle", "rectRot", "triangle", "rect", "star", "crossRot"];
  const charts = [];
  let tier = data.tiers.at(-1);

  const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const three = v => v < 1 ? v.toFixed(3) : v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0);
  const percent = v => (100 * v < 9.95 ? (100 * v).toFixed(1) : (100 * v).toFixed(0)) + "%";
  const power = v => Number((100 * v).toPrecision(1)) + "%";
  const size = b => b < 1024 ? b + " B" : b < 1 << 20 ? b / 1024 + " KiB" : b / (1 << 20) + " MiB";
  const words = r => [
    `${three(r.ns)} ns per element`, `${three(r.bandwidth)} GB/s`, `${percent(r.share)} of the memory’s speed`];

  /* Dots of the same place lie side by side: how many steps the i-th of them is from the middle. */
  const aside = (i, count) => i - (count - 1) / 2;
  /* Of the ticks as many as have room, with the last. */
  const fitting = (ticks, width) => {
    const step = Math.ceil(ticks.length * 56 / width);
    return ticks.filter((_, i) => (ticks.length - 1 - i) % step === 0).map(value => ({ value }));
  };

  const axis = (title, more) => ({
    title: { display: Boolean(title), text: title, color: color("soft") },
    grid: { color: color("line"), drawTicks: false },
    border: { display: false },
    ticks: { color: color("soft"), padding: 6, ...more.ticks },
    ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "ticks")),
  });
  const tooltip = {
    displayColors: false,
    callbacks: {
      title: items => items.length ? `${items[0].raw.r.op} ${items[0].raw.r.shape}, ${items[0].raw.r.tier}` : "",
      label: item => words(item.raw.r),
    },
    filter: item => Boolean(item.raw.r),
  };

  /* A horizontal line through the dots of each shape, the line of 100%, and the share of the fastest tier. */
  const rows = {
    id: "rows",
    beforeDatasetsDraw({ ctx, chartArea, scales: { x, y } }, _, { results }) {
      ctx.save();
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = color("accent");
      ctx.setLineDash([5, 4]);
      ctx.beginPath();
      ctx.moveTo(x.getPixelForValue(1), chartArea.top);
      ctx.lineTo(x.getPixelForValue(1), chartArea.bottom);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.font = `600 12px ${Chart.defaults.font.family}`;
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      data.shapes.forEach((shape, i) => {
        const shares = results.filter(r => r.shape === shape).map(r => r.share);
        const at = y.getPixelForValue(i);
        ctx.strokeStyle = color("line");
        ctx.lineWidth = 3;
        ctx.beginPath();
        ctx.moveTo(x.getPixelForValue(Math.min(...shares)), at);
        ctx.lineTo(x.getPixelForValue(Math.max(...shares)), at);
        ctx.stroke();
        ctx.fillStyle = color("text");
        ctx.fillText(percent(shares.at(-1)), chartArea.right + 46, at);
      });
      ctx.restore();
    },
  };

  /* Where each cache ends. */
  const caches = {
    id: "caches",
    beforeDatasetsDraw({ ctx, chartArea, scales: { x } }) {
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = color("soft");
      ctx.globalAlpha = .7;
      ctx.setLineDash([2, 4]);
      ctx.font = `12px ${Chart.defaults.font.family}`;
      ctx.textAlign = "right";
      for (const cache of data.caches) {
        const at = x.getPixelForValue(cache.bytes);
        ctx.beginPath();
        ctx.moveTo(at, chartArea.top);
        ctx.lineTo(at, chartArea.bottom);
        ctx.stroke();
        ctx.fillText(`L${cache.level}`, at - 5, chartArea.bottom - 8);
      }
      ctx.restore();
    },
  };

  function drawRoofline() {
    const line = (label, key, dash) => ({
      label,
      type: "line",
      data: data.ceilings.map(c => ({ x: c.bytes, y: c[key] })),
      borderColor: color("soft"), backgroundColor: color("soft"),
      borderWidth: 2, borderDash: dash, pointRadius: 0, pointHitRadius: 0, order: 1,
    });
    const dots = (op, i) => ({
      label: op,
      data: data.results.filter(r => r.op === op && r.tier === tier)
        .map(r => ({ x: r.bytes * 2 ** (.2 * aside(i, operations.length)), y: r.bandwidth, r })),
      backgroundColor: color(op) + "40", borderColor: color(op), borderWidth: 2,
      pointRadius: 5, pointHoverRadius: 7, pointStyle: symbols[i % symbols.length],
    });
    const legend = chart => Chart.defaults.plugins.legend.labels.generateLabels(chart).map(item => {
      const { type, borderDash } = chart.data.datasets[item.datasetIndex];
      return type === "line" ? { ...item, pointStyle: "line", lineDash: borderDash } : item;
    });
    const canvas = document.querySelector("#roofline canvas");
    charts.push(new Chart(canvas, {
      type: "scatter",
      data: { datasets: [line("memcpy", "copy", []), line("read", "read", [4, 3]), ...operations.map(dots)] },
      plugins: [caches],
      options: {
        maintainAspectRatio: false,
        animation: false,
        scales: {
          x: axis("bytes touched by a call", {
            type: "logarithmic",
            min: 32, max: 2 ** 29,
            afterBuildTicks: scale => { scale.ticks = fitting([6, 10, 14, 18, 22, 26].map(e => 2 ** e), scale.width); },
            ticks: { callback: size, maxRotation: 0, autoSkip: false },
          }),
          y: axis("GB/s", {
            type: "logarithmic",
            afterBuildTicks: scale => {
              scale.ticks = [.01, .1, 1, 10, 100, 1000].filter(v => v >= scale.min && v <= scale.max).map(value => ({ value }));
            },
            ticks: { callback: v => String(v) },
          }),
        },
        plugins: {
          tooltip,
          legend: {
            position: "bottom",
            labels: { color: color("text"), usePointStyle: true, padding: 14, generateLabels: legend },
          },
        },
      },
    }));
  }

  function drawShares(op) {
    const results = data.results.filter(r => r.op === op);
    const shares = results.map(r => r.share);
    const panel = document.createElement("div");
    panel.className = "chart";
    const title = document.createElement("h3");
    title.textContent = op;
    const box = document.createElement("div");
    box.style.height = `${data.shapes.length * 34 + 34}px`;
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${op}: share of the memory’s speed; the numbers are in the tables below`);
    box.append(canvas);
    panel.append(title, box);
    document.querySelector("#shares .multiples").append(panel);
    charts.push(new Chart(canvas, {
      type: "scatter",
      data: {
        datasets: data.tiers.map((name, i) => ({
          label: name,
          order: -i,
          data: results.filter(r => r.tier === name)
            .map(r => ({ x: r.share, y: data.shapes.indexOf(r.shape) + .18 * aside(i, data.tiers.length), r })),
          backgroundColor: color(name) + "80", borderColor: color(name), borderWidth: 1.5,
          pointRadius: name === "avx512" ? 6 : 5, pointHoverRadius: 8, pointStyle: marks[name] ?? "circle",
        })),
      },
      plugins: [rows],
      options: {
        maintainAspectRatio: false,
        animation: false,
        layout: { padding: { right: 46 } },
        scales: {
          x: axis("", {
            type: "logarithmic",
            min: 10 ** Math.floor(Math.log10(Math.min(...shares))),
            max: 1.15 * Math.max(1, ...shares),
            afterBuildTicks: scale => {
              scale.ticks = fitting([1e-5, 1e-4, .001, .01, .1, 1].filter(v => v >= scale.min), scale.width);
            },
            ticks: { callback: power, maxRotation: 0, autoSkip: false },
          }),
          y: axis("", {
            min: -.5, max: data.shapes.length - .5,
            reverse: true,
            afterBuildTicks: scale => { scale.ticks = data.shapes.map((_, value) => ({ value })); },
            grid: { display: false },
            ticks: { color: color("text"), autoSkip: false, callback: value => data.shapes[value] },
          }),
        },
        plugins: { tooltip, legend: { display: false }, rows: { results } },
      },
    }));
  }

  function draw() {
    charts.splice(0).forEach(chart => chart.destroy());
    document.querySelector("#shares .multiples").replaceChildren();
    drawRoofline();
    operations.forEach(drawShares);
  }

  const choice = document.querySelector(".choice");
  for (const name of data.tiers) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", String(name === tier));
    button.addEventListener("click", () => {
      tier = name;
      for (const other of choice.children) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      draw();
    });
    choice.append(button);
    const item = document.createElement("li");
    item.textContent = item.className = name;
    item.style.setProperty("--color", `var(--${name})`);
    document.querySelector(".legend").append(item);
  }
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll(".drawn").forEach(section => { section.hidden = false; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
