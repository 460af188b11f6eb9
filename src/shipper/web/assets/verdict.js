/* The verdict at the top: do logs get through, and if not, what is wrong, since when, and the cure.
 *
 * Rule 1: it says only what the agent said last; when the agent does not answer, it says that instead.
 * Rule 2: screen readers hear a verdict when it changes, not at every poll.
 */

import { attribute, h, text, visible, when } from "./dom.js";
import { format } from "./route.js";
import { ago, age, clock, duration, plural, short } from "./units.js";

const TITLES = {
  waiting: "… shipper",
  delivering: "✓ shipper",
  notices: "✓ shipper",
  troubled: "! shipper",
  failing: "✗ not delivering: shipper",
  silent: "? no answer: shipper",
};
const NO_ANSWER =
  "Look whether it runs (systemctl status shipper, docker ps) and at its log. " +
  "Nothing is lost: the next start goes on from the journal.";
const FINE = "No failures, and the books balance.";
const BELOW = "What is below is what it said last.";

/** {state, headline, because, cure, more}: what the status means, as sentences. */
export function judge(status) {
  const failures = status.failures.filter((failure) => !failure.notice);
  const well = { because: goingWell(status), cure: "", more: "" };
  if (!status.ready) return failing(status);
  if (failures.length) return troubled(failures, well);
  if (!status.failures.length) return { ...well, state: "delivering", headline: "Delivering", cure: FINE };
  const headline = `Delivering; ${plural(status.failures.length, "thing")} to look at`;
  return { ...well, state: "notices", headline, more: status.failures.map((failure) => failure.name).join(", ") };
}

function failing({ not_ready: failures, now }) {
  const [first] = failures;
  const starting = first.name === "starting";
  return {
    state: starting ? "waiting" : "failing",
    headline: starting ? "Starting" : `Not delivering: ${placed(first)}`,
    because: `${lasting(first.since, now)}${first.detail && `: ${first.detail}`}`,
    cure: first.hint,
    more: others(failures),
  };
}

/** Logs get through, but not all of them, or not as they should. */
function troubled(failures, well) {
  const [first] = failures;
  return {
    ...well,
    state: "troubled",
    headline: `Delivering, but: ${placed(first)}`,
    cure: first.hint,
    more: others(failures),
  };
}

function placed({ name, source }) {
  return source ? `${name} in ${source}` : name;
}

function others({ length }) {
  return length > 1 ? `and ${plural(length - 1, "other failure")}` : "";
}

function lasting(since, now) {
  return `For ${duration(age(since, now))}, since ${clock(since, now)}`;
}

function goingWell({ loki, rates, now }) {
  const lately = rates.lines.slice(-5);
  const rate = lately.length ? lately.reduce((sum, value) => sum + value, 0) / lately.length : 0;
  const last = loki.last_push_at ? `last push ${ago(loki.last_push_at, now)}` : "nothing pushed yet";
  return `${short(rate)} lines/s to ${loki.url}; ${last}`;
}

/** The band at the top: {show(status), silent(since, why)}. */
export function verdict(root) {
  const part = (id) => root.querySelector(`#${id}`);
  const headline = part("headline");
  const because = part("because");
  const cure = part("cure");
  const said = part("said");

  const put = (judgement) => {
    attribute(root, "data-state", judgement.state);
    text(headline, visible(judgement.headline));
    text(because, visible(judgement.because));
    when(cure, [judgement.cure, judgement.more], ([hint, more]) => [
      hint,
      more ? h("a", { href: format("failures") }, hint ? ` ${more}` : visible(more)) : "",
    ]);
    text(said, visible(`${judgement.headline}. ${judgement.cure}`));
    document.title = TITLES[judgement.state];
  };

  return {
    show: (status) => put(judge(status)),
    silent: (since, why) => {
      const now = new Date().toISOString();
      put({
        state: "silent",
        headline: "The agent does not answer",
        because: `${lasting(since, now)}: ${why}. ${BELOW}`,
        cure: NO_ANSWER,
        more: "",
      });
    },
    refused: (error) =>
      put({
        state: "silent",
        headline: "The agent does not tell",
        because: `${error.message}. ${BELOW}`,
        cure: error.hint ?? "This is a mistake of the page; its words are in the browser's console.",
        more: "",
      }),
  };
}
