// The bytes do not depend on how many threads there are, nor on where temporaries are.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Pool } from '../media/workers.js';
import { disk } from '../node/disk.js';
import { initSync } from '../pkg/ocix.js';
import * as core from '../pkg/ocix.js';
import { Session } from '../session.js';
import { folder } from './cli.js';

const module = new WebAssembly.Module(readFileSync(new URL('../pkg/ocix_bg.wasm', import.meta.url)));
initSync({ module });

const words = new Uint8Array(9 << 20).map((_, at) => (at * 2654435761) >>> (at % 5 ? 27 : 3));

for (const compression of ['gzip', 'zstd', 'estargz', 'uncompressed']) {
  test(`${compression} by one thread and by several, on the disk and in memory`, async () => {
    const digests = [];
    const started = [];
    for (const [size, place] of [[1, null], [3, null], [3, disk(folder())]]) {
      const threads = [];
      const start = (received) => {
        const worker = new Worker(new URL('../node/pool-worker.js', import.meta.url), { workerData: module });
        worker.on('message', received);
        threads.push(worker);
        return { post: (message, transfer) => worker.postMessage(message, transfer) };
      };
      const session = new Session(core, { disk: place, pool: new Pool(core, start, size), page: false, native: 'linux/amd64' });
      const job = { contents: [{ files: [{ path: 'words', content: words }] }], outputs: [`type=oci,dest=x,name=x,compression=${compression}`], epoch: 0 };
      const context = { signal: new AbortController().signal, emit() {}, ask() {} };
      const { reports } = await session.exportImage({ job }, context);
      digests.push(reports[0].targets[0].digest);
      started.push(threads.length);
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
    assert.equal(new Set(digests).size, 1, `${digests}`);
    // As many as there was work for: one hash alone when nothing is compressed.
    const least = compression === 'uncompressed' ? 1 : 2;
    assert.ok(started.every((count, at) => count <= (at ? 3 : 1) && (at === 0 || count >= least)), `${started}`);
  });
}
