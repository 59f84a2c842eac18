// The command line, which every test compares with, and folders to work in.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The command line that is compared with. */
export const binary = process.env.OCIX_BIN ?? fileURLToPath(new URL('../../target/release/ocix', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'ocix-web-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A new folder, which goes when the file's tests have run. */
export function folder() {
  return mkdtempSync(join(scratch, 'folder-'));
}

/** `ocix ARGS…` with a store of its own: `{ code, stdout, stderr }`. */
export async function ocix(...args) {
  const env = { ...process.env, OCIX_STORE: folder() };
  const run = promisify(execFile)(binary, args, { encoding: 'utf8', env, maxBuffer: 1 << 30 });
  return run.then((done) => ({ code: 0, ...done }), ({ code, stdout, stderr }) => ({ code, stdout, stderr }));
}

/** The same, which must go well; what it printed. */
export async function printed(...args) {
  const { code, stdout, stderr } = await ocix(...args);
  if (code !== 0) throw new Error(`ocix ${args.join(' ')}: exit code ${code}\n${stderr}`);
  return stdout;
}

/** Recorded data beside the repository; null where it is not at hand. */
export function shared(path) {
  const found = fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
  return existsSync(found) ? found : null;
}
