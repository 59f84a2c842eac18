// A page's worker: the core, and the threads that it hands work to.

import { answers } from './answers.js';
import { disk } from './media/opfs.js';
import { Pool } from './media/workers.js';
import init, * as core from './pkg/ocix.js';
import { Session } from './session.js';

const wasm = new URL('./pkg/ocix_bg.wasm', import.meta.url);

async function session() {
  // Not every server says what it is.
  const module = await WebAssembly.compileStreaming(fetch(wasm)).catch(async () => WebAssembly.compile(await (await fetch(wasm)).arrayBuffer()));
  await init({ module_or_path: module });
  const pool = new Pool(core, (received) => thread(module, received), navigator.hardwareConcurrency ?? 1);
  return new Session(core, { disk: await disk(), pool, page: true, native: 'linux/amd64' });
}

function thread(module, received) {
  const worker = new Worker(trusted(new URL('./pool-worker.js', import.meta.url)), { type: 'module' });
  worker.onmessage = ({ data }) => received(data);
  // Without this thread the job does not go on: the whole worker breaks.
  worker.onerror = (event) => { throw new Error(event.message ?? 'a thread could not be loaded'); };
  worker.postMessage(module);
  return { post: (message, transfer) => worker.postMessage(message, transfer) };
}

/** As in index.js. */
function trusted(url) {
  policy ??= globalThis.trustedTypes?.createPolicy('ocix', { createScriptURL: () => url.href });
  return policy?.createScriptURL('') ?? url;
}

let policy;

const received = answers(session(), (message, transfer = []) => postMessage(message, transfer));
onmessage = ({ data }) => received(data);
