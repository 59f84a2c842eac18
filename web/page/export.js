// Another image out of this one: a form made from the core's option table, the output that it amounts to, and the command that does the same.

import { html, nothing } from 'lit';
import './making.js';
import { checkOutput, options } from '../index.js';
import { content } from './images.js';
import { MADE, destination, fields, output } from './output.js';
import { shown } from './text.js';
import { View, sentence } from './view.js';
import { Work } from './work.js';

const LEVELS = { '': 'manifest', '-manifest-descriptor': 'manifest descriptor', '-index': 'index', '-index-descriptor': 'index descriptor' };

class Export extends View {
  table = new Work(this, 'reading the options');
  type = 'oci';
  values = {};
  annotations = [['', '', '']];
  wrong = undefined;
  #checking;

  key(route) {
    return [...super.key(route), route.as];
  }

  load() {
    if (this.table.state === 'idle') this.table.start(() => options());
    this.source = content(this.route);
    this.source.catch(() => {});
  }

  render() {
    return html`${this.head('Export', this.#words())}
      ${this.#files
        ? html`<p class="note">Pages do not learn modes, owners and links of files: all belong to root, with mode 0644, folders with 0755. The command keeps them.</p>`
        : nothing}
      ${this.table.render((table) => this.#form(table), { retry: () => this.load() })}`;
  }

  /** Whether the files of a folder become an image, and not the images in it another one. */
  get #files() {
    return this.route.as === 'files';
  }

  get #output() {
    return this.table.state === 'done' ? output(this.table.value, this.type, this.values, this.annotations) : `type=${this.type}`;
  }

  #words() {
    const [verb, source, ...platform] = this.words('export');
    return [verb, this.#files ? `dir:${source}` : source, ...platform, '--output', this.#output];
  }

  #form(table) {
    const { first, others } = fields(table, this.type);
    const given = others.filter(({ key }) => this.values[key]).length;
    return html`<form class="export" @submit=${(event) => event.preventDefault()}>
        <fieldset class="types"><legend>Make</legend>${Object.entries(MADE).map(([type, { label, doc }]) => html`<label class="type">
          <input type="radio" name="type" value=${type} .checked=${type === this.type} @change=${() => this.#set({ type })}>
          <span><strong>${label}</strong><br><span class="note">${doc}</span></span></label>`)}</fieldset>
        <div class="fields">${first.map((row) => this.#field(row))}</div>
        ${this.type === 'tar' ? nothing : this.#annotate()}
        ${others.length > 0 ? html`<details><summary>More options ${given > 0 ? html`<span class="count">${given} given</span>` : nothing}</summary>
          <div class="fields">${others.map((row) => this.#field(row))}</div></details>` : nothing}
        <p class="output"><span class="label">--output</span> <code class="data">${shown(this.#output)}</code></p>
        ${this.wrong ? html`<p class="bad" role="alert">${sentence(this.wrong.message)}</p>` : nothing}
      </form>
      <ocix-making .route=${this.route} .source=${this.source} .output=${this.#output} .wrong=${this.wrong !== undefined}
        .dest=${MADE[this.type].end ? destination(this.values.name, this.type) : undefined}></ocix-making>`;
  }

  #field(row) {
    const id = `option-${row.key}`;
    const wrong = [this.wrong?.detail].flat().includes(row.key);
    return html`<div class="field"><label for=${id}>${row.key}</label>${this.#input(row, id, wrong)}
      <p class="note" id=${`${id}-doc`}>${sentence(row.doc.split(/(?<=\.) /u)[0])}</p></div>`;
  }

  #input(row, id, wrong) {
    const set = (event) => this.#set({ values: { ...this.values, [row.key]: event.target.value.trim() } });
    const value = this.values[row.key] ?? '';
    if (row.kind === 'choice' || row.kind === 'bool' || row.kind === 'flag') {
      const choices = row.kind === 'choice' ? row.choices : ['true', 'false'];
      const usual = row.default ? `${row.default}, as usual` : 'as usual';
      return html`<select id=${id} name=${row.key} aria-describedby=${`${id}-doc`} aria-invalid=${String(wrong)} @change=${set}>
        <option value="">${usual}</option>${choices.map((choice) => html`<option ?selected=${choice === value}>${choice}</option>`)}</select>`;
    }
    const hint = { name: 'localhost:5000/team/app:v2', 'compression-level': row.choices[0], 'source-date-epoch': '1700000000' }[row.key] ?? row.default;
    return html`<input id=${id} name=${row.key} class="data" .value=${value} placeholder=${hint} aria-describedby=${`${id}-doc`} aria-invalid=${String(wrong)}
      inputmode=${row.kind === 'number' ? 'numeric' : 'text'} spellcheck="false" autocapitalize="off" autocomplete="off" @input=${set}>`;
  }

  #annotate() {
    const set = (index, at) => (event) => {
      const annotations = this.annotations.map((one) => [...one]);
      annotations[index][at] = event.target.value;
      if (annotations.at(-1)[1] !== '') annotations.push(['', '', '']);
      this.#set({ annotations });
    };
    return html`<fieldset class="annotations"><legend>Annotations</legend>${this.annotations.map(([level, key, value], index) => html`<div class="line">
      <select aria-label=${`Level of annotation ${index + 1}`} @change=${set(index, 0)}>${Object.entries(LEVELS).map(([suffix, label]) => html`<option value=${suffix}
        ?selected=${suffix === level}>${label}</option>`)}</select>
      <input class="data" aria-label=${`Key of annotation ${index + 1}`} placeholder="org.example.key" .value=${key} @input=${set(index, 1)} spellcheck="false" autocomplete="off">
      <input class="data" aria-label=${`Value of annotation ${index + 1}`} placeholder="value" .value=${value} @input=${set(index, 2)} spellcheck="false" autocomplete="off">
    </div>`)}</fieldset>`;
  }

  #set(changes) {
    Object.assign(this, changes);
    this.requestUpdate();
    clearTimeout(this.#checking);
    this.#checking = setTimeout(async () => {
      const text = this.#output;
      const wrong = await checkOutput(text).then(() => undefined, (error) => error);
      if (text !== this.#output) return;
      this.wrong = wrong;
      this.requestUpdate();
    }, 150);
  }
}
customElements.define('ocix-export', Export);
