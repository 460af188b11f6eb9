/* The URL's hash names the view, so that a link to it can be sent: #view/argument?key=value.
 *
 * Rule 1: pure functions; what they read and write round-trips for any text.
 */

/** {view, argument, params} of a hash; the view is "" if there is none. */
export function parse(hash) {
  const [path, query = ""] = split(hash.replace(/^#/, ""), "?");
  const [view, argument = ""] = split(path, "/");
  return { view, argument: decoded(argument), params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The hash of a view; empty params are left out. */
export function format(view, argument = "", params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "" && value !== undefined));
  return `#${view}${argument && `/${encodeURIComponent(argument)}`}${query.size ? `?${query}` : ""}`;
}

/** Name the view in the address bar, without a step in the history. */
export function replace(view, argument, params) {
  const hash = format(view, argument, params);
  if (hash !== location.hash) history.replaceState(null, "", hash);
}

function split(value, mark) {
  const at = value.indexOf(mark);
  return at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)];
}

function decoded(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
