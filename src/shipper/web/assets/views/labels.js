/* Label cardinality: how many values each label has, against what is allowed, and where they come from. */

import { attribute, h, keyed, text, visible, when } from "../dom.js";
import { badge, sourceLink } from "../parts.js";
import { count, plural } from "../units.js";

function bar(of) {
  const meter = h("progress", { class: "thin", max: 1, "aria-label": of });
  const update = (share) => {
    meter.value = Math.min(1, share);
  };
  return { meter, update };
}

/** A row of the list of top values: value, bar, streams. */
function valueRow() {
  const value = h("code", { class: "wrap" });
  const share = bar("share of the largest");
  const streams = h("span", { class: "number" });
  const node = h("li", {}, value, share.meter, streams);
  const update = ({ item, most }) => {
    text(value, visible(item.value));
    share.update(item.streams / most);
    text(streams, plural(item.streams, "stream"));
  };
  return { node, update };
}

function labelCard() {
  const name = h("code");
  const state = h("span");
  const values = h("p", { class: "value" });
  const full = bar("share of max_label_values");
  const limit = h("p", { class: "muted small" });
  const sources = h("p", { class: "chips" });
  const top = h("ul", { class: "top" });
  const node = h(
    "section",
    { class: "card label" },
    h("h2", {}, name, " ", state),
    values,
    full.meter,
    limit,
    sources,
    top,
  );
  const update = (label) => {
    const most = Math.max(0, ...Object.values(label.source_values));
    text(name, visible(label.name));
    when(state, [label.demoted], ([demoted]) => (demoted ? badge("demoted to metadata", "warn") : []));
    text(values, plural(label.values, "value"));
    attribute(node, "data-tone", label.demoted || most > label.max_label_values * 0.8 ? "warn" : "");
    full.update(most / label.max_label_values);
    text(limit, `at most ${count(label.max_label_values)} in a source (max_label_values)`);
    when(sources, label.source_values, (list) =>
      Object.entries(list).map(([of, amount]) => h("span", { class: "chip" }, sourceLink(of), ` ${count(amount)}`)),
    );
    const largest = Math.max(1, ...label.top.map((item) => item.streams));
    keyed(
      top,
      label.top.map((item) => ({ item, most: largest })),
      ({ item }) => item.value,
      valueRow,
    );
  };
  return { node, update };
}

/** The view. */
export function labels() {
  const cards = h("div", { class: "cards" });
  const none = h("p", { class: "card empty", hidden: true }, "No labels yet: nothing was read.");
  const node = h("div", { class: "stack" }, none, cards);
  const update = async (_, get) => {
    const said = await get("/api/v1/labels");
    none.hidden = said.labels.length > 0;
    keyed(
      cards,
      said.labels.toSorted((a, b) => b.values - a.values || a.name.localeCompare(b.name)),
      (label) => label.name,
      labelCard,
    );
  };
  return { title: "Labels", node, update };
}
