// Node's worker: the core, and the threads that it hands work to.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker, parentPort, workerData } from 'node:worker_threads';

import { answers } from '../answers.js';
import { Pool } from '../media/workers.js';
import init, * as core from '../pkg/ocix.js';
import { Session } from '../session.js';
import { unpacked } from './blobs.js';
import { disk } from './disk.js';
import { path } from './folders.js';

const module = new WebAssembly.Module(readFileSync(new URL('../pkg/ocix_bg.wasm', import.meta.url)));

async function session() {
  await init({ module_or_path: module });
  const pool = new Pool(core, thread, availableParallelism());
  return new Session(core, { disk: disk(workerData.temporaries), pool, page: false, native: native(), path });
}

function thread(received) {
  const worker = new Worker(new URL('./pool-worker.js', import.meta.url), { workerData: module });
  worker.on('message', received);
  // Without this thread the job does not go on: the whole worker breaks.
  worker.on('error', (why) => { throw why; });
  worker.unref();
  return { post: (message, transfer) => worker.postMessage(message, transfer) };
}

/** What images for this machine run on. */
function native() {
  const known = { x64: 'amd64', ia32: '386', arm: 'arm/v7', mips64el: 'mips64le', mipsel: 'mipsle', ppc64: 'ppc64le' };
  return `linux/${known[process.arch] ?? process.arch}`;
}

const received = answers(session(), (message, transfer) => parentPort.postMessage(message, transfer), unpacked);
parentPort.on('message', received);
