// What only a page can show of the package: its disk, registries that do not let pages read them, a proxy that does, a worker that breaks.

import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createServer, request } from 'node:http';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { FLAGS, ocix, packed, web } from './harness.js';
import { registry } from './registry.js';

const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };
let browser;
let context;
let server;
let address;
/** A script that is not there. */
let missing;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  context = await browser.newContext();
  server = createServer((from, to) => {
    const { pathname, searchParams } = new URL(from.url, 'http://localhost');
    if (pathname === '/proxy') return void proxy(from, to, searchParams.get('url'));
    if (pathname === '/') return to.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,">');
    if (pathname === missing) return to.writeHead(404).end();
    to.setHeader('content-type', TYPES[extname(pathname)] ?? 'text/plain');
    return createReadStream(join(web, pathname)).on('error', () => to.writeHead(404).end()).pipe(to);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${server.address().port}/`;
});

after(async () => {
  await browser?.close();
  server?.close();
});

test('temporaries are on the disk, and go', async () => {
  const window = await open();
  const sizes = await window.evaluate(async () => {
    const { exportImage, inspect } = await import('/index.js');
    const files = async (folder) => {
      const found = [];
      for await (const child of folder.values()) found.push(...(child.kind === 'file' ? [(await child.getFile()).size] : await files(child)));
      return found;
    };
    const kept = async () => files(await navigator.storage.getDirectory());
    const noise = new Uint8Array(20 << 20);
    for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
    const results = await exportImage({ entries: [{ path: 'noise', content: noise }], output: 'type=oci,dest=a.tar,name=x:v1' });
    const archive = results.files['a.tar'];
    const [made] = [await kept()];
    const image = await inspect(archive);
    const { bytes } = await image.read('noise', { offset: 12345, max: 10 });
    image.close();
    const same = bytes.every((byte, at) => byte === noise[12345 + at]);
    await results.discard();
    return { size: archive.size, made, same, left: await kept() };
  });
  assert.deepEqual(sizes.made, [sizes.size]);
  assert.ok(sizes.same && sizes.size > 20 << 20);
  assert.deepEqual(sizes.left, []);
  await window.close();
  const next = await open();
  const folders = await next.evaluate(async () => {
    const { exportImage } = await import('/index.js');
    await exportImage({ entries: [], output: 'type=cacheonly' });
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return names;
  });
  assert.equal(folders.length, 1, 'what a page left is swept by the next one');
  await next.close();
});

test('a folder that was picked is a tree, or a layout', async () => {
  const window = await open();
  const found = await window.evaluate(async () => {
    const { exportImage, inspect } = await import('/index.js');
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
    const write = async (path, content) => {
      const parts = path.split('/');
      let folder = root;
      for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
      const file = await (await folder.getFileHandle(parts.at(-1), { create: true })).createWritable();
      await file.write(content);
      await file.close();
    };
    await write('a/b/hello', 'hello');
    const output = 'type=oci,tar=false,dest=made,name=x:v1';
    const one = await exportImage({ contents: { files: root }, output, epoch: 0 });
    const file = await (await (await (await root.getDirectoryHandle('a')).getDirectoryHandle('b')).getFileHandle('hello')).getFile();
    const list = new File([file], 'hello', { lastModified: file.lastModified });
    Object.defineProperty(list, 'webkitRelativePath', { value: 'picked/a/b/hello' });
    const other = await exportImage({ contents: { files: [list] }, output, epoch: 0 });
    for (const [path, blob] of Object.entries(one.files)) await write(path.replace('made', 'layout'), blob);
    const image = await inspect({ layout: await root.getDirectoryHandle('layout') });
    const { entries } = await image.tree('', { recursive: true });
    const files = Object.entries(one.files).map(([path, blob]) => {
      const file = new File([blob], path);
      Object.defineProperty(file, 'webkitRelativePath', { value: path });
      return file;
    });
    const again = await inspect({ layout: files });
    return [one.digest === other.digest, entries.map(({ path }) => path), (await again.summary()).digest === one.digest];
  });
  assert.deepEqual(found, [true, ['a', 'a/b', 'a/b/hello'], true]);
  await window.close();
});

test('a registry that does not let pages read it is told from one that does', async () => {
  const [closed, shown, secret] = await Promise.all([registry(), registry({ cors: true }), registry({ password: true })]);
  for (const { host } of [closed, shown]) await ocix(['copy', `oci-archive:${packed('golden/sources/base-gzip')}`, `registry:${host}/a:v1`]);
  const window = await open();
  const [one, other] = [await digest(window, closed.host), await digest(window, shown.host)];
  assert.equal(one.code, 'cors');
  assert.ok(one.message.includes(`ocix serve --registry ${closed.host}`), one.message);
  assert.match(other, /^sha256:/);
  assert.equal(await digest(window, closed.host, { url: `${address}proxy`, hosts: [closed.host] }), other);
  const denied = await digest(window, secret.host, { url: `${address}proxy`, hosts: [secret.host] });
  assert.deepEqual([denied.code, denied.detail[0]], ['registry', 401]);
  const refused = await digest(window, 'other.example', { url: `${address}proxy`, hosts: ['other.example'] });
  assert.deepEqual([refused.code, refused.message.includes('not named')], ['denied', true]);
  closed.stop();
  const gone = await digest(window, closed.host, { url: `${address}proxy`, hosts: [closed.host] });
  assert.deepEqual([gone.code, gone.detail], ['other', 'connection']);
  for (const one of [shown, secret]) one.stop();
  await window.close();
});

test('a registry that hides its headers is told so', async () => {
  const hiding = createServer((from, to) => {
    to.writeHead(from.method === 'OPTIONS' ? 204 : 401, {
      'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'www-authenticate': 'Basic realm="it"',
    }).end();
  });
  await new Promise((ready) => hiding.listen(0, '127.0.0.1', ready));
  const window = await open();
  const told = await digest(window, `127.0.0.1:${hiding.address().port}`);
  assert.equal(told.code, 'cors');
  assert.match(told.message, /WWW-Authenticate/);
  hiding.close();
  await window.close();
});

test('a worker that breaks fails what it does, and the next call has another', async () => {
  const window = await open();
  missing = '/pool-worker.js';
  const broken = await window.evaluate(async () => {
    const { exportImage, inspect, options } = await import('/index.js');
    const zeros = new Blob([new Uint8Array(1024)]);
    const image = await inspect(zeros);
    const job = { entries: [{ path: 'zeros', content: new Uint8Array(3 << 20) }], output: 'type=cacheonly' };
    const failed = await exportImage(job).catch((error) => error);
    const lost = await image.summary().catch((error) => error);
    const rows = await options();
    return [failed.code, failed.fault, lost.code, rows.length > 10];
  });
  missing = undefined;
  assert.deepEqual(broken, ['other', 'component', 'cancelled', true]);
  await window.close();
});

async function open() {
  const window = await context.newPage();
  await window.goto(address);
  return window;
}

/** The digest of an image, or the error: a few of its members. */
function digest(window, host, proxy) {
  return window.evaluate(async ([host, proxy]) => {
    const { inspect } = await import('/index.js');
    try {
      const image = await inspect({ registry: `${host}/a:v1` }, { proxy });
      await image.tree();
      return (await image.summary()).digest;
    } catch ({ code, detail, message }) {
      return { code, detail, message };
    }
  }, [host, proxy]);
}

/** As `ocix serve` does it: the status and all headers in headers of its own, redirects as they are. */
function proxy(from, to, url) {
  if (url.includes('other.example')) return to.writeHead(403).end('{"message":"this registry was not named"}');
  const { accept, authorization } = from.headers;
  const headers = Object.fromEntries(Object.entries({ accept, authorization }).filter(([, value]) => value));
  const passed = request(url, { method: from.method, headers }, (answer) => {
    const heads = Buffer.from(JSON.stringify(Object.entries(answer.headers))).toString('base64');
    to.writeHead(200, { 'ocix-status': answer.statusCode, 'ocix-headers': heads });
    answer.pipe(to);
  });
  passed.on('error', () => to.writeHead(502).end('{"message":"it is gone"}'));
  return from.pipe(passed);
}
