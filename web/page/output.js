// One `--output` out of the fields of a form. Keys, kinds and choices come from the core's option table; only how it is written is decided here.

/** What the page can hand over, by the value of `type`. */
export const MADE = {
  oci: { label: 'OCI archive', doc: 'An image layout in a tar, for any tool.', end: 'tar' },
  docker: { label: 'Docker archive', doc: 'What docker load reads.', end: 'tar' },
  tar: { label: 'Root file system', doc: 'All layers together, as a tar of files.', end: 'tar' },
  registry: { label: 'Push to a registry', doc: 'The registry must let pages write to it.' },
};

/** Keys that make no sense in a page, or that the form has in another way. */
const APART = new Set(['type', 'dest', 'tar', 'push', 'store', 'unpack', 'annotation.<key>']);
/** Those that are asked for first; the others are for who knows what they mean. */
const FIRST = ['name', 'compression', 'compression-level', 'force-compression', 'oci-mediatypes', 'rewrite-timestamp', 'source-date-epoch'];

/** The rows of the table for a type: `{ first, others }`. */
export function fields(table, type) {
  const known = table.filter((row) => row.exporters.includes(type) && !APART.has(row.key) && !row.key.includes('<'));
  const first = FIRST.map((key) => known.find((row) => row.key === key)).filter(Boolean);
  return { first, others: known.filter((row) => !first.includes(row)) };
}

/** The text of an output. `values`: by key, what is empty is left out; `annotations`: `[level, key, value]` each. */
export function output(table, type, values, annotations) {
  const { first, others } = fields(table, type);
  const parts = [['type', type]];
  // The page has no store to keep it in.
  parts.push(MADE[type].end ? ['dest', destination(values.name, type)] : ['store', 'false']);
  for (const { key } of [...first, ...others]) if (values[key] !== undefined && values[key] !== '') parts.push([key, values[key]]);
  if (table.some((row) => row.key.startsWith('annotation') && row.exporters.includes(type))) {
    for (const [level, key, value] of annotations) if (key) parts.push([`annotation${level}.${key}`, value]);
  }
  return parts.map(([key, value]) => field(`${key}=${value}`)).join(',');
}

/** The file that an output goes to: called as the image is. */
export function destination(names, type) {
  const name = (names ?? '').split(',')[0].split('/').at(-1).replace(/[^\w.-]+/gu, '-');
  return `${name || 'image'}${type === 'tar' ? '-rootfs' : ''}.${MADE[type].end}`;
}

/** A field of CSV. */
function field(text) {
  return /[",\n\r]|^\s|\s$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
