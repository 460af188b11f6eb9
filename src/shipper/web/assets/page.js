/* The page: tabs, the view that the hash names, and the poll that keeps them true.
 *
 * Rule 1: one request at a time; the status first, then what the view in sight wants.
 * Rule 2: views out of sight ask nothing.
 * Rule 3: a view is {title, node, update(status, get)} and may have enter(route), leave(), and badge(status) that gives
 *         [number, tone].
 */

import { get, Refused, Silent } from "./api.js";
import { attribute, h, text, visible } from "./dom.js";
import { failures } from "./views/failures.js";
import { labels } from "./views/labels.js";
import { letters } from "./views/letters.js";
import { overview } from "./views/overview.js";
import { playground } from "./views/playground.js";
import { poll } from "./poll.js";
import { pushes } from "./views/pushes.js";
import { parse } from "./route.js";
import { sources } from "./views/sources.js";
import { tail } from "./views/tail.js";
import { short, duration, age } from "./units.js";
import { verdict } from "./verdict.js";

const EVERY = 1000; // ms
const VIEWS = {
  overview: overview(),
  sources: sources(),
  failures: failures(),
  pushes: pushes(),
  "dead-letters": letters(),
  labels: labels(),
  tail: tail(),
  playground: playground(),
};

const byId = (id) => document.getElementById(id);
const main = byId("main");
const band = verdict(byId("verdict"));
const tabs = new Map(Object.entries(VIEWS).map(([name, view]) => [name, addTab(name, view)]));
let current = null;
let silentSince = null;

function addTab(name, view) {
  const badge = h("span", { class: "count", hidden: true });
  const link = h(
    "a",
    { role: "tab", id: `tab-${name}`, href: `#${name}`, "aria-controls": `view-${name}`, tabindex: -1 },
    view.title,
    badge,
  );
  byId("tabs").append(link);
  main.append(
    h(
      "div",
      { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}`, class: "view", hidden: true },
      view.node,
    ),
  );
  return { link, badge, panel: main.lastElementChild };
}

/** Show the view that the hash names; an unknown one is the overview. */
function go() {
  const route = parse(location.hash);
  const name = route.view in VIEWS ? route.view : "overview";
  if (current !== null && current !== name) VIEWS[current].leave?.();
  current = name;
  for (const [other, { link, panel }] of tabs) {
    const here = other === name;
    panel.hidden = !here;
    attribute(link, "aria-selected", String(here));
    attribute(link, "tabindex", here ? 0 : -1);
  }
  tabs.get(name).link.scrollIntoView({ block: "nearest", inline: "nearest" });
  VIEWS[name].enter?.({ ...route, nudge });
  nudge();
}

/** Arrows, home and end walk over the tabs and open what they come to. */
function walk(event) {
  const links = [...tabs.values()].map(({ link }) => link);
  const at = links.indexOf(document.activeElement);
  const last = links.length - 1;
  const target = { ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last }[event.key];
  if (at < 0 || target === undefined) return;
  event.preventDefault();
  links[target].focus();
  links[target].click();
}

function showHead(status) {
  text(byId("version"), status.version);
  const { loki } = status;
  const release = loki.version ? `Loki ${loki.version}` : "Loki";
  const tenant = loki.tenant && `, tenant ${loki.tenant}`;
  text(
    byId("about"),
    visible(`${release} at ${loki.url}${tenant}; up for ${duration(age(status.started_at, status.now))}`),
  );
  for (const [name, view] of Object.entries(VIEWS)) {
    const [amount, tone] = view.badge?.(status) ?? [0, ""];
    const { badge } = tabs.get(name);
    text(badge, short(amount));
    attribute(badge, "class", `count ${tone}`);
    badge.hidden = amount === 0;
  }
}

async function tick() {
  const view = current;
  try {
    const status = await get("/api/v1/status");
    silentSince = null;
    attribute(document.body, "class", null);
    band.show(status);
    showHead(status);
    if (view === current) await VIEWS[view].update(status, get);
  } catch (error) {
    silentSince ??= new Date().toISOString();
    attribute(document.body, "class", "stale");
    if (error instanceof Silent) band.silent(silentSince, error.message);
    else band.refused(error);
    if (!(error instanceof Silent || error instanceof Refused)) console.error(error); // a mistake of this page
  }
}

byId("tabs").addEventListener("keydown", walk);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash names the view, so it cannot name the place to skip to
  main.focus();
});
window.addEventListener("hashchange", go);
const nudge = poll(tick, EVERY);
go();
