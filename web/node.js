// Container images in Node 20 and later. index.d.ts documents everything; index.js is the same for pages.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { api } from './api.js';
import { Connection } from './connection.js';
import { packed, received as blobOf } from './node/blobs.js';

export { OcixError } from './error.js';
export { entriesOf } from './node/folders.js';

const connection = new Connection((received, failed) => {
  const temporaries = mkdtempSync(join(tmpdir(), 'ocix-'));
  const sweep = () => rmSync(temporaries, { recursive: true, force: true });
  process.once('exit', sweep);
  const worker = new Worker(new URL('./node/worker.js', import.meta.url), { workerData: { temporaries } });
  worker.on('message', received);
  worker.on('error', failed);
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    // A program ends when nothing is under way.
    busy: (whether) => (whether ? worker.ref() : worker.unref()),
    stop() {
      void worker.terminate();
      process.off('exit', sweep);
      sweep();
    },
  };
});

export const { inspect, verify, exportImage, findings, options, checkOutput } = api(connection, { pack: packed, blobOf });
