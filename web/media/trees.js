// The import `trees`: a file tree out of the entries that a caller gives, in the order of a walk.

import { failure } from '../error.js';
import { BlobFile, BytesFile } from './files.js';

// A walk's answer ends after about so many bytes of content.
const CONTENT = 1 << 20;
const TYPES = ['file', 'directory', 'symlink', 'hardlink', 'character', 'block', 'fifo'];

/** The tree of `FileEntry`s, as index.d.ts has them; `content` may also be `{ size, open() }`, which answers an object of `files.js`. */
export class Tree {
  #entries;
  #at = 0;
  #contents = new Map();

  constructor(given) {
    const sorted = given.map((entry, number) => this.#entry(entry, number)).sort((one, other) => order(one.path, other.path));
    // Of two for one path the later one counts.
    this.#entries = sorted.filter(({ path }, at) => at + 1 === sorted.length || order(path, sorted[at + 1].path) !== 0);
  }

  async walk(max, whole) {
    const found = [];
    let bytes = 0;
    while (found.length < max && this.#at < this.#entries.length && bytes < CONTENT) {
      const entry = this.#entries[this.#at++];
      const content = entry.type === 'file' && entry.size <= whole ? this.#contents.get(key(entry.path)) : undefined;
      bytes += content ? entry.size : 0;
      found.push([entry, content]);
    }
    return Promise.all(found.map(async ([entry, content]) => [entry, content ? await all(content.open()) : new Uint8Array()]));
  }

  async open(path) {
    return this.#contents.get(key(path)).open();
  }

  #entry(given, number) {
    const wrong = (what) => failure('request', 'malformed', `entry ${number} is wrong`, { detail: 'job', causes: [what] });
    const bytes = (name, missing) => {
      const value = given[name] ?? missing;
      if (typeof value === 'string') return new TextEncoder().encode(value);
      if (value instanceof Uint8Array) return value;
      throw wrong(`\`${name}\` ${value === undefined ? 'is missing' : 'is neither a string nor a Uint8Array'}`);
    };
    const { type = 'file', uid = 0, gid = 0, mtime = 0, major = 0, minor = 0, xattrs = {} } = given;
    if (!TYPES.includes(type)) throw wrong('`type` is not a type of entry');
    const mode = (given.mode ?? (type === 'directory' ? 0o755 : 0o644)) & 0o7777;
    const path = bytes('path');
    const unsound = (part) => part === '' || part === '.' || part === '..' || part.includes('\0');
    if (key(path).split('/').some(unsound)) throw wrong('`path` must be relative, without empty, `.` and `..` components');
    const entry = { path, type, mode, uid, gid, seconds: mtime, nanoseconds: 0, major, minor };
    const pairs = Object.entries(xattrs).sort(([one], [other]) => (one < other ? -1 : 1));
    entry.xattrs = pairs.map(([name, value]) => [name, typeof value === 'string' ? new TextEncoder().encode(value) : value]);
    if (type === 'symlink' || type === 'hardlink') entry.target = bytes('target');
    if (type === 'file') {
      const content = contentOf(given.content, () => bytes('content', new Uint8Array()));
      entry.size = content.size;
      this.#contents.set(key(path), content);
    }
    return entry;
  }
}

function contentOf(given, bytes) {
  if (typeof given?.open === 'function') return given;
  if (given instanceof Blob) return { size: given.size, open: () => new BlobFile(given, 'a file of the tree') };
  const file = new BytesFile(bytes());
  return { size: file.size, open: () => file };
}

async function all(file) {
  const pieces = new Uint8Array(file.size);
  for (let at = 0; at < pieces.length;) {
    const piece = await file.readAt(at, pieces.length - at);
    // It became shorter while it was read; the core says so.
    if (piece.length === 0) return pieces.subarray(0, at);
    pieces.set(piece, at);
    at += piece.length;
  }
  file.drop();
  return pieces;
}

/** Components compare one after the other, so that what is in `a` comes before `a.b`. */
function order(one, other) {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    if (one[at] === other[at]) continue;
    if (one[at] === SLASH) return -1;
    return other[at] === SLASH ? 1 : one[at] - other[at];
  }
  return one.length - other.length;
}

const SLASH = 0x2f;

/** Bytes as a string, one character a byte. */
function key(path) {
  let text = '';
  for (const byte of path) text += String.fromCharCode(byte);
  return text;
}

/** The entries of a folder that the user has picked: modes and owners are not known in a page. */
export async function entriesIn(handle, prefix = '') {
  const entries = [];
  for await (const [name, child] of handle.entries()) {
    const path = `${prefix}${name}`;
    if (child.kind === 'directory') {
      entries.push({ path, type: 'directory' }, ...await entriesIn(child, `${path}/`));
    } else {
      entries.push(entryOf(path, await child.getFile()));
    }
  }
  return entries;
}

/** The entries of files with their paths, and of the folders that they are in. */
export function entriesOfList(list) {
  const folders = new Set();
  for (const [path] of list) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) folders.add(path.slice(0, end));
  }
  return [...[...folders].map((path) => ({ path, type: 'directory' })), ...list.map(([path, file]) => entryOf(path, file))];
}

function entryOf(path, file) {
  return { path, content: file, mtime: Math.floor(file.lastModified / 1000) };
}
