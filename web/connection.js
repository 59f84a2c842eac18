// The caller's end of the worker: calls and their answers, progress, questions back, stopping, and a new worker when one has broken.
//
// Messages to the worker are `{ id, name, args }`, `{ stop: id }` and `{ told, value | error }`; from it `{ id, value | error }`,
// `{ id, event }` and `{ ask, shared, args }`.

import { OcixError, cancelled, failure, recordOf } from './error.js';

/** One worker at a time, started when there is something to do. */
export class Connection {
  #start;
  #thread;
  #next = 1;
  #pending = new Map();
  #shared = new Map();

  /** `start(received, failed)` starts a worker: `{ post(message, transfer), busy(whether), stop() }`. */
  constructor(start) {
    this.#start = start;
  }

  /** The worker of now: what lives in it is gone when this changes. */
  get thread() {
    this.#thread ??= this.#start((message) => this.#received(message), (why) => this.#failed(why));
    return this.#thread;
  }

  /** Calls a function of the worker. `thread`: the one that it must be. */
  call(name, args, { signal, onprogress, thread = this.thread, transfer } = {}) {
    if (signal?.aborted) return Promise.reject(new OcixError(cancelled()));
    if (thread !== this.#thread) return Promise.reject(new OcixError(lost()));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const stop = () => {
        thread.post({ stop: id });
        end(() => reject(new OcixError(cancelled())));
      };
      const end = (settle) => {
        this.#pending.delete(id);
        signal?.removeEventListener('abort', stop);
        thread.busy(this.#pending.size > 0);
        settle();
      };
      this.#pending.set(id, {
        onprogress,
        done: (value) => end(() => resolve(value)),
        failed: (error) => end(() => reject(new OcixError(error))),
      });
      signal?.addEventListener('abort', stop);
      thread.busy(true);
      try {
        thread.post({ id, name, args }, transfer);
      } catch (why) {
        const message = 'what was given cannot be handed to the worker';
        end(() => reject(new OcixError(failure('request', 'malformed', message, { detail: 'job', causes: [why.message] }))));
      }
    });
  }

  /** Lets the worker call a function: by this number, until it is forgotten. */
  share(work) {
    const number = this.#next++;
    this.#shared.set(number, work);
    return number;
  }

  forget(numbers) {
    for (const number of numbers) this.#shared.delete(number);
  }

  #received(message) {
    if (message.ask !== undefined) return void this.#asked(message);
    const call = this.#pending.get(message.id);
    // The answer to a call that was stopped.
    if (!call) return undefined;
    if (message.event) return call.onprogress?.(message.event);
    return message.error ? call.failed(message.error) : call.done(message.value);
  }

  async #asked({ ask, shared, args }) {
    const thread = this.#thread;
    try {
      const value = await this.#shared.get(shared)?.(...args);
      thread.post({ told: ask, value });
    } catch (why) {
      thread.post({ told: ask, error: recordOf(why) });
    }
  }

  #failed(why) {
    this.#thread?.stop();
    this.#thread = undefined;
    this.#shared.clear();
    const error = failure('component', 'other', 'the worker broke: this is a bug of ocix', { detail: 'bug', causes: [`${why}`] });
    for (const call of [...this.#pending.values()]) call.failed(error);
  }
}

function lost() {
  return failure('host', 'cancelled', 'the image is not open any more: open it again');
}
