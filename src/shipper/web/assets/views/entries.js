/* The rows of the live tail.
 *
 * Rule 1: at most `ROWS` rows and as many waiting ones are held, however fast lines come and however long it is paused.
 * Rule 2: rows are drawn once per frame, all that came since the last one together.
 */

import { attribute, h, logText, text, visible } from "../dom.js";
import { chips, tryIt } from "../parts.js";
import { clock, count } from "../units.js";

const ROWS = 500;
const NEAR = 40; // pixels from the end at which the newest row is followed

/** {node, sum, add(entry), skip(entries), pause(yes), clear()}; `sum` says how many passed. */
export function entryList() {
  let paused = false;
  let waiting = [];
  let drawing = false;
  let passed = 0;
  const sum = h("span", { class: "muted small" });
  const rows = h("ol", { class: "entries" });
  const pane = h("div", { class: "pane", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Entries" }, rows);
  const empty = h("p", { class: "empty" }, "Waiting for entries …");
  pane.addEventListener("keydown", (event) => walk(event, pane));

  const draw = () => {
    drawing = false;
    text(sum, `${count(passed)} passed, the last ${ROWS} are shown${paused ? `, ${count(waiting.length)} wait` : ""}`);
    if (paused) return;
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
    rows.append(...waiting.map((make) => make()));
    waiting = [];
    while (rows.children.length > ROWS) rows.firstElementChild.remove();
    empty.hidden = rows.children.length > 0;
    if (atEnd) pane.scrollTop = pane.scrollHeight;
  };
  const wait = (make, entries) => {
    passed += entries;
    waiting.push(make);
    if (waiting.length > ROWS) waiting = waiting.slice(-ROWS);
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  };
  return {
    node: h("div", {}, pane, empty),
    sum,
    add: (entry) => wait(() => entryRow(entry), 1),
    skip: (entries) => wait(() => skippedRow(entries), entries),
    pause: (yes) => {
      paused = yes;
      draw();
    },
    clear: () => {
      waiting = [];
      passed = 0;
      rows.replaceChildren();
      draw();
    },
  };
}

/** One row: time, source and text; opened it shows labels and metadata too. */
function entryRow(entry) {
  const level = entry.labels.level ?? "";
  const more = h("div", { class: "more", hidden: true });
  const open = h(
    "button",
    { type: "button", class: "open", tabindex: -1, "aria-expanded": "false" },
    clock(entry.at, entry.at, { millis: true }),
  );
  open.addEventListener("click", () => {
    if (!more.firstChild) more.append(...details(entry));
    more.hidden = !more.hidden;
    attribute(open, "aria-expanded", String(!more.hidden));
  });
  return h(
    "li",
    { class: "entry", "data-level": level },
    open,
    h("span", { class: "from" }, visible(entry.source)),
    h("span", { class: "text" }, logText(entry.text)),
    more,
  );
}

function details(entry) {
  return [
    h("div", { class: "chips" }, chips(entry.labels)),
    Object.keys(entry.metadata).length
      ? h("div", { class: "chips metadata" }, h("span", { class: "muted" }, "metadata"), chips(entry.metadata))
      : "",
    tryIt(entry.source, entry.text),
  ];
}

function skippedRow(entries) {
  return h(
    "li",
    { class: "skipped" },
    `${count(entries)} entries more, too fast to show: filter, or read them in Grafana`,
  );
}

/** Up, down, home and end walk from row to row; Enter opens one, as it presses any button. */
function walk(event, pane) {
  const buttons = [...pane.querySelectorAll(".open")];
  const at = buttons.indexOf(document.activeElement);
  const last = buttons.length - 1;
  const target = { ArrowUp: at < 0 ? last : at - 1, ArrowDown: at < 0 ? last : at + 1, Home: 0, End: last }[event.key];
  if (target === undefined || !buttons[target]) return;
  event.preventDefault();
  buttons[target].focus();
}
