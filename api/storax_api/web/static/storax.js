// What a page does beside htmx: says when the stream is broken, renews ages, keeps a page still under the reader's
// hands, and follows the end of an output. Every page works without it.
"use strict";
(() => {
  const note = (text, link) => {
    const line = document.getElementById("live-note");
    if (!line) return;
    line.hidden = !text;
    line.textContent = text;
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.textContent = "Sign in";
      line.append(" ", anchor);
    }
  };
  const signIn = () => document.querySelector("a.brand").href + "login?ended=1&next=" +
    encodeURIComponent(document.body.dataset.here || "");

  document.addEventListener("htmx:sse:after:connection", () => note(""));
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) note("Your session has ended; this page does not change any more.", signIn());
    else note("The connection to the server is broken; trying again…");
  });
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx?.response?.status === 401) note("Your session has ended; this page does not change any more.", signIn());
  });

  // A page on which something is chosen does not change under the hand.
  const content = () => document.getElementById("content");
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (source && source === content() && source.querySelector("input[type=checkbox]:checked")) event.preventDefault();
  });
  // The answer to a failed renewal is not put in place of the content, which is old but right.
  document.addEventListener("htmx:before:swap", (event) => {
    const {sourceElement, response} = event.detail.ctx || {};
    if (sourceElement && sourceElement === content() && response?.status >= 400) event.preventDefault();
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    for (const box of event.target.closest("table").querySelectorAll("tbody input[type=checkbox]"))
      box.checked = event.target.checked;
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.account[open]"))
      if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.account[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const age = (moment) => {
    const seconds = (Date.now() - Date.parse(moment)) / 1000;
    if (Math.abs(seconds) < 1) return "now";
    const [size, unit] = units.find(([size]) => Math.abs(seconds) >= size);
    const count = Math.floor(Math.abs(seconds) / size);
    return seconds > 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
  };
  setInterval(() => {
    for (const element of document.querySelectorAll("[data-age]")) element.textContent = age(element.dateTime);
    for (const element of document.querySelectorAll("[data-age-of]")) element.textContent = age(element.dataset.ageOf);
  }, 10000);

  // An output that is scrolled to its end stays there.
  const atEnd = new WeakMap();
  document.addEventListener("htmx:before:swap", () => {
    for (const box of document.querySelectorAll(".output"))
      atEnd.set(box, box.scrollHeight - box.scrollTop - box.clientHeight < 40);
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const box of document.querySelectorAll(".output")) if (atEnd.get(box)) box.scrollTop = box.scrollHeight;
  });
  for (const box of document.querySelectorAll(".output")) box.scrollTop = box.scrollHeight;
})();
