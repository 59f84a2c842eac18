// The package's functions, over a connection to a worker. index.d.ts documents them.

import { OcixError } from './error.js';
import { sentJob } from './job.js';
import { sent } from './source.js';

/** What reads the answer of a question to an image; the others are JSON. */
const READ = { document: (bytes) => bytes, read: (piece) => piece };

/**
 * `{ inspect, verify, exportImage, findings, options, checkOutput }` of a connection. `pack(value, share)` makes of what is sent what can be,
 * `blobOf` a blob of what a job wrote; in a page both have nothing to do.
 */
export function api(connection, { pack = (value) => value, blobOf = (blob) => blob } = {}) {
  /** What a call shares with the worker as long as it, or what it opens, lives. */
  function sharing() {
    const numbers = [];
    const share = (work) => {
      const number = connection.share(async (...args) => pack(await work(...args), share));
      numbers.push(number);
      return number;
    };
    return { share, end: () => connection.forget(numbers) };
  }

  async function inspect(source, settings = {}) {
    const { share, end } = sharing();
    try {
      const { thread } = connection;
      const args = pack({ source: placed(source, settings, share), settings: plain(settings, share) }, share);
      const number = await connection.call('inspect', args, { ...settings, thread, transfer: streams(args.source) });
      return new Image(connection, thread, number, settings, end);
    } catch (why) {
      end();
      throw why;
    }
  }

  async function verify(source, settings = {}) {
    const { share, end } = sharing();
    try {
      const args = pack({ source: placed(source, settings, share), settings: plain(settings, share) }, share);
      return JSON.parse(await connection.call('verify', args, { ...settings, transfer: streams(args.source) }));
    } finally {
      end();
    }
  }

  async function exportImage(given) {
    const { share, end } = sharing();
    try {
      const { signal, onprogress, limits, ...rest } = given;
      const { job, transfer } = sentJob(rest, share);
      const { thread } = connection;
      if (job.credentials) job.credentials = share(job.credentials);
      const { kept, ...results } = await connection.call('exportImage', pack({ job }, share), { signal, onprogress, thread, transfer });
      return await finished(results, blobOf, () => connection.call('discard', { kept }, { thread }).catch(() => {}));
    } finally {
      end();
    }
  }

  return {
    inspect,
    verify,
    exportImage,
    findings: () => connection.call('findings', {}),
    options: () => connection.call('options', {}),
    checkOutput: (output) => connection.call('checkOutput', { output: `${output}` }),
  };
}

/** An image that is open in the worker. */
class Image {
  #connection;
  #thread;
  #number;
  #settings;
  #closed;

  constructor(connection, thread, number, settings, closed) {
    this.#connection = connection;
    this.#thread = thread;
    this.#number = number;
    this.#settings = settings;
    this.#closed = closed;
  }

  graph({ referrers = false, ...how } = {}) {
    return this.#ask('graph', [referrers], how);
  }

  summary(how) {
    return this.#ask('summary', [], how);
  }

  document(digest, how) {
    return this.#ask('document', [digest], how);
  }

  entries(layer, { first = 0, max = 1000, ...how } = {}) {
    return this.#ask('entries', [layer, first, max], how);
  }

  tree(under = '', { recursive = false, first = 0, max = 1000, ...how } = {}) {
    return this.#ask('tree', [under, recursive, first, max], how);
  }

  read(path, { layer, offset = 0, max = 1 << 20, ...how } = {}) {
    return this.#ask('read', [layer, path, offset, max], how);
  }

  changes(how) {
    return this.#ask('changes', [], how);
  }

  layerChanges(layer, { first = 0, max = 1000, ...how } = {}) {
    return this.#ask('layerChanges', [layer, first, max], how);
  }

  compare(other, how) {
    return this.#ask('compare', [other.#number], how);
  }

  close() {
    this.#closed();
    this.#connection.call('close', { image: this.#number }, { thread: this.#thread }).catch(() => {});
  }

  async #ask(name, args, { signal, onprogress = this.#settings.onprogress } = {}) {
    const question = { image: this.#number, name, args };
    const answer = await this.#connection.call('ask', question, { signal, onprogress, thread: this.#thread });
    return (READ[name] ?? JSON.parse)(answer);
  }
}

/** A source to look into, with the platform that the settings may have for it. */
function placed(source, { platform }, share) {
  const where = sent(source, share);
  return platform === undefined ? where : { platform, ...where };
}

/** Settings that can be sent. */
function plain({ limits, native, insecure, proxy, temporaries, credentials }, share) {
  return { limits, native, insecure, proxy, temporaries, credentials: credentials && share(credentials) };
}

function streams({ stream }) {
  return stream ? [stream] : [];
}

async function finished({ reports, metadata, files, trees, archive, ...results }, blobOf, discard) {
  const targets = reports.flatMap((report) => report.targets);
  for (const target of targets) if (target.error) target.error = new OcixError(target.error);
  const made = targets.filter((target) => !target.error);
  for (const name of Object.keys(files)) files[name] = await blobOf(files[name]);
  for (const entry of Object.values(trees).flat()) if (entry.content) entry.content = await blobOf(entry.content);
  return {
    ...results,
    reports,
    files,
    trees,
    archive: await blobOf(archive),
    metadata: JSON.parse(metadata),
    names: made.map((target) => target.name),
    digest: targets[0]?.digest,
    discard,
  };
}
