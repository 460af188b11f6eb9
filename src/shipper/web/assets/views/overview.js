/* The overview: throughput and lag live, the balance of the books, what is wrong, and all sources. */

import { h } from "../dom.js";
import { books, failureCards, tile } from "../parts.js";
import { sourceTable } from "./sources.js";
import { spark } from "../spark.js";
import { bytes, count, duration, plural, short } from "../units.js";

const LATELY = 3; // samples: a single one jumps

function mean(values) {
  const last = values.slice(-LATELY);
  return last.length ? last.reduce((sum, value) => sum + value, 0) / last.length : null;
}

const perSecond = (format) => (value) => `${format(value)}/s`;

/** The view. */
export function overview() {
  const lines = spark("Lines read and delivered per second", perSecond(short));
  const size = spark("Bytes read per second", perSecond(bytes));
  const lag = spark("Bytes not settled yet", bytes);
  const tiles = {
    lines: tile("Lines per second", lines, "delivered"),
    bytes: tile("Bytes per second", size),
    lag: tile("Lag: bytes not settled yet", lag),
    oldest: tile("Oldest unsettled line"),
    flight: tile("In flight"),
    streams: tile("Streams"),
  };
  const equation = books();
  const failures = failureCards();
  const fine = h("p", { class: "empty" }, "No failures.");
  const sources = sourceTable();
  const node = h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "tiles" },
      Object.values(tiles).map((part) => part.node),
    ),
    h("section", { class: "card" }, h("h2", {}, "Books ", equation.verdict), equation.node),
    h("section", { class: "card" }, h("h2", {}, "Sources"), sources.node),
    h("section", { class: "card" }, h("h2", {}, "Failures now"), failures.node, fine),
  );

  const update = (status) => {
    const { rates, loki } = status;
    lines.show(rates.lines, rates.every, rates.delivered);
    size.show(rates.bytes, rates.every);
    lag.show(rates.lag_bytes, rates.every);
    tiles.lines.show(short(mean(rates.lines)));
    tiles.bytes.show(bytes(mean(rates.bytes)));
    tiles.lag.show(bytes(status.lag_bytes));
    tiles.oldest.show(duration(status.oldest_unsettled_seconds), "read, not settled");
    tiles.flight.show(count(status.books.in_flight), "lines");
    tiles.streams.show(
      count(status.streams),
      loki.version ? `Loki ${loki.version}` : plural(status.sources.length, "source"),
    );
    equation.show(status.books);
    sources.show(status);
    failures.show(status.failures, status.now);
    fine.hidden = status.failures.length > 0;
  };
  return { title: "Overview", node, update };
}
