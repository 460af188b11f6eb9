/* The table of all sources; each row leads to the page of its source. */

import { attribute, h, text, visible, when } from "../dom.js";
import { agoCell, badge, sourceLink } from "../parts.js";
import { source } from "./source.js";
import { table } from "../table.js";
import { bytes, count, duration, plural, short } from "../units.js";

const COLUMNS = [
  { title: "Source", make: nameCell },
  { title: "State", make: stateCell },
  { title: "Reads", kind: "minor", text: (row) => plural(row.units, row.unit) },
  { title: "Lines/s", kind: "number", text: (row) => short(row.lines_per_second) },
  { title: "Read", kind: "number minor", text: (row) => count(row.lines_read) },
  { title: "Delivered", kind: "number", text: (row) => count(row.delivered) },
  { title: "Lag", kind: "number", text: (row) => bytes(row.lag_bytes) },
  { title: "Oldest", kind: "number", text: (row) => duration(row.oldest_unsettled_seconds) },
  { title: "In flight", kind: "number minor", text: (row) => count(row.in_flight) },
  { title: "Last line", kind: "number", make: agoCell((row) => row.last_line_at) },
];

/** The table: {node, show(status)}. */
export function sourceTable() {
  const sheet = table("Sources", COLUMNS, (row) => row.name, "No source is configured.");
  sheet.node.classList.add("leads");
  sheet.node.addEventListener("click", follow);
  const show = (status) => {
    const rows = status.sources.map((row) => ({ ...row, states: states(row, status) }));
    sheet.show(rows, status.now);
  };
  return { node: sheet.node, show };
}

/** A click anywhere in a row follows its link, unless text is being selected. */
function follow(event) {
  if (event.target.closest("a") || String(getSelection())) return;
  event.target.closest("tbody tr")?.querySelector("a").click();
}

function nameCell(cell) {
  const name = cell.appendChild(h("span"));
  const kind = cell.appendChild(h("span", { class: "muted small" }));
  return (row) => {
    when(name, row.name, sourceLink);
    text(kind, ` ${row.type}, ${row.pipeline}`);
  };
}

/** What is wrong with a source as [words, tone]: its failures, and that lines of it wait while nothing gets through. */
function states(row, status) {
  const notices = new Set(status.failures.filter((failure) => failure.notice).map((failure) => failure.name));
  const held = row.in_flight > 0 && status.not_ready.some((failure) => failure.source === "");
  const found = row.failures.map((name) => [name, notices.has(name) ? "warn" : "bad"]);
  if (held) found.push(["held back", "bad"]);
  return found.length ? found : [["fine", "ok"]];
}

function stateCell(cell) {
  return (row) => when(cell, row.states, (list) => list.map(([words, tone]) => badge(visible(words), tone)));
}

/** The view: all sources, or the one that the hash names. */
export function sources() {
  const all = sourceTable();
  const list = h("section", { class: "card" }, h("h2", {}, "Sources"), all.node);
  const one = source();
  const node = h("div", { class: "stack" }, list, one.node);
  let route = { argument: "" };

  const enter = (next) => {
    route = next;
    list.hidden = route.argument !== "";
    one.node.hidden = route.argument === "";
    if (route.argument) one.enter(route);
    attribute(node, "data-source", route.argument);
  };
  const update = async (status, get) => {
    all.show(status);
    if (route.argument) await one.update(status, get);
  };
  return { title: "Sources", node, enter, update };
}
