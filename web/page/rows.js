// Long lists: only the rows that are seen are in the page, whatever their number.
//
// Rows have one height. The list is one stop for the keyboard: arrows, Page Up and Down, Home and End move the active row, which
// `aria-activedescendant` names; what else a key does is up to whoever owns the list.

import { LitElement, html, nothing } from 'lit';
import { styled } from './styled.js';

/** Rows above and below what is seen. */
const MARGIN = 12;

export class Rows extends LitElement {
  static properties = {
    /** How many there are. */
    count: { type: Number },
    /** Draws one: `(index, active) => template`; one element, whose id is `rowId(index)`. Another function when the rows are others. */
    row: { attribute: false },
    /** Pixels of a row. */
    height: { type: Number },
    /** The one that the keyboard is at. */
    active: { type: Number },
    /** `treegrid`, `tree` or `grid`; `list` for what is only read: it has no active row, and keys scroll it. */
    kind: { type: String },
    label: { type: String },
    /** A row of headings, which stays in sight: a template, if there is one. */
    head: { attribute: false },
  };

  #top = 0;
  #view = 600;
  #sizes = new ResizeObserver(([entry]) => {
    this.#view = entry.contentRect.height;
    this.requestUpdate();
  });

  constructor() {
    super();
    Object.assign(this, { count: 0, height: 24, active: 0, kind: 'grid', label: '' });
  }

  createRenderRoot() {
    return this;
  }

  firstUpdated() {
    this.#sizes.observe(this.#box);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#sizes.disconnect();
  }

  get #box() {
    return this.firstElementChild;
  }

  /** The id of a row's element. */
  rowId(index) {
    return `${this.id || 'rows'}-${index}`;
  }

  render() {
    const first = Math.max(0, Math.floor(this.#top / this.height) - MARGIN);
    const last = Math.min(this.count, Math.ceil((this.#top + this.#view) / this.height) + MARGIN);
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.row(index, index === this.active));
    const seen = this.kind !== 'list' && this.active >= first && this.active < last && this.count > 0;
    const grid = this.kind.endsWith('grid');
    return html`<div class="rows" role=${this.count > 0 ? this.kind : 'group'} tabindex="0" aria-label=${this.label}
      aria-rowcount=${grid && this.count > 0 ? this.count : nothing} aria-activedescendant=${seen ? this.rowId(this.active) : nothing}
      @scroll=${this.#scrolled} @keydown=${this.kind === 'list' ? nothing : this.#key}>
      ${this.head ?? nothing}
      <div class="rows-all" role=${grid && this.count > 0 ? 'rowgroup' : 'presentation'} ${styled({ height: `${this.count * this.height}px` })}>
        <div class="rows-seen" role="presentation" ${styled({ transform: `translateY(${first * this.height}px)` })}>${rows}</div>
      </div>
    </div>`;
  }

  /** Makes a row the active one, and seen. */
  move(index, { tell = true } = {}) {
    const to = Math.max(0, Math.min(this.count - 1, index));
    if (this.count === 0) return;
    this.active = to;
    const box = this.#box;
    const top = to * this.height;
    const head = this.head ? box.firstElementChild.offsetHeight : 0;
    if (box && top < box.scrollTop) box.scrollTop = top;
    if (box && top + this.height + head > box.scrollTop + box.clientHeight) box.scrollTop = top + this.height + head - box.clientHeight;
    if (tell) this.dispatchEvent(new CustomEvent('moved', { detail: to }));
  }

  focus() {
    this.#box?.focus();
  }

  /** Back to the first row. */
  reset() {
    this.active = 0;
    if (this.#box) this.#box.scrollTop = 0;
  }

  #scrolled(event) {
    this.#top = event.currentTarget.scrollTop;
    this.requestUpdate();
    if (this.#top + this.#view > (this.count - 2 * MARGIN) * this.height) this.dispatchEvent(new CustomEvent('near-end'));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#view / this.height) - 1);
    const to = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.count - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.move(to);
    } else if (['Enter', ' ', 'ArrowLeft', 'ArrowRight'].includes(event.key)) {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent('act', { detail: { key: event.key, index: this.active } }));
    }
  }
}
customElements.define('ocix-rows', Rows);
