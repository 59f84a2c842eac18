// The first thing that is seen: a place to drop an image, to pick one, or to name one.

import { LitElement, html, nothing } from 'lit';
import { forget } from './images.js';
import { address, go } from './route.js';
import { add, parts, remembered, stored, title } from './sources.js';
import { shown } from './text.js';

class Start extends LitElement {
  static properties = { names: { state: true } };

  constructor() {
    super();
    this.names = [];
  }

  createRenderRoot() {
    return this;
  }

  async connectedCallback() {
    super.connectedCallback();
    this.names = await stored().catch(() => []);
  }

  render() {
    return html`
      <h1>See what is in a container image</h1>
      <p class="lead">Drop one anywhere on this page. It is read right here: <strong>nothing is uploaded</strong>, and nothing in it is run.</p>
      <div class="ways">
        <section class="way drop" aria-labelledby="way-file">
          <h2 id="way-file">From this computer</h2>
          <p>An OCI layout or what <code>docker save</code> writes, a lone layer, a manifest.</p>
          <p class="buttons">
            <label class="button main">Choose a file <input class="unseen" type="file" name="file" @change=${(event) => this.#file(event)}></label>
            <label class="button">Choose a folder
              <input class="unseen" type="file" name="folder" webkitdirectory @change=${(event) => this.#folder(event)}></label>
          </p>
        </section>
        <section class="way" aria-labelledby="way-registry">
          <h2 id="way-registry">From a registry</h2>
          <form class="line" @submit=${this.#registry}>
            <label class="unseen" for="reference">Reference of the image</label>
            <input id="reference" name="reference" class="data" placeholder="localhost:5000/team/app:v1" required spellcheck="false" autocapitalize="off"
              autocomplete="off">
            <button>Open</button>
          </form>
          <p class="note">The browser asks the registry itself. Where that is not allowed, <code>ocix serve</code> helps.</p>
        </section>
        ${this.names.length > 0 ? this.#store() : nothing}
        ${remembered().length > 0 ? this.#before() : nothing}
      </div>`;
  }

  #store() {
    return html`<section class="way" aria-labelledby="way-store">
      <h2 id="way-store">From the local store</h2>
      <ul class="links data">${this.names.map((name) => this.#link(`store:${name}`))}</ul>
    </section>`;
  }

  #before() {
    return html`<section class="way" aria-labelledby="way-before">
      <h2 id="way-before">Opened before</h2>
      <ul class="links data">${remembered().map((of) => this.#link(of))}</ul>
    </section>`;
  }

  #link(of) {
    return html`<li><a href=${address({ view: 'overview', of })}><span class="kind">${parts(of)[0]}</span> ${shown(title(of))}</a></li>`;
  }

  #file({ target }) {
    if (target.files[0]) this.#open(add(target.files[0]));
  }

  #folder({ target }) {
    if (target.files.length > 0) this.#open(add([...target.files]));
  }

  #registry(event) {
    event.preventDefault();
    const reference = new FormData(event.target).get('reference').trim().replace(/^(registry:|docker:\/\/)/u, '');
    if (reference) this.#open(`registry:${reference}`);
  }

  #open(of) {
    forget(of);
    go(address({ view: 'overview', of }));
  }
}
customElements.define('ocix-start', Start);
