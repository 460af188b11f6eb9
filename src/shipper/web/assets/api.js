/* Requests to the agent's API.
 *
 * Rule 1: a request ends with the JSON, with `Refused` (the agent answered, and says what is wrong), or with `Silent`
 *         (nobody answered within `PATIENCE`).
 */

const PATIENCE = 8000; // ms

/** The agent answered with an error; `message` says what, `hint` the cure. */
export class Refused extends Error {
  constructor(status, error, hint) {
    super(error);
    this.status = status;
    this.hint = hint;
  }
}

/** No answer: the agent is not there, or hangs. */
export class Silent extends Error {}

/** GET `path`. */
export function get(path) {
  return ask(path, {});
}

/** POST `body` as JSON. */
export function post(path, body) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

async function ask(path, options) {
  let response;
  let said;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
    said = await response.text();
  } catch (error) {
    throw new Silent(error.name === "TimeoutError" ? `no answer in ${PATIENCE / 1000} s` : "no connection");
  }
  const json = parsed(said);
  if (response.ok && json !== undefined) return json;
  const hint = json?.hint ?? "something between this page and the agent may have answered instead of it";
  throw new Refused(
    response.status,
    json?.error ?? `${path} was answered with status ${response.status} and no JSON`,
    hint,
  );
}

function parsed(said) {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}
