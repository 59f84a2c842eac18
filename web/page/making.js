// `<ocix-making .route .source .output .dest .wrong>`: runs an export: what would be done, how far it is, what came of it.

import { LitElement, html, nothing } from 'lit';
import { exportImage } from '../index.js';
import { failure } from './errors.js';
import { access } from './sources.js';
import { save } from './save.js';
import { styled } from './styled.js';
import { bytes, many, short, shown } from './text.js';
import { facts } from './view.js';
import { Work } from './work.js';

class Making extends LitElement {
  static properties = {
    route: { attribute: false }, source: { attribute: false }, output: { attribute: false }, dest: { attribute: false }, wrong: { attribute: false },
  };

  work = new Work(this, 'making the image');
  dry = false;

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    // What was made was made of other words; it stays until something else is made.
    this.old = this.work.state === 'done' && this.made !== this.output;
    if (changed.has('source') && changed.get('source') !== undefined) this.#forget();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#forget();
  }

  #forget() {
    this.work.value?.discard();
    this.work.reset();
  }

  #run(dry) {
    this.#forget();
    Object.assign(this, { dry, made: this.output });
    this.work.start(async (how) => {
      const { platform } = this.route;
      const contents = [await this.source];
      return exportImage({ contents, output: this.output, dryRun: dry, ...(platform && { platforms: [platform] }), ...(await access()), ...how });
    });
  }

  render() {
    const running = this.work.state === 'running';
    const pushes = this.dest === undefined;
    return html`<p class="buttons">
        <button type="button" class="main" ?disabled=${this.wrong || running} @click=${() => this.#run(false)}>${pushes ? 'Push' : 'Make it'}</button>
        <button type="button" ?disabled=${this.wrong || running} @click=${() => this.#run(true)}>See the plan</button>
        ${running ? html`<button type="button" @click=${() => this.work.cancel()}>Stop</button>` : nothing}
      </p>
      ${running ? this.#steps() : this.work.render((results) => this.#results(results), { route: this.route, retry: () => this.#run(this.dry) })}`;
  }

  #steps() {
    const steps = this.work.steps;
    if (steps.length === 0) return html`<p class="note">Reading…</p>`;
    return html`<ul class="steps" aria-label="Progress">${steps.slice(-12).map((step) => html`<li>
      <span class="note">${step.action}</span> <span class="data">${short(step.subject)}</span>
      <span class="bar" aria-hidden="true"><span ${styled({ width: `${step.outcome ? 100 : step.total > 0 ? (100 * step.done) / step.total : 0}%` })}></span></span>
      <span class="data num">${bytes(step.done)}${step.total > 0 && !step.outcome ? ` of ${bytes(step.total)}` : ''} ${step.outcome ?? ''}</span></li>`)}</ul>`;
  }

  #results(results) {
    const targets = results.reports.flatMap((report) => report.targets);
    const warnings = [...new Set([...results.warnings, ...this.work.warnings])];
    return html`<section class=${`made ${this.old ? 'old' : ''}`} aria-label="What came of it">
      <h2>${this.dry ? 'The plan' : targets.some((target) => target.error) ? 'Not everything worked' : 'Done'}</h2>
      ${this.old ? html`<p class="note">The options have changed since.</p>` : nothing}
      ${warnings.length > 0 ? html`<ul class="warnings">${warnings.map((warning) => html`<li>${shown(warning)}</li>`)}</ul>` : nothing}
      ${targets.map((target) => this.#target(target))}
      ${this.dry ? nothing : this.#files(results.files)}
    </section>`;
  }

  #target(target) {
    if (target.error) {
      const reference = target.name && this.dest === undefined ? { ...this.route, of: `registry:${target.name}` } : this.route;
      return failure(target.error, { route: reference, retry: () => this.#run(this.dry) });
    }
    const tally = (label, one) => (one?.count > 0 ? `${many(one.count, 'blob or manifest', 'blobs and manifests')} ${label}, ${bytes(one.bytes)}. ` : '');
    const { pushed } = target;
    return html`${facts([
        ['Name', target.name && html`<span class="data">${shown(target.name)}</span>`],
        ['Digest', target.digest && html`<span class="data digest made-digest">${target.digest}</span>`],
        ['Pushed', pushed && !this.dry ? `${tally('uploaded', pushed.uploaded)}${tally('mounted', pushed.mounted)}${tally('there already', pushed.alreadyThere)}` : undefined],
      ])}
      ${this.dry && pushed?.requests.length > 0
        ? html`<h3>Requests</h3><div class="scroll" tabindex="0" role="region" aria-label="Requests"><table class="data"><tbody>${pushed.requests.map((one) => html`<tr>
          <td>${one.method}</td><td>${shown(one.url)}</td><td class="num">${one.bytes > 0 ? bytes(one.bytes) : ''}</td></tr>`)}</tbody></table></div>`
        : nothing}`;
  }

  #files(files) {
    return html`<p class="buttons">${Object.entries(files).map(([name, blob]) => html`<button type="button" class="main" @click=${() => save(blob, name)}>Download
      ${shown(name)} <span class="data">${bytes(blob.size)}</span></button>`)}</p>`;
  }
}
customElements.define('ocix-making', Making);
