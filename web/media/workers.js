// The import `workers`: a pool of threads that compress and hash. Each runs the same core, so the bytes do not depend on how many there are;
// what is small is done at once, where it is.
//
// A thread is `{ post(message, transfer), stop() }`. It takes `{ id, compress: […] }`, `{ hasher, algorithm }`, `{ id, hasher, update }`,
// `{ id, hasher, sum: true }` and `{ hasher, drop: true }`, and answers `{ id, value | error, used? }`: the memory of what it was sent comes
// back, to be used again. An engine would look for so much of it that is not used any more only when there are hundreds of megabytes.

/** Up to here nothing is handed to a thread. */
const SMALL = 256 << 10;
/** What a hasher has at most before it, in bytes. */
const AHEAD = 4 << 20;

/** Memory that came back is kept for the next bytes: so much of it. */
const SPARE = 16 << 20;

/** Threads, which are started when there is work for them. */
export class Pool {
  spare = new Spare();
  #core;
  #start;
  #threads = [];

  /** `start(received)` starts a thread; `size` is how many there are at most. */
  constructor(core, start, size) {
    this.#core = core;
    this.#start = start;
    this.size = Math.max(1, size);
  }

  async compress(codec, level, dictionary, bytes, parts, last) {
    if (last && bytes.length <= SMALL) return this.#core.compress(codec, level, dictionary, bytes, parts, last);
    const thread = this.#least('waiting');
    return thread.ask({ compress: [codec, level, dictionary, bytes, parts, last] }, [bytes.buffer, dictionary.buffer]);
  }

  hasher(algorithm) {
    return new Hasher(this.#core, algorithm, this.spare, () => this.#least('hashers'));
  }

  /** The one with the fewest of these; a new one as long as all have some and there are fewer than there may be. */
  #least(of) {
    const least = this.#threads.reduce((least, thread) => (thread[of] < least[of] ? thread : least), this.#threads[0]);
    if (least?.[of] === 0 || this.#threads.length === this.size) return least;
    const thread = new Thread(this.#start, this.spare);
    this.#threads.push(thread);
    return thread;
  }
}

/** Memory to be used again, in pieces of whole megabytes. */
class Spare {
  #buffers = [];
  #bytes = 0;

  /** An array of so many bytes, with anything in it. */
  take(length) {
    const whole = Math.ceil(length / (1 << 20)) << 20;
    if (length <= SMALL) return new Uint8Array(length);
    const at = this.#buffers.findIndex(({ byteLength }) => byteLength === whole);
    if (at < 0) return new Uint8Array(new ArrayBuffer(whole), 0, length);
    this.#bytes -= whole;
    return new Uint8Array(this.#buffers.splice(at, 1)[0], 0, length);
  }

  give(buffer) {
    if (buffer.byteLength <= SMALL || this.#bytes + buffer.byteLength > SPARE) return;
    this.#bytes += buffer.byteLength;
    this.#buffers.push(buffer);
  }
}

/** A thread, and what it was asked. */
class Thread {
  /** Hashes that are running on it. */
  hashers = 0;
  #asked = new Map();
  #next = 1;
  #thread;

  constructor(start, spare) {
    this.#thread = start(({ id, value, error, used }) => {
      if (used) spare.give(used);
      const { resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error) reject(error);
      else resolve(value);
    });
  }

  /** What it was asked and has not answered. */
  get waiting() {
    return this.#asked.size;
  }

  /** A number that nobody else has. */
  number() {
    return this.#next++;
  }

  ask(message, transfer) {
    const id = this.number();
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.tell({ ...message, id }, transfer);
    });
  }

  tell(message, transfer) {
    this.#thread.post(message, transfer);
  }
}

/** A running hash: here until there is enough to hash, then on the thread. */
class Hasher {
  #core;
  #algorithm;
  #spare;
  #thread;
  #elsewhere;
  #number;
  #bytes = 0;
  #kept = [];
  #ahead = 0;
  #room = [];

  constructor(core, algorithm, spare, thread) {
    this.#core = core;
    this.#algorithm = algorithm;
    this.#spare = spare;
    this.#thread = thread;
  }

  room(length) {
    return this.#spare.take(length);
  }

  async update(bytes) {
    this.#bytes += bytes.length;
    if (!this.#elsewhere && this.#bytes <= SMALL) {
      this.#kept.push(bytes);
      return;
    }
    if (!this.#elsewhere) {
      this.#elsewhere = this.#thread();
      this.#elsewhere.hashers += 1;
      this.#number = this.#elsewhere.number();
      this.#elsewhere.tell({ hasher: this.#number, algorithm: this.#algorithm });
      for (const kept of this.#kept) this.#send(kept);
      this.#kept = [];
    }
    this.#send(bytes);
    while (this.#ahead > AHEAD) await new Promise((resolve) => this.#room.push(resolve));
  }

  async sum() {
    if (this.#elsewhere) return this.#elsewhere.ask({ hasher: this.#number, sum: true });
    const here = new this.#core.Hasher(this.#algorithm);
    for (const bytes of this.#kept) here.update(bytes);
    const sum = here.sum();
    here.free();
    return sum;
  }

  drop() {
    if (!this.#elsewhere) return;
    this.#elsewhere.hashers -= 1;
    this.#elsewhere.tell({ hasher: this.#number, drop: true });
  }

  #send(bytes) {
    const { length } = bytes;
    this.#ahead += length;
    this.#elsewhere.ask({ hasher: this.#number, update: bytes }, [bytes.buffer]).then(() => {
      this.#ahead -= length;
      for (const go of this.#room.splice(0)) go();
    });
  }
}

/** What a thread does with a message: `core` has `compress` and `Hasher`. */
export function serve(core, post) {
  const hashers = new Map();
  return function received({ id, compress, hasher, algorithm, update, sum, drop }) {
    if (algorithm) return void hashers.set(hasher, new core.Hasher(algorithm));
    if (drop) {
      hashers.get(hasher).free();
      return void hashers.delete(hasher);
    }
    if (update) {
      hashers.get(hasher).update(update);
      return post({ id, used: update.buffer }, [update.buffer]);
    }
    if (sum) return post({ id, value: hashers.get(hasher).sum() });
    try {
      const value = core.compress(...compress);
      const used = compress[3].buffer;
      return post({ id, value, used }, [value.bytes.buffer, used]);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      return post({ id, error });
    }
  };
}
