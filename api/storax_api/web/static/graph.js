// Draws the graph whose nodes are the rows of the page's table. Without this script the table is the graph.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 190, HEIGHT = 44, GAP = 24, LETTERS = 22;
  let kept = {key: "", places: null};  // where the nodes of the last layout are
  let view = null;                     // what part of it is seen: {x, y, width, height}

  const make = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const short = (text) => {
    const letters = [...text];
    return letters.length > LETTERS ? letters.slice(0, LETTERS - 1).join("") + "…" : text;
  };
  const read = () => [...document.querySelectorAll("[data-node]")].map((row) => ({
    ...row.dataset, href: row.querySelector("a").getAttribute("href"),
    parents: row.dataset.parents ? row.dataset.parents.split(" ") : [],
  }));

  // Nodes with edges are laid out by dagre; the others stand below in rows.
  const layout = (nodes, across) => {
    const graph = new dagre.graphlib.Graph().setGraph({rankdir: across ? "LR" : "TB", nodesep: 14, ranksep: 46});
    graph.setDefaultEdgeLabel(() => ({}));
    const joined = new Set(nodes.flatMap((node) => node.parents.flatMap((parent) => [parent, node.node])));
    for (const {node} of nodes) if (joined.has(node)) graph.setNode(node, {width: WIDTH, height: HEIGHT});
    for (const {node, parents} of nodes)
      for (const parent of parents) if (parent !== node) graph.setEdge(parent, node);
    dagre.layout(graph);
    const places = {nodes: {}, edges: graph.edges().map((edge) => graph.edge(edge).points), width: 0, height: 0};
    for (const name of graph.nodes()) {
      const {x, y} = graph.node(name);
      places.nodes[name] = {x: x - WIDTH / 2, y: y - HEIGHT / 2};
      places.width = Math.max(places.width, x + WIDTH / 2);
      places.height = Math.max(places.height, y + HEIGHT / 2);
    }
    const alone = nodes.filter(({node}) => !joined.has(node));
    const columns = Math.max(across ? 5 : 2, Math.floor((places.width + GAP) / (WIDTH + GAP)), Math.ceil(Math.sqrt(alone.length / 3)));
    const top = places.height ? places.height + 2 * GAP : 0;
    alone.forEach(({node}, index) => {
      const x = (index % columns) * (WIDTH + GAP), y = top + Math.floor(index / columns) * (HEIGHT + GAP);
      places.nodes[node] = {x, y};
      places.width = Math.max(places.width, x + WIDTH);
      places.height = Math.max(places.height, y + HEIGHT);
    });
    return places;
  };

  const picture = (nodes, places) => {
    const tip = make("marker", {id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"},
      make("path", {d: "M0 0 8 4 0 8Z", class: "tip"}));
    const lines = places.edges.map((points) =>
      make("path", {class: "edge", "marker-end": "url(#tip)", d: "M" + points.map(({x, y}) => `${x} ${y}`).join("L")}));
    const boxes = nodes.map(({node, tone, title, line, href, here}) => {
      const {x, y} = places.nodes[node];
      const first = make("text", {x: x + 10, y: y + 18, class: "first"}, short(title));
      const second = make("text", {x: x + 10, y: y + 35}, short(line));
      const box = make("rect", {x, y, width: WIDTH, height: HEIGHT, rx: 6, class: `box-${tone}${here === "true" ? " here" : ""}`});
      return make("a", {href, class: `node-${tone}`}, make("title", {}, `${title}\n${line}`), box, first, second);
    });
    return make("svg", {role: "group", "aria-label": "Graph of the jobs; the table below says the same"},
      make("defs", {}, tip), ...lines, ...boxes);
  };

  const look = () => {
    const svg = document.querySelector("[data-view] svg");
    if (svg) svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  };
  // How much smaller a layout has to be drawn to fit: the better of two layouts is the one that stays larger.
  const scale = (places) => {
    const box = document.querySelector("[data-view]").getBoundingClientRect();
    return Math.max(1, (places.width + 2 * GAP) / box.width, (places.height + 2 * GAP) / box.height);
  };
  const fit = () => {
    const box = document.querySelector("[data-view]").getBoundingClientRect(), size = scale(kept.places);
    view = {width: box.width * size, height: box.height * size};
    view.x = (kept.places.width - view.width) / 2;
    view.y = (kept.places.height - view.height) / 2;
    look();
  };
  const zoom = (factor) => {
    const width = Math.min(60000, Math.max(150, view.width * factor)), height = width * view.height / view.width;
    view = {x: view.x + (view.width - width) / 2, y: view.y + (view.height - height) / 2, width, height};
    look();
  };

  const draw = () => {
    const frame = document.querySelector("[data-graph]");
    const nodes = read();
    if (!frame || !nodes.length) return;
    frame.hidden = false;
    const key = JSON.stringify(nodes.map(({node, parents}) => [node, parents]));
    const changed = key !== kept.key;
    if (changed) kept = {key, places: [true, false].map((across) => layout(nodes, across)).sort((a, b) => scale(a) - scale(b))[0]};
    frame.querySelector("[data-view]").replaceChildren(picture(nodes, kept.places));
    if (changed || !view) fit();
    else look();
  };

  document.addEventListener("click", (event) => {
    const kind = event.target.closest?.("[data-zoom]")?.dataset.zoom;
    if (kind === "fit") fit();
    else if (kind) zoom(kind === "in" ? 1 / 1.4 : 1.4);
  });
  document.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest?.("[data-view]")) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15);
  }, {passive: false});
  let held = null;
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.("[data-view]") && !event.target.closest("a")) held = {x: event.clientX, y: event.clientY};
  });
  document.addEventListener("pointermove", (event) => {
    if (!held) return;
    const size = view.width / document.querySelector("[data-view]").clientWidth;
    view = {...view, x: view.x - (event.clientX - held.x) * size, y: view.y - (event.clientY - held.y) * size};
    held = {x: event.clientX, y: event.clientY};
    look();
  });
  document.addEventListener("pointerup", () => { held = null; });
  document.addEventListener("htmx:after:swap", draw);
  const table = document.querySelector("[data-table]");
  if (table) table.open = false;
  draw();
})();
