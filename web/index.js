// Container images in pages. index.d.ts documents everything; node.js is the same for Node.

import { api } from './api.js';
import { Connection } from './connection.js';

export { OcixError } from './error.js';

const connection = new Connection((received, failed) => {
  const worker = new Worker(trusted(new URL('./worker.js', import.meta.url)), { type: 'module' });
  worker.onmessage = ({ data }) => received(data);
  worker.onerror = (event) => {
    event.preventDefault();
    failed(event.message ?? 'it could not be loaded');
  };
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    // A page's worker keeps nothing from ending.
    busy() {},
    stop: () => worker.terminate(),
  };
});

/** What pages with trusted types start a script by: a policy that knows this one script. */
function trusted(url) {
  policy ??= globalThis.trustedTypes?.createPolicy('ocix', { createScriptURL: () => url.href });
  return policy?.createScriptURL('') ?? url;
}

let policy;

export const { inspect, verify, exportImage, findings, options, checkOutput } = api(connection);
