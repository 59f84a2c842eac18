// A thread of Node's pool.

import { parentPort, workerData } from 'node:worker_threads';

import { serve } from '../media/workers.js';
import { initSync } from '../pkg/ocix.js';
import * as core from '../pkg/ocix.js';

initSync({ module: workerData });
parentPort.on('message', serve(core, (message, transfer) => parentPort.postMessage(message, transfer)));
