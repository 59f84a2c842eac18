// Long work of a view: started, watched, stopped. Its progress is in bytes, its end a value or an error, and its place is always the same.
//
// A `Work` belongs to an element and draws the state that it is in; a new start stops what went before. An element that leaves the page takes its
// work with it.

import { html, nothing } from 'lit';
import { announce } from './announce.js';
import { failure } from './errors.js';
import { forgetAll } from './images.js';
import { bytes, shown } from './text.js';

export class Work {
  state = 'idle';
  value = undefined;
  error = undefined;
  warnings = [];
  #host;
  #label;
  #told;
  #steps = new Map();
  #stop;
  #drawn = 0;

  /** `label`: what is done, for who cannot see it: `reading the layers`. `told(value)`: what has come of it, in a sentence. */
  constructor(host, label, told = () => 'done') {
    this.#host = host;
    this.#label = label;
    this.#told = told;
    host.addController(this);
  }

  /** Runs `task({ signal, onprogress })`. Its value, or the error that it ends with, is drawn; what it says later than a newer start is not. */
  async start(task) {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#steps.clear();
    Object.assign(this, { state: 'running', value: undefined, error: undefined, warnings: [] });
    this.#host.requestUpdate();
    try {
      const how = { signal: stop.signal, onprogress: (event) => this.#progress(stop, event) };
      // What cannot be stopped, as opening is for others wait for it too, is at least not waited for.
      const value = await Promise.race([unlessLost(() => task(how)), stopped(stop.signal)]);
      if (this.#stop === stop) this.#end('done', { value });
    } catch (error) {
      if (this.#stop === stop) this.#end(stop.signal.aborted ? 'stopped' : 'failed', { error });
    }
  }

  /** Stops it; what is there already stays. */
  cancel() {
    this.#stop?.abort();
  }

  /** Back to how it was before the first start. */
  reset() {
    this.#stop?.abort();
    this.#stop = undefined;
    Object.assign(this, { state: 'idle', value: undefined, error: undefined, warnings: [] });
    this.#host.requestUpdate();
  }

  hostDisconnected() {
    this.#stop?.abort();
    this.#stop = undefined;
  }

  /** What is done now: `{ done, total, subject }`, bytes of all steps; `total` only when every step has one. */
  get progress() {
    const steps = [...this.#steps.values()];
    const total = steps.length > 0 && steps.every((step) => step.total !== undefined && step.total !== null);
    const sum = (key) => steps.reduce((all, step) => all + Number(step[key] ?? 0), 0);
    return { done: sum('done'), total: total ? sum('total') : undefined, subject: steps.at(-1)?.subject };
  }

  /** The steps, for who shows each of them. */
  get steps() {
    return [...this.#steps.values()];
  }

  /** Draws it: `done(value)` when there is one; else how far it is, what stopped it, or nothing. */
  render(done, { retry, route } = {}) {
    if (this.state === 'done') return done(this.value);
    if (this.state === 'running') return this.bar();
    if (this.state === 'failed') return failure(this.error, { retry, route });
    if (this.state !== 'stopped') return nothing;
    const again = retry ? html`<button type="button" @click=${retry}>Start again</button>` : nothing;
    return html`<div class="state"><p>Stopped. Nothing was changed.</p>${again}</div>`;
  }

  /** The bar: it appears after a moment, so that what is quick does not flicker. */
  bar() {
    const { done, total, subject } = this.progress;
    const share = total > 0 ? Math.min(1, done / total) : undefined;
    const amount = total > 0 ? `${bytes(done)} of ${bytes(total)}` : done > 0 ? bytes(done) : '';
    return html`<div class="work">
      <progress max="1" .value=${share ?? 0} ?data-open=${share === undefined} aria-label=${this.#label}
        aria-valuetext=${`${this.#label} ${amount}`}></progress>
      <p><span>${capital(this.#label)}</span> <span class="data">${subject ? shown(subject).slice(0, 80) : ''}</span>
        <span class="data amount">${amount}</span></p>
      <button type="button" @click=${() => this.cancel()}>Stop</button>
    </div>`;
  }

  #progress(stop, event) {
    if (this.#stop !== stop) return;
    if (event.type === 'step') this.#steps.set(event.step.id, event.step);
    if (event.type === 'warning') this.warnings.push(event.message);
    if (event.type === 'retry') this.warnings.push(`${event.why}: ${event.tried} is tried again`);
    const now = performance.now();
    if (now - this.#drawn > 100) {
      this.#drawn = now;
      this.#host.requestUpdate();
    }
  }

  #end(state, rest) {
    Object.assign(this, { state, ...rest });
    const end = { stopped: 'stopped', failed: `failed: ${rest.error?.message}` }[state] ?? this.#told(rest.value);
    announce(shown(`${capital(this.#label)}: ${end}`));
    this.#host.requestUpdate();
  }
}

/** Rejects when it is stopped, and never resolves. */
function stopped(signal) {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

/** Once more when the images that were open are gone: their worker broke, and there is a new one. */
async function unlessLost(task) {
  try {
    return await task();
  } catch (error) {
    const lost = error.fault === 'host' && error.code === 'cancelled';
    if (lost || error.fault === 'component') forgetAll();
    if (!lost) throw error;
    return task();
  }
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
