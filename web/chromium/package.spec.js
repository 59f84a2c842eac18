// The package, installed in an empty project that is served as it is: the examples print in Chromium what they print in Node.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { PRINTED, install } from '../test/packed.js';
import { FLAGS, scratch } from './harness.js';

const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const project = mkdtempSync(join(scratch, 'project-'));
let browser;
let server;
let address;

before(async () => {
  install(project);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  server = createServer(({ url }, response) => {
    const [, example] = /^\/run\/(.+)$/.exec(url) ?? [];
    response.setHeader('content-type', example ? 'text/html' : TYPES[extname(url)] ?? 'text/plain');
    if (example) return response.end(page(example));
    const file = createReadStream(join(project, url));
    return file.on('error', () => response.writeHead(404).end()).pipe(response);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${server.address().port}`;
});

after(async () => {
  await browser?.close();
  server?.close();
});

for (const example of Object.keys(PRINTED)) {
  test(`the example ${example}`, async () => {
    const expected = execFileSync(process.execPath, [`examples/${example}`], { cwd: project, encoding: 'utf8' }).trimEnd().split('\n');
    const window = await browser.newPage();
    const printed = [];
    window.on('pageerror', (error) => printed.push(error.message));
    window.on('console', (message) => printed.push(message.text()));
    await window.goto(`${address}/run/${example}`);
    for (let tries = 0; printed.length < expected.length && tries < 300; tries++) await window.waitForTimeout(50);
    assert.deepEqual(printed, expected);
    await window.close();
  });
}

function page(example) {
  const imports = JSON.stringify({ imports: { ocix: '/node_modules/ocix/index.js' } });
  return `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${imports}</script><script type="module" src="/examples/${example}"></script>`;
}
