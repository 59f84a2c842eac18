// Node's disk for temporaries: a folder that goes when the process ends. What a process left that was killed is swept by the next one.

import { closeSync, mkdtempSync, openSync, readSync, readdirSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'ocix-node-';

/** A folder of this process: `{ folder, remove() }`. */
export function temporary() {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = name.startsWith(PREFIX) ? /^(\d+)-/.exec(name.slice(PREFIX.length)) ?? [] : [];
    if (pid && !lives(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return { folder, remove };
}

/** Whether there is such a process; another user's may be one. */
function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch (why) {
    return why.code !== 'ESRCH';
  }
}

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
