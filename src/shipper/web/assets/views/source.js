/* One source: its numbers and books, its failures, its files or containers, and its streams. */

import { attribute, h, text, visible, when } from "../dom.js";
import { agoCell, badge, books, chip, chipCell, chips, failureCards, notice, tile } from "../parts.js";
import { format, replace } from "../route.js";
import { table } from "../table.js";
import { ago, bytes, count, duration, short } from "../units.js";

const PAGE = 50;
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

/** The part of the sources view that shows one; {node, enter(route), update(status, get)}. */
export function source() {
  let route = { argument: "", params: {} };
  let now = null;
  let nudge = () => {};

  const name = h("h2");
  const about = h("div", { class: "chips" });
  const counted = h("div", { class: "chips counted" });
  const links = h("p", { class: "links" });
  const wrong = notice();
  const tiles = {
    rate: tile("Lines per second"),
    lag: tile("Lag"),
    oldest: tile("Oldest unsettled line"),
    last: tile("Last line"),
  };
  const equation = books();
  const failures = failureCards();
  const units = h("h2");
  const filter = h("input", {
    type: "search",
    placeholder: "filter by path or name",
    "aria-label": "Filter by path or name",
    input: () => page(0),
  });
  const back = h("button", { type: "button", click: () => page(offset() - PAGE) }, "← Previous");
  const forth = h("button", { type: "button", click: () => page(offset() + PAGE) }, "Next →");
  const range = h("span", { class: "muted" });
  const found = table(
    "Files or containers",
    [
      { title: "Path", kind: "path", make: pathCell },
      { title: "State", make: stateCell },
      { title: "Size", kind: "number", text: (row) => bytes(row.size) },
      { title: "Offset", kind: "number", make: offsetCell },
      { title: "Lag", kind: "number", text: (row) => bytes(row.lag_bytes) },
      {
        title: "Last line",
        kind: "number",
        make: agoCell(
          (row) => row.last_line_at,
          () => now,
        ),
      },
      { title: "Labels", make: chipCell((row) => row.labels) },
    ],
    (row, index) => `${row.path} ${index}`,
    "Nothing found. `shipper --dry-run` names globs that match nothing, and the nearest names that exist.",
  );
  const streams = table(
    "Streams",
    [
      { title: "Labels", make: chipCell((row) => row.labels) },
      { title: "Entries", kind: "number", text: (row) => count(row.entries) },
      {
        title: "Last entry",
        kind: "number",
        make: agoCell(
          (row) => row.last_at,
          () => now,
        ),
      },
    ],
    (row) => JSON.stringify(row.labels),
    "No streams yet.",
  );
  const streamsTitle = h("h2");
  const content = h(
    "div",
    { class: "stack", hidden: true },
    h(
      "div",
      { class: "tiles four" },
      Object.values(tiles).map((part) => part.node),
    ),
    h("section", { class: "card" }, h("h2", {}, "Books ", equation.verdict), equation.node),
    failures.node,
    h(
      "section",
      { class: "card" },
      h("div", { class: "bar" }, units, filter),
      found.node,
      h("p", { class: "bar pager" }, back, range, forth),
    ),
    h("section", { class: "card" }, streamsTitle, streams.node),
  );
  const head = h(
    "section",
    { class: "card" },
    h("p", { class: "muted" }, h("a", { href: format("sources") }, "All sources")),
    h("div", { class: "bar" }, name, links),
    about,
    counted,
  );
  const node = h("div", { class: "stack", hidden: true }, head, wrong.node, content);

  const offset = () => Number(route.params.offset) || 0;

  const page = (first) => {
    route = { ...route, params: { contains: filter.value, offset: first > 0 ? String(first) : "" } };
    replace("sources", route.argument, route.params);
    nudge();
  };

  const enter = (next) => {
    if (next.argument !== route.argument) content.hidden = true;
    route = next;
    nudge = next.nudge;
    text(name, visible(route.argument));
    if (filter.value !== (route.params.contains ?? "")) filter.value = route.params.contains ?? "";
    when(links, route.argument, (of) => [
      h("a", { class: "button", href: format("tail", "", { source: of }) }, "Live tail"),
      h("a", { class: "button", href: format("playground", "", { source: of }) }, "Try a line"),
    ]);
  };

  const update = async (status, get) => {
    const asked = route;
    const query = new URLSearchParams({ offset: offset(), limit: PAGE, contains: asked.params.contains ?? "" });
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
    now = status.now;
    wrong.show(null);
    show(said, status);
    content.hidden = false;
  };

  const show = (said, status) => {
    when(about, [said.type, said.pipeline, said.multiline, said.labels], () => [
      ...chips({ type: said.type, pipeline: said.pipeline, ...(said.multiline ? { multiline: said.multiline } : {}) }),
      ...chips(said.labels),
    ]);
    when(counted, [said.fallbacks, said.truncated_unread_bytes, said.replay_missing_bytes], () => countedChips(said));
    tiles.rate.show(short(said.lines_per_second));
    tiles.lag.show(bytes(said.lag_bytes));
    tiles.oldest.show(duration(said.oldest_unsettled_seconds));
    tiles.last.show(ago(said.last_line_at, now));
    equation.show(ofSource(said));
    failures.show(
      status.failures.filter((failure) => failure.source === said.name),
      now,
    );
    text(units, said.unit === "container" ? "Containers" : "Files");
    found.show(said.units);
    const first = offset();
    text(range, said.found ? `${count(first + 1)}–${count(first + said.shown)} of ${count(said.found)}` : "");
    back.disabled = first === 0;
    forth.disabled = first + said.shown >= said.found;
    text(
      streamsTitle,
      said.streams_found > said.stream_list.length
        ? `Streams, ${said.stream_list.length} of ${count(said.streams_found)}`
        : "Streams",
    );
    streams.show(said.stream_list);
  };
  return { node, enter, update };
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
