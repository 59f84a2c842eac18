// What is wrong or odd with an image: digests, diff IDs, documents, entries that would hurt who unpacks them. Everything is read for that.

import { html, nothing } from 'lit';
import { findings as codes, verify } from '../index.js';
import { content } from './images.js';
import { within } from './route.js';
import { access } from './sources.js';
import { bytes, many, number, shown } from './text.js';
import { View, sentence } from './view.js';
import { Work } from './work.js';

const VERDICTS = {
  sound: ['Sound', 'Nothing is wrong with it: every digest, size and diff ID is what it should be, and readers agree on what it holds.'],
  odd: ['Odd', 'It can be read, but something in it is dangerous for careless tools, or not what it says.'],
  broken: ['Broken', 'It is not what it says, readers do not read it alike, or not all of it could be checked.'],
};
const SEVERITIES = { broken: 'Broken', warning: 'Warnings', note: 'Notes' };
/** Findings of one severity that are drawn; a damaged image has thousands. */
const MOST = 300;

class Verify extends View {
  report = new Work(this, 'checking everything', (report) => `${report.verdict}, ${many(report.findings.length, 'finding')}`);
  explanations = new Map();

  load() {
    const { route } = this;
    this.report.start(async (how) => {
      const [report, known] = await Promise.all([verify(await content(route), { ...(await access()), ...how }), codes()]);
      this.explanations = new Map(known.map((code) => [code.name, code.explanation]));
      return report;
    });
  }

  render() {
    return html`${this.head('Verification', this.words('verify'))}
      ${this.report.render((report) => this.#report(report), { route: this.route, retry: () => this.load() })}`;
  }

  #report(report) {
    const [title, meaning] = VERDICTS[report.verdict] ?? [report.verdict, ''];
    return html`<section class=${`verdict ${report.verdict}`} aria-label="Verdict"><h2>${title}</h2><p>${meaning}</p>
        <p class="note">Read: ${many(report.documents, 'document')}, ${many(report.blobs, 'blob')}, ${many(report.layers, 'layer')} among them, ${bytes(report.bytes)}.</p>
      </section>
      ${Object.entries(SEVERITIES).map(([severity, label]) => this.#severity(severity, label, report.findings.filter((one) => one.severity === severity)))}`;
  }

  #severity(severity, label, found) {
    if (found.length === 0) return nothing;
    return html`<section aria-labelledby=${severity}><h2 id=${severity}>${label} <span class="count">${found.length}</span></h2>
      <ul class=${`findings ${severity}`}>${found.slice(0, MOST).map((finding) => this.#finding(finding))}</ul>
      ${found.length > MOST ? html`<p class="note">And ${number(found.length - MOST)} more; the command prints all of them.</p>` : nothing}</section>`;
  }

  #finding(finding) {
    const [, digest, rest] = /^([a-z0-9]+:[0-9a-f]{32,})?:?(.*)$/su.exec(finding.subject) ?? [];
    return html`<li>
      <p><code class="code">${shown(finding.code)}</code> ${sentence(finding.message)}${finding.more ? html` <span class="note">and ${number(finding.more)} more like it</span>` : nothing}</p>
      <p class="note data subject">${digest ? html`<a href=${within(this.route, { view: 'documents', digest })}>${shown(digest)}</a>` : nothing}${rest
        ? html` ${shown(rest)}` : nothing}</p>
      <p class="why">${sentence(this.explanations.get(finding.code) ?? '')}</p></li>`;
  }
}
customElements.define('ocix-verify', Verify);
