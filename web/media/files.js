// The import `files`: bytes at rest, and bytes that come once.

import { failure } from '../error.js';
import { breathe } from './turn.js';

// What is read at once: more when what is asked for comes in order.
const LEAST = 256 << 10;
const MOST = 2 << 20;

/** A `Blob`, read by slices; what follows is read ahead when it is read in order. */
export class BlobFile {
  #blob;
  #what;
  /** The slices that are at hand or on their way, in order: `{ start, end, bytes }`. */
  #slices = [];
  #length = LEAST;

  /** `what` is for errors. */
  constructor(blob, what = 'the file') {
    this.#blob = blob;
    this.#what = what;
  }

  get size() {
    return this.#blob.size;
  }

  async readAt(offset, max) {
    const size = this.#blob.size;
    if (offset >= size || max === 0) return new Uint8Array();
    const at = this.#slices.findIndex(({ start, end }) => start <= offset && offset < end);
    const last = this.#slices.at(-1);
    if (at < 0) {
      // Right behind what was read is in order, anywhere else a new beginning.
      this.#length = last?.end === offset ? Math.min(this.#length * 2, MOST) : Math.max(LEAST, Math.min(max, MOST));
      this.#slices = [this.#slice(offset)];
    } else {
      this.#slices.splice(0, at);
    }
    const { start, end, bytes } = this.#slices[0];
    if (this.#slices.length === 1 && this.#length > LEAST && end < size) this.#slices.push(this.#slice(end));
    const read = await bytes;
    return read.subarray(offset - start, Math.min(offset - start + max, read.length));
  }

  drop() {
    this.#slices = [];
  }

  #slice(start) {
    const end = Math.min(start + this.#length, this.#blob.size);
    const bytes = this.#blob.slice(start, end).arrayBuffer().then((buffer) => new Uint8Array(buffer), (why) => {
      const message = `cannot read ${this.#what}: it was changed, or taken away, since it was picked`;
      throw failure('source', 'other', message, { detail: 'read', causes: [why.message] });
    });
    // Of a slice that nobody comes to read.
    bytes.catch(() => {});
    return { start, end, bytes };
  }
}

/** Bytes that are in memory. */
export class BytesFile {
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get size() {
    return this.#bytes.length;
  }

  async readAt(offset, max) {
    await breathe();
    return this.#bytes.subarray(offset, offset + max);
  }

  drop() {}
}

/** A `ReadableStream` of `Uint8Array`s; null has no bytes. `waited` waits for its next piece, and makes a record of what goes wrong. */
export class StreamInput {
  #reader;
  #waited;
  #rest = new Uint8Array();

  constructor(stream, waited) {
    this.#reader = stream?.getReader();
    this.#waited = waited;
  }

  async read(max) {
    while (this.#rest.length === 0) {
      const { done, value } = this.#reader ? await this.#waited(this.#reader.read()) : { done: true };
      if (done) return new Uint8Array();
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(max);
    return piece;
  }

  drop() {
    // What was not read is abandoned; a stream that has failed says so once more.
    this.#reader?.cancel().catch(() => {});
    this.#reader = undefined;
  }
}

/** A file for a document that the caller gave: text, bytes or a `Blob`. */
export function fileOf(given, what) {
  if (typeof given === 'string') return new BytesFile(new TextEncoder().encode(given));
  return given instanceof Uint8Array ? new BytesFile(given) : new BlobFile(given, what);
}
