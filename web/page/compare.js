// How another image differs from the one that is looked at, why, and what would make both equal.

import { LitElement, html, nothing } from 'lit';
import './differences.js';
import { opened } from './images.js';
import { address, go, within } from './route.js';
import { add, parts, remembered, title, word } from './sources.js';
import { shown } from './text.js';
import { View, sentence } from './view.js';
import { Work } from './work.js';

class Compare extends View {
  comparison = new Work(this, 'comparing the images', (comparison) => comparison.sentence);

  key(route) {
    return [...super.key(route), route.with, route.withName];
  }

  /** The second image: of the same platform. */
  get #other() {
    const { with: of, withName: name, platform } = this.route;
    return { of, name, platform };
  }

  load() {
    const { route } = this;
    if (!route.with) return this.comparison.reset();
    this.comparison.start(async (how) => {
      const [image, other] = await Promise.all([opened(route, how), opened(this.#other, how)]);
      return image.compare(other, how);
    });
  }

  render() {
    const { route } = this;
    if (!route.with) {
      return html`${this.head('Compare', [...this.words('diff'), 'OTHER'])}
        <ocix-second .route=${route}></ocix-second>`;
    }
    const failedAt = this.comparison.error?.of === route.with ? this.#other : route;
    return html`${this.head('Compare', this.#command())}
      <div class="versus">
        <p><span class="side a">A</span> <span class="data">${shown(title(route.of))}</span></p>
        <p><span class="side b">B</span> <span class="data">${shown(title(route.with))}</span>
          <a href=${within(route, { view: 'compare' })}>another one</a>
          <a href=${address({ view: 'compare', of: route.with, with: route.of, platform: route.platform })}>the other way round</a></p>
      </div>
      ${this.comparison.render((comparison) => this.#all(comparison), { route: failedAt, retry: () => this.load() })}`;
  }

  #command() {
    const { of, name, platform, with: other, withName } = this.route;
    return ['diff', word(of, name), word(other, withName), ...(platform ? ['--platform', platform] : [])];
  }

  #all(comparison) {
    const kind = comparison.verdict === 'identical' ? 'sound' : comparison.verdict === 'different' ? 'broken' : 'odd';
    const single = comparison.images.length === 1;
    return html`<section class=${`verdict ${kind}`} aria-label="Verdict"><h2>${capital(shown(comparison.sentence))}</h2>
        <p class="note data">${shown(comparison.verdict)}</p></section>
      ${reasons(comparison.reasons)}
      ${this.#alone('Only A has', comparison.onlyA)} ${this.#alone('Only B has', comparison.onlyB)}
      ${comparison.documents.length > 0 ? html`<ocix-differences .pair=${{ documents: comparison.documents, layers: [] }} .route=${this.route}></ocix-differences>` : nothing}
      ${comparison.images.map((pair) => html`<section class="pair">
        ${single ? nothing : html`<h2>${shown(pair.platform ?? 'Image')}</h2><p>${capital(shown(pair.sentence))}</p>${reasons(pair.reasons)}`}
        <ocix-differences .pair=${pair} .route=${this.route}></ocix-differences></section>`)}`;
  }

  #alone(label, images) {
    if (images.length === 0) return nothing;
    return html`<p>${label} <span class="data">${images.map((image) => shown(image.platform ?? image.digest)).join(', ')}</span></p>`;
  }
}
customElements.define('ocix-compare', Compare);

/** Why, each with what helps. */
function reasons(list) {
  if (list.length === 0) return nothing;
  return html`<ul class="reasons">${list.map((reason) => html`<li>
    <p><span class="code">${shown(reason.reason)}</span> ${sentence(reason.sentence)}</p>
    ${reason.advice ? html`<p class="advice">${sentence(reason.advice)}</p>` : nothing}
    ${reason.options?.length > 0 ? html`<p class="advice">Options of an output: ${reason.options.map((option) => html`<code class="chip">${shown(option)}</code> `)}</p>` : nothing}
  </li>`)}</ul>`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `<ocix-second .route>`: asks for the image to compare with. */
class Second extends LitElement {
  static properties = { route: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  render() {
    const others = remembered().filter((of) => of !== this.route.of);
    const take = (event) => event.target.files[0] && this.#go(add(event.target.files[0]));
    const folder = (event) => event.target.files.length > 0 && this.#go(add([...event.target.files]));
    return html`<div class="ways">
      <section class="way drop" aria-labelledby="second-file"><h2 id="second-file">With a file</h2>
        <p>Drop the second image here, or choose it.</p>
        <p class="buttons"><label class="button main">Choose a file <input class="unseen" type="file" name="second" @change=${take}></label>
          <label class="button">Choose a folder <input class="unseen" type="file" webkitdirectory @change=${folder}></label></p></section>
      <section class="way" aria-labelledby="second-registry"><h2 id="second-registry">With an image of a registry</h2>
        <form class="line" @submit=${(event) => this.#submit(event)}>
          <label class="unseen" for="second">Reference of the second image</label>
          <input id="second" name="reference" class="data" placeholder="localhost:5000/team/app:v2" required spellcheck="false" autocomplete="off">
          <button>Compare</button></form></section>
      ${others.length > 0
        ? html`<section class="way" aria-labelledby="second-before"><h2 id="second-before">With what was opened before</h2>
          <ul class="links data">${others.map((of) => html`<li><a href=${within(this.route, { view: 'compare', with: of })}><span
            class="kind">${parts(of)[0]}</span> ${shown(title(of))}</a></li>`)}</ul></section>`
        : nothing}</div>`;
  }

  #submit(event) {
    event.preventDefault();
    const reference = new FormData(event.target).get('reference').trim().replace(/^(registry:|docker:\/\/)/u, '');
    this.#go(`registry:${reference}`);
  }

  #go(of) {
    go(within(this.route, { view: 'compare', with: of }));
  }
}
customElements.define('ocix-second', Second);
