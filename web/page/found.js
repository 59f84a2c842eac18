// Flat lists of paths: what a search finds in the merged tree, the entries of one layer, what one layer changed.
//
// They come in pages; what does not match is not kept.

/** Entries of a page. */
const PAGE = 2000;
/** Matches at most: nobody looks through more. */
export const MOST = 100_000;

/**
 * Collects what `wanted` asks for: `{ layer }`, `{ changed, change }`, and of everything `{ q, type, from }`. `take(rows, done)` is called
 * with all rows so far. A row is `{ entry, mark? }`.
 */
export async function find(image, wanted, take, how) {
  const matches = matcher(wanted);
  const rows = [];
  let first = 0;
  for (;;) {
    const { items, more } = await page(image, wanted, { ...how, first, max: PAGE });
    first += items.length;
    for (const item of items) if (rows.length < MOST && matches(item)) rows.push(item);
    const going = more && rows.length < MOST && items.length > 0;
    take(rows, !going);
    if (!going) return { rows, cut: more };
  }
}

async function page(image, { layer, changed }, how) {
  if (changed !== undefined) {
    const { changes, more } = await image.layerChanges(Number(changed), how);
    return { more, items: changes.map(({ path, change, before, after }) => ({ mark: change, before, entry: { ...(after ?? before), path } })) };
  }
  const { entries, more } =
    layer === undefined ? await image.tree('', { ...how, recursive: true }) : await image.entries(Number(layer), how);
  return { more, items: entries.map((entry) => ({ entry })) };
}

/** Words of a search are parts of the path, all of them, whatever their letters' case; `*.conf` and the like are patterns for the name. */
function matcher({ q = '', type, from, change }) {
  const words = q.toLowerCase().split(/\s+/u).filter(Boolean);
  const tests = words.map((word) => {
    if (!/[*?]/u.test(word)) return (path) => path.includes(word);
    const pattern = new RegExp(`(^|/)${word.replace(/[.+^${}()|[\]\\]/gu, '\\$&').replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`, 'u');
    return (path) => pattern.test(path);
  });
  return ({ entry, mark }) => {
    if (type && entry.type !== type) return false;
    if (from !== undefined && String(entry.layer) !== from) return false;
    if (change && mark !== change) return false;
    const path = entry.path.toLowerCase();
    return tests.every((test) => test(path));
  };
}
