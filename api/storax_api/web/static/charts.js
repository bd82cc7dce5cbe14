// Draws curves with uPlot from the tables beside them. Without this script the tables are open.
"use strict";
(() => {
  const HEIGHT = 220;
  const drawn = new Map();
  const latest = new WeakMap();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const read = (table) => {
    const heads = [...table.querySelectorAll("th[data-tone]")];
    const rows = [...table.querySelectorAll("tbody tr")];
    const values = heads.map((_, place) => rows.map((row) => Number(row.querySelectorAll("[data-value]")[place].dataset.value)));
    return {heads, values, times: rows.map((row) => Number(row.querySelector("[data-time]").dataset.time))};
  };
  // Stacked: each series stands on those before it. The highest is drawn first, the others over it.
  const sums = (values) => values.map((_, place) => values[place].map((_, n) => {
    let sum = 0;
    for (let below = 0; below <= place; below += 1) sum += values[below][n];
    return sum;
  }));
  const placed = ({heads, values, times}, stacked) => stacked
    ? {heads: heads.toReversed(), values: values.toReversed(), data: [times, ...sums(values).toReversed()]}
    : {heads, values, data: [times, ...values]};
  const moments = (plot, seconds) => {
    const length = plot.scales.x.max - plot.scales.x.min;
    const [start, end] = length < 600 ? [11, 19] : [length < 2 * 86400 ? 11 : 5, 16];
    return seconds.map((second) => new Date(second * 1e3).toISOString().slice(start, end).replace("T", " "));
  };
  const options = (heads, shown, unit, width, stacked) => ({
    width, height: HEIGHT, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    axes: [
      {stroke: colour("quiet"), grid: {stroke: colour("line"), width: 1}, values: moments, space: 90},
      {stroke: colour("quiet"), grid: {stroke: colour("line"), width: 1}, label: unit, labelSize: 20, size: 50},
    ],
    scales: {y: {range: (_, least, most) => [0, Math.max(1, most * 1.1)]}},
    series: [{value: "{YYYY}-{MM}-{DD} {HH}:{mm}"}, ...heads.map((head) => ({
      label: head.textContent, stroke: colour(head.dataset.tone), width: stacked ? 1 : 2,
      fill: stacked ? colour(head.dataset.tone) : colour(head.dataset.tone) + "22", points: {show: false},
      value: (plot, _, series, place) => shown(series - 1, place),
    }))],
  });

  const draw = () => {
    for (const [box, plot] of drawn) {
      if (box.isConnected && box.contains(plot.root)) continue;
      plot.destroy();
      drawn.delete(box);
    }
    for (const box of document.querySelectorAll("[data-chart]")) {
      const stacked = "stacked" in box.dataset;
      const {heads, values, data} = placed(read(box.nextElementSibling), stacked);
      box.hidden = false;
      latest.set(box, values);
      const shown = (series, place) => place == null ? "–" : latest.get(box)[series][place];
      const plot = drawn.get(box);
      if (plot) plot.setData(data);
      else drawn.set(box, new uPlot(options(heads, shown, box.dataset.unit, box.clientWidth, stacked), data, box));
    }
  };

  document.addEventListener("htmx:after:swap", draw);
  addEventListener("resize", () => {
    for (const [box, plot] of drawn) plot.setSize({width: box.clientWidth, height: HEIGHT});
  });
  draw();
  for (const table of document.querySelectorAll("[data-series]")) table.open = false;
})();
