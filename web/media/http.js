// The import `http`: one exchange at a time, over fetch. No cookie, no credential and no body decoding of its own.
//
// In a page the browser follows redirects and hides what the registry does not show to other origins; through the proxy of `ocix serve` the
// core sees everything. In Node fetch shows redirects as they are.

import { failure } from '../error.js';
import { StreamInput } from './files.js';

/** Nothing on a connection for so long is its end, in milliseconds. */
const PATIENCE = 60_000;
/** What a page may not set, or what would only need the registry's permission. */
const HIDDEN = ['accept-encoding', 'user-agent'];

/** Who is asked, and how: `{ proxy?, page }`; `page` says whether the rules of pages hold. */
export class Http {
  #proxy;
  #page;
  /** `HOST[:PORT]` of those that are asked through the proxy: the user's, and those that they named. */
  #hosts;

  constructor({ proxy, page }) {
    this.#proxy = proxy;
    this.#page = page;
    this.#hosts = new Set(proxy?.hosts.flatMap((host) => (host === 'docker.io' ? [host, 'registry-1.docker.io'] : [host])));
  }

  exchange(request) {
    const url = new URL(request.url);
    if (!this.#page && url.protocol === 'http:' && !request.insecure && !loopback(url.hostname)) {
      throw failure('registry', 'denied', `${url.origin} is not asked without TLS: only what is on this machine is`);
    }
    return new Exchange(request, this.#proxy && this.#hosts.has(url.host) ? this.#proxied(request, url) : this.#direct(request, url));
  }

  #direct(request, url) {
    const headers = request.headers.filter(([name]) => !this.#page || !HIDDEN.includes(name));
    const redirect = this.#page ? 'follow' : 'manual';
    return async (body, signal) => {
      let response;
      try {
        response = await fetch(url, { method: request.method, headers, body, signal, redirect, credentials: 'omit', cache: 'no-store' });
      } catch (why) {
        throw this.#page ? hidden(url, 'it cannot be reached, or it does not let pages read it (CORS)', why) : unreached(url, why);
      }
      const { status, type } = response;
      const lacks = (name) => type === 'cors' && !response.headers.has(name);
      if (status === 401 && lacks('www-authenticate')) throw hidden(url, 'it does not show pages its header `WWW-Authenticate` (CORS)');
      if (status === 202 && lacks('location')) throw hidden(url, 'it does not show pages its header `Location` (CORS)');
      return { status, headers: [...response.headers], body: response.body };
    };
  }

  #proxied(request, url) {
    const through = `${this.#proxy.url}?url=${encodeURIComponent(request.url)}`;
    const headers = request.headers.filter(([name]) => !HIDDEN.includes(name));
    return async (body, signal) => {
      let response;
      try {
        response = await fetch(through, { method: request.method, headers, body, signal, credentials: 'omit', cache: 'no-store' });
      } catch (why) {
        throw failure('host', 'other', '`ocix serve` does not answer any more: start it again', { detail: 'connection', causes: [why.message] });
      }
      if (response.status !== 200) {
        const said = await response.json().catch(() => ({}));
        const message = said.message ?? `\`ocix serve\` answered with status ${response.status}`;
        throw response.status === 502 ? failure('registry', 'other', message, { detail: 'connection' }) : failure('registry', 'denied', message);
      }
      const bytes = Uint8Array.from(atob(response.headers.get('ocix-headers')), (letter) => letter.charCodeAt(0));
      const heads = JSON.parse(new TextDecoder().decode(bytes));
      this.#learn(url, heads);
      return { status: Number(response.headers.get('ocix-status')), headers: heads, body: response.body };
    };
  }

  /** Where a registry sends us to, and where its tokens are, is asked through the proxy too. */
  #learn(url, headers) {
    for (const [name, value] of headers) {
      const named = name === 'location' ? value : name === 'www-authenticate' && /realm="([^"]+)"/.exec(value)?.[1];
      if (named && URL.canParse(named, url)) this.#hosts.add(new URL(named, url).host);
    }
  }
}

/** A request, whose body is collected, and its answer. */
class Exchange {
  #request;
  #send;
  #body = [];
  #abort = new AbortController();
  #answered = false;

  constructor(request, send) {
    this.#request = request;
    this.#send = send;
  }

  async write(bytes) {
    // Blobs of pages may be on the disk, so that a part of 32 MiB is not memory that is held twice.
    this.#body.push(bytes.length > 1 << 20 ? new Blob([bytes]) : bytes);
  }

  async finish() {
    const { contentLength, url } = this.#request;
    const body = contentLength > 0 ? new Blob(this.#body) : undefined;
    this.#body = [];
    const place = new URL(url);
    if ((body?.size ?? 0) !== contentLength) throw unreached(place, new Error('its body broke off'));
    // How far a body has come is not to be seen here: it has a minute for each of its megabytes.
    const patience = PATIENCE * (1 + Math.ceil(contentLength / 1e6));
    const response = await this.#within(this.#send(body, this.#abort.signal), patience, place);
    this.#answered = true;
    return { ...response, body: new StreamInput(response.body, (reading) => this.#within(reading, PATIENCE, place)) };
  }

  /** When there is an answer, its body holds the connection. */
  drop() {
    if (!this.#answered) this.#abort.abort();
  }

  async #within(waiting, patience, place) {
    const timer = setTimeout(() => this.#abort.abort(STUCK), patience);
    try {
      return await waiting;
    } catch (why) {
      if (this.#abort.signal.reason === STUCK) {
        throw failure('registry', 'other', `${place.origin} took and sent nothing for too long: try again`, { detail: 'connection' });
      }
      throw why.fault ? why : unreached(place, why);
    } finally {
      clearTimeout(timer);
    }
  }
}

const STUCK = 'stuck';

function hidden(url, what, why) {
  const host = url.host === 'registry-1.docker.io' ? 'docker.io' : url.host;
  const message = `${host} cannot be asked from this page: ${what}; \`ocix serve --registry ${host}\` asks it for the page`;
  return failure('registry', 'other', message, { detail: 'cors', causes: why ? [why.message] : [] });
}

function unreached(url, why) {
  const causes = [why.cause?.message, why.message].filter((text) => text && text !== 'fetch failed').slice(0, 1);
  return failure('registry', 'other', `${url.origin} cannot be reached, or broke off: check the registry's name, and the network`, {
    detail: 'connection', causes,
  });
}

function loopback(host) {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}
