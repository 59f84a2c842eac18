// Errors as states of the page: what happened, what to do, and the words of the core, which name whose fault it is.

import { LitElement, html, nothing } from 'lit';
import { forget } from './images.js';
import { within } from './route.js';
import { add, parts, permit, registryOf, signIn, signedIn, title } from './sources.js';
import { shown } from './text.js';

/** Draws an error. `retry` starts the work again; `route` says what it was about. */
export function failure(error, { retry, route } = {}) {
  const { heading, body, action } = explained(error, { retry, route });
  const causes = error.causes ?? [];
  // The message of the package has the causes behind it.
  const all = ['', ...causes].join(': ');
  const said = error.message.endsWith(all) ? error.message.slice(0, error.message.length - all.length) : error.message;
  return html`<section class="state failed" aria-label="Error">
    <h2>${heading}</h2>
    ${body ? html`<p>${body}</p>` : nothing}
    <p class="data said">${shown(said)}</p>
    ${causes.length > 0 ? html`<ul class="data said">${causes.map((cause) => html`<li>${shown(cause)}</li>`)}</ul>` : nothing}
    ${action ?? (retry ? html`<button type="button" @click=${retry}>Try again</button>` : nothing)}
  </section>`;
}

function explained(error, { retry, route }) {
  const kind = route?.of ? parts(route.of)[0] : '';
  const registry = kind === 'registry' ? registryOf(parts(route.of)[1]) : '';
  if (error.code === 'absent') return absent(error, retry);
  if (kind === 'folder' && /oci-layout|index\.json|no image in the layout/u.test(error.message) && route.view !== 'export') {
    return {
      heading: 'This folder is no image',
      body: 'It is no OCI layout. Its files can become an image, though.',
      action: html`<a class="button main" href=${within(route, { view: 'export', as: 'files' })}>Make an image of its files</a>`,
    };
  }
  if (error.detail === 'several images' && route?.of) {
    // The core names them in its words.
    const names = [...error.message.matchAll(/`([^`]+)`/gu)].map(([, name]) => name);
    const link = (name) => html`<li><a class="chip data" href=${within({ of: route.of, name }, { view: route.view })}>${shown(name)}</a></li>`;
    return { heading: 'There are several images in it', action: html`<ul class="chips">${names.map(link)}</ul>` };
  }
  if (error.code === 'cors') {
    return {
      heading: `The browser may not read ${registry || 'this registry'}`,
      body: 'Most registries do not let pages of other sites read them (CORS), or it cannot be reached at all. This command opens the same page on your own machine and passes its requests on:',
      action: html`<ocix-command .words=${['serve', '--registry', registry || 'HOST']}></ocix-command>`,
    };
  }
  if (refused(error)) {
    return {
      heading: signedIn(registry) ? 'The registry refuses this user or password' : 'The registry asks who you are',
      body: 'User and password go to this registry only, and are forgotten when the page is closed.',
      action: html`<ocix-sign-in .registry=${registry} .of=${route?.of} @signed-in=${retry}></ocix-sign-in>`,
    };
  }
  if (error.code === 'limit-exceeded') {
    return {
      heading: 'Stopped at a limit',
      body: 'What was opened unpacks to far more than an honest image does, so reading ended before it could fill the memory. On the command line every limit can be raised with --limit.',
      action: verifyInstead(route),
    };
  }
  if (error.code === 'malformed' && /not a tar|no image/u.test(error.message)) {
    return {
      heading: 'This is not an image',
      body: 'What can be opened: an OCI layout, a folder or a tar of one; what docker save writes; a lone layer, which is a tar, plain, gzip or zstd; a manifest or an index.',
      action: html`<a class="button" href="#/">Open another</a>`,
    };
  }
  if (error.code === 'malformed' || error.code === 'size-mismatch' || error.code === 'digest-mismatch') {
    const short = /cut short|ends? (too early|within|before|in the middle)|unexpected end/u.test([error.message, ...(error.causes ?? [])].join('\n'));
    return {
      heading: short ? 'It ends too early' : 'It is damaged, or not what it says',
      body: short ? 'The file was cut short, perhaps by a download that broke off. What stands before its end may still be readable.' : undefined,
      action: verifyInstead(route),
    };
  }
  if (error.code === 'unsupported') {
    return { heading: 'This version does not read that', body: 'It may be a good file all the same; other tools may read it.' };
  }
  if (error.code === 'not-found' && /platform/u.test(error.message)) {
    return {
      heading: 'There is no image for this platform',
      action: html`<a class="button" href=${within({ of: route?.of }, { view: 'documents' })}>See what there is</a>`,
    };
  }
  if (error.code === 'not-found') return { heading: 'There is no such thing here' };
  if (error.fault === 'component') return { heading: 'The page has a bug', body: 'It is not your fault. What was being done has stopped; everything else goes on.' };
  return { heading: 'That did not work' };
}

/** Whether the registry wants to know who asks, or does not like the answer. */
function refused({ code, detail, fault }) {
  return fault === 'registry' && (code === 'denied' || (code === 'registry' && [401, 403].includes([detail].flat()[0])));
}

/** What is broken is what `verify` explains best. */
function verifyInstead(route) {
  if (!route?.of || route.view === 'verify') return undefined;
  return html`<a class="button" href=${within(route, { view: 'verify' })}>Verify it: what exactly is wrong</a>`;
}

/** A file that was dropped before the page was loaded again. */
function absent(error, retry) {
  const name = title(error.of);
  const folder = error.of.startsWith('folder:');
  const take = (event) => {
    const files = [...event.target.files];
    if (files.length === 0) return;
    forget(error.of);
    const of = add(folder ? files : files[0]);
    if (of === error.of) retry?.();
    else location.hash = within({ of }, { view: 'overview' });
  };
  const yes = async () => (await permit(error.of, error.handle)) && retry?.();
  const pick = html`<label class="button">Choose ${shown(name)} again
    <input type="file" class="unseen" ?webkitdirectory=${folder} @change=${take}></label>`;
  return {
    heading: `Which file was ${shown(name)}?`,
    body: 'Pages forget files when they are loaded again, and nothing was uploaded anywhere. Show it to the page once more, or drop it here.',
    action: error.handle ? html`<button type="button" class="main" @click=${yes}>Open ${shown(name)} again</button>` : pick,
  };
}

/** `<ocix-sign-in .registry .of>`: asks for a user and a password, and says `signed-in`. */
class SignIn extends LitElement {
  static properties = { registry: { attribute: false }, of: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  render() {
    return html`<form class="sign-in" @submit=${this.#submit} autocomplete="on">
      <label>User at ${shown(this.registry)} <input name="username" autocomplete="username" required></label>
      <label>Password or token <input name="password" type="password" autocomplete="current-password" required></label>
      <button class="main">Sign in</button>
    </form>`;
  }

  #submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    signIn(this.registry, form.get('username'), form.get('password'));
    event.target.reset();
    if (this.of) forget(this.of);
    this.dispatchEvent(new CustomEvent('signed-in'));
  }
}
customElements.define('ocix-sign-in', SignIn);
