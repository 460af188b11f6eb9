/* What a stage changed, as pieces of text and as sets of fields.
 *
 * Rule 1: pure functions; the pieces of a diff put together give both texts again.
 */

const TOKEN = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;
const LONGEST = 400; // tokens; the table of a comparison grows with their square

/** Pieces [kind, text] that turn `before` into `after`; kind is "same", "gone" or "new". */
export function diff(before, after) {
  const a = before.match(TOKEN) ?? [];
  const b = after.match(TOKEN) ?? [];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let foot = 0;
  while (foot < a.length - head && foot < b.length - head && a.at(-1 - foot) === b.at(-1 - foot)) foot += 1;
  const middle = between(a.slice(head, a.length - foot), b.slice(head, b.length - foot));
  return joined([["same", a.slice(0, head).join("")], ...middle, ["same", a.slice(a.length - foot).join("")]]);
}

/** The middle, where the texts differ: by the longest common subsequence, or whole if that would take long. */
function between(a, b) {
  if (a.length > LONGEST || b.length > LONGEST || !a.length || !b.length) {
    return [
      ["gone", a.join("")],
      ["new", b.join("")],
    ];
  }
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const pieces = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push(["same", a[i]]);
      i += 1;
      j += 1;
    } else if (j === b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) {
      pieces.push(["gone", a[i]]);
      i += 1;
    } else {
      pieces.push(["new", b[j]]);
      j += 1;
    }
  }
  return pieces;
}

function joined(pieces) {
  const whole = [];
  for (const [kind, piece] of pieces) {
    if (!piece) continue;
    if (whole.at(-1)?.[0] === kind) whole.at(-1)[1] += piece;
    else whole.push([kind, piece]);
  }
  return whole;
}

/** What became of each name: [kind, name, value], kind "same", "gone" or "new"; a changed value is gone and new. */
export function diffSets(before, after) {
  const changes = [];
  for (const [name, value] of Object.entries(before)) {
    const same = name in after && JSON.stringify(after[name]) === JSON.stringify(value);
    changes.push([same ? "same" : "gone", name, value]);
  }
  for (const [name, value] of Object.entries(after)) {
    if (!(name in before) || JSON.stringify(before[name]) !== JSON.stringify(value)) changes.push(["new", name, value]);
  }
  return changes;
}
