/* What is wrong now, each with the cure and since when; and what was wrong and ended. */

import { h, visible, when } from "../dom.js";
import { failureCards, sourceLink } from "../parts.js";
import { table } from "../table.js";
import { clock, duration } from "../units.js";

const ENDED = [
  { title: "Failure", text: (row) => row.name },
  { title: "Source", make: (cell) => (row) => when(cell, row.source, (name) => (name ? sourceLink(name) : "–")) },
  { title: "Since", kind: "number", text: (row, now) => clock(row.since, now) },
  { title: "Lasted", kind: "number", text: (row) => duration(row.lasted_seconds) },
  { title: "What it was", kind: "path", text: (row) => visible(row.detail) },
];

/** The view. */
export function failures() {
  const current = failureCards();
  const fine = h("p", { class: "empty" }, "No failures now.");
  const key = (row) => `${row.name}\n${row.source}\n${row.since}\n${row.detail}`;
  const ended = table("Failures that ended", ENDED, key, "None has ended since the agent started.");
  const node = h(
    "div",
    { class: "stack" },
    h("section", { class: "card" }, h("h2", {}, "Failures now"), current.node, fine),
    h("section", { class: "card" }, h("h2", {}, "Ended"), ended.node),
  );
  const update = async (status, get) => {
    const said = await get("/api/v1/failures");
    current.show(said.failures, status.now);
    fine.hidden = said.failures.length > 0;
    ended.show(
      said.ended.toSorted((a, b) => Date.parse(b.since) - Date.parse(a.since)),
      status.now,
    );
  };
  return { title: "Failures", node, update, badge: toLookAt };
}

function toLookAt({ failures: list }) {
  return [list.length, list.every((failure) => failure.notice) ? "warn" : "bad"];
}
