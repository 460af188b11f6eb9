/* The playground: a line through a source's stages, each stage's effect as a diff, and the entry Loki would get.
 *
 * Rule 1: nothing is shipped, and nothing is kept: the agent runs the line through the pipeline and forgets it.
 */

import { post } from "../api.js";
import { diff, diffSets } from "../diff.js";
import { h, logText, visible } from "../dom.js";
import { badge, chip, chips, choose, notice, options, written } from "../parts.js";
import { replace } from "../route.js";
import { clock, plural } from "../units.js";

const NOW = new Date().toISOString();
const SAMPLE = `{"event": "request completed", "level": "info", "timestamp": "${NOW}", "status_code": 200}`;
const TAGS = { same: "span", gone: "del", new: "ins" };

function textDiff(before, after) {
  return diff(before, after).map(([kind, piece]) => h(TAGS[kind], {}, logText(piece)));
}

function setDiff(before, after) {
  return diffSets(before, after).map(([kind, name, value]) => chip(name, written(value), { tag: TAGS[kind] }));
}

function changed(before, after) {
  return JSON.stringify(before) !== JSON.stringify(after);
}

/** One stage: what it did, and what of the record is other than before it. */
function stageStep(stage, before) {
  const sets = ["fields", "labels", "metadata"].filter((key) => changed(before[key], stage[key]));
  const quiet = !sets.length && stage.line === before.line && stage.timestamp === before.timestamp && !stage.dropped;
  return h(
    "li",
    { class: quiet ? "step quiet" : "step" },
    h(
      "p",
      { class: "what" },
      h("strong", {}, stage.stage),
      h("code", { class: "muted" }, stage.key),
      stage.dropped ? badge(`dropped: ${visible(stage.dropped)}`, "warn") : null,
    ),
    h("p", {}, visible(stage.did || "nothing")),
    stage.line === before.line && stage.stage !== "source"
      ? null
      : h("pre", { class: "log" }, textDiff(before.line, stage.line)),
    sets.map((key) =>
      h("div", { class: "chips" }, h("span", { class: "muted" }, key), setDiff(before[key], stage[key])),
    ),
    stage.timestamp === before.timestamp
      ? null
      : h(
          "div",
          { class: "chips" },
          h("span", { class: "muted" }, "timestamp"),
          before.timestamp ? h("del", { class: "chip" }, before.timestamp) : null,
          stage.timestamp ? h("ins", { class: "chip" }, stage.timestamp) : null,
        ),
  );
}

function entryCard(entry) {
  return h(
    "dl",
    { class: "facts" },
    h("dt", {}, "labels"),
    h("dd", { class: "chips" }, chips(entry.labels)),
    h("dt", {}, "timestamp"),
    h(
      "dd",
      {},
      h("code", {}, entry.at),
      h("span", { class: "muted" }, ` ${clock(entry.at, null)} here; ${entry.timestamp} ns`),
    ),
    Object.keys(entry.metadata ?? {}).length
      ? [h("dt", {}, "metadata"), h("dd", { class: "chips" }, chips(entry.metadata))]
      : [],
    h("dt", {}, "text"),
    h("dd", {}, h("pre", { class: "log" }, logText(entry.text))),
  );
}

/** One record; its first stage is the source, which gives it its text and the labels of the configuration. */
function recordCard(record, index) {
  let before = { line: record.stages[0]?.line ?? "", fields: {}, labels: {}, metadata: {}, timestamp: null };
  const steps = record.stages.map((stage) => {
    const step = stageStep(stage, before);
    before = stage;
    return step;
  });
  return h(
    "section",
    { class: "card record" },
    h("h2", {}, `Record ${index + 1} `, h("span", { class: "muted small" }, plural(record.lines, "line"))),
    steps.length ? h("ol", { class: "steps" }, steps) : null,
    record.dropped
      ? h("p", { class: "result" }, badge("dropped", "warn"), ` No entry: ${visible(record.dropped)}`)
      : null,
    record.refused
      ? h("p", { class: "result" }, badge("would not be delivered", "bad"), ` ${visible(record.refused)}`)
      : null,
    record.entry ? [h("h3", {}, "What Loki gets"), entryCard(record.entry)] : null,
  );
}

/** The form: {node, write(params), update(status)}; `submit` is called with what it holds. */
function form(submit) {
  const from = h("select", { id: "playground-source" });
  const line = h("textarea", {
    id: "playground-text",
    rows: 6,
    spellcheck: "false",
    maxlength: 60000,
    placeholder: SAMPLE,
  });
  const path = h("input", { id: "playground-path", placeholder: "as if read from here; optional" });
  const run = h("button", { type: "submit", class: "main" }, "Run it");
  const node = h(
    "form",
    { class: "card form" },
    h("h2", {}, "Playground"),
    h("p", { class: "muted" }, "A line, or several, through the stages of a source. Nothing is shipped or kept."),
    h("label", { for: from.id }, "Source"),
    from,
    h("label", { for: line.id }, "Line or lines"),
    line,
    h("label", { for: path.id }, "Path"),
    path,
    h("p", { class: "bar" }, run, h("span", { class: "muted small" }, "or Ctrl+Enter in the text")),
  );
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    run.disabled = true;
    await submit({ source: from.value, text: line.value || SAMPLE, ...(path.value && { path: path.value }) });
    run.disabled = false;
  });
  line.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) node.requestSubmit();
  });
  const write = (params) => {
    if (params.source) choose(from, params.source);
    if (params.text) line.value = params.text;
  };
  const names = (status) => status.sources.map(({ name }) => name);
  return { node, write, update: (status) => options(from, names(status), visible) };
}

/** The view. */
export function playground() {
  const wrong = notice();
  const results = h("div", { class: "stack", "aria-live": "polite" });
  const show = ({ notes, records }) =>
    results.replaceChildren(
      ...notes.map((note) => h("p", { class: "card note" }, visible(note))),
      ...records.map(recordCard),
      records.length ? "" : h("p", { class: "card empty" }, "No record came of it."),
    );
  const asking = form(async (asked) => {
    replace("playground", "", { source: asked.source });
    results.replaceChildren();
    try {
      show(await post("/api/v1/playground", asked));
      wrong.show(null);
    } catch (error) {
      wrong.show(error);
    }
  });
  const node = h("div", { class: "halves" }, asking.node, h("div", { class: "stack" }, wrong.node, results));
  return { title: "Playground", node, enter: ({ params }) => asking.write(params), update: asking.update };
}
