/* The files or containers of a source, a page at a time, those that the filter leaves. */

import { attribute, h, text, visible, when } from "../dom.js";
import { agoCell, badge, chipCell } from "../parts.js";
import { table } from "../table.js";
import { bytes, count } from "../units.js";

export const PAGE = 50;
const TONES = { tailing: "ok", running: "ok", rotated: "warn", deleted: "warn", missing: "warn", failing: "bad" };

function pathCell(cell) {
  const path = cell.appendChild(h("code", { class: "wrap" }));
  const detail = cell.appendChild(h("span", { class: "muted small block" }));
  return (row) => {
    text(path, visible(row.path));
    text(detail, visible(row.detail));
  };
}

function stateCell(cell) {
  return (row) => when(cell, row.state, (state) => badge(visible(state), TONES[state] ?? ""));
}

/** How much of a file is read, as a bar; containers have no size. */
function offsetCell(cell) {
  const words = cell.appendChild(h("span"));
  const bar = cell.appendChild(h("progress", { class: "thin", max: 1, "aria-label": "read" }));
  return (row) => {
    text(words, bytes(row.offset));
    attribute(
      cell,
      "title",
      row.offset === null ? null : `${count(row.offset)} bytes read, ${count(row.settled)} settled`,
    );
    bar.hidden = !(row.size > 0);
    bar.value = row.size > 0 ? Math.min(1, row.offset / row.size) : 0;
  };
}

const COLUMNS = [
  { title: "Path", kind: "path", make: pathCell },
  { title: "State", make: stateCell },
  { title: "Size", kind: "number", text: (row) => bytes(row.size) },
  { title: "Offset", kind: "number", make: offsetCell },
  { title: "Lag", kind: "number", text: (row) => bytes(row.lag_bytes) },
  { title: "Last line", kind: "number", make: agoCell((row) => row.last_line_at) },
  { title: "Labels", make: chipCell((row) => row.labels) },
];
const NOTHING = "Nothing found. `shipper --dry-run` names globs that match nothing, and the nearest names that exist.";

/** {node, enter({contains, offset}), show(said, now)}; `ask(params)` is called for another page. */
export function unitList(ask) {
  let offset = 0;
  const turn = (first) => ask({ contains: filter.value, offset: first > 0 ? String(first) : "" });
  const title = h("h2");
  const filter = h("input", {
    type: "search",
    placeholder: "filter by path or name",
    "aria-label": "Filter by path or name",
    input: () => turn(0),
  });
  const back = h("button", { type: "button", click: () => turn(offset - PAGE) }, "← Previous");
  const forth = h("button", { type: "button", click: () => turn(offset + PAGE) }, "Next →");
  const range = h("span", { class: "muted" });
  const found = table("Files or containers", COLUMNS, (row, index) => `${row.path} ${index}`, NOTHING);
  const node = h(
    "section",
    { class: "card" },
    h("div", { class: "bar" }, title, filter),
    found.node,
    h("p", { class: "bar pager" }, back, range, forth),
  );
  const enter = (params) => {
    if (filter.value !== (params.contains ?? "")) filter.value = params.contains ?? "";
  };
  const show = (said, now) => {
    offset = said.offset;
    text(title, said.unit === "container" ? "Containers" : "Files");
    found.show(said.units, now);
    text(range, said.found ? `${count(offset + 1)}–${count(offset + said.shown)} of ${count(said.found)}` : "");
    back.disabled = offset === 0;
    forth.disabled = offset + said.shown >= said.found;
  };
  return { node, enter, show };
}
