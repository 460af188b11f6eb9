/* Builds the document and keeps it up to date.
 *
 * Rule 1: text becomes text nodes, whatever it holds; nothing here, or in any other module, parses HTML.
 * Rule 2: what did not change is not touched, so focus, selection and scroll position stay where they are.
 * Rule 3: control characters, and those that hide or turn text, are shown as escapes.
 */

const SVG = "http://www.w3.org/2000/svg";

// C0 without tab and line feed, DEL, C1, zero-width and joiners, line separators, bidirectional marks, the BOM.
const HIDDEN = /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff])/;

/** An HTML element: functions among the attributes are listeners; false and null leave an attribute out. */
export function h(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set a node's text, if it is another. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Set an attribute, if it is another; null takes it away. */
export function attribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function escaped(character) {
  const code = character.codePointAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Text of a log as a string in which nothing is hidden. */
export function visible(value) {
  return value
    .split(HIDDEN)
    .map((part, index) => (index % 2 ? escaped(part) : part))
    .join("");
}

/** Text of a log as nodes: escapes stand out from the text around them. */
export function logText(value) {
  return value
    .split(HIDDEN)
    .map((part, index) => (index % 2 ? h("span", { class: "escape" }, escaped(part)) : part))
    .filter((part) => part !== "");
}

/** Put nodes into `parent` if `value` is another than the last time; `make` builds them. */
export function when(parent, value, make) {
  const mark = JSON.stringify(value);
  if (marks.get(parent) === mark) return;
  marks.set(parent, mark);
  parent.replaceChildren(...[make(value)].flat());
}

const marks = new WeakMap();

/**
 * Make `parent`'s children one per item, in this order. `make(item)` gives {node, update(item, now)} for a key not
 * there yet; a child stays the same node as long as its key does.
 */
export function keyed(parent, items, key, make, now = null) {
  const before = children.get(parent) ?? new Map();
  const after = new Map();
  items.forEach((item, index) => {
    let name = String(key(item, index));
    while (after.has(name)) name += "'";
    const child = before.get(name) ?? make(item);
    child.update(item, now);
    after.set(name, child);
    const there = parent.children[index];
    if (there !== child.node) parent.insertBefore(child.node, there ?? null);
  });
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  children.set(parent, after);
}

const children = new WeakMap();
