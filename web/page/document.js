// `<ocix-document .image .route .node .parent .known>`: what a document is listed as, and its bytes: indented, exactly, or as hex.

import { LitElement, html, nothing } from 'lit';
import './json-view.js';
import { hexLine } from './hex.js';
import { address, within } from './route.js';
import { save } from './save.js';
import { parts } from './sources.js';
import { bytes, line, shown } from './text.js';
import { facts, pairs } from './view.js';
import { Work } from './work.js';

const SPEC = 'https://github.com/opencontainers/image-spec/blob/main/';
/** Where the specs say what a media type is. */
const TYPES = {
  'application/vnd.oci.image.index.v1+json': `${SPEC}image-index.md`,
  'application/vnd.oci.image.manifest.v1+json': `${SPEC}manifest.md`,
  'application/vnd.oci.image.config.v1+json': `${SPEC}config.md`,
  'application/vnd.oci.image.layer.v1.tar': `${SPEC}layer.md`,
  'application/vnd.oci.image.layer.v1.tar+gzip': `${SPEC}layer.md#gzip-media-types`,
  'application/vnd.oci.image.layer.v1.tar+zstd': `${SPEC}layer.md#zstd-media-types`,
  'application/vnd.oci.descriptor.v1+json': `${SPEC}descriptor.md`,
  'application/vnd.oci.empty.v1+json': `${SPEC}manifest.md#guidance-for-an-empty-descriptor`,
  'application/vnd.in-toto+json': 'https://github.com/in-toto/attestation/blob/main/spec/README.md',
  'application/vnd.docker.distribution.manifest.v2+json': 'https://distribution.github.io/distribution/spec/manifest-v2-2/',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list',
};

class Document extends LitElement {
  static properties = {
    image: { attribute: false }, route: { attribute: false }, node: { attribute: false }, parent: { attribute: false }, known: { attribute: false },
    as: { state: true },
  };

  content = new Work(this, 'reading the document');

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    if (!changed.has('node') && !changed.has('image')) return;
    this.as = 'pretty';
    this.content.reset();
    if (this.#isDocument) this.#read();
  }

  /** Layers are for the view of files; what is said about images is a blob too, and a document all the same. */
  get #isDocument() {
    return this.node.role !== 'layer' || /json$/u.test(this.node.mediaType);
  }

  #read() {
    this.content.start((how) => this.image.document(this.node.digest, how));
  }

  render() {
    const { node, route } = this;
    const back = within(route, { ...route, digest: undefined });
    return html`<div class="preview-head"><a class="button quiet back" href=${back} aria-label="Close the document">×</a>
        <h2>${title(node)}</h2></div>
      ${facts([
        ['Digest', html`<span class="data digest">${shown(node.digest)}</span>`],
        ['Media type', this.#mediaType(node.mediaType)],
        ['Size', `${bytes(node.size)}${node.size >= 1024 ? ` (${node.size} B)` : ''}`],
        ['Platform', node.platform && html`<span class="data">${shown(node.platform)}</span>`],
        ['Name', node.name && html`<span class="data">${shown(node.name)}</span>`],
        ['Artifact type', node.artifactType && html`<span class="data">${shown(node.artifactType)}</span>`],
        ['About', node.subject && this.#digest(node.subject)],
        ['Listed by', this.parent && this.#digest(this.parent.digest)],
        ['Not readable', node.error && html`<span class="bad">${shown(node.error)}</span>`],
      ])}
      ${node.annotations ? html`<h3>Annotations where it is listed</h3>${pairs(Object.entries(node.annotations), 'Annotations')}` : nothing}
      ${this.#isDocument ? this.#content() : this.#layer()}`;
  }

  #mediaType(type) {
    const href = TYPES[type];
    const text = html`<span class="data">${shown(type)}</span>`;
    return href ? html`<a href=${href} target="_blank" rel="noreferrer noopener">${text}</a>` : text;
  }

  #digest(digest) {
    const text = html`<span class="data digest">${shown(digest)}</span>`;
    return this.known.has(digest) ? html`<a href=${this.#to(digest)}>${text}</a>` : text;
  }

  #to(digest) {
    return within(this.route, { view: 'documents', referrers: this.route.referrers, digest });
  }

  #layer() {
    const siblings = (this.parent?.children ?? []).filter((child) => child.role === 'layer');
    const layer = siblings.indexOf(this.node);
    if (this.parent?.role !== 'image' || layer < 0) return nothing;
    const platform = this.parent.platform ?? this.route.platform;
    return html`<p><a class="button" href=${within({ ...this.route, platform }, { view: 'files', layer })}>Files of this layer</a></p>`;
  }

  #content() {
    const failed = this.content.state === 'failed';
    const [kind, reference] = parts(this.route.of);
    // What refers to an image is listed by the registry, and not by the image: it is opened by itself.
    if (failed && kind === 'registry' && this.node.subject) {
      const alone = `registry:${reference.replace(/(@.*|:[^/]*)$/u, '')}@${this.node.digest}`;
      return html`<p><a class="button" href=${address({ view: 'documents', of: alone })}>Open it by itself</a></p>`;
    }
    return this.content.render((content) => this.#shown(content), { retry: () => this.#read() });
  }

  #shown(content) {
    const ways = [['pretty', 'Indented'], ['raw', 'Exact bytes'], ['hex', 'Hex']];
    const link = (value) => (this.known.has(value) && value !== this.node.digest ? this.#to(value) : TYPES[value]);
    return html`<div class="tools"><span class="group" role="group" aria-label="Show as">${ways.map(([as, label]) => html`<button type="button"
        class="way-of" aria-pressed=${String(this.as === as)} @click=${() => (this.as = as)}>${label}</button>`)}</span>
        <button type="button" @click=${() => save(new Blob([content], { type: 'application/json' }), `${this.node.digest.replace(':', '-')}.json`)}>Download</button>
        <span class="note good">digest checked</span></div>
      ${this.as === 'pretty'
        ? html`<ocix-json label="The document" .text=${new TextDecoder().decode(content)} .link=${link} @no-json=${() => (this.as = 'raw')}></ocix-json>`
        : this.#exact(content)}`;
  }

  #exact(content) {
    const hex = this.as === 'hex';
    const lines = hex ? [] : new TextDecoder().decode(content).split('\n');
    const row = hex
      ? (index) => hexLine(content, index, 0)
      : (index) => html`<div role="listitem" class="text-row"><span class="nr" aria-hidden="true">${index + 1}</span><span class="text">${line(lines[index])}</span></div>`;
    return html`<ocix-rows id="content" kind="list" height="20" label="The document's bytes" .row=${row}
      .count=${hex ? Math.ceil(content.length / 16) : lines.length}></ocix-rows>`;
  }
}
customElements.define('ocix-document', Document);

function title(node) {
  const names = { index: 'Image index', image: 'Image manifest', attestation: 'Attestation manifest', artifact: 'Artifact manifest', config: 'Config', layer: 'Layer', other: 'Blob' };
  return names[node.role] ?? shown(node.role);
}
