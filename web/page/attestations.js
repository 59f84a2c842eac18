// What is said about an image: statements that stand beside it, and what else refers to it.

import { html, nothing } from 'lit';
import './json-view.js';
import { opened } from './images.js';
import { within } from './route.js';
import { digests, statement, summary } from './statements.js';
import { bytes, many, number, short, shown } from './text.js';
import { View, facts } from './view.js';
import { Work } from './work.js';

/** Bytes of a statement that is read: bills of materials are large. */
const LARGEST = 8 * 1024 * 1024;
/** Rows of a table of packages that are drawn. */
const MOST = 500;

class Attestations extends View {
  said = new Work(this, 'reading what is said about the image');
  raw = new Set();

  load() {
    const { route } = this;
    this.said.start(async (how) => {
      const image = await opened(route, how);
      const graph = await image.graph({ ...how, referrers: true });
      const manifests = [];
      const others = [];
      const visit = (node) => {
        if (node.role === 'attestation') manifests.push(node);
        else if (node.role === 'artifact') others.push(node);
        (node.children ?? []).forEach(visit);
      };
      graph.roots.forEach(visit);
      const platforms = platformsOf(graph);
      return { others, manifests: await Promise.all(manifests.map((node) => read(image, node, platforms, how))) };
    });
  }

  render() {
    return html`${this.head('Attestations', this.words('tree'))}
      ${this.said.render((said) => this.#all(said), { route: this.route, retry: () => this.load() })}`;
  }

  #all({ manifests, others }) {
    if (manifests.length === 0 && others.length === 0) {
      return html`<div class="state"><h2>Nobody says anything about it</h2>
        <p>There is no statement in the image, and nothing that refers to it. Statements are attached with <code>ocix export --attestation</code>, or by
          <code>docker buildx build --provenance --sbom</code>.</p></div>`;
    }
    return html`${manifests.map((manifest) => this.#manifest(manifest))}${others.length > 0 ? this.#others(others) : nothing}`;
  }

  #manifest({ node, about, statements }) {
    return html`<section class="attestation"><h2>About ${about ? shown(about) : 'an image'} <span class="count">${statements.length}</span></h2>
      <p class="note"><a class="data digest" href=${this.#document(node.digest)}>${shown(node.digest)}</a></p>
      ${statements.map((one) => this.#statement(one))}</section>`;
  }

  #statement({ blob, said, error, text }) {
    const type = blob.annotations?.['in-toto.io/predicate-type'];
    if (!said) {
      return html`<article class="statement"><h3>${shown(type ?? blob.mediaType)}</h3>
        <p class="note">${error ? shown(error) : 'This is no in-toto statement.'} <a class="data" href=${this.#document(blob.digest)}>${short(blob.digest)}</a></p></article>`;
    }
    const { title, facts: known, table } = summary(said);
    const raw = this.raw.has(blob.digest);
    const toggle = () => {
      if (!this.raw.delete(blob.digest)) this.raw.add(blob.digest);
      this.requestUpdate();
    };
    return html`<article class="statement"><h3>${title}</h3>
      ${facts([
        ['Predicate type', html`<span class="data">${shown(said.predicateType)}</span>`],
        ...known,
        ['Signatures', said.signatures === undefined ? undefined : `${said.signatures}, not checked here`],
        ['Statement', html`<a class="data digest" href=${this.#document(blob.digest)}>${shown(blob.digest)}</a> <span class="note">${bytes(blob.size)}</span>`],
      ])}
      ${said.subjects.length > 0 ? this.#table('Subjects', ['It is about', 'Digest'], said.subjects.map((one) => [one?.name, digests(one?.digest)])) : nothing}
      ${table && table.rows.length > 0 ? this.#table(table.caption, table.heads, table.rows) : nothing}
      <p><button type="button" aria-expanded=${String(raw)} @click=${toggle}>${raw ? 'Hide the document' : 'Show the document'}</button></p>
      ${raw ? html`<ocix-json label=${`Statement ${short(blob.digest)}`} .text=${text}></ocix-json>` : nothing}</article>`;
  }

  #table(caption, heads, rows) {
    return html`<details ?open=${rows.length <= 12}><summary>${caption} <span class="count">${number(rows.length)}</span></summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${caption}><table class="data"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
      <tbody>${rows.slice(0, MOST).map((row) => html`<tr>${row.map((cell) => html`<td>${cell === undefined ? '' : shown(cell)}</td>`)}</tr>`)}</tbody></table></div>
      ${rows.length > MOST ? html`<p class="note">And ${number(rows.length - MOST)} more in the document.</p>` : nothing}</details>`;
  }

  #others(others) {
    return html`<section><h2>What else refers to it <span class="count">${others.length}</span></h2>
      <ul class="links">${others.map((node) => html`<li><a class="data" href=${within(this.route, { view: 'documents', digest: node.digest, referrers: 1 })}>${shown(
        node.artifactType ?? node.mediaType)}</a> <span class="note data">${short(node.digest)} ${bytes(node.size)}</span></li>`)}</ul>
      <p class="note">${many(others.length, 'artifact')}; signatures are not checked here.</p></section>`;
  }

  #document(digest) {
    return within(this.route, { view: 'documents', digest });
  }
}
customElements.define('ocix-attestations', Attestations);

/** The statements of one manifest. */
async function read(image, node, platforms, how) {
  const blobs = (node.children ?? []).filter((child) => child.role === 'layer');
  const statements = await Promise.all(blobs.map(async (blob) => {
    if (blob.size > LARGEST) return { blob, error: `It has ${bytes(blob.size)}, which is too much to be shown.` };
    try {
      const content = await image.document(blob.digest, how);
      return { blob, said: statement(content), text: new TextDecoder().decode(content) };
    } catch (error) {
      if (how.signal.aborted) throw error;
      return { blob, error: error.message };
    }
  }));
  const about = node.subject ?? node.annotations?.['vnd.docker.reference.digest'];
  return { node, statements, about: platforms.get(about) ?? (about && short(about)) };
}

/** What images run on, by their digest. */
function platformsOf(graph) {
  const platforms = new Map();
  const visit = (node) => {
    if (node.role === 'image' && node.platform) platforms.set(node.digest, node.platform);
    (node.children ?? []).forEach(visit);
  };
  graph.roots.forEach(visit);
  return platforms;
}
