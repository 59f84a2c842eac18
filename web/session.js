// What the worker does: images that are open, jobs, and questions about options. One instance of the core does all of it, so that two images
// can be compared.

import { failure } from './error.js';
import { exportImage } from './job.js';
import { Media, stopped } from './media/media.js';
import { content } from './source.js';

/** `core` is the wasm's module; `host` is `{ disk, pool, page, native, path? }`. */
export class Session {
  #core;
  #host;
  #images = new Map();
  #kept = new Map();
  #next = 1;

  constructor(core, host) {
    this.#core = core;
    this.#host = host;
  }

  async inspect({ source, settings }, context) {
    const media = new Media(this.#host, settings, context);
    try {
      const given = await content(source, context, this.#host);
      const stop = stopped(context.signal);
      const image = await this.#core.Image.open(media, given, this.#settings(settings), media.store, stop);
      // Nobody waits for it any more.
      if (context.signal.aborted) image.free();
      context.signal.throwIfAborted();
      return this.#keep(new Opened(image, media));
    } catch (why) {
      await media.drafts.discard();
      throw why;
    }
  }

  /** A question to an image: `{ image, name, args }`. */
  async ask({ image, name, args }, context) {
    const opened = this.#image(image);
    if (name !== 'compare') return opened.ask(name, args, context);
    const other = this.#image(args[0]);
    other.media.context = context;
    return opened.ask(name, [other.image], context);
  }

  async close({ image }) {
    const opened = this.#images.get(image);
    this.#images.delete(image);
    await opened?.close();
  }

  async verify({ source, settings }, context) {
    const media = new Media(this.#host, settings, context);
    try {
      const given = await content(source, context, this.#host);
      return await this.#core.verify(media, given, this.#settings(settings), media.store, stopped(context.signal));
    } finally {
      await media.drafts.discard();
    }
  }

  async exportImage({ job }, context) {
    const media = new Media(this.#host, job, context);
    try {
      const results = await exportImage(this.#core, job, media, this.#host);
      context.signal.throwIfAborted();
      const kept = this.#next++;
      this.#kept.set(kept, media.drafts);
      return { ...results, kept };
    } catch (why) {
      await media.drafts.discard();
      throw why;
    } finally {
      await media.drafts.clear();
    }
  }

  /** Of a job: what it wrote. */
  async discard({ kept }) {
    await this.#kept.get(kept)?.discard();
    this.#kept.delete(kept);
  }

  async options() {
    return this.#core.options();
  }

  async findings() {
    return this.#core.findings();
  }

  async checkOutput({ output }) {
    this.#core.checkOutput(output);
  }

  #settings({ limits, insecure, native = this.#host.native }) {
    return { limits, insecure, native };
  }

  #keep(opened) {
    const number = this.#next++;
    this.#images.set(number, opened);
    return number;
  }

  #image(number) {
    const opened = this.#images.get(number);
    if (opened) return opened;
    throw failure('request', 'cancelled', 'the image was closed');
  }
}

/** What reads layers. One of these goes at a time, since each would read them for itself; the others are quick. */
const LONG = ['entries', 'tree', 'read', 'changes', 'layerChanges', 'compare'];

/** An image that is open. */
class Opened {
  image;
  media;
  #last = Promise.resolve();
  #end = new AbortController();

  constructor(image, media) {
    this.image = image;
    this.media = media;
  }

  async ask(name, args, context) {
    const signal = AbortSignal.any([context.signal, this.#end.signal]);
    const stop = stopped(signal);
    if (!LONG.includes(name)) return this.image[name](...args, stop);
    const before = this.#last;
    let done;
    this.#last = new Promise((resolve) => { done = resolve; });
    try {
      await Promise.race([before, stop]);
      this.media.context = context;
      return await this.image[name](...args, stop);
    } finally {
      // Who was stopped while it waited leaves the place to the one before.
      void before.then(done);
    }
  }

  async close() {
    this.#end.abort();
    await this.#last;
    this.image.free();
    await this.media.drafts.discard();
  }
}
