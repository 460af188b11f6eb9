/* Tables whose rows are updated in place, and which become cards on narrow screens.
 *
 * Rule 1: a column is {title, text(row, now)} for plain text, or {title, make(cell)} that returns update(row, now);
 *         `kind` is a class for its cells ("number", "path", "minor"), `now` the agent's clock.
 * Rule 2: the rows of one table are keyed; a row keeps its nodes while its key is there.
 */

import { h, keyed, text } from "./dom.js";

/** {node, show(rows, now)}; `empty` is said when there is none. */
export function table(caption, columns, key, empty) {
  const head = h(
    "tr",
    {},
    columns.map((column) => h("th", { scope: "col", class: column.kind }, column.title)),
  );
  const body = h("tbody");
  const nothing = h("p", { class: "empty", hidden: true }, empty);
  const sheet = h("table", {}, h("caption", { class: "silent" }, caption), h("thead", {}, head), body);
  const node = h("div", { class: "sheet" }, sheet, nothing);

  const show = (rows, now = null) => {
    keyed(body, rows, key, () => row(columns), now);
    nothing.hidden = rows.length > 0;
    sheet.hidden = rows.length === 0;
  };
  return { node, show };
}

function row(columns) {
  const cells = columns.map((column) => {
    const cell = h("td", { class: column.kind, "data-title": column.title });
    const update = column.make ? column.make(cell) : (item, now) => text(cell, column.text(item, now));
    return { cell, update };
  });
  const node = h(
    "tr",
    {},
    cells.map(({ cell }) => cell),
  );
  return { node, update: (item, now) => cells.forEach(({ update }) => update(item, now)) };
}
