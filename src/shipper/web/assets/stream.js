/* The stream of server-sent events behind the live tail.
 *
 * Rule 1: at most one is open; one that was refused is asked for again after a while, one that broke by the browser.
 */

const AGAIN = 5000; // ms before a refused stream is asked for again

/** {open(query), close()}; `on` has entry(entry), skipped(entries) and state(name): connecting, live or broken. */
export function stream(on) {
  let source = null;
  let retry = null;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = (query) => {
    close();
    on.state("connecting");
    source = new EventSource(`/api/v1/tail?${query}`);
    source.onopen = () => on.state("live");
    source.onerror = () => {
      on.state("broken");
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(() => open(query), AGAIN);
    };
    source.addEventListener("entry", (event) => on.entry(JSON.parse(event.data)));
    source.addEventListener("skipped", (event) => on.skipped(JSON.parse(event.data).entries));
  };
  return { open, close };
}
