// The import `workers`: a pool of threads that compress, and one that hashes. Each runs the same core, so the bytes do not depend on how
// many there are; what is small is done at once, where it is.
//
// A thread is `{ post(message, transfer), stop() }`. It takes `{ id, compress: […] }`, `{ hasher, algorithm }`, `{ id, hasher, update }`,
// `{ id, hasher, sum: true }` and `{ hasher, drop: true }`, and answers `{ id, value | error }`.

/** Up to here nothing is handed to a thread. */
const SMALL = 256 << 10;
/** What a hasher has at most before it, in bytes. */
const AHEAD = 8 << 20;

/** Threads, which are started when there is work for them. */
export class Pool {
  #core;
  #start;
  #threads = [];
  #hashing;

  /** `start(received)` starts a thread; `size` is how many compress. */
  constructor(core, start, size) {
    this.#core = core;
    this.#start = start;
    this.size = Math.max(1, size);
  }

  async compress(codec, level, dictionary, bytes, parts, last) {
    if (last && bytes.length <= SMALL) return this.#core.compress(codec, level, dictionary, bytes, parts, last);
    const thread = this.#idle();
    return thread.ask({ compress: [codec, level, dictionary, bytes, parts, last] }, [bytes.buffer, dictionary.buffer]);
  }

  hasher(algorithm) {
    return new Hasher(this.#core, algorithm, () => (this.#hashing ??= new Thread(this.#start)));
  }

  /** The one with the least to do; a new one as long as all are busy and there are fewer than there may be. */
  #idle() {
    const least = this.#threads.reduce((least, thread) => (thread.waiting < least.waiting ? thread : least), this.#threads[0]);
    if (least?.waiting === 0 || this.#threads.length === this.size) return least;
    const thread = new Thread(this.#start);
    this.#threads.push(thread);
    return thread;
  }
}

/** A thread, and what it was asked. */
class Thread {
  #asked = new Map();
  #next = 1;
  #thread;

  constructor(start) {
    this.#thread = start(({ id, value, error }) => {
      const { resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error) reject(error);
      else resolve(value);
    });
  }

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
  #thread;
  #elsewhere;
  #number;
  #bytes = 0;
  #kept = [];
  #ahead = 0;
  #room = [];

  constructor(core, algorithm, thread) {
    this.#core = core;
    this.#algorithm = algorithm;
    this.#thread = thread;
  }

  async update(bytes) {
    this.#bytes += bytes.length;
    if (!this.#elsewhere && this.#bytes <= SMALL) {
      this.#kept.push(bytes);
      return;
    }
    if (!this.#elsewhere) {
      this.#elsewhere = this.#thread();
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
    this.#elsewhere?.tell({ hasher: this.#number, drop: true });
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
      return post({ id });
    }
    if (sum) return post({ id, value: hashers.get(hasher).sum() });
    try {
      const value = core.compress(...compress);
      return post({ id, value }, [value.bytes.buffer]);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      return post({ id, error });
    }
  };
}
