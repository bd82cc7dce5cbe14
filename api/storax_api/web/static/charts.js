// Draws curves with uPlot from the tables beside them. Without this script the tables are open.
"use strict";
(() => {
  const HEIGHT = 220;
  const drawn = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const read = (table) => {
    const heads = [...table.querySelectorAll("th[data-tone]")];
    const rows = [...table.querySelectorAll("tbody tr")];
    const values = heads.map((_, place) => rows.map((row) => Number(row.querySelectorAll("[data-value]")[place].dataset.value)));
    return {heads, data: [rows.map((row) => Number(row.querySelector("[data-time]").dataset.time)), ...values]};
  };
  const moments = (plot, seconds) => {
    const start = plot.scales.x.max - plot.scales.x.min < 2 * 86400 ? 11 : 5;
    return seconds.map((second) => new Date(second * 1e3).toISOString().slice(start, 16).replace("T", " "));
  };
  const options = (heads, unit, width) => ({
    width, height: HEIGHT, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    axes: [
      {stroke: colour("quiet"), grid: {stroke: colour("line"), width: 1}, values: moments, space: 90},
      {stroke: colour("quiet"), grid: {stroke: colour("line"), width: 1}, label: unit, labelSize: 20, size: 50},
    ],
    scales: {y: {range: (_, least, most) => [0, Math.max(1, most * 1.1)]}},
    series: [{value: "{YYYY}-{MM}-{DD} {HH}:{mm}"}, ...heads.map((head) => ({
      label: head.textContent, stroke: colour(head.dataset.tone), fill: colour(head.dataset.tone) + "22", width: 2,
      points: {show: false},
    }))],
  });

  const draw = () => {
    for (const [box, plot] of drawn) {
      if (box.isConnected && box.contains(plot.root)) continue;
      plot.destroy();
      drawn.delete(box);
    }
    for (const box of document.querySelectorAll("[data-chart]")) {
      const {heads, data} = read(box.nextElementSibling);
      box.hidden = false;
      const plot = drawn.get(box);
      if (plot) plot.setData(data);
      else drawn.set(box, new uPlot(options(heads, box.dataset.unit, box.clientWidth), data, box));
    }
  };

  document.addEventListener("htmx:after:swap", draw);
  addEventListener("resize", () => {
    for (const [box, plot] of drawn) plot.setSize({width: box.clientWidth, height: HEIGHT});
  });
  draw();
  for (const table of document.querySelectorAll("[data-series]")) table.open = false;
})();
