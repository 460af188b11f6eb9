/* What is wrong now, each with the cure and since when; and what was wrong and ended. */

import { h, visible } from "../dom.js";
import { failureCards, sourceLink } from "../parts.js";
import { table } from "../table.js";
import { clock, duration } from "../units.js";

/** The view. */
export function failures() {
  let now = null;
  const current = failureCards();
  const fine = h("p", { class: "empty" }, "No failures now.");
  const ended = table(
    "Failures that ended",
    [
      { title: "Failure", text: (row) => row.name },
      { title: "Source", make: (cell) => (row) => cell.replaceChildren(row.source ? sourceLink(row.source) : "–") },
      { title: "Since", kind: "number", text: (row) => clock(row.since, now) },
      { title: "Lasted", kind: "number", text: (row) => duration(row.lasted_seconds) },
      { title: "What it was", kind: "path", text: (row) => visible(row.detail) },
    ],
    (row) => `${row.name}\n${row.source}\n${row.since}\n${row.detail}`,
    "None has ended since the agent started.",
  );
  const node = h(
    "div",
    { class: "stack" },
    h("section", { class: "card" }, h("h2", {}, "Failures now"), current.node, fine),
    h("section", { class: "card" }, h("h2", {}, "Ended"), ended.node),
  );
  const update = async (status, get) => {
    const said = await get("/api/v1/failures");
    now = status.now;
    current.show(said.failures, now);
    fine.hidden = said.failures.length > 0;
    ended.show(said.ended.toSorted((a, b) => Date.parse(b.since) - Date.parse(a.since)));
  };
  return { title: "Failures", node, update, badge: toLookAt };
}

function toLookAt({ failures: list }) {
  return [list.length, list.every((failure) => failure.notice) ? "warn" : "bad"];
}
