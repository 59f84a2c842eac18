// The same for Node 20: loads the wasm from disk, and reads a directory into entries.

import { readFile, readdir, lstat, readlink } from 'node:fs/promises';

import { load } from './index.js';

export { checkOutput, exportImage } from './index.js';

await load(await readFile(new URL('./pkg/ocix_browser_bg.wasm', import.meta.url)));

const TYPES = [
  ['directory', 'isDirectory'], ['symlink', 'isSymbolicLink'], ['character', 'isCharacterDevice'],
  ['block', 'isBlockDevice'], ['fifo', 'isFIFO'], ['file', 'isFile'],
];

/** The entries of a directory, as `exportImage` takes them. Reads everything into memory; extended attributes are not read. */
export async function entriesOf(directory) {
  const entries = [];
  const links = new Map();
  await walk(Buffer.from(directory), Buffer.alloc(0));
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
    if (type === 'file') entry.content = new Uint8Array(await readFile(full));
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
