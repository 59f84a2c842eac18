// What each layer did, and what is wasted: the numbers of dive, for all layers, then paths of one of them.

import { html, nothing } from 'lit';
import { opened } from './images.js';
import { within } from './route.js';
import { styled } from './styled.js';
import { bytes, many, number, percent, short, shown } from './text.js';
import { View, facts } from './view.js';
import { Work } from './work.js';

class Layers extends View {
  changes = new Work(this, 'reading all layers');

  load() {
    const { route } = this;
    this.changes.start(async (how) => (await opened(route, how)).changes(how));
  }

  render() {
    return html`${this.head('Layers', this.words('inspect --layers'))}
      ${this.changes.render((changes) => this.#all(changes), { route: this.route, retry: () => this.load() })}`;
  }

  updated() {
    if (this.changes.state === 'done' && this.route.layer !== undefined) {
      this.querySelector(`#layer-${CSS.escape(this.route.layer)}`)?.scrollIntoView({ block: 'nearest' });
    }
  }

  #all({ layers, efficiency }) {
    const most = Math.max(1, ...layers.map((layer) => layer.tar));
    return html`
      ${this.#efficiency(efficiency)}
      <h2>What each layer did <span class="count">${layers.length}</span></h2>
      <ol class="deeds" start="0">${layers.map((layer) => this.#layer(layer, most))}</ol>
      ${this.#wasted(efficiency.wasted)}`;
  }

  #efficiency(efficiency) {
    return html`<div class="figures">
      <p class="figure"><span class="value">${percent(efficiency.score)}</span> efficient</p>
      <p class="figure"><span class="value">${bytes(efficiency.wastedBytes)}</span> wasted</p>
      <p class="figure"><span class="value">${bytes(efficiency.userBytes)}</span> above the lowest layer</p>
      <p class="figure"><span class="value">${percent(efficiency.wastedOfUser)}</span> wasted, against that</p>
    </div>`;
  }

  #layer(layer, most) {
    const { route } = this;
    const link = (key, word) => {
      const { count, bytes: size } = layer[key];
      if (count === 0) return html`<span class="none">0 ${word}</span>`;
      return html`<a class=${key} href=${within(route, { view: 'files', changed: layer.layer, change: key })}>${number(count)} ${word}</a>
        <span class="note">${bytes(size)}</span>`;
    };
    return html`<li id=${`layer-${layer.layer}`} class=${String(layer.layer) === route.layer ? 'here' : ''}>
      <h3><span class="nr data">${layer.layer}</span> <code>${shown(layer.createdBy ?? short(layer.digest ?? layer.diffId))}</code></h3>
      <span class="bar" aria-hidden="true"><span ${styled({ width: `${(100 * layer.tar) / most}%` })}></span></span>
      <p class="deed">
        <span>${link('added', 'added')}</span> <span>${link('changed', 'changed')}</span> <span>${link('removed', 'removed')}</span>
        <span><a href=${within(route, { view: 'files', layer: layer.layer })}>${many(layer.entries.count, 'entry', 'entries')}</a></span>
      </p>
      ${facts([
        ['Stored', bytes(layer.size)],
        ['Tar', bytes(layer.tar)],
        ['Blob', layer.digest && html`<span class="data digest">${shown(layer.digest)}</span>`],
        ['Diff ID', layer.diffId && html`<span class="data digest">${shown(layer.diffId)}</span>`],
        ['Media type', layer.mediaType && html`<span class="data">${shown(layer.mediaType)}</span>`],
      ])}
    </li>`;
  }

  #wasted(wasted) {
    if (wasted.length === 0) return html`<h2>Wasted</h2><p class="note">Nothing: no path stands in several layers.</p>`;
    return html`<h2>Wasted <span class="count">${wasted.length}</span></h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Paths that waste most"><table class="data">
        <thead><tr><th scope="col">Path</th><th scope="col" class="num">Layers</th><th scope="col" class="num">Bytes</th></tr></thead>
        <tbody>${wasted.map((one) => html`<tr>
          <td><a href=${within(this.route, { view: 'files', path: `/${one.path}` })}>/${shown(one.path)}</a></td>
          <td class="num">${number(one.count)}</td><td class="num">${bytes(one.bytes)}</td></tr>`)}</tbody>
      </table></div>${nothing}`;
  }
}
customElements.define('ocix-layers', Layers);
