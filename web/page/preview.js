// `<ocix-preview .image .path .layer .entry .route>`: a file, shown and never run. Large ones are read part by part.

import { LitElement, html, nothing } from 'lit';
import './json-view.js';
import { hexLine } from './hex.js';
import { within } from './route.js';
import { save } from './save.js';
import { bytes, line, mode, number, owner, shown, time } from './text.js';
import { facts } from './view.js';
import { Work } from './work.js';

/** Bytes of a part that is shown at once. */
const PART = 256 * 1024;
/** Bytes of a call to the core at most. */
const CALL = 4 * 1024 * 1024;
/** Bytes of a JSON document, or of a picture, that is shown as one. */
const WHOLE = 8 * 1024 * 1024;
/** Characters of a line at most, for a line is one element. */
const LONG = 10_000;
/** The raster formats that a browser draws without running anything. */
const PICTURES = { png: 'image/png', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', bmp: 'image/bmp' };
const CONTENT = ['file', 'hard-link', 'symlink'];

class Preview extends LitElement {
  static properties = {
    image: { attribute: false }, route: { attribute: false }, path: { attribute: false }, layer: { attribute: false }, entry: { attribute: false },
    as: { state: true }, at: { state: true },
  };

  part = new Work(this, 'reading the file');
  saving = new Work(this, 'reading the file for the download');
  #kind = '';
  #before = [];
  #picture;

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    const other = changed.has('path') || changed.has('layer') || changed.has('image');
    // What it is may be known only after its path: a listing says it.
    if (!other && !(changed.has('entry') && this.part.state === 'idle')) return;
    Object.assign(this, { at: 0, as: undefined });
    this.#kind = '';
    this.#before = [];
    this.saving.reset();
    this.part.reset();
    if (this.#readable) this.#read(0);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#forget();
  }

  get #readable() {
    return this.entry === undefined || CONTENT.includes(this.entry.type);
  }

  get #where() {
    return this.layer === undefined ? {} : { layer: Number(this.layer) };
  }

  /** Reads the part that starts at a byte; a picture or JSON document that is not too large as a whole. */
  #read(at, as = this.as) {
    this.#forget();
    this.part.start(async (how) => {
      const first = await this.image.read(this.path, { ...how, ...this.#where, offset: at, max: PART });
      if (at === 0) this.#kind = kindOf(first);
      const chosen = as ?? usual(this.#kind, first.size);
      const whole = (chosen === 'json' || chosen === 'picture') && first.size <= WHOLE;
      const content = whole ? await this.#whole(first, how) : first.bytes;
      Object.assign(this, { at, as: chosen });
      if (chosen === 'picture') this.#picture = URL.createObjectURL(new Blob([content], { type: PICTURES[this.#kind] }));
      return { ...first, bytes: content, shown: chosen === 'text' ? textOf(content, at, first.size) : undefined };
    });
  }

  async #whole(first, how) {
    const all = new Uint8Array(first.size);
    all.set(first.bytes);
    for (let at = first.bytes.length; at < first.size; ) {
      const { bytes: part } = await this.image.read(this.path, { ...how, ...this.#where, offset: at, max: CALL });
      if (part.length === 0) break;
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #forget() {
    if (this.#picture) URL.revokeObjectURL(this.#picture);
    this.#picture = undefined;
  }

  render() {
    const { entry, path, route } = this;
    const back = within(route, { ...route, path: undefined });
    const size = this.part.value?.size ?? entry?.size;
    return html`<div class="preview-head">
        <a class="button quiet back" href=${back} aria-label="Close the preview">×</a>
        <h2 class="data">/${shown(path)}</h2>
      </div>
      <p class="note data meta">${entry ? html`${mode(entry)} ${owner(entry)} ${time(entry.modified)} ` : nothing}${this.#readable && size !== undefined
        ? bytes(size) : nothing}${this.#kind ? ` ${this.#kind}` : ''}${this.part.value && this.part.value.path !== path ? ` → /${shown(this.part.value.path)}` : ''}</p>
      ${this.#readable ? this.#content(size) : this.#details(entry)}`;
  }

  #content(size) {
    return html`<div class="tools">${this.#ways(size)}
        <button type="button" class="save" @click=${() => this.#save()} ?disabled=${this.saving.state === 'running'}>Download</button>
      </div>
      ${this.saving.state === 'running' || this.saving.state === 'failed' ? this.saving.render(() => nothing) : nothing}
      ${this.part.render((part) => this.#shown(part), { retry: () => this.#read(this.at) })}
      ${this.entry?.xattrs ? this.#details(this.entry) : nothing}`;
  }

  /** The ways to look at it: those that make sense. */
  #ways(size) {
    const ways = { text: 'Text', hex: 'Hex' };
    if (this.#kind === 'json' && size <= WHOLE) ways.json = 'JSON';
    if (PICTURES[this.#kind] && size <= WHOLE) ways.picture = 'Picture';
    const way = ([as, label]) => html`<button type="button" class="way-of" aria-pressed=${String(this.as === as)}
      @click=${() => this.#read(as === 'json' || as === 'picture' ? 0 : this.at, as)}>${label}</button>`;
    return html`<span class="group" role="group" aria-label="Show as">${Object.entries(ways).map(way)}</span>`;
  }

  #shown(part) {
    if (part.size === 0) return html`<p class="state">The file is empty.</p>`;
    if (this.as === 'picture') return html`<div class="picture"><img src=${this.#picture} alt=${`Picture ${shown(this.path)}`}></div>`;
    if (this.as === 'json' && part.bytes.length === part.size) {
      return html`<ocix-json label=${`JSON of ${shown(this.path)}`} .text=${new TextDecoder().decode(part.bytes)} @no-json=${() => this.#read(0, 'text')}></ocix-json>`;
    }
    const text = this.as === 'text' || this.as === 'json';
    const shape = text ? (part.shown ?? textOf(part.bytes, this.at, part.size)) : undefined;
    const used = text ? shape.used : part.bytes.length;
    const row = text ? (index) => textLine(shape.lines, index, shape.first) : (index) => hexLine(part.bytes, index, this.at);
    return html`${this.#pages(part, used)}
      <ocix-rows id="content" kind="list" height="20" label=${`Content of ${shown(this.path)}`} .row=${row}
        .count=${text ? shape.lines.length : Math.ceil(part.bytes.length / 16)}></ocix-rows>`;
  }

  #pages(part, used) {
    if (this.at === 0 && used >= part.size) return nothing;
    const to = (at, label, possible) => html`<button type="button" class="quiet" ?disabled=${!possible} @click=${() => this.#turn(at)}>${label}</button>`;
    const end = this.at + used;
    const before = this.#before.at(-1) ?? Math.max(0, this.at - PART);
    const last = Math.max(0, Math.floor((part.size - 1) / PART) * PART);
    return html`<div class="pages" role="group" aria-label="Parts of the file">
      ${to(0, 'First', this.at > 0)} ${to(before, 'Previous', this.at > 0)} ${to(end, 'Next', end < part.size)} ${to(last, 'Last', end < part.size)}
      <span class="note data">bytes ${number(this.at)} to ${number(end)} of ${number(part.size)}</span></div>`;
  }

  #turn(at) {
    if (at > this.at) this.#before.push(this.at);
    else this.#before.pop();
    if (at === 0) this.#before = [];
    this.querySelector('#content')?.reset();
    this.#read(at);
  }

  /** All of it as a file of the user's. */
  #save() {
    this.saving.start(async ({ signal, onprogress }) => {
      const parts = [];
      for (let at = 0, size = Infinity; at < size; ) {
        const part = await this.image.read(this.path, { signal, ...this.#where, offset: at, max: CALL });
        size = part.size;
        at += part.bytes.length;
        parts.push(part.bytes.length > 0 ? new Blob([part.bytes]) : '');
        onprogress({ type: 'step', step: { id: 'save', action: 'read', subject: this.path, done: at, total: size } });
        if (part.bytes.length === 0) break;
      }
      save(new Blob(parts, { type: 'application/octet-stream' }), this.path.split('/').at(-1));
    });
  }

  #details(entry) {
    const values = Object.entries(entry.xattrs ?? {}).map(([name, value]) => [shown(name), html`<span class="data">${shown(value)}</span>`]);
    return facts([
      ['Type', entry.type],
      ['Name as written', entry.raw && shown(entry.raw)],
      ['Link', entry.link !== undefined ? html`<span class="data">${shown(entry.link)}</span>` : undefined],
      ['Device', entry.device && `${entry.device.major}, ${entry.device.minor}`],
      ...values,
    ]);
  }
}
customElements.define('ocix-preview', Preview);

/** What a file is, where the core says only `binary`: pictures that it has no name for. */
function kindOf({ kind, bytes: start }) {
  const at = (offset, text) => [...text].every((c, index) => start[offset + index] === c.charCodeAt(0));
  if (at(0, 'RIFF') && at(8, 'WEBP')) return 'webp';
  return at(0, 'BM') && kind === 'binary' ? 'bmp' : kind;
}

function usual(kind, size) {
  if (PICTURES[kind] && size <= WHOLE) return 'picture';
  if (kind === 'json' && size <= WHOLE) return 'json';
  return kind === 'text' || kind === 'json' || kind === 'empty' ? 'text' : 'hex';
}

/** The lines of a part. It ends behind its last whole line, when it has one and the file goes on. */
function textOf(content, at, size) {
  const end = content.lastIndexOf(10) + 1;
  const used = at + content.length < size && end > 0 ? end : content.length;
  const lines = new TextDecoder().decode(content.subarray(0, used)).split('\n');
  if (lines.at(-1) === '' && lines.length > 1) lines.pop();
  return { lines, used, first: at === 0 ? 1 : undefined };
}

function textLine(lines, index, first) {
  const text = lines[index].replace(/\r$/u, '');
  const rest = text.length > LONG ? html`<span class="note">… ${number(text.length - LONG)} more characters</span>` : nothing;
  return html`<div role="listitem" class="text-row"><span class="nr" aria-hidden="true">${first === undefined ? `+${index + 1}` : first + index}</span><span
    class="text">${line(text.slice(0, LONG))}${rest}</span></div>`;
}
