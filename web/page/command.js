// The command line that does the same as the page does here, to be copied.

import { LitElement, html } from 'lit';
import { announce } from './announce.js';
import { shown } from './text.js';

/** Words as a shell takes them. */
export function quoted(words) {
  const plain = /^[\w@%+=:,./-]+$/u;
  return words.map((word) => (plain.test(word) ? word : `'${String(word).replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** `<ocix-command .words=${['inspect', 'app.tar']}>`: `$ ocix inspect app.tar`, and a button that copies it. */
export class Command extends LitElement {
  static properties = { words: { attribute: false }, copied: { state: true } };

  createRenderRoot() {
    return this;
  }

  render() {
    const text = `ocix ${quoted(this.words)}`;
    return html`<div class="command" role="group" aria-label="The same on the command line">
      <code tabindex="0"><span class="prompt" aria-hidden="true">$ </span>${shown(text)}</code>
      <button type="button" class="quiet" @click=${() => this.#copy(text)} aria-label="Copy the command">${this.copied ? 'Copied' : 'Copy'}</button>
    </div>`;
  }

  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.copied = true;
      announce('The command is copied');
      setTimeout(() => (this.copied = false), 2000);
    } catch {
      // Not every page may write there: the text is selected instead.
      getSelection().selectAllChildren(this.querySelector('code'));
    }
  }
}
customElements.define('ocix-command', Command);
