// What the page may look at: files and folders that were dropped or picked, images of registries, names of a local store.
//
// A dropped file is known to the page for as long as it is open. Its name alone is kept for this tab; where the browser gives a handle for it, the
// handle is kept too, so that after a reload one click is enough. Passwords are kept in memory alone.

const things = new Map();
const passwords = new Map();
const NAMES = 'ocix.opened';
let served;

/** What `ocix serve` says about itself beside the page: its store and the registries that it passes requests on to. None: an empty object. */
export function server() {
  served ??= fetch('serve.json', { cache: 'no-store' })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .catch(() => ({}));
  return served;
}

/** Names of the local store, when `ocix serve` has one: `[{ name, platform? }]`. */
export async function stored() {
  if (!(await server()).store) return [];
  const answer = await fetch('store/index.json', { cache: 'no-store' });
  if (!answer.ok) return [];
  const { manifests = [] } = await answer.json();
  const name = ({ annotations: said = {} }) => said['io.containerd.image.name'] ?? said['org.opencontainers.image.ref.name'];
  return [...new Set(manifests.map(name).filter(Boolean))].sort();
}

/** Takes what was dropped or picked: a `File`, a list of `File`s of one folder, or a handle of either. The `of` to come back to it. */
export function add(thing) {
  const folder = Array.isArray(thing) || thing.kind === 'directory';
  const name = Array.isArray(thing) ? thing[0].webkitRelativePath.split('/')[0] : thing.name;
  const of = `${folder ? 'folder' : 'file'}:${name}`;
  things.set(of, thing);
  remember(of);
  if (thing.kind) keep(of, thing);
  return of;
}

/** What this tab has opened, the last one first. */
export function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(NAMES) ?? '[]');
  } catch {
    return [];
  }
}

/** Notes that something was opened: its name alone. */
export function remember(of) {
  const names = [of, ...remembered().filter((name) => name !== of)].slice(0, 8);
  sessionStorage.setItem(NAMES, JSON.stringify(names));
}

/** A file or folder that the page does not have any more; `handle`, when the user need only say yes. */
export class Absent extends Error {
  code = 'absent';

  constructor(of, handle) {
    super(`the page has no ${of.replace(':', ' ')} any more`);
    this.of = of;
    this.handle = handle;
  }
}

/** The source that the package takes for an `of`. Throws `Absent`. */
export async function source(of) {
  const [kind, rest] = parts(of);
  if (kind === 'registry') return { registry: rest };
  if (kind === 'store') return { layout: new URL('store/', document.baseURI), name: rest };
  const thing = things.get(of) ?? (await kept(of));
  if (!thing) throw new Absent(of);
  if (Array.isArray(thing)) return { layout: thing };
  if (thing.kind && (await thing.queryPermission?.({ mode: 'read' })) === 'prompt') throw new Absent(of, thing);
  if (thing.kind === 'directory') return { layout: thing };
  return { blob: thing.kind === 'file' ? await thing.getFile() : thing };
}

/** Asks for a handle again that the browser has kept; needs a click. Whether the user said yes. */
export async function permit(of, handle) {
  const said = await handle.requestPermission({ mode: 'read' });
  if (said === 'granted') things.set(of, handle);
  return said === 'granted';
}

/** The word of the command line for it: `./app.tar`, `registry:REF`. */
export function word(of, name) {
  const [kind, rest] = parts(of);
  if (kind === 'registry' || kind === 'store') return of;
  return name ? `oci:${rest}#${name}` : rest;
}

/** A name for people. */
export function title(of) {
  return parts(of)[1];
}

/** Kind and the rest. */
export function parts(of) {
  const at = of.indexOf(':');
  return [of.slice(0, at), of.slice(at + 1)];
}

/** The registry's host of a reference, as `docker.io` when it names none. */
export function registryOf(reference) {
  const [first, more] = reference.split('/');
  const host = more !== undefined && (first.includes('.') || first.includes(':') || first === 'localhost');
  return host ? first : 'docker.io';
}

/** Keeps a user and password for a registry, until the page is left. */
export function signIn(registry, username, password) {
  passwords.set(registry, { username, password });
}

/** Whether the user has given one. */
export function signedIn(registry) {
  return passwords.has(registry);
}

/** How the package reads: credentials that the user gave, and the server's proxy for the registries that it was started for. */
export async function access() {
  const { registries = [] } = await server();
  return {
    credentials: (repository) => passwords.get(registryOf(repository)),
    proxy: registries.length > 0 ? { url: new URL('proxy', document.baseURI).href, hosts: registries } : undefined,
  };
}

/** Handles outlive the page in a small database. */
function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('ocix', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('handles');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function keep(of, handle) {
  try {
    (await database()).transaction('handles', 'readwrite').objectStore('handles').put(handle, of);
  } catch {
    // Private windows have no database: the file is asked for again then.
  }
}

async function kept(of) {
  try {
    const request = (await database()).transaction('handles').objectStore('handles').get(of);
    return await new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } catch {
    return undefined;
  }
}
