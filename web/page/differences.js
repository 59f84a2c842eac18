// `<ocix-differences .pair .route>`: what differs between two images in detail: documents field by field, layers, files.

import { LitElement, html, nothing } from 'lit';
import { styled } from './styled.js';
import { bytes, many, mode, number, short, shown, time } from './text.js';

const RELATIONS = { 'same-blob': 'same blob', 'same-tar': 'same tar, other compression', replaced: 'replaced', 'only-a': 'only A', 'only-b': 'only B' };
const MARKS = { added: '+', removed: '−', changed: '~', 'only-a': 'A', 'only-b': 'B' };
const COUNTS = { same: 'same', changed: 'changed', timesOnly: 'of other times only', added: 'added', removed: 'removed', onlyA: 'only in A', onlyB: 'only in B' };
/** Fields of a document that are drawn. */
const MOST = 200;

class Differences extends LitElement {
  static properties = { pair: { attribute: false }, route: { attribute: false }, q: { state: true }, times: { state: true } };

  constructor() {
    super();
    Object.assign(this, { q: '', times: false });
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const { documents, layers, files } = this.pair;
    return html`${documents.map((one) => this.#document(one))}
      ${layers.length > 0 ? this.#layers(layers) : nothing}
      ${files ? this.#files(files) : nothing}`;
  }

  #document(pair) {
    const likeness = { identical: 'the same bytes', 'other-spelling': 'the same, spelled otherwise', different: many(pair.count, 'field differs', 'fields differ') }[pair.likeness];
    const side = (one) => html`<span class="data note">${short(one.digest)} ${bytes(one.size)}</span>`;
    const fields = pair.fields ?? [];
    return html`<section class="differs"><h3>${pair.document} <span class=${pair.likeness === 'identical' ? 'note' : 'count'}>${likeness}</span></h3>
      ${pair.likeness === 'identical' ? side(pair.a) : html`<p><span class="side a">A</span> ${side(pair.a)} <span class="side b">B</span> ${side(pair.b)}</p>`}
      ${fields.length === 0 ? nothing : html`<div class="scroll" tabindex="0" role="region" aria-label=${`Fields of the ${pair.document}`}>
        <table class="data field-pairs"><thead><tr><th scope="col">Field</th><th scope="col">A</th><th scope="col">B</th></tr></thead>
        <tbody>${fields.slice(0, MOST).map((field) => html`<tr><th scope="row">${shown(field.path)}</th><td class="removed">${value(field.a)}</td><td
          class="added">${value(field.b)}</td></tr>`)}</tbody></table></div>
        ${pair.count > MOST ? html`<p class="note">And ${number(pair.count - MOST)} more; the command prints them.</p>` : nothing}`}</section>`;
  }

  #layers(layers) {
    const side = (one) => (one ? html`<span class="data">${one.layer} · ${bytes(one.size)} ${one.packed ?? ''}</span><br><span class="note data">${shown(
      one.createdBy ?? short(one.digest ?? one.diffId))}</span>` : html`<span class="none">–</span>`);
    return html`<section class="differs"><h3>Layers <span class="count">${layers.length}</span></h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Layers of both"><table class="layer-pairs"><thead><tr><th scope="col">Relation</th><th scope="col">A</th><th scope="col">B</th></tr></thead>
      <tbody>${layers.map((pair) => html`<tr><td><span class=${`relation ${pair.relation}`}>${RELATIONS[pair.relation] ?? shown(pair.relation)}</span>${pair.moved
        ? html` <span class="note">moved</span>` : nothing}</td><td>${side(pair.a)}</td><td>${side(pair.b)}</td></tr>`)}</tbody></table></div></section>`;
  }

  #files(files) {
    const counts = Object.entries(COUNTS).filter(([key]) => files.counts[key] > 0);
    const found = this.#found(files.changes);
    return html`<section class="differs"><h3>Files <span class="count">${number(files.changes.length)}</span></h3>
      <p>${counts.map(([key, label]) => html`<span class="tally"><strong>${number(files.counts[key])}</strong> ${label}</span> `)}</p>
      ${files.sharedLayers ? html`<p class="note">Layers that both have were not read: the same files are in them.</p>` : nothing}
      ${files.changes.length === 0 ? nothing : html`<div class="tools">
          <label class="unseen" for="differing">Search paths</label>
          <input type="search" id="differing" placeholder="Search paths" .value=${this.q} @input=${(event) => (this.q = event.target.value)} spellcheck="false" autocomplete="off">
          <label class="check"><input type="checkbox" .checked=${this.times} @change=${(event) => (this.times = event.target.checked)}> also those that differ in time alone</label>
          <span class="note" role="status">${many(found.length, 'path')}</span></div>
        ${found.length === 0 ? html`<p class="note">None of them matches.</p>` : html`<ocix-rows id="paths" kind="grid" height="24" label="Paths that differ" .count=${found.length}
          .row=${(index, active) => row(found[index], index, active)} ${styled({ height: `${Math.min(480, found.length * 24 + 2)}px` })}></ocix-rows>`}`}</section>`;
  }

  #found(changes) {
    const words = this.q.toLowerCase().split(/\s+/u).filter(Boolean);
    const timeOnly = (one) => one.change === 'changed' && one.differs?.length === 1 && one.differs[0] === 'time';
    const hides = !this.times && changes.some((one) => !timeOnly(one));
    return changes.filter((one) => !(hides && timeOnly(one)) && words.every((word) => one.path.toLowerCase().includes(word)));
  }
}
customElements.define('ocix-differences', Differences);

function row(change, index, active) {
  const kinds = { 'only-a': 'removed', 'only-b': 'added' };
  return html`<div id=${`paths-${index}`} role="row" aria-rowindex=${index + 1} class=${`row differing ${active ? 'active' : ''}`}>
    <span role="gridcell" class="name"><span class="fold" aria-hidden="true">${MARKS[change.change]}</span><span class="unseen">${change.change} </span><span
      class=${kinds[change.change] ?? change.change}>/${shown(change.path)}</span></span>
    <span role="gridcell" class="what">${(change.differs ?? []).map((what) => details(what, change)).join(', ')}</span></div>`;
}

/** One difference in words: `mode -rw-r--r-- → -rwxr-xr-x`. */
function details(what, { a, b }) {
  if (!a || !b) return what;
  const both = (text) => `${what} ${text(a)} → ${text(b)}`;
  if (what === 'size') return both((one) => bytes(one.size));
  if (what === 'mode') return both(mode);
  if (what === 'time') return both((one) => time(one.modified));
  if (what === 'owner') return both((one) => `${one.uid}:${one.gid}`);
  if (what === 'link') return both((one) => shown(one.link ?? one.hardLink ?? ''));
  return what === 'type' ? both((one) => one.type) : what;
}

function value(json) {
  return json === undefined ? html`<span class="none">absent</span>` : shown(typeof json === 'string' ? json : JSON.stringify(json));
}
