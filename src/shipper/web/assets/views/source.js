/* One source: its numbers and books, its failures, its files or containers, and its streams. */

import { h, text, visible, when } from "../dom.js";
import { agoCell, books, chip, chipCell, chips, failureCards, notice, tile } from "../parts.js";
import { format, replace } from "../route.js";
import { table } from "../table.js";
import { ago, bytes, count, duration, short } from "../units.js";
import { PAGE, unitList } from "./units.js";

const STREAMS = [
  { title: "Labels", make: chipCell((row) => row.labels) },
  { title: "Entries", kind: "number", text: (row) => count(row.entries) },
  { title: "Last entry", kind: "number", make: agoCell((row) => row.last_at) },
];

/** The part of the sources view that shows one; {node, enter(route), update(status, get)}. */
export function source() {
  let route = { argument: "", params: {}, nudge: () => {} };
  const head = title();
  const wrong = notice();
  const units = unitList((params) => {
    route = { ...route, params };
    replace("sources", route.argument, params);
    route.nudge();
  });
  const parts = [numbers(), account(), failuresOf(), units, streamList()];
  const content = h(
    "div",
    { class: "stack", hidden: true },
    parts.map((part) => part.node),
  );
  const node = h("div", { class: "stack", hidden: true }, head.node, wrong.node, content);

  const enter = (next) => {
    if (next.argument !== route.argument) content.hidden = true;
    route = next;
    head.enter(route.argument);
    units.enter(route.params);
  };

  const update = async (status, get) => {
    const asked = route;
    const { contains = "", offset = "0" } = asked.params;
    const query = new URLSearchParams({ offset, limit: PAGE, contains });
    let said = null;
    try {
      said = await get(`/api/v1/sources/${encodeURIComponent(asked.argument)}?${query}`);
    } catch (error) {
      if (error.status === undefined) throw error;
      wrong.show(error);
      content.hidden = true;
      return;
    }
    if (asked !== route) return; // another page was asked for meanwhile
    wrong.show(null);
    for (const part of [head, ...parts]) part.show(said, status.now, status);
    content.hidden = false;
  };
  return { node, enter, update };
}

/** Its name, what it is, and what it counts beside the books. */
function title() {
  const name = h("h2");
  const about = h("div", { class: "chips" });
  const counted = h("div", { class: "chips counted" });
  const links = h("p", { class: "links" });
  const node = h(
    "section",
    { class: "card" },
    h("p", { class: "muted" }, h("a", { href: format("sources") }, "All sources")),
    h("div", { class: "bar" }, name, links),
    about,
    counted,
  );
  const enter = (of) => {
    text(name, visible(of));
    when(links, of, () => [
      h("a", { class: "button", href: format("tail", "", { source: of }) }, "Live tail"),
      h("a", { class: "button", href: format("playground", "", { source: of }) }, "Try a line"),
    ]);
  };
  const show = ({ type, pipeline, multiline, labels, ...said }) => {
    const facts = { type, pipeline, ...(multiline && { multiline }) };
    when(about, [facts, labels], (both) => both.flatMap(chips));
    when(counted, [said.fallbacks, said.truncated_unread_bytes, said.replay_missing_bytes], () => countedChips(said));
  };
  return { node, enter, show };
}

function numbers() {
  const tiles = {
    rate: tile("Lines per second"),
    lag: tile("Lag"),
    oldest: tile("Oldest unsettled line"),
    last: tile("Last line"),
  };
  const node = h(
    "div",
    { class: "tiles four" },
    Object.values(tiles).map((part) => part.node),
  );
  const show = (said, now) => {
    tiles.rate.show(short(said.lines_per_second));
    tiles.lag.show(bytes(said.lag_bytes));
    tiles.oldest.show(duration(said.oldest_unsettled_seconds));
    tiles.last.show(ago(said.last_line_at, now));
  };
  return { node, show };
}

function account() {
  const equation = books();
  const node = h("section", { class: "card" }, h("h2", {}, "Books ", equation.verdict), equation.node);
  return { node, show: (said) => equation.show(ofSource(said)) };
}

function failuresOf() {
  const cards = failureCards();
  const show = (said, now, status) => {
    const own = status.failures.filter((failure) => failure.source === said.name);
    cards.show(own, now);
  };
  return { node: cards.node, show };
}

function streamList() {
  const name = h("h2");
  const streams = table("Streams", STREAMS, (row) => JSON.stringify(row.labels), "No streams yet.");
  const node = h("section", { class: "card" }, name, streams.node);
  const show = ({ stream_list: list, streams_found: found }, now) => {
    text(name, found > list.length ? `Streams, ${list.length} of ${count(found)}` : "Streams");
    streams.show(list, now);
  };
  return { node, show };
}

/** What was counted beside the books: lines that a stage passed on untouched, bytes that were lost before or after. */
function countedChips(said) {
  const lost = { truncated_unread: said.truncated_unread_bytes, replay_missing: said.replay_missing_bytes };
  return [
    ...Object.entries(said.fallbacks ?? {}).map(([reason, lines]) => chip(reason, count(lines), { tone: "warn" })),
    ...Object.entries(lost)
      .filter(([, size]) => size)
      .map(([reason, size]) => chip(reason, bytes(size), { tone: "bad" })),
  ];
}

/** The books of one source; whether they balance can be seen from the numbers. */
function ofSource(said) {
  const settled = said.delivered + said.dropped + said.dead_lettered + said.in_flight;
  return { ...said, read: said.lines_read, balanced: settled === said.lines_read };
}
