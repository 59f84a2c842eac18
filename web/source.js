// Sources: what a caller gives becomes a message to the worker, and there what the core takes.

import { failure } from './error.js';
import { Layout, atAddress, inFolder, inList } from './media/directories.js';
import { BlobFile, StreamInput } from './media/files.js';
import { Tree, entriesIn, entriesOfList } from './media/trees.js';

/** The caller's end: what can be sent. `share` makes a number of a function. */
export function sent(source, share) {
  if (typeof source === 'string') return { path: source };
  if (source instanceof Blob) return { blob: source };
  if (source?.layout) return { ...source, layout: place(source.layout, share) };
  if (source?.files && !Array.isArray(source.files)) return { ...source, files: place(source.files, share) };
  if (source?.files?.[0] instanceof Blob) return { ...source, files: place(source.files, share) };
  return source;
}

function place(given, share) {
  if (given instanceof URL) return { address: given.href };
  if (Array.isArray(given)) return { list: given.map((file) => [behindFirst(file.webkitRelativePath || file.name), file]) };
  if (given.kind === 'directory') return { folder: given };
  return { shared: share((path) => given.open(path)) };
}

function behindFirst(path) {
  return path.slice(path.indexOf('/') + 1);
}

/** What can be sent only by handing it over. */
export function handed(contents) {
  return contents.map((content) => content?.stream).filter((stream) => stream !== undefined);
}

/** The worker's end: `{ kind, of, form?, name?, platform? }`. `host.path` opens paths, where there are any. */
export async function content(given, { ask }, host) {
  const { name, platform, form } = given ?? {};
  return { ...await found(given ?? {}, ask, host), name, platform, form };
}

async function found({ blob, path, layout, registry, files, stream }, ask, host) {
  if (blob) return { kind: 'archive', of: new BlobFile(blob, blob.name ? `\`${blob.name}\`` : undefined) };
  if (path !== undefined && host.path) return host.path(path);
  if (path !== undefined) throw failure('request', 'unsupported', 'a page has no paths: give a `Blob`', { detail: 'source' });
  if (layout) return { kind: 'layout', of: new Layout(opener(layout, ask)) };
  if (registry !== undefined) return { kind: 'registry', of: registry };
  if (stream) return { kind: 'piped', of: new StreamInput(stream, (reading) => reading.catch((why) => Promise.reject(broken(why)))) };
  if (files) return { kind: 'files', of: new Tree(await entries(files)) };
  const message = 'a source is a `Blob`, a path, or has one of `blob`, `path`, `stream`, `layout`, `registry` and `files`';
  throw failure('request', 'malformed', message, { detail: 'source' });
}

function opener({ address, list, folder, shared }, ask) {
  if (address) return atAddress(address);
  if (list) return inList(list);
  return folder ? inFolder(folder) : (path) => ask(shared, path);
}

function entries(files) {
  if (files.folder) return entriesIn(files.folder);
  return files.list ? entriesOfList(files.list) : files;
}

function broken(why) {
  return failure('source', 'other', 'the stream broke off', { detail: 'read', causes: [`${why?.message ?? why}`] });
}
