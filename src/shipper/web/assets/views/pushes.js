/* The last pushes: what Loki answered, and how long it took. */

import { attribute, h, keyed, svg, visible, when } from "../dom.js";
import { badge, chip, tile } from "../parts.js";
import { table } from "../table.js";
import { bytes, clock, count, duration } from "../units.js";

const HEIGHT = 80;
const SLOTS = 100;
const FASTEST = 0.0005; // seconds at the foot of the chart; its scale is logarithmic

/** ok, warn or bad. */
function tone(status) {
  if (/^2\d\d$/.test(status)) return "ok";
  return status === "429" ? "warn" : "bad";
}

/** The value below which `share` of the sorted `values` lie; null for none. */
function quantile(values, share) {
  return values.length ? values[Math.min(values.length - 1, Math.floor(values.length * share))] : null;
}

function bars() {
  const node = svg("svg", {
    class: "bars",
    viewBox: `0 0 ${SLOTS} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": "Durations",
  });
  const bar = () => {
    const path = svg("path");
    const update = ({ push, at, scale }) => {
      const height = Math.max(3, (Math.log(Math.max(push.seconds, FASTEST) / FASTEST) / scale) * HEIGHT);
      attribute(path, "class", tone(push.status));
      attribute(path, "d", `M${at + 0.5},${HEIGHT}v-${height.toFixed(1)}`);
    };
    return { node: path, update };
  };
  const show = (pushes) => {
    const slowest = Math.max(0.01, ...pushes.map((push) => push.seconds));
    const scale = Math.log(slowest / FASTEST);
    const items = pushes.map((push, index) => ({ push, at: SLOTS - 1 - index, scale }));
    keyed(node, items, (_, index) => index, bar);
    attribute(node, "aria-label", `Duration of the last ${pushes.length} pushes, slowest ${duration(slowest)}`);
  };
  return { node, show };
}

const COLUMNS = [
  { title: "At", kind: "number", text: (row, now) => clock(row.at, now, { millis: true }) },
  {
    title: "Status",
    make: (cell) => (row) => when(cell, row.status, (status) => badge(visible(status), tone(status))),
  },
  { title: "Took", kind: "number", text: (row) => duration(row.seconds) },
  { title: "Entries", kind: "number", text: (row) => count(row.entries) },
  { title: "Streams", kind: "number", text: (row) => count(row.streams) },
  { title: "Bytes", kind: "number", text: (row) => bytes(row.bytes) },
  { title: "What Loki said", kind: "path", text: (row) => visible(row.detail) },
];

/** Median, slow and slowest, and how large pushes are. */
function summary() {
  const tiles = {
    median: tile("Median"),
    slow: tile("95 of 100 within"),
    most: tile("Slowest"),
    size: tile("Entries a push"),
  };
  const node = h(
    "div",
    { class: "tiles four" },
    Object.values(tiles).map((part) => part.node),
  );
  const show = (pushes) => {
    const seconds = pushes.map((push) => push.seconds).sort((a, b) => a - b);
    const entries = pushes.map((push) => push.entries).sort((a, b) => a - b);
    tiles.median.show(duration(quantile(seconds, 0.5)));
    tiles.slow.show(duration(quantile(seconds, 0.95)));
    tiles.most.show(duration(seconds.at(-1)));
    tiles.size.show(count(quantile(entries, 0.5)), "median");
  };
  return { node, show };
}

/** The view. */
export function pushes() {
  const numbers = summary();
  const chart = bars();
  const statuses = h("div", { class: "chips" });
  const recent = table("Recent pushes", COLUMNS, (_, index) => index, "Nothing was pushed since the agent started.");
  const legend = ["older", "height: logarithm of the duration", "now"].map((words) => h("span", {}, words));
  const node = h(
    "div",
    { class: "stack" },
    numbers.node,
    h(
      "section",
      { class: "card" },
      h("div", { class: "bar" }, h("h2", {}, "Duration of the last 100 pushes"), statuses),
      chart.node,
      h("p", { class: "muted small bar" }, legend),
    ),
    h("section", { class: "card" }, h("h2", {}, "Recent pushes"), recent.node),
  );
  const update = async (status, get) => {
    const said = await get("/api/v1/pushes");
    const list = said.pushes.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
    numbers.show(list);
    chart.show(list);
    recent.show(list, status.now);
    when(statuses, said.by_status, (sums) =>
      Object.entries(sums).map(([name, times]) => chip(name, count(times), { tone: tone(name) })),
    );
  };
  return { title: "Pushes", node, update };
}
