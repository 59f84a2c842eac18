// Temporaries: small ones in memory, others on the disk where there is one. Whatever is left of a job's goes when the job does.
//
// A disk is `{ create() }`, which answers `{ write(bytes, at), read(into, at), blob(), remove() }`: OPFS in pages, a folder in Node.

import { failure } from '../error.js';
import { breathe } from './turn.js';

/** Up to here a temporary is in memory. */
const SMALL = 1 << 20;
/** Where there is no disk, all of a job's temporaries have together at most so many bytes. */
const MEMORY = 1 << 30;

/** The temporaries of one job. */
export class Drafts {
  #disk;
  #held = 0;
  #all = new Set();

  /** `disk` may be null. */
  constructor(disk) {
    this.#disk = disk;
  }

  create() {
    const draft = new Draft(this.#disk, (count) => this.#hold(count), () => this.#all.delete(draft));
    this.#all.add(draft);
    return draft;
  }

  /** Removes those that are not kept. */
  async clear() {
    await Promise.all([...this.#all].filter((draft) => !draft.kept).map((draft) => draft.remove()));
  }

  /** Removes all. */
  async discard() {
    await Promise.all([...this.#all].map((draft) => draft.remove()));
  }

  #hold(count) {
    this.#held += count;
    if (this.#disk || this.#held <= MEMORY) return;
    throw failure('store', 'out-of-space', `there is no disk for temporaries here, and memory for ${MEMORY} bytes of them at most`);
  }
}

/** Bytes that are written, in order, and can be read back. It goes when it was released as often as it was retained, once at first. */
class Draft {
  size = 0;
  /** Whether it outlives its job. */
  kept = false;
  #disk;
  #hold;
  #gone;
  #file;
  #pieces = [];
  #uses = 1;

  constructor(disk, hold, gone) {
    this.#disk = disk;
    this.#hold = hold;
    this.#gone = gone;
  }

  async append(bytes) {
    if (!this.#file && this.#disk && this.size + bytes.length > SMALL) {
      this.#file = await this.#disk.create();
      let at = 0;
      for (const piece of this.#pieces) {
        this.#write(piece, at);
        at += piece.length;
      }
      this.#forget();
    }
    if (this.#file) {
      this.#write(bytes, this.size);
    } else {
      this.#hold(bytes.length);
      this.#pieces.push(bytes);
    }
    this.size += bytes.length;
    await breathe();
  }

  read(offset, max) {
    const bytes = new Uint8Array(Math.max(0, Math.min(max, this.size - offset)));
    if (this.#file) {
      this.#file.read(bytes, offset);
      return bytes;
    }
    let start = 0;
    for (const piece of this.#pieces) {
      const from = Math.max(offset - start, 0);
      const to = Math.min(offset + bytes.length - start, piece.length);
      if (from < to) bytes.set(piece.subarray(from, to), start + from - offset);
      start += piece.length;
    }
    return bytes;
  }

  /** All of it, as a result that outlives its job; it is not written any more. */
  async blob() {
    this.kept = true;
    return this.#file ? this.#file.blob() : new Blob(this.#pieces);
  }

  retain() {
    this.#uses += 1;
    return this;
  }

  release() {
    this.#uses -= 1;
    if (this.#uses === 0 && !this.kept) void this.remove();
  }

  async remove() {
    this.#gone();
    this.#forget();
    const file = this.#file;
    this.#file = undefined;
    await file?.remove();
  }

  #write(bytes, at) {
    try {
      if (this.#file.write(bytes, at) === bytes.length) return;
    } catch (why) {
      if (!['QuotaExceededError', 'ENOSPC', 'EDQUOT'].includes(why.code) && why.name !== 'QuotaExceededError') {
        throw failure('store', 'other', 'a temporary file cannot be written', { detail: 'write', causes: [why.message] });
      }
    }
    throw failure('store', 'out-of-space', 'there is no more room for temporaries: free some, and try again');
  }

  #forget() {
    this.#hold(-this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    this.#pieces = [];
  }
}

/** A draft as a file to read. */
export class DraftFile {
  #draft;

  constructor(draft) {
    this.#draft = draft.retain();
    this.size = draft.size;
  }

  async readAt(offset, max) {
    await breathe();
    return this.#draft.read(offset, Math.min(max, this.size - offset));
  }

  drop() {
    this.#draft?.release();
    this.#draft = undefined;
  }
}
