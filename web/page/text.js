// Foreign text and numbers, made fit to be shown.
//
// Names, labels and documents of images only ever become text nodes. What would steer the reader's eye (control characters and such that change
// the direction of text) is escaped as the command line does, `\u{…}`.

// eslint-disable-next-line no-control-regex
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line of foreign text. */
export function shown(text) {
  return String(text ?? '').replace(STEERING, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** A line of a file: as `shown`, but tabs stay. */
export function line(text) {
  return text.replace(STEERING, (c) => (c === '\t' ? c : `\\u{${c.codePointAt(0).toString(16)}}`));
}

/** Bytes for people, as the command line says them: `586 B`, `6.00 KiB`. */
export function bytes(count) {
  if (count === undefined || count === null) return '';
  let value = Number(count);
  if (value < 1024) return `${value} B`;
  let unit = -1;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(2)} ${['KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit]}`;
}

/** A whole number with separated thousands. */
export function number(value) {
  return Number(value).toLocaleString('en');
}

/** `1 file`, `2 files`. */
export function many(count, one, more = `${one}s`) {
  return `${number(count)} ${Number(count) === 1 ? one : more}`;
}

/** Seconds since 1970 as `2023-11-14 22:13:20`, in UTC. */
export function time(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('T', ' ').replace('.000Z', '');
}

/** A time of a document, `2023-11-14T22:13:20Z`, as `time` writes it; other text as it is. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? shown(text) : time(Math.floor(date.getTime() / 1000));
}

/** `sha256:` and the first twelve digits. */
export function short(digest) {
  const [algorithm, hex] = String(digest ?? '').split(':');
  return hex === undefined ? shown(digest) : shown(`${algorithm}:${hex.slice(0, 12)}`);
}

/** `drwxr-xr-x`, as `ls -l` has it. */
export function mode(entry) {
  const letters = { directory: 'd', symlink: 'l', character: 'c', block: 'b', fifo: 'p', 'hard-link': 'h', whiteout: 'w', opaque: 'w' };
  let out = letters[entry.type] ?? '-';
  const special = [[0o4000, 's', 'S'], [0o2000, 's', 'S'], [0o1000, 't', 'T']];
  for (const [group, shift] of [[0, 6], [1, 3], [2, 0]]) {
    const bits = (entry.mode >> shift) & 7;
    const [flag, both, alone] = special[group];
    const run = bits & 1 ? 'x' : '-';
    out += (bits & 4 ? 'r' : '-') + (bits & 2 ? 'w' : '-');
    out += entry.mode & flag ? (bits & 1 ? both : alone) : run;
  }
  return out;
}

/** Who an entry belongs to: names where there are any, else numbers. */
export function owner(entry) {
  return `${shown(entry.user ?? entry.uid ?? 0)}:${shown(entry.group ?? entry.gid ?? 0)}`;
}

/** Percent of a share between 0 and 1, with two digits behind the point. */
export function percent(share) {
  return `${(Number(share) * 100).toFixed(2)} %`;
}

/** Sentences of the core, with what stands in backticks as code: `[text, isCode]` each. */
export function spans(text) {
  return String(text).split('`').map((part, index) => [shown(part), index % 2 === 1]);
}
