/* A live line of the last five minutes, drawn as SVG.
 *
 * Rule 1: always as wide as five minutes; what is not known yet is left empty, so a line grows from the right.
 * Rule 2: the scale is a round number, so that it moves seldom.
 * Rule 3: nothing is read from the layout when data comes; two path attributes are set, that is all.
 */

import { attribute, svg, text } from "./dom.js";
import { duration } from "./units.js";

const SLOTS = 300;
const HEIGHT = 60;
const TOP = 4; // room for the stroke at the peak

/** The next round number that is not below `value`. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((scale) => scale >= value * 0.999);
}

/** The points of `values`, right-aligned, as an SVG path; "" for none. */
export function line(values, scale) {
  const first = SLOTS - values.length;
  return values
    .map((value, index) => {
      const y = HEIGHT - (Math.max(0, value) / scale) * (HEIGHT - TOP);
      return `${index ? "L" : "M"}${first + index},${y.toFixed(1)}`;
    })
    .join("");
}

/**
 * A spark line: {node, caption, show(values, every, second)}. `format` writes a value; `second` is a second series on
 * the same scale, drawn thin. The caption names the peak, or what the pointer is on.
 */
export function spark(label, format) {
  const area = svg("path", { class: "area" });
  const first = svg("path", { class: "line" });
  const other = svg("path", { class: "second" });
  const cursor = svg("path", { class: "cursor" });
  const node = svg(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${SLOTS - 1} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    [area, other, first, cursor],
  );
  const caption = document.createElement("span");
  let seen = { values: [], every: 1, second: null };
  let pointer = null;

  const tell = () => {
    const { values, every } = seen;
    const at = pointer === null ? -1 : pointer - (SLOTS - values.length);
    attribute(cursor, "d", values[at] === undefined ? "" : `M${pointer},0V${HEIGHT}`);
    if (values[at] !== undefined) {
      const past = (values.length - 1 - at) * every;
      text(caption, `${format(values[at])}, ${past ? `${duration(past)} ago` : "now"}`);
    } else {
      text(caption, values.length ? `peak ${format(Math.max(...values))}` : "no samples yet");
    }
  };

  node.addEventListener("pointermove", (event) => {
    const box = node.getBoundingClientRect();
    pointer = Math.round(((event.clientX - box.left) / box.width) * (SLOTS - 1));
    tell();
  });
  node.addEventListener("pointerleave", () => {
    pointer = null;
    tell();
  });

  const show = (all, every, allOfSecond = null) => {
    const values = all.slice(-SLOTS);
    const second = allOfSecond?.slice(-SLOTS) ?? null;
    seen = { values, every, second };
    const scale = roundUp(Math.max(0, ...values, ...(second ?? [])));
    const path = line(values, scale);
    attribute(first, "d", path);
    attribute(area, "d", path && `${path}V${HEIGHT}H${SLOTS - values.length}Z`);
    attribute(other, "d", second ? line(second, scale) : "");
    const now = values.length ? format(values.at(-1)) : "none yet";
    attribute(node, "aria-label", `${label}, last ${duration(SLOTS * every)}: now ${now}, ${caption.textContent}`);
    tell();
  };
  return { node, caption, show };
}
