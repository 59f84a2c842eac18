// What all views have in common: a route, work that starts anew when it is about something else, a heading, the equivalent command.

import { LitElement, html, nothing } from 'lit';
import { word } from './sources.js';
import { shown, spans } from './text.js';

export class View extends LitElement {
  static properties = { route: { attribute: false } };

  #key;

  createRenderRoot() {
    return this;
  }

  /** What of a route the work depends on; the rest only says what is shown of it. */
  key(route) {
    return [route.of, route.name, route.platform];
  }

  /** Starts the work: overridden by every view. */
  load() {}

  willUpdate(changed) {
    if (!changed.has('route')) return;
    const key = JSON.stringify(this.key(this.route));
    const same = key === this.#key && changed.get('route') !== undefined && this.route.of !== undefined;
    this.#key = key;
    if (!same) this.load();
  }

  /** The heading, and the command that does the same. */
  head(title, words, rest = nothing) {
    return html`<div class="head"><h1>${title}</h1>${rest}</div><ocix-command .words=${words}></ocix-command>`;
  }

  /** The words of a command about what is looked at: `verb`, the source with what stands behind it, its platform, more. */
  words(verb, { behind = '', more = [] } = {}) {
    const { of, name, platform } = this.route;
    return [...verb.split(' '), `${word(of, name)}${behind}`, ...(platform ? ['--platform', platform] : []), ...more];
  }
}

/** A table of names and values; what has no value is left out. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== nothing);
  return html`<dl class="facts">${given.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Names and values of an image: annotations, labels, variables. */
export function pairs(entries, caption) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table class="pairs data"><caption class="unseen">${caption}</caption>
    <tbody>${entries.map(([key, value]) => html`<tr><th scope="row">${shown(key)}</th><td>${shown(text(value))}</td></tr>`)}</tbody></table></div>`;
}

/** A JSON value in a cell: text as it is, anything else as JSON. */
export function text(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A sentence of the core. */
export function sentence(words) {
  return spans(words).map(([part, code]) => (code ? html`<code>${part}</code>` : part));
}
