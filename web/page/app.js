// The frame around the views: what is looked at, where one can go, dropping, keys, help.

import { LitElement, html, nothing } from 'lit';
import { announce } from './announce.js';
import { take } from './drop.js';
import { forget } from './images.js';
import { VIEWS, address, go, parse, within } from './route.js';
import { parts, title } from './sources.js';
import { shown } from './text.js';

class App extends LitElement {
  static properties = { route: { state: true }, over: { state: true }, platforms: { state: true } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.route = parse(location.hash);
    window.addEventListener('hashchange', () => this.#moved());
    window.addEventListener('dragover', (event) => this.#drag(event, true));
    window.addEventListener('dragleave', (event) => event.relatedTarget === null && (this.over = false));
    window.addEventListener('drop', (event) => this.#drop(event));
    window.addEventListener('keydown', (event) => this.#key(event));
  }

  render() {
    const { route } = this;
    return html`
      <header>
        <a class="brand" href="#/" aria-label="ocix: start"><img src="icon.svg" alt="" width="22" height="22"> ocix</a>
        ${route.view === 'start' ? nothing : this.#source(route)}
        <button type="button" class="quiet help" @click=${this.#help} aria-label="Help and keys">?</button>
      </header>
      ${route.view === 'start' ? nothing : this.#navigation(route)}
      <main id="content" tabindex="-1" class=${route.view} @drop-taken=${(event) => this.#open(event.detail)}>${this.#view(route)}</main>
      ${this.over ? html`<div class="over" aria-hidden="true"><p>Drop an image: it stays on this computer</p></div>` : nothing}
      <dialog class="help" aria-label="Help">${help()}</dialog>`;
  }

  updated(changed) {
    if (!changed.has('route')) return;
    const { route } = this;
    document.title = route.view === 'start' ? 'ocix' : `${VIEWS[route.view]}: ${shown(title(route.of))} – ocix`;
    this.querySelector('nav [aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  #source(route) {
    const [kind] = parts(route.of);
    return html`<div class="source">
      <span class="kind">${kind}</span> <span class="data name" title=${shown(title(route.of))}>${shown(title(route.of))}</span>
      ${route.name ? html`<span class="data chip">${shown(route.name)}</span>` : nothing}
      ${route.platform ? html`<span class="data chip">${shown(route.platform)}</span>` : nothing}
    </div>
    <a class="button quiet another" href="#/">Open another</a>`;
  }

  #navigation(route) {
    const tab = ([view, label]) =>
      html`<a href=${within(route, { view })} aria-current=${view === route.view ? 'page' : nothing}>${label}</a>`;
    return html`<nav aria-label="Views"><div>${Object.entries(VIEWS).map(tab)}</div></nav>`;
  }

  #view(route) {
    switch (route.view) {
      case 'overview': return html`<ocix-overview .route=${route}></ocix-overview>`;
      case 'layers': return html`<ocix-layers .route=${route}></ocix-layers>`;
      case 'files': return html`<ocix-files .route=${route}></ocix-files>`;
      case 'documents': return html`<ocix-documents .route=${route}></ocix-documents>`;
      case 'compare': return html`<ocix-compare .route=${route}></ocix-compare>`;
      case 'verify': return html`<ocix-verify .route=${route}></ocix-verify>`;
      case 'attestations': return html`<ocix-attestations .route=${route}></ocix-attestations>`;
      case 'export': return html`<ocix-export .route=${route}></ocix-export>`;
      default: return html`<ocix-start></ocix-start>`;
    }
  }

  async #moved() {
    const before = this.route;
    // The skip link and other places within the page are no routes.
    if (location.hash !== '' && !location.hash.startsWith('#/')) return;
    this.route = parse(location.hash);
    if (before.view === this.route.view && before.of === this.route.of) return;
    await this.updateComplete;
    announce(this.route.view === 'start' ? 'Start' : VIEWS[this.route.view]);
    this.querySelector('main').focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  #drag(event, over) {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    this.over = over;
  }

  async #drop(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    this.over = false;
    const of = await take(event.dataTransfer);
    if (of) this.#open(of);
  }

  /** In the comparison what is dropped is the second image, elsewhere the one to look at. */
  #open(of) {
    const { route } = this;
    if (route.view !== 'compare' || route.of !== of) forget(of);
    if (route.view === 'compare') go(within(route, { view: 'compare', with: of }));
    else if (route.view !== 'start' && route.of === of) this.route = { ...route };
    else go(address({ view: 'overview', of }));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, textarea, select, dialog')) return;
    if (event.key === '?') this.#help();
    if (event.key === '/') {
      const field = this.querySelector('input[type=search]');
      if (field) {
        event.preventDefault();
        field.focus();
      }
    }
    const view = Object.keys(VIEWS)[Number(event.key) - 1];
    if (view && this.route.view !== 'start') go(within(this.route, { view }));
  }

  #help() {
    this.querySelector('dialog.help').showModal();
  }
}
customElements.define('ocix-app', App);

function help() {
  const keys = [
    ['1 … 8', 'the views, from left to right'],
    ['/', 'search'],
    ['↑ ↓ Page Up Page Down Home End', 'move in a list'],
    ['→ ←', 'open and close a folder or a node'],
    ['Enter', 'look at it'],
    ['?', 'this'],
  ];
  return html`<h2>What this page does</h2>
    <p>It reads container images where they are: OCI layouts, archives of docker save, lone layers and documents, images of registries. It runs
      the core of the <code>ocix</code> command line inside the browser. Nothing that you open is sent anywhere, and nothing in an image is run.</p>
    <p>Each view shows the command that does the same in a terminal, and has an address of its own.</p>
    <h3>Keys</h3>
    <dl class="keys">${keys.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
    <form method="dialog"><button class="main" autofocus>Close</button></form>`;
}
