// Container images in Node 20 and later. index.d.ts documents everything; index.js is the same for pages.

import { Worker } from 'node:worker_threads';

import { api } from './api.js';
import { Connection } from './connection.js';
import { packed, received as blobOf } from './node/blobs.js';
import { temporary } from './node/disk.js';

export { OcixError } from './error.js';
export { entriesOf } from './node/folders.js';

const connection = new Connection((received, failed) => {
  const { folder, remove } = temporary();
  const worker = new Worker(new URL('./node/worker.js', import.meta.url), { workerData: { temporaries: folder } });
  worker.on('message', received);
  worker.on('error', failed);
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    // A program ends when nothing is under way.
    busy: (whether) => (whether ? worker.ref() : worker.unref()),
    stop() {
      void worker.terminate().then(remove);
    },
  };
});

export const { inspect, verify, exportImage, findings, options, checkOutput } = api(connection, { pack: packed, blobOf });
