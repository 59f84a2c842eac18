// Figures of the page, next to other programs on the same machine: `node bench/page.mjs`, on a machine that does nothing else.
//
// From the drop of an archive of 500 MB (gzip) to its tree, against `tar tzf` of its layer; the memory of the page's process meanwhile; the
// export of 200 MB with gzip against the command line; first paint; what has to be loaded.

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ocix, scratch, start, web } from '../chromium/harness.js';
import { large } from '../chromium/made.js';

const dist = join(web, 'dist');
const zipped = (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
report('all scripts, gzipped', `${(scripts.reduce((sum, name) => sum + zipped(name), 0) / 1024).toFixed(1)} KiB`, '150 KiB');
report('wasm, gzipped', `${(zipped('pkg/ocix_bg.wasm') / 1024 ** 2).toFixed(2)} MiB`, '1.5 MB');

const chromium = await start({ ordinary: true });
const first = await chromium.visit();
const paint = await first.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
report('first paint', `${paint.toFixed(0)} ms`, '1 s');
await first.close();

const archive = await large('bench', 500);
const layer = layerOf('bench');
const listed = best(3, () => execFileSync('tar', ['tzf', layer], { stdio: 'ignore' }));
let shown = Infinity;
let memory = 0;
for (let tries = 0; tries < 3; tries += 1) {
  const visit = await chromium.visit({ path: '#/' });
  const longest = await visit.longest(async () => {
    const begun = performance.now();
    await visit.drop(archive);
    await visit.view('files');
    await visit.page.waitForSelector('#tree .rows-seen [role=row]');
    shown = Math.min(shown, performance.now() - begun);
  });
  memory = Math.max(memory, await peak(visit));
  report('longest task of the page meanwhile', `${longest.toFixed(0)} ms`, '100 ms');
  await visit.close();
}
const size = statSync(archive).size;
report(`drop to tree, ${(size / 1e6).toFixed(0)} MB`, `${(shown / 1000).toFixed(2)} s, tar tzf ${(listed / 1000).toFixed(2)} s: ${(shown / listed).toFixed(2)} x`, '2 x');
report('memory of the page at its peak', `${(memory / 1024).toFixed(0)} MiB`, '300 MB');

const source = await large('export', 200);
const output = 'type=oci,dest=made.tar,compression=gzip,compression-level=1,force-compression=true';
let begun = performance.now();
await ocix(['export', source, '--output', output], { cwd: scratch });
const native = performance.now() - begun;
const visit = await chromium.visit();
await visit.drop(source);
await visit.view('export');
await visit.page.locator('[name=compression]').selectOption('gzip');
await visit.page.fill('[name=compression-level]', '1');
await visit.page.locator('[name=force-compression]').selectOption('true');
await visit.page.waitForTimeout(300);
begun = performance.now();
await visit.page.click('ocix-making button.main');
await visit.page.waitForSelector('.made', { timeout: 600_000 });
const made = performance.now() - begun;
report('export of 200 MB with gzip', `${(made / 1000).toFixed(2)} s, command line ${(native / 1000).toFixed(2)} s: ${(made / native).toFixed(2)} x`, '2.5 x');
report('memory of the page at its peak, exporting', `${((await peak(visit)) / 1024).toFixed(0)} MiB`, '300 MB');
await visit.close();
await chromium.close();

function report(what, figure, limit) {
  console.log(`${what.padEnd(44)} ${figure} (at most ${limit})`);
}

/** Milliseconds of the fastest run. */
function best(runs, run) {
  return Math.min(...Array.from({ length: runs }, () => {
    const from = performance.now();
    run();
    return performance.now() - from;
  }));
}

/** KiB of memory that the page's process had at most. */
async function peak(visit) {
  const session = await visit.context.browser().newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return Math.max(...renderers.map(({ id }) => Number(/VmHWM:\s+(\d+)/u.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0)));
}

/** The largest blob of an image that was made here. */
function layerOf(name) {
  const blobs = join(scratch, `${name}-layout`, 'blobs/sha256');
  return readdirSync(blobs).map((blob) => join(blobs, blob)).sort((a, b) => statSync(b).size - statSync(a).size)[0];
}
