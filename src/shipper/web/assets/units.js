/* Numbers, sizes, durations and times as people read them.
 *
 * Rule 1: pure functions of their arguments; the clock is the agent's, handed in, so a browser whose clock is off
 *         shows the right ages.
 * Rule 2: absent values are "–".
 */

const NONE = "–";
const THIN = "\u202f"; // a narrow space that does not break

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** A count in full: 1234567 is "1 234 567". */
export function count(value) {
  return isNumber(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, THIN) : NONE;
}

function scaled(value, step, units) {
  let rank = 0;
  while (Math.abs(value) >= step * 0.9995 && rank < units.length - 1) {
    value /= step;
    rank += 1;
  }
  const digits = rank === 0 && Number.isInteger(value) ? 0 : value < 9.95 ? 2 : value < 99.5 ? 1 : 0;
  return `${value.toFixed(rank === 0 ? Math.min(digits, 1) : digits)}${units[rank] && THIN}${units[rank]}`;
}

/** A count in short: 1450 is "1.45 k". */
export function short(value) {
  return isNumber(value) ? scaled(value, 1000, ["", "k", "M", "G", "T"]) : NONE;
}

/** Bytes with binary units. */
export function bytes(value) {
  return isNumber(value) ? scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]) : NONE;
}

/** Seconds, in the two units that matter: "0.4 s", "3 min 12 s", "2 d 3 h". */
export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  const value = Math.max(0, seconds);
  if (value < 0.00005) return `0${THIN}s`;
  if (value < 0.0995) return `${(value * 1000).toFixed(value < 0.00995 ? 1 : 0)}${THIN}ms`;
  if (value < 9.95) return `${value.toFixed(1)}${THIN}s`;
  const whole = Math.round(value);
  const parts = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = Math.max(
    0,
    parts.findIndex(([size]) => whole >= size),
  );
  let rest = whole;
  return parts
    .slice(first, first + 2)
    .map(([size, unit]) => {
      const amount = Math.floor(rest / size);
      rest -= amount * size;
      return amount ? `${amount}${THIN}${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
}

/** Seconds from RFC 3339 time `then` to `now`, or null. */
export function age(then, now) {
  return then && now ? Math.max(0, (Date.parse(now) - Date.parse(then)) / 1000) : null;
}

/** How long ago: "3 min 12 s ago". */
export function ago(then, now) {
  const seconds = age(then, now);
  if (seconds === null) return NONE;
  return seconds < 0.95
    ? "just now"
    : `${duration(seconds < 10 ? Math.round(seconds) : seconds).replace(".0", "")} ago`;
}

const two = (value) => String(value).padStart(2, "0");

/** The time of day where the browser is; with the date if it is another day than `now`'s. */
export function clock(then, now, { millis = false } = {}) {
  if (!then) return NONE;
  const at = new Date(then);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const full = millis ? `${time}.${String(at.getMilliseconds()).padStart(3, "0")}` : time;
  const sameDay = now && at.toDateString() === new Date(now).toDateString();
  return sameDay ? full : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${full}`;
}

/** "1 file", "3 files". */
export function plural(amount, noun) {
  return `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
