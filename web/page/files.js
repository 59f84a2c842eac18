// The files of an image: the merged tree by folders, what a search finds, one layer's own entries, what one layer changed; and a file beside them.

import { html, nothing } from 'lit';
import './preview.js';
import { announce } from './announce.js';
import { MOST, find } from './found.js';
import { Folders } from './folders.js';
import { opened } from './images.js';
import { go, within } from './route.js';
import { styled } from './styled.js';
import { bytes, many, mode, owner, shown, time } from './text.js';
import { View } from './view.js';
import { Work } from './work.js';

const TYPES = ['file', 'directory', 'symlink', 'hard-link', 'character', 'block', 'fifo', 'whiteout', 'opaque', 'other'];
const COLUMNS = [['Name', 'name'], ['Mode', 'mode'], ['Owner', 'owner'], ['Size', 'num'], ['Modified (UTC)', 'time'], ['Layer', 'num']];
const HEAD = html`<div role="rowgroup" class="tree-head"><div role="row" class="row">${COLUMNS.map(([label, name]) => html`<span role="columnheader"
  class=${name}>${label}</span>`)}</div></div>`;
const MARKS = { added: '+', changed: '~', removed: '−' };

class Files extends View {
  list = new Work(this, 'reading the layers', () => this.#count() || 'done');
  image = undefined;
  folders = undefined;
  rows = [];
  layers = [];
  entry = undefined;
  #typing;

  key(route) {
    const { of, name, platform, layer, changed, change, q, type, from } = route;
    return [of, name, platform, layer, changed, change, q, type, from];
  }

  /** Whether folders are shown, and not a flat list. */
  get #byFolder() {
    const { layer, changed, q, type, from } = this.route;
    return [layer, changed, q, type, from].every((value) => value === undefined);
  }

  load() {
    const { route } = this;
    this.rows = [];
    this.querySelector('#tree')?.reset();
    this.list.start(async (how) => {
      const image = await opened(route, how);
      if (this.image !== image) Object.assign(this, { image, folders: undefined, entry: undefined });
      this.#learn(image);
      if (this.#byFolder) await this.#open(image, how);
      else await this.#find(image, how);
    });
  }

  async #open(image, how) {
    this.folders ??= new Folders(image, () => this.requestUpdate());
    await this.folders.open('', how);
    if (this.route.path) await this.#reveal(how);
  }

  async #reveal(how) {
    const path = inner(this.route.path);
    this.entry = await this.folders.reveal(path, how);
    await this.updateComplete;
    const at = this.folders.rows.findIndex((row) => row.entry.path === path);
    if (at >= 0) this.querySelector('#tree')?.move(at, { tell: false });
  }

  async #find(image, how) {
    const { cut } = await find(image, this.route, (rows) => {
      this.rows = rows;
      this.requestUpdate();
    }, how);
    this.cut = cut;
  }

  /** What the layers are, for the filters. */
  async #learn(image) {
    this.layers = (await image.summary().catch(() => ({ layers: [] }))).layers;
    this.requestUpdate();
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    const before = changed.get('route');
    const moved = before && before.path !== this.route.path && this.list.state === 'done' && this.#byFolder && this.folders;
    if (moved && this.entry?.path !== inner(this.route.path ?? '')) this.#reveal({}).catch(() => {});
  }

  render() {
    const { route } = this;
    const failed = this.list.state === 'failed' || this.list.state === 'stopped';
    return html`${this.head(this.#title(), this.#command())}
      ${this.#tools()}
      <div class=${route.path ? 'panes chosen' : 'panes'}>
        <section class="pane list" aria-label="Paths">
          ${this.list.state === 'running' ? this.list.bar() : nothing}
          ${failed ? this.list.render(() => nothing, { route, retry: () => this.load() }) : this.#rows()}
        </section>
        ${this.image && route.path && !failed
          ? html`<section class="pane" aria-label="Preview"><ocix-preview .image=${this.image} .route=${route} .path=${inner(route.path)}
              .layer=${route.layer ?? route.changed} .entry=${this.#entryOf(inner(route.path))}></ocix-preview></section>`
          : nothing}
      </div>`;
  }

  #title() {
    const { layer, changed } = this.route;
    if (layer !== undefined) return `Files of layer ${layer}`;
    return changed === undefined ? 'Files' : `What layer ${changed} changed`;
  }

  #command() {
    const { path, layer, changed } = this.route;
    const number = layer === undefined ? [] : ['--layer', layer];
    const file = path && this.#entryOf(inner(path))?.type !== 'directory';
    if (file) return this.words('cat', { behind: `:${path}`, more: number });
    if (layer !== undefined) return this.words('ls -l', { more: number });
    if (changed !== undefined) return this.words('inspect --layers');
    return this.#byFolder ? this.words('ls -l', { behind: `:${path ?? '/'}` }) : this.words('ls -l -R');
  }

  #entryOf(path) {
    if (this.entry?.path === path) return this.entry;
    const rows = this.#byFolder ? (this.folders?.rows ?? []) : this.rows;
    return rows.find((row) => row.entry.path === path)?.entry;
  }

  #tools() {
    const { route } = this;
    const choose = (key) => (event) => this.#filter({ [key]: event.target.value });
    const layers = this.layers.map((layer) => html`<option value=${layer.layer} ?selected=${String(layer.layer) === route.from}>from layer ${layer.layer}</option>`);
    return html`<form class="tools" role="search" @submit=${(event) => event.preventDefault()}>
      <label class="unseen" for="search">Search paths</label>
      <input type="search" id="search" placeholder="Search: parts of a path, *.conf" .value=${route.q ?? ''} @input=${(event) => this.#search(event.target.value)}
        @keydown=${(event) => event.key === 'ArrowDown' && this.querySelector('#tree')?.focus()} spellcheck="false" autocomplete="off">
      <label class="unseen" for="type">Type</label>
      <select id="type" @change=${choose('type')}><option value="">any type</option>
        ${TYPES.map((type) => html`<option ?selected=${type === route.type}>${type}</option>`)}</select>
      ${route.layer === undefined && route.changed === undefined && this.layers.length > 1
        ? html`<label class="unseen" for="from">Layer</label>
          <select id="from" @change=${choose('from')}><option value="">from any layer</option>${layers}</select>`
        : nothing}
      ${this.layers.length > 0 ? this.#which() : nothing}
      <span class="note count-of" role="status">${this.#count()}</span>
    </form>`;
  }

  /** What is listed: all layers together, one layer's own entries, what one changed. */
  #which() {
    const { route } = this;
    const now = route.layer !== undefined ? `layer=${route.layer}` : route.changed !== undefined ? `changed=${route.changed}` : '';
    const option = (value, label) => html`<option value=${value} ?selected=${value === now}>${label}</option>`;
    const set = (event) => {
      const [key, value] = event.target.value.split('=');
      go(within(route, { view: 'files', q: route.q, type: route.type, ...(key && { [key]: value }) }));
    };
    return html`<label class="unseen" for="which">What is listed</label>
      <select id="which" @change=${set}>${option('', 'all layers together')}
        ${this.layers.map(({ layer }) => option(`layer=${layer}`, `layer ${layer} alone`))}
        ${this.layers.map(({ layer }) => option(`changed=${layer}`, `changed by layer ${layer}`))}</select>
      ${route.change ? html`<a class="chip" href=${within(route, { view: 'files', changed: route.changed })}>${route.change} only ×</a>` : nothing}`;
  }

  #count() {
    if (this.#byFolder) return '';
    const cut = this.cut ? `, the first ${MOST} of them` : '';
    return this.list.state === 'done' ? `${many(this.rows.length, 'match', 'matches')}${cut}` : '';
  }

  #rows() {
    const rows = this.#byFolder ? (this.folders?.rows ?? []) : this.rows;
    if (rows.length === 0) {
      if (this.list.state !== 'done') return nothing;
      return html`<p class="state">${this.#byFolder ? 'There are no files in it.' : 'Nothing matches.'}</p>`;
    }
    return html`<ocix-rows id="tree" kind="treegrid" height="24" label="Paths" .head=${HEAD} .count=${rows.length} .row=${(index, active) => this.#row(rows, index, active)}
        @act=${({ detail }) => this.#act(detail)}></ocix-rows>`;
  }

  #row(rows, index, active) {
    const { entry, level = 1, position, siblings, mark } = rows[index];
    const folder = this.#byFolder && entry.type === 'directory';
    const open = folder && this.folders.isOpen(entry.path);
    const fold = folder ? (!open ? '▸' : this.folders.isLoading(entry.path) ? '…' : '▾') : mark ? MARKS[mark] : '';
    const label = this.#byFolder ? entry.path.split('/').at(-1) : entry.path;
    const classes = ['row', entry.type, active ? 'active' : '', `/${entry.path}` === this.route.path ? 'here' : ''];
    return html`<div id=${`tree-${index}`} role="row" class=${classes.join(' ')} aria-rowindex=${index + 1} aria-level=${level}
      aria-expanded=${folder ? String(open) : nothing} aria-setsize=${siblings ?? nothing} aria-posinset=${position ?? nothing}
      aria-selected=${String(`/${entry.path}` === this.route.path)} @click=${() => this.#click(index, folder)}>
      <span role="gridcell" class="name" ${styled({ paddingLeft: `${(level - 1) * 16}px` })} title=${shown(entry.raw ?? entry.path)}><span
        class="fold" aria-hidden="true">${fold}</span>${mark ? html`<span class="unseen">${mark} </span>` : nothing}<span
        class=${mark ?? ''}>${shown(label)}${entry.type === 'directory' ? '/' : ''}</span>${entry.link === undefined ? nothing : html`<span class="link"> → ${shown(entry.link)}</span>`}</span>
      <span role="gridcell" class="mode">${mode(entry)}</span>
      <span role="gridcell" class="owner">${owner(entry)}</span>
      <span role="gridcell" class="num">${entry.type === 'file' ? bytes(entry.size) : entry.device ? `${entry.device.major}, ${entry.device.minor}` : ''}</span>
      <span role="gridcell" class="time">${time(entry.modified)}</span>
      <span role="gridcell" class="num">${entry.layer ?? this.route.layer ?? this.route.changed ?? ''}</span>
    </div>`;
  }

  #click(index, folder) {
    this.querySelector('#tree').move(index);
    if (folder) this.#toggle(index);
    else this.#choose(index);
  }

  #act({ key, index }) {
    const row = (this.#byFolder ? this.folders.rows : this.rows)[index];
    if (!row) return;
    const folder = this.#byFolder && row.entry.type === 'directory';
    const open = folder && this.folders.isOpen(row.entry.path);
    if (key === 'Enter' || key === ' ') return folder ? this.#toggle(index) : this.#choose(index);
    if (key === 'ArrowRight' && folder) return open ? this.querySelector('#tree').move(index + 1) : this.#toggle(index);
    if (key === 'ArrowLeft' && open) return this.#toggle(index);
    if (key !== 'ArrowLeft' || !this.#byFolder) return;
    const parent = this.folders.rows.findLastIndex((one, at) => at < index && one.level < row.level);
    if (parent >= 0) this.querySelector('#tree').move(parent);
  }

  #toggle(index) {
    const { entry } = this.folders.rows[index];
    if (this.folders.isOpen(entry.path)) this.folders.close(entry.path);
    else this.folders.open(entry.path, {}).catch((error) => announce(`Cannot be opened: ${error.message}`));
  }

  #choose(index) {
    const { entry } = (this.#byFolder ? this.folders.rows : this.rows)[index];
    this.entry = entry;
    const { view, layer, changed, change, q, type, from } = this.route;
    go(within(this.route, { view, layer, changed, change, q, type, from, path: `/${entry.path}` }));
  }

  #search(q) {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#filter({ q: q.trim() }), 200);
  }

  #filter(changes) {
    const { view, layer, changed, change, q, type, from } = this.route;
    go(within(this.route, { view, layer, changed, change, q, type, from, ...changes }), { replace: true });
  }
}
customElements.define('ocix-files', Files);

/** A path as the package takes it. */
function inner(path) {
  return path.replace(/^\/+/u, '');
}
