// Documents as they are: what lists what, from the roots down, and each one's bytes, with links from digests to what they name.

import { html, nothing } from 'lit';
import './document.js';
import { opened } from './images.js';
import { go, within } from './route.js';
import { styled } from './styled.js';
import { bytes, many, short, shown } from './text.js';
import { View } from './view.js';
import { Work } from './work.js';

class Documents extends View {
  graph = new Work(this, 'reading the documents');
  nodes = [];
  closed = new Set();

  key(route) {
    return [...super.key(route), route.referrers];
  }

  load() {
    const { route } = this;
    this.graph.start(async (how) => {
      this.image = await opened(route, how);
      const graph = await this.image.graph({ ...how, referrers: route.referrers !== undefined });
      this.nodes = flat(graph);
      return graph;
    });
  }

  render() {
    return html`${this.head('Documents', this.#command())}
      ${this.graph.render((graph) => this.#both(graph), { route: this.route, retry: () => this.load() })}`;
  }

  get #chosen() {
    return this.nodes.find(({ node }) => node.digest === this.route.digest) ?? (this.route.digest ? undefined : this.nodes[0]);
  }

  #command() {
    const chosen = this.#chosen;
    if (chosen?.level === 1 && this.route.digest) return this.words('inspect --raw');
    if (chosen?.node.role === 'config') return this.words('inspect --config');
    return this.words('tree', { more: this.route.referrers === undefined ? ['--no-referrers'] : [] });
  }

  #both(graph) {
    const rows = this.#rows;
    const chosen = this.#chosen;
    const refer = (event) => go(within(this.route, { view: 'documents', digest: this.route.digest, referrers: event.target.checked ? '1' : '' }));
    return html`<div class="tools">
        <label class="check"><input type="checkbox" .checked=${this.route.referrers !== undefined} @change=${refer}> also what refers to it: signatures and the like</label>
        <span class="note">${many(this.nodes.length, 'document or blob', 'documents and blobs')}${graph.cut ? ', and more than the limit allows' : ''}</span>
      </div>
      <div class=${this.route.digest ? 'panes chosen' : 'panes'}>
        <section class="pane list" aria-label="What lists what">
          <ocix-rows id="graph" kind="treegrid" height="44" label="Documents" .count=${rows.length} 
            .row=${(index, active) => this.#row(rows, index, active)} @act=${({ detail }) => this.#act(detail)}></ocix-rows>
        </section>
        <section class="pane" aria-label="The document">
          ${chosen
            ? html`<ocix-document .image=${this.image} .route=${this.route} .node=${chosen.node} .parent=${chosen.parent} .known=${this.#known}></ocix-document>`
            : html`<p class="state">Nothing here lists <span class="data">${shown(this.route.digest)}</span>.</p>`}
        </section>
      </div>`;
  }

  /** Digests that there is something to see of. */
  get #known() {
    return new Set(this.nodes.map(({ node }) => node.digest));
  }

  /** The nodes that no closed one hides. */
  get #rows() {
    const rows = [];
    let hidden = Infinity;
    for (const row of this.nodes) {
      if (row.level > hidden) continue;
      hidden = this.closed.has(row.node) ? row.level : Infinity;
      rows.push(row);
    }
    return rows;
  }

  #row(rows, index, active) {
    const { node, level } = rows[index];
    const inner = node.children?.length > 0;
    const open = inner && !this.closed.has(node);
    const here = this.#chosen?.node === node;
    const said = [node.platform, node.name, node.artifactType, node.annotations?.['in-toto.io/predicate-type']].filter(Boolean).join(' · ');
    return html`<div id=${`graph-${index}`} role="row" class=${`row node ${active ? 'active' : ''} ${here ? 'here' : ''}`} aria-rowindex=${index + 1}
      aria-level=${level} aria-expanded=${inner ? String(open) : nothing} aria-selected=${String(here)} @click=${(event) => this.#click(event, index)}>
      <span role="gridcell" class="name" ${styled({ paddingLeft: `${(level - 1) * 16}px` })}><span class="fold" aria-hidden="true">${inner
        ? open ? '▾' : '▸' : ''}</span><span class=${`role ${node.role}`}>${node.role}</span> <span class="said">${shown(said)}</span>${node.error
        ? html` <span class="bad">${shown(node.error)}</span>` : nothing}
        <br><span class="data note">${short(node.digest)} · ${shown(node.mediaType)}</span></span>
      <span role="gridcell" class="num">${bytes(node.size)}</span>
    </div>`;
  }

  #click(event, index) {
    this.querySelector('#graph').move(index);
    if (event.target.classList.contains('fold')) this.#toggle(this.#rows[index].node);
    else this.#choose(this.#rows[index].node);
  }

  #act({ key, index }) {
    const row = this.#rows[index];
    if (!row) return;
    const inner = row.node.children?.length > 0;
    const open = inner && !this.closed.has(row.node);
    if (key === 'Enter' || key === ' ') this.#choose(row.node);
    else if (key === 'ArrowRight' && open) this.querySelector('#graph').move(index + 1);
    else if (inner && (key === 'ArrowLeft') === open) this.#toggle(row.node);
    else if (key === 'ArrowLeft') this.querySelector('#graph').move(this.#rows.findLastIndex((one, at) => at < index && one.level < row.level));
  }

  #toggle(node) {
    if (!this.closed.delete(node)) this.closed.add(node);
    this.requestUpdate();
  }

  #choose(node) {
    go(within(this.route, { view: 'documents', referrers: this.route.referrers, digest: node.digest }));
  }
}
customElements.define('ocix-documents', Documents);

/** Nodes in order, each with its depth and the one that lists it. */
function flat(graph) {
  const out = [];
  const visit = (node, level, parent) => {
    out.push({ node, level, parent });
    (node.children ?? []).forEach((child) => visit(child, level + 1, node));
  };
  graph.roots.forEach((root) => visit(root, 1));
  return out;
}
