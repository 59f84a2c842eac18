// The import `directories`: a job's own store, layouts that it writes, and layouts to read. Nobody else writes to them, so a name is only a
// name here: what is published is whole.

import { failure } from '../error.js';
import { DraftFile } from './drafts.js';
import { BlobFile } from './files.js';

/** A directory of temporaries. */
export class Directory {
  /** What is published, by path. */
  files = new Map();
  #drafts;

  constructor(drafts) {
    this.#drafts = drafts;
  }

  async open(path) {
    const draft = this.files.get(path);
    return draft ? new DraftFile(draft) : null;
  }

  async create() {
    return new Writer(this, this.#drafts.create());
  }

  /** Paths of what is published, in byte order. */
  paths() {
    return [...this.files.keys()].sort();
  }
}

/** An unpublished file. */
class Writer {
  #directory;
  #draft;

  constructor(directory, draft) {
    this.#directory = directory;
    this.#draft = draft;
  }

  async write(bytes) {
    await this.#draft.append(bytes);
  }

  async reader() {
    return new DraftFile(this.#draft);
  }

  async publish(path) {
    const { files } = this.#directory;
    files.get(path)?.release();
    files.set(path, this.#draft.retain());
    return new DraftFile(this.#draft);
  }

  drop() {
    this.#draft?.release();
    this.#draft = undefined;
  }
}

/** A layout to read: `open(path)` answers a `Blob`, an object of `files.js`, or null. */
export class Layout {
  #open;

  constructor(open) {
    this.#open = open;
  }

  async open(path) {
    const found = await this.#open(path);
    return found instanceof Blob ? new BlobFile(found, `\`${path}\` of the layout`) : (found ?? null);
  }

  async create() {
    throw failure('component', 'denied', 'a layout that is read is not written to');
  }
}

/** `open` of a folder that the user has picked or dropped. */
export function inFolder(handle) {
  return async (path) => {
    const parts = path.split('/');
    const name = parts.pop();
    try {
      let folder = handle;
      for (const part of parts) folder = await folder.getDirectoryHandle(part);
      return await (await folder.getFileHandle(name)).getFile();
    } catch (why) {
      if (why.name === 'NotFoundError') return null;
      throw failure('source', why.name === 'NotAllowedError' ? 'denied' : 'other', `cannot read \`${path}\` of the folder`, {
        detail: 'read', causes: [why.message],
      });
    }
  };
}

/** `open` of files with their paths. */
export function inList(list) {
  const files = new Map(list);
  return async (path) => files.get(path) ?? null;
}

/** `open` of an address with a layout beneath it. */
export function atAddress(base) {
  return async (path) => {
    const url = new URL(path, base.endsWith('/') ? base : `${base}/`);
    const head = await get(url, { method: 'HEAD' });
    if (head.status === 404) return null;
    const size = Number(head.headers.get('content-length') ?? NaN);
    if (!head.ok || !Number.isSafeInteger(size)) throw unread(url, `status ${head.status}`);
    return new RemoteFile(url, size);
  };
}

/** A file behind an address that answers to ranges. */
class RemoteFile {
  #url;

  constructor(url, size) {
    this.#url = url;
    this.size = size;
  }

  async readAt(offset, max) {
    const end = Math.min(offset + Math.min(max, 4 << 20), this.size);
    if (offset >= end) return new Uint8Array();
    const response = await get(this.#url, { headers: { range: `bytes=${offset}-${end - 1}` } });
    const whole = response.status === 200 && offset === 0 && end === this.size;
    if (response.status !== 206 && !whole) throw unread(this.#url, `status ${response.status} where a part was asked for`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== end - offset) throw unread(this.#url, `${bytes.length} bytes where ${end - offset} were asked for`);
    return bytes;
  }

  drop() {}
}

async function get(url, how) {
  try {
    return await fetch(url, { credentials: 'omit', ...how });
  } catch (why) {
    throw unread(url, why.message);
  }
}

function unread(url, why) {
  return failure('source', 'other', `cannot read ${url.origin}${url.pathname}`, { detail: 'read', causes: [why] });
}
