/* The live tail: what is read right now, filtered by the agent.
 *
 * Rule 1: the stream is open only while this view is shown in a visible tab.
 * Rule 2: the filters are in the hash, so a link shows the same.
 */

import { attribute, h, text, visible } from "../dom.js";
import { choose, options } from "../parts.js";
import { replace } from "../route.js";
import { stream } from "../stream.js";
import { entryList } from "./entries.js";

const LEVELS = ["trace", "debug", "info", "warning", "error", "critical"];
const TYPING = 300; // ms without a key before a filter is applied
const STATES = {
  connecting: ["", "connecting …"],
  live: ["ok", "live"],
  broken: ["warn", "no answer, or too many readers; trying again"],
  hidden: ["", "closed while out of sight"],
};

/** The view. */
export function tail() {
  let here = false;
  const list = entryList();
  const wanted = filters(() => reopen());
  const pause = h("button", { type: "button", "aria-pressed": "false", click: () => setPaused() }, "Pause");
  const clear = h("button", { type: "button", click: () => list.clear() }, "Clear");
  const state = h("span", { class: "badge" });
  const tools = h("div", { class: "bar tools" }, wanted.nodes, pause, clear, state, list.sum);
  const node = h("div", { class: "stack" }, h("section", { class: "card tail" }, tools, list.node));

  const tell = (name) => {
    const [tone, words] = STATES[name];
    attribute(state, "class", `badge ${tone}`);
    text(state, words);
  };
  const events = stream({ entry: list.add, skipped: list.skip, state: tell });

  const setPaused = () => {
    const paused = pause.getAttribute("aria-pressed") === "false";
    attribute(pause, "aria-pressed", String(paused));
    text(pause, paused ? "Go on" : "Pause");
    list.pause(paused);
  };
  const listen = () => {
    if (here && !document.hidden) {
      events.open(new URLSearchParams(wanted.read()));
    } else {
      events.close();
      tell("hidden");
    }
  };
  const reopen = () => {
    replace("tail", "", wanted.read());
    list.clear();
    listen();
  };
  document.addEventListener("visibilitychange", () => here && listen());

  const enter = ({ params }) => {
    here = true;
    wanted.write(params);
    reopen();
  };
  const leave = () => {
    here = false;
    listen();
  };
  return { title: "Live tail", node, enter, leave, update: wanted.update };
}

/** Source, level and text: {nodes, read(), write(params), update(status)}; `changed` is called after a change. */
function filters(changed) {
  let typing = null;
  const typed = () => {
    clearTimeout(typing);
    typing = setTimeout(changed, TYPING);
  };
  const source = h("select", { "aria-label": "Source", change: changed });
  const level = h("select", { "aria-label": "Level", change: changed });
  const contains = h("input", {
    type: "search",
    placeholder: "text in the line",
    "aria-label": "Text in the line",
    maxlength: 200,
    input: typed,
  });
  options(level, ["", ...LEVELS], (value) => value || "all levels");
  return {
    nodes: [source, level, contains],
    read: () => ({ source: source.value, level: level.value, contains: contains.value }),
    write: (params) => {
      choose(source, params.source ?? "", "all sources");
      level.value = LEVELS.includes(params.level) ? params.level : "";
      contains.value = params.contains ?? "";
    },
    update: (status) =>
      options(source, ["", ...status.sources.map(({ name }) => name)], (name) => visible(name) || "all sources"),
  };
}
