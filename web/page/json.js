// JSON as lines to be shown: every literal stands as it is in the document, so that no number is rounded and no name is lost.
//
// The text is cut into lines in slices, since a document may have megabytes. What is no JSON is no lines.

/** How long a slice may take, in milliseconds. */
const SLICE = 12;
const TOKEN = /[\s]*(?:(?<string>"(?:[^"\\]|\\.)*")|(?<word>-?[\d][\d.eE+-]*|true|false|null)|(?<mark>[{}[\],:]))/uy;

/**
 * Lines of a document: `{ depth, key?, value?, open?, close?, end?, count?, comma }`. One that opens an object or a list has in `end` the index of
 * the line that closes it, and in `count` how many members there are; an empty one is a value. Undefined when the text is no JSON.
 */
export async function lines(text, signal) {
  const out = [];
  const stack = [];
  let key;
  let started = performance.now();
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) return /^\s*$/u.test(text.slice(at)) && stack.length === 0 ? out : undefined;
    at = TOKEN.lastIndex;
    const { string, word, mark } = match.groups;
    if (string !== undefined && stack.at(-1)?.object && key === undefined) {
      key = string;
    } else if (string !== undefined || word !== undefined) {
      push({ value: string ?? word });
    } else if (mark === '{' || mark === '[') {
      push({ open: mark, count: 0 });
      stack.push({ index: out.length - 1, object: mark === '{' });
    } else if (mark === '}' || mark === ']') {
      const opened = stack.pop();
      if (!opened) return undefined;
      if (out[opened.index].count === 0) {
        Object.assign(out[opened.index], { open: undefined, value: mark === '}' ? '{}' : '[]' });
        continue;
      }
      out[opened.index].end = out.length;
      out.push({ depth: stack.length, close: mark, comma: false });
    } else if (mark === ',') {
      if (out.length === 0) return undefined;
      out.at(-1).comma = true;
    }
    if ((out.length & 255) === 0 && performance.now() - started > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      started = performance.now();
    }
  }
  return stack.length === 0 ? out : undefined;

  function push(line) {
    if (stack.length > 0) out[stack.at(-1).index].count += 1;
    out.push({ depth: stack.length, key, comma: false, ...line });
    key = undefined;
  }
}

/** The indices of the lines that are seen when those in `folded` are closed. */
export function seen(all, folded) {
  const out = [];
  for (let index = 0; index < all.length; index += 1) {
    out.push(index);
    if (folded.has(index)) index = all[index].end;
  }
  return out;
}
