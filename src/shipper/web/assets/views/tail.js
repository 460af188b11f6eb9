/* The live tail: what is read right now, filtered by the agent.
 *
 * Rule 1: at most `ROWS` rows and as many waiting ones are held, however fast lines come and however long it is paused.
 * Rule 2: rows are drawn once per frame, all that came since the last one together.
 * Rule 3: the stream is open only while this view is shown in a visible tab.
 */

import { attribute, h, logText, text, visible } from "../dom.js";
import { chips, options, tryIt } from "../parts.js";
import { replace } from "../route.js";
import { clock, count } from "../units.js";

export const ROWS = 500;
const LEVELS = ["trace", "debug", "info", "warning", "error", "critical"];
const TYPING = 300; // ms without a key before a filter is applied
const AGAIN = 5000; // ms before a refused stream is asked for again

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
    { class: "entry", "data-level": LEVELS.includes(level) ? level : null },
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

/** The stream of events: {open(query), close()}; `on` has entry, skipped and state. */
function stream(on) {
  let source = null;
  let retry = null;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = (query) => {
    close();
    on.state("connecting");
    source = new EventSource(`/api/v1/tail?${query}`);
    source.onopen = () => on.state("live");
    source.onerror = () => {
      on.state("broken");
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(() => open(query), AGAIN);
    };
    source.addEventListener("entry", (event) => on.entry(JSON.parse(event.data)));
    source.addEventListener("skipped", (event) => on.skipped(JSON.parse(event.data).entries));
  };
  return { open, close };
}

const STATES = {
  connecting: ["", "connecting …"],
  live: ["ok", "live"],
  broken: ["warn", "no answer, or too many readers; trying again"],
  hidden: ["", "closed while the tab is hidden"],
};

/** The view. */
export function tail() {
  let here = false;
  let paused = false;
  let waiting = [];
  let drawing = false;
  let passed = 0;

  const from = h("select", { "aria-label": "Source", change: () => reopen() });
  const level = h("select", { "aria-label": "Level", change: () => reopen() });
  const contains = h("input", {
    type: "search",
    placeholder: "text in the line",
    "aria-label": "Text in the line",
    maxlength: 200,
  });
  const pause = h("button", { type: "button", "aria-pressed": "false", click: () => setPaused(!paused) }, "Pause");
  const clear = h("button", { type: "button", click: () => rows.replaceChildren() }, "Clear");
  const state = h("span", { class: "badge" });
  const sum = h("span", { class: "muted small" });
  const rows = h("ol", { class: "entries" });
  const pane = h("div", { class: "pane", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Entries" }, rows);
  const empty = h("p", { class: "empty" }, "Waiting for entries …");
  const node = h(
    "div",
    { class: "stack" },
    h(
      "section",
      { class: "card tail" },
      h("div", { class: "bar tools" }, from, level, contains, pause, clear, state, sum),
      pane,
      empty,
    ),
  );
  options(level, ["", ...LEVELS], (value) => value || "all levels");

  const events = stream({
    entry: (entry) => wait(() => entryRow(entry), 1),
    skipped: (entries) => wait(() => skippedRow(entries), entries),
    state: (name) => {
      attribute(state, "class", `badge ${STATES[name][0]}`);
      text(state, STATES[name][1]);
    },
  });

  const wait = (make, entries) => {
    passed += entries;
    waiting.push(make);
    if (waiting.length > ROWS) waiting = waiting.slice(-ROWS);
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  };

  const draw = () => {
    drawing = false;
    text(sum, `${count(passed)} passed, the last ${ROWS} are shown${paused ? `, ${count(waiting.length)} wait` : ""}`);
    if (paused) return;
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;
    rows.append(...waiting.map((make) => make()));
    waiting = [];
    while (rows.children.length > ROWS) rows.firstElementChild.remove();
    empty.hidden = rows.children.length > 0;
    if (atEnd) pane.scrollTop = pane.scrollHeight;
  };

  const setPaused = (value) => {
    paused = value;
    attribute(pause, "aria-pressed", String(paused));
    text(pause, paused ? "Go on" : "Pause");
    draw();
  };

  const reopen = () => {
    const params = { source: from.value, level: level.value, contains: contains.value };
    replace("tail", "", params);
    waiting = [];
    passed = 0;
    rows.replaceChildren();
    empty.hidden = false;
    listen();
  };

  const listen = () => {
    if (here && !document.hidden) {
      events.open(new URLSearchParams({ source: from.value, contains: contains.value, level: level.value }));
    } else {
      events.close();
      const [tone, words] = STATES.hidden;
      attribute(state, "class", `badge ${tone}`);
      text(state, words);
    }
  };

  let typing = null;
  contains.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(reopen, TYPING);
  });
  document.addEventListener("visibilitychange", () => here && listen());
  pane.addEventListener("keydown", (event) => walk(event, pane));

  const enter = ({ params }) => {
    here = true;
    if (params.source && ![...from.options].some((option) => option.value === params.source)) {
      from.append(h("option", { value: params.source }, visible(params.source)));
    }
    from.value = params.source ?? "";
    level.value = LEVELS.includes(params.level) ? params.level : "";
    contains.value = params.contains ?? "";
    reopen();
  };
  const leave = () => {
    here = false;
    listen();
  };
  const update = (status) =>
    options(from, ["", ...status.sources.map((source) => source.name)], (value) => visible(value) || "all sources");
  return { title: "Live tail", node, enter, leave, update };
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
