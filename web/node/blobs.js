// Blobs between Node's threads. One that a file is behind cannot be sent: to the worker goes a function that reads it, from the worker its path.

import { openAsBlob } from 'node:fs';

/** Of what is sent to the worker; `share` makes a number of a function. */
export function packed(value, share) {
  return replaced(value, (one) => {
    if (!(one instanceof Blob) || sendable(one)) return undefined;
    return { size: one.size, shared: share(async (start, end) => new Uint8Array(await one.slice(start, end).arrayBuffer())) };
  });
}

/** The same in the worker; `ask` calls the function. */
export function unpacked(value, ask) {
  return replaced(value, (one) => (one?.shared && one.size !== undefined ? new SharedBlob(one, ask) : undefined));
}

/** Of what a job wrote. */
export function received(made) {
  return made?.path && !(made instanceof Blob) ? openAsBlob(made.path) : made;
}

/** A blob of the caller's thread: as much of one as files.js wants. */
class SharedBlob extends Blob {
  #of;
  #ask;
  #start;
  #end;

  constructor(of, ask, start = 0, end = of.size) {
    super();
    this.#of = of;
    this.#ask = ask;
    this.#start = start;
    this.#end = end;
  }

  get size() {
    return this.#end - this.#start;
  }

  slice(start, end) {
    return new SharedBlob(this.#of, this.#ask, this.#start + start, Math.min(this.#start + end, this.#end));
  }

  async arrayBuffer() {
    return (await this.#ask(this.#of.shared, this.#start, this.#end)).buffer;
  }
}

function sendable(blob) {
  try {
    return structuredClone(blob) !== undefined;
  } catch {
    return false;
  }
}

/** The same value with some parts of it replaced: where `other` answers something. */
function replaced(value, other) {
  const found = other(value);
  if (found !== undefined) return found;
  if (Array.isArray(value)) return value.map((one) => replaced(one, other));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaced(one, other)]));
}
