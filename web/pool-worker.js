// A thread of a page's pool: it is sent the compiled core first, then work.

import { serve } from './media/workers.js';
import init, * as core from './pkg/ocix.js';

let work;

onmessage = ({ data }) => {
  if (work) {
    void work.then((received) => received(data));
    return;
  }
  const post = (message, transfer = []) => postMessage(message, transfer);
  work = init({ module_or_path: data }).then(() => serve(core, post));
};
