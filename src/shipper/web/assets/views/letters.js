/* Dead letters: lines that were not delivered and not lost, each with its text and why. */

import { h, keyed, logText, text, visible } from "../dom.js";
import { badge, chips, notice, sourceLink, tryIt } from "../parts.js";
import { format } from "../route.js";
import { bytes, clock, count } from "../units.js";

const PAGE = 50;
const POINTER = "Its text is not kept twice: it stays in the file, and a replay reads it from there.";

function letterCard(letter) {
  const node = h(
    "li",
    { class: "letter" },
    h(
      "p",
      { class: "what" },
      badge(visible(letter.reason), "bad"),
      sourceLink(letter.source),
      h("code", { class: "wrap" }, visible(letter.path)),
      h("span", { class: "muted" }, `at ${count(letter.offset)}, ${clock(letter.at, null)}, number ${letter.id}`),
      letter.text ? tryIt(letter.source, letter.text) : null,
    ),
    letter.said ? h("blockquote", {}, logText(letter.said)) : null,
    letter.kept ? keptText(letter) : h("p", { class: "muted" }, POINTER),
    h("div", { class: "chips" }, chips(letter.labels)),
  );
  return { node, update: () => {} };
}

function keptText(letter) {
  const rest = h("span", { class: "muted" }, " … the rest: shipper dead-letters show");
  return h("pre", { class: "log" }, logText(letter.text), letter.cut ? rest : null);
}

/** The view; pages by the number of the letter, newest first. */
export function letters() {
  let route = { params: {} };
  const sums = h("p", { class: "muted" });
  const list = h("ul", { class: "letters" });
  const none = h(
    "p",
    { class: "empty", hidden: true },
    "None: everything read was delivered, is in flight, or was dropped by a rule.",
  );
  const wrong = notice();
  const newest = h("a", { class: "button", href: format("dead-letters") }, "← Newest");
  const older = h("a", { class: "button" }, "Older →");
  const node = h(
    "div",
    { class: "stack" },
    h(
      "section",
      { class: "card" },
      h("h2", {}, "Dead letters"),
      sums,
      h(
        "p",
        { class: "muted" },
        h("code", {}, "shipper dead-letters replay"),
        " sends them again once the cause is mended, ",
        h("code", {}, "purge"),
        " forgets them.",
      ),
      wrong.node,
      none,
      list,
      h("p", { class: "bar pager" }, newest, older),
    ),
  );

  const enter = (next) => {
    route = next;
  };
  const update = async (_, get) => {
    const asked = route;
    const before = Number(asked.params.before) || null;
    let said = null;
    try {
      said = await get(`/api/v1/dead-letters?limit=${PAGE}${before ? `&before=${before}` : ""}`);
    } catch (error) {
      if (error.status === undefined) throw error;
      wrong.show(error);
      return;
    }
    if (asked !== route) return;
    wrong.show(null);
    text(sums, said.total ? `${count(said.total)} kept in the journal, ${bytes(said.bytes)}.` : "");
    none.hidden = said.total > 0;
    keyed(list, said.dead_letters, (letter) => letter.id, letterCard);
    newest.hidden = before === null;
    older.hidden = !said.next;
    if (said.next) older.href = format("dead-letters", "", { before: String(said.next) });
  };
  return { title: "Dead letters", node, enter, update, badge: (status) => [status.books.dead_lettered, "bad"] };
}
