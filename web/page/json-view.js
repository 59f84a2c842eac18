// `<ocix-json .text .link>`: a JSON document, indented, with folding. `link(value)` gives the address of a digest or media type, if it has one.

import { LitElement, html, nothing } from 'lit';
import { lines, seen } from './json.js';
import { styled } from './styled.js';
import { shown } from './text.js';

/** Characters of a value at most, for a line is one element. */
const LONG = 4000;

class Json extends LitElement {
  static properties = { text: { attribute: false }, link: { attribute: false }, label: { type: String } };

  #lines = [];
  #folded = new Set();
  #seen = [];
  #stop;

  createRenderRoot() {
    return this;
  }

  async willUpdate(changed) {
    if (!changed.has('text')) return;
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    this.#lines = undefined;
    this.#folded.clear();
    const cut = await lines(this.text, stop.signal).catch(() => undefined);
    if (stop.signal.aborted) return;
    this.#lines = cut ?? [];
    if (!cut) this.dispatchEvent(new CustomEvent('no-json'));
    this.#fold();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  render() {
    const [all, seenNow] = [this.#lines, this.#seen];
    if (!all) return html`<p class="note">Reading…</p>`;
    return html`<div class="tools">
        <button type="button" class="quiet" @click=${() => this.#all(false)}>Unfold all</button>
        <button type="button" class="quiet" @click=${() => this.#all(true)}>Fold all</button>
      </div>
      <ocix-rows id="json" kind="tree" height="20" label=${this.label} .count=${seenNow.length}
        .row=${(at, active) => this.#row(all, seenNow, at, active)} @act=${(event) => this.#act(event.detail)}></ocix-rows>`;
  }

  #row(all, seenNow, at, active) {
    const index = seenNow[at];
    const line = all[index];
    const folded = this.#folded.has(index);
    const opens = line.open !== undefined;
    return html`<div id=${`json-${at}`} role="treeitem" class=${active ? 'json-row active' : 'json-row'} aria-level=${line.depth + 1}
      aria-expanded=${opens ? String(!folded) : nothing} @click=${() => this.#click(at, opens)}
      ><span class="json-nr" aria-hidden="true">${index + 1}</span><span class="fold" aria-hidden="true">${opens ? (folded ? '▸' : '▾') : ''}</span><span
      ${styled({ paddingLeft: `${line.depth * 2}ch` })}></span>${this.#content(all, line, folded)}</div>`;
  }

  #content(all, line, folded) {
    const close = line.open === '{' ? '}' : ']';
    const comma = line.comma ? ',' : '';
    const key = line.key === undefined ? nothing : html`<span class="key">${shown(line.key)}</span>: `;
    if (line.close) return html`${line.close}${comma}`;
    if (!line.open) return html`${key}${this.#value(line.value)}${comma}`;
    if (!folded) return html`${key}${line.open}`;
    return html`${key}${line.open}<span class="note"> ${line.count} </span>${close}${all[line.end].comma ? ',' : ''}`;
  }

  #value(value) {
    const kind = value.startsWith('"') ? 'string' : 'literal';
    const href = kind === 'string' ? this.link?.(value.slice(1, -1)) : undefined;
    const cut = value.length > LONG ? html`${shown(value.slice(0, LONG))}<span class="note">… ${value.length - LONG} more characters</span>` : shown(value);
    if (!href) return html`<span class=${kind}>${cut}</span>`;
    const outside = href.startsWith('https:');
    return html`<a class=${kind} href=${href} rel=${outside ? 'noreferrer noopener' : nothing} target=${outside ? '_blank' : nothing} tabindex="-1">${cut}</a>`;
  }

  #click(at, opens) {
    this.querySelector('ocix-rows').move(at);
    if (opens) this.#toggle(at);
  }

  #act({ key, index: at }) {
    const index = this.#seen[at];
    const line = this.#lines[index];
    const opens = line?.open !== undefined && line.count > 0;
    const open = opens && !this.#folded.has(index);
    if (key === 'Enter' || key === ' ') {
      const link = this.querySelector(`#json-${at} a`);
      if (link) link.click();
      else if (opens) this.#toggle(at);
    } else if (opens && ((key === 'ArrowRight' && !open) || (key === 'ArrowLeft' && open))) {
      this.#toggle(at);
    } else if (key === 'ArrowLeft') {
      let parent = at - 1;
      while (parent > 0 && this.#lines[this.#seen[parent]].depth >= line.depth) parent -= 1;
      this.querySelector('ocix-rows').move(parent);
    }
  }

  #toggle(at) {
    const index = this.#seen[at];
    if (!this.#folded.delete(index)) this.#folded.add(index);
    this.#fold();
  }

  #all(fold) {
    this.#folded.clear();
    if (fold) this.#lines.forEach((line, index) => line.depth > 0 && line.open && this.#folded.add(index));
    this.#fold();
  }

  #fold() {
    this.#seen = seen(this.#lines, this.#folded);
    this.requestUpdate();
  }
}
customElements.define('ocix-json', Json);
