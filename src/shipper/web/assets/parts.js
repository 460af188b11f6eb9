/* Small parts that several views share: chips, badges, times, failures, the equation of the books. */

import { attribute, h, keyed, text, visible, when } from "./dom.js";
import { format } from "./route.js";
import { age, ago, clock, count, duration } from "./units.js";

const LONGEST = 2000; // characters of a line in a link

/** A name and a value side by side, both text of logs; `tag` and `tone` say what is meant by it. */
export function chip(name, value, { tag = "span", tone = "" } = {}) {
  return h(tag, { class: `chip ${tone}` }, h("span", { class: "key" }, visible(name)), " ", visible(value));
}

/** Labels or fields as chips. */
export function chips(pairs) {
  return Object.entries(pairs ?? {}).map(([name, value]) => chip(name, written(value)));
}

/** A value of a field as text: strings as they are, everything else as JSON. */
export function written(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A table cell that holds chips of `labels(row)`. */
export function chipCell(labels) {
  return (cell) => {
    const box = cell.appendChild(h("div", { class: "chips" }));
    return (row) => when(box, labels(row), chips);
  };
}

/** A badge: `tone` is ok, warn, bad or "". */
export function badge(words, tone = "") {
  return h("span", { class: `badge ${tone}` }, words);
}

/** A link to a source's page. */
export function sourceLink(name) {
  return h("a", { href: format("sources", name) }, visible(name));
}

/** A link that takes a line of a source to the playground. */
export function tryIt(source, line) {
  const href = format("playground", "", { source, text: line.slice(0, LONGEST) });
  return h("a", { class: "button small", href }, "Try in playground");
}

/** A card that says what is wrong in one view; null hides it. */
export function notice() {
  const node = h("div", { class: "card notice", role: "alert", hidden: true });
  const show = (error) => {
    node.hidden = error === null;
    if (error) when(node, [error.message, error.hint ?? ""], ([what, hint]) => [h("strong", {}, what), " ", hint]);
  };
  return { node, show };
}

/** The failures of `list` as cards, with the cure of each. */
export function failureCards() {
  const node = h("ul", { class: "failures" });
  const show = (list, now) => keyed(node, list, (failure) => `${failure.name}\n${failure.source}`, failureCard, now);
  return { node, show };
}

/** "since 10:02:03, for 3 min 12 s". */
export function since(failure, now) {
  return `since ${clock(failure.since, now)}, for ${duration(age(failure.since, now))}`;
}

function failureCard() {
  const name = h("code");
  const source = h("span", { class: "where" });
  const began = h("span", { class: "muted" });
  const times = h("span", { class: "muted" });
  const detail = h("p", { class: "detail" });
  const hint = h("p", { class: "cure" });
  const met = h("p", { class: "chips" });
  const head = h("p", { class: "what" }, name, source, began, times);
  const node = h("li", { class: "failure" }, head, detail, met, hint);
  const update = (failure, now) => {
    attribute(node, "data-tone", failure.notice ? "warn" : "bad");
    text(name, failure.name);
    when(source, failure.source, (value) => (value ? ["in ", sourceLink(value)] : []));
    text(began, since(failure, now));
    text(times, failure.count > 1 ? `${count(failure.count)} of them` : "");
    text(detail, visible(failure.detail));
    text(hint, failure.hint);
    when(met, failure.count > 1 ? failure.what : [], (list) =>
      list.map((what) => h("span", { class: "chip" }, visible(what))),
    );
  };
  return { node, update };
}

const TERMS = [
  ["read", "read", ""],
  ["delivered", "delivered", "="],
  ["dropped", "dropped", "+"],
  ["dead_lettered", "dead-lettered", "+"],
  ["in_flight", "in flight", "+"],
];

/** The books as an equation: read = delivered + dropped + dead-lettered + in flight, with the reasons. */
export function books() {
  const terms = TERMS.map(([key, title, sign]) => {
    const number = h("span", { class: "amount" }, "–");
    const reasons = h("span", { class: "reasons" });
    const node = h(
      "div",
      { class: "term", "data-term": key },
      h("span", { class: "sign", "aria-hidden": "true" }, sign),
      h("span", { class: "sum" }, number, h("span", { class: "muted" }, title), reasons),
    );
    return { key, node, number, reasons };
  });
  const verdict = h("span", { class: "badge" }, "–");
  const node = h(
    "div",
    { class: "books" },
    terms.map((term) => term.node),
  );
  const show = (sums) => {
    for (const term of terms) {
      text(term.number, count(sums[term.key]));
      const reasons = Object.entries(sums[`${term.key}_by_reason`] ?? {}).sort(([, a], [, b]) => b - a);
      when(term.reasons, reasons, (list) => list.map(([reason, lines]) => chip(reason, count(lines))));
    }
    attribute(verdict, "class", `badge ${sums.balanced ? "ok" : "bad"}`);
    text(verdict, sums.balanced ? "balanced" : "not balanced");
  };
  return { node, verdict, show };
}

/** A number under its title: {node, show(value, caption)}; with a live line, if `part` is one. */
export function tile(title, part = null, legend = "") {
  const value = h("p", { class: "value" }, "–");
  const caption = part?.caption ?? h("span", {}, "\u00a0");
  const node = h(
    "section",
    { class: part ? "card tile live" : "card tile", "aria-label": title },
    h(
      "p",
      { class: "title" },
      h("span", {}, title, legend && h("span", { class: "legend muted" }, legend)),
      h("span", { class: "muted" }, caption),
    ),
    value,
    part?.node,
  );
  const show = (words, note) => {
    text(value, words);
    if (!part) text(caption, note ?? "\u00a0");
  };
  return { node, show };
}

/** Give a select these values, each under `words(value)`; what is chosen stays chosen while it is there. */
export function options(select, values, words) {
  const chosen = select.value;
  when(select, values, (list) => list.map((value) => h("option", { value }, words(value))));
  if (select.value !== chosen && values.includes(chosen)) select.value = chosen;
}

/** Choose a value, also one that is not there yet: under its own name or `words`. */
export function choose(select, value, words = "") {
  if (![...select.options].some((option) => option.value === value)) {
    select.append(h("option", { value }, visible(value) || words));
  }
  select.value = value;
}

/** A cell with how long ago, and the exact time where the pointer rests. */
export function agoCell(at) {
  return (cell) => (row, now) => {
    text(cell, ago(at(row), now));
    attribute(cell, "title", at(row) ? clock(at(row), null, { millis: true }) : null);
  };
}
