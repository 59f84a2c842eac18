// All imports of one image or job: what the core's shell calls, as guest/browser/src/seam.rs lists it. `clock`, `control`, `credentials` and
// `progress` are a line each, and stand here.

import { Destinations } from './destinations.js';
import { Directory } from './directories.js';
import { Drafts } from './drafts.js';
import { Http } from './http.js';

/** The media of an image, or of a job. */
export class Media {
  drafts;
  /** The embedded store: it lives as long as this does. */
  store;
  destinations;
  /** Whom events and questions go to: `{ emit(event), ask(shared, ...args), signal }`. */
  context;
  warnings = [];
  #pool;
  #http;
  #credentials;

  /** `settings`: `{ temporaries?, proxy?, credentials? }`, the last one the number of a shared function. */
  constructor({ disk, pool, page }, settings, context) {
    this.drafts = new Drafts(settings.temporaries === 'memory' ? null : disk);
    this.store = new Directory(this.drafts);
    this.destinations = new Destinations(this.drafts);
    this.context = context;
    this.#pool = pool;
    this.#http = new Http({ proxy: settings.proxy, page });
    this.#credentials = settings.credentials;
  }

  parallelism() {
    return this.#pool.size;
  }

  room(length) {
    return this.#pool.spare.take(length);
  }

  compress(...chunk) {
    return this.#pool.compress(...chunk);
  }

  hasher(algorithm) {
    return this.#pool.hasher(algorithm);
  }

  async archive(dest) {
    return this.destinations.archive(dest);
  }

  async layout(dest) {
    return this.destinations.layout(dest);
  }

  async rootFilesystem(dest) {
    return this.destinations.rootFilesystem(dest);
  }

  async exchange(request) {
    return this.#http.exchange(request);
  }

  async credential(repository) {
    if (this.#credentials === undefined) return {};
    return (await this.context.ask(this.#credentials, repository)) ?? {};
  }

  wall() {
    return Math.floor(Date.now() / 1000);
  }

  sleep(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  cancelled() {
    return stopped(this.context.signal);
  }

  emit(event) {
    if (event.type === 'warning') this.warnings.push(event.message);
    this.context.emit(event);
  }
}

/** Fulfilled when it is to stop. */
export function stopped(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
