// The import `destinations`: what outputs write becomes the job's results, by the name that `dest` says. A page has nowhere else to put it.

import { Directory } from './directories.js';

/** What outputs wrote. */
export class Destinations {
  #drafts;
  #archives = new Map();
  #layouts = new Map();
  #trees = new Map();

  constructor(drafts) {
    this.#drafts = drafts;
  }

  archive(dest) {
    return new Sink(this.#drafts.create(), (draft) => {
      this.#archives.get(dest)?.release();
      this.#archives.set(dest, draft);
    });
  }

  layout(dest) {
    if (!this.#layouts.has(dest)) this.#layouts.set(dest, new Directory(this.#drafts));
    return this.#layouts.get(dest);
  }

  rootFilesystem(dest) {
    return new TreeWriter(this.#drafts, (entries) => this.#trees.set(dest, entries));
  }

  /** What an archive became. */
  archiveOf(dest) {
    return this.#archives.get(dest).blob();
  }

  /** `{ files, trees }`, as in jobs.d.ts. */
  async results() {
    const files = {};
    const trees = {};
    for (const [dest, draft] of this.#archives) files[dest] = await draft.blob();
    for (const [dest, layout] of this.#layouts) {
      for (const path of layout.paths()) files[`${dest}/${path}`] = await layout.files.get(path).blob();
    }
    for (const [dest, entries] of this.#trees) {
      trees[dest] = await Promise.all(entries.map(async ({ draft, ...entry }) => (
        draft ? { ...entry, content: await draft.blob() } : entry)));
      for (const { path, type, content } of trees[dest]) if (type === 'file') files[`${dest}/${text(path)}`] = content;
    }
    return { files, trees };
  }
}

/** An archive on its way out. */
class Sink {
  #draft;
  #done;

  constructor(draft, done) {
    this.#draft = draft;
    this.#done = done;
  }

  async write(bytes) {
    await this.#draft.append(bytes);
  }

  async finish() {
    this.#done(this.#draft.retain());
  }

  drop() {
    this.#draft.release();
  }
}

/** A file tree on its way out. */
class TreeWriter {
  #drafts;
  #done;
  #entries = new Map();
  #last;

  constructor(drafts, done) {
    this.#drafts = drafts;
    this.#done = done;
  }

  async put({ path, type, mode, uid, gid, seconds, target, major, minor, xattrs }) {
    if (!path.length) return; // the root, which is no entry
    const known = text(path);
    this.#entries.get(known)?.draft?.release();
    const entry = { path: exact(path), type, mode, uid, gid, mtime: seconds };
    if (target) entry.target = exact(target);
    if (major !== undefined) Object.assign(entry, { major, minor });
    if (xattrs.length) entry.xattrs = Object.fromEntries(xattrs);
    if (type === 'file') entry.draft = this.#drafts.create();
    this.#last = entry;
    this.#entries.set(known, entry);
  }

  async write(bytes) {
    await this.#last.draft.append(bytes);
  }

  async finish() {
    this.#done([...this.#entries.values()]);
  }

  drop() {}
}

/** UTF-8 as text; other paths stay bytes. */
function exact(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

function text(path) {
  return typeof path === 'string' ? path : new TextDecoder().decode(path);
}
