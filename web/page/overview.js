// An image at a glance: what it is called, what it runs on and how, its layers and its history.

import { html, nothing } from 'lit';
import { opened } from './images.js';
import { within } from './route.js';
import { title } from './sources.js';
import { styled } from './styled.js';
import { bytes, many, moment, short, shown } from './text.js';
import { View, facts, pairs, text } from './view.js';
import { Work } from './work.js';

class Overview extends View {
  summary = new Work(this, 'reading the documents');
  graph = new Work(this, 'reading what else there is');

  load() {
    const { route } = this;
    this.summary.start(async (how) => {
      const image = await opened(route, how);
      const summary = await image.summary(how);
      // A lone layer is any file until its first entry has been read.
      if (summary.digest === undefined && summary.layers.length === 1) await image.entries(0, { ...how, max: 1 });
      return summary;
    });
    this.graph.start(async (how) => (await opened({ of: route.of }, how)).graph(how));
  }

  render() {
    const { route } = this;
    const images = this.graph.state === 'done' ? listed(this.graph.value) : [];
    return html`
      ${this.head(shown(this.summary.value?.name ?? title(route.of)), this.words('inspect'))}
      ${images.length > 1 ? this.#images(images) : nothing}
      ${this.summary.state === 'failed' && images.length > 1 && !route.platform && !route.name
        ? html`<p class="state">There are several images here: choose one of them.</p>`
        : this.summary.render((summary) => this.#image(summary), { route, retry: () => this.load() })}`;
  }

  /** The switch between what there is: names and platforms. */
  #images(images) {
    const { route } = this;
    const now = this.summary.value?.digest;
    return html`<section aria-labelledby="images"><h2 id="images">${many(images.length, 'image')}</h2>
      <ul class="chips">${images.map((image) => {
        const label = [image.name, image.platform].filter(Boolean).join(' · ') || short(image.digest);
        return html`<li><a class="chip data" aria-current=${image.digest === now ? 'true' : nothing}
          href=${within({ of: route.of, name: image.name ?? route.name, platform: image.platform }, { view: 'overview' })}>${shown(label)}</a></li>`;
      })}</ul></section>`;
  }

  #image(summary) {
    const { config = {}, history = [] } = summary;
    const run = config.config ?? {};
    const platform = summary.platform ?? [config.os, config.architecture, config.variant].filter(Boolean).join('/');
    return html`<div class="two"><div>
      ${facts([
        ['Platform', platform && html`<span class="data">${shown(platform)}</span>`],
        ['Size', `${bytes(summary.size)} in ${many(summary.layers.length, 'layer')}, as stored`],
        ['Created', config.created && moment(config.created)],
        ['Author', config.author && shown(config.author)],
        ['Manifest', summary.digest && this.#document(summary.digest)],
        ['Config', summary.configDigest && this.#document(summary.configDigest)],
        ['Media type', summary.mediaType && html`<span class="data">${shown(summary.mediaType)}</span>`],
      ])}
      <section aria-labelledby="runs"><h2 id="runs">How it runs</h2>${this.#run(run)}</section>
      ${this.#table('Environment', (run.Env ?? []).map((line) => String(line).split(/=(.*)/su)))}
      ${this.#table('Labels', Object.entries(run.Labels ?? {}))}
      ${this.#table('Annotations', Object.entries(summary.annotations ?? {}))}
    </div><div>
      ${this.#layers(summary.layers)}
      ${history.length > 0 ? this.#history(history) : nothing}
    </div></div>`;
  }

  #document(digest) {
    return html`<a class="data digest" href=${within(this.route, { view: 'documents', digest })}>${shown(digest)}</a>`;
  }

  #run(run) {
    const words = (list) => (Array.isArray(list) ? html`<span class="data">${shown(list.map(text).map(argument).join(' '))}</span>` : undefined);
    const keys = (object) => (object ? html`<span class="data">${shown(Object.keys(object).join(' '))}</span>` : undefined);
    const data = (value) => (value ? html`<span class="data">${shown(text(value))}</span>` : undefined);
    const list = [
      ['Entrypoint', words(run.Entrypoint)],
      ['Command', words(run.Cmd)],
      ['User', data(run.User)],
      ['Folder', data(run.WorkingDir)],
      ['Ports', keys(run.ExposedPorts)],
      ['Volumes', keys(run.Volumes)],
      ['Stop signal', data(run.StopSignal)],
      ['Health check', words(run.Healthcheck?.Test)],
    ];
    return list.some(([, value]) => value) ? facts(list) : html`<p class="note">The config says nothing about that.</p>`;
  }

  #table(name, entries) {
    if (entries.length === 0) return nothing;
    return html`<section aria-labelledby=${name}><h2 id=${name}>${name} <span class="count">${entries.length}</span></h2>${pairs(entries, name)}</section>`;
  }

  #layers(layers) {
    const most = Math.max(1, ...layers.map((layer) => layer.size));
    return html`<section aria-labelledby="layers"><h2 id="layers">Layers <span class="count">${layers.length}</span></h2>
      ${layers.length === 0 ? html`<p class="note">None: it has no files.</p>` : nothing}
      <ol class="layers" start="0">${layers.map((layer) => html`<li>
        <a class="bar-row" href=${within(this.route, { view: 'files', layer: layer.layer })}>
          <span class="data nr">${layer.layer}</span>
          <span class="bar" aria-hidden="true"><span ${styled({ width: `${(100 * layer.size) / most}%` })}></span></span>
          <span class="data size">${bytes(layer.size)}</span>
          <span class="data by">${shown(layer.createdBy ?? short(layer.digest ?? layer.diffId))}</span>
        </a></li>`)}</ol></section>`;
  }

  #history(history) {
    return html`<section aria-labelledby="history"><h2 id="history">History <span class="count">${history.length}</span></h2>
      <ol class="history">${history.map((line) => html`<li class=${line.layer === undefined ? 'empty' : ''}>
        <span class="note">${line.created ? moment(line.created) : ''}
          ${line.layer === undefined ? 'no layer' : html`<a href=${within(this.route, { view: 'layers', layer: line.layer })}>layer ${line.layer}</a>`}
          ${line.comment ? shown(line.comment) : ''}</span>
        <code>${shown(line.createdBy ?? '')}</code></li>`)}</ol></section>`;
  }
}
customElements.define('ocix-overview', Overview);

/** Images of a graph, each with the name of the root that it is beneath. */
export function listed(graph) {
  const found = [];
  const visit = (node, name) => {
    if (node.role === 'image') found.push({ name, platform: node.platform, digest: node.digest });
    if (node.role === 'index') (node.children ?? []).forEach((child) => visit(child, name));
  };
  graph.roots.forEach((root) => visit(root, root.name));
  return found;
}

/** A word of a command line, in quotes where it has spaces. */
function argument(word) {
  return /^[^\s"']+$/u.test(word) ? word : JSON.stringify(word);
}
