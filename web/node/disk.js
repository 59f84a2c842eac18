// Node's disk for temporaries: a folder that goes when the process ends.

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** As media/drafts.js wants it. */
export function disk(folder) {
  let next = 1;
  return {
    async create() {
      const path = join(folder, `${next++}`);
      const file = openSync(path, 'wx+', 0o600);
      return {
        write: (bytes, at) => whole((done) => writeSync(file, bytes, done, bytes.length - done, at + done), bytes.length),
        read: (into, at) => whole((done) => readSync(file, into, done, into.length - done, at + done), into.length),
        // For blobs.js.
        async blob() {
          return { path };
        },
        async remove() {
          closeSync(file);
          unlinkSync(path);
        },
      };
    },
  };
}

/** Until nothing more is done. */
function whole(step, length) {
  let done = 0;
  while (done < length) {
    const count = step(done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
