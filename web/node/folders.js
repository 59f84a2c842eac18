// What lies on Node's disk: archives, layouts and folders of files.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { failure } from '../error.js';
import { Layout } from '../media/directories.js';
import { Tree } from '../media/trees.js';
import { breathe } from '../media/turn.js';

/** The source at a path: a folder is a layout when it has a file `oci-layout`, else a root file system; a file is an archive, layer or document. */
export async function path(path) {
  if (!stat(path, () => true)) throw failure('source', 'not-found', `cannot read the source \`${path}\`: it does not exist`);
  if (!stat(path, (found) => found.isDirectory())) return { kind: 'archive', of: new DiskFile(path) };
  if (!stat(join(path, 'oci-layout'), (found) => found.isFile())) return { kind: 'files', of: new Tree(await entriesWithin(path, lazily)) };
  const there = (name) => stat(join(path, name), (found) => found.isFile());
  return { kind: 'layout', of: new Layout(async (name) => (there(name) ? new DiskFile(join(path, name)) : null)) };
}

/** The entries of a folder, as `exportImage` takes them. Reads everything into memory; extended attributes are not read. */
export function entriesOf(folder) {
  return entriesWithin(folder, async (full) => new Uint8Array(await readFile(full)));
}

/** A file that is open for reading. */
class DiskFile {
  #path;
  #file;

  constructor(path) {
    this.#path = path;
    this.#file = attempt(path, () => openSync(path, 'r'));
    this.size = fstatSync(this.#file).size;
  }

  async readAt(offset, max) {
    await breathe();
    const bytes = new Uint8Array(Math.max(0, Math.min(max, this.size - offset, 4 << 20)));
    const read = attempt(this.#path, () => readSync(this.#file, bytes, 0, bytes.length, offset));
    return bytes.subarray(0, read);
  }

  drop() {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function stat(path, question) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && question(found);
}

function attempt(path, work) {
  try {
    return work();
  } catch (why) {
    const code = { ENOENT: 'not-found', EACCES: 'denied', EPERM: 'denied' }[why.code] ?? 'other';
    throw failure('source', code, `cannot read \`${path}\``, { detail: 'read', causes: [why.message] });
  }
}

async function lazily(full, { size }) {
  return { size: Number(size), open: () => new DiskFile(full) };
}

const TYPES = [
  ['directory', 'isDirectory'], ['symlink', 'isSymbolicLink'], ['character', 'isCharacterDevice'],
  ['block', 'isBlockDevice'], ['fifo', 'isFIFO'], ['file', 'isFile'],
];

async function entriesWithin(root, content) {
  const entries = [];
  const links = new Map();
  await walk(Buffer.from(root), Buffer.alloc(0));
  return entries;

  async function walk(folder, prefix) {
    const names = await readdir(folder, { encoding: 'buffer' });
    for (const name of names.sort(Buffer.compare)) {
      const full = Buffer.concat([folder, Buffer.from('/'), name]);
      const path = prefix.length ? Buffer.concat([prefix, Buffer.from('/'), name]) : name;
      const entry = await entryOf(full, path);
      if (!entry) continue;
      entries.push(entry);
      if (entry.type === 'directory') await walk(full, path);
    }
  }

  async function entryOf(full, path) {
    const stat = await lstat(full, { bigint: true });
    const type = TYPES.find(([, is]) => stat[is]())?.[0];
    if (!type) return undefined; // a socket
    const entry = {
      path: new Uint8Array(path),
      type,
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtime: Number(stat.mtimeNs >= 0n ? stat.mtimeNs / 1000000000n : (stat.mtimeNs - 999999999n) / 1000000000n),
    };
    const inode = `${stat.dev}:${stat.ino}`;
    if (type !== 'directory' && stat.nlink > 1n) {
      if (links.has(inode)) return { ...entry, type: 'hardlink', target: links.get(inode) };
      links.set(inode, entry.path);
    }
    if (type === 'file') entry.content = await content(full, stat);
    if (type === 'symlink') entry.target = new Uint8Array(await readlink(full, { encoding: 'buffer' }));
    if (type === 'character' || type === 'block') Object.assign(entry, device(stat.rdev));
    return entry;
  }
}

// As Linux packs them in st_rdev.
function device(rdev) {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}
