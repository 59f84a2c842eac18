// Looking into images from JavaScript says what the command line says, byte for byte.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, openAsBlob, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { findings, inspect, verify } from '../node.js';
import { folder, ocix, printed, shared } from './cli.js';

const sources = shared('golden/sources');
const skip = !sources && 'the recorded data is not at hand';

for (const name of sources ? readdirSync(sources).sort() : []) {
  test(`the recorded source ${name}, as a layout and as its tar`, async () => {
    const path = join(sources, name);
    const tar = join(folder(), 'layout.tar');
    execFileSync('tar', ['-cf', tar, '-C', path, '.']);
    const [summary, graph, changes, tree, report] = await Promise.all([
      printed('inspect', '--json', `oci:${path}`),
      printed('tree', '--json', `oci:${path}`),
      printed('inspect', '--layers', '--json', `oci:${path}`),
      printed('ls', '-R', '--json', `oci:${path}`),
      ocix('verify', '--json', `oci:${path}`).then(({ stdout }) => stdout),
    ]);
    const handle = (file) => openAsBlob(join(path, file)).catch(() => null);
    for (const source of [path, await openAsBlob(tar), { layout: { open: handle } }]) {
      const image = await inspect(source);
      same(await image.summary(), summary);
      same(await image.graph({ referrers: true }), graph);
      same(await image.changes(), changes);
      assert.equal((await all(image)).map((entry) => `${JSON.stringify(entry)}\n`).join(''), tree);
      same(await verify(source), report);
      image.close();
    }
  });
}

test('documents, entries and files are those of the layout', { skip }, async () => {
  const path = join(sources, 'base-gzip');
  const image = await inspect(path);
  const { digest, configDigest } = await image.summary();
  for (const one of [digest, configDigest]) {
    assert.deepEqual(Buffer.from(await image.document(one)), readFileSync(join(path, 'blobs', one.replace(':', '/'))));
  }
  const entries = await image.entries(0, { max: 100000 });
  const listed = await printed('ls', '--layer', '0', '--json', `oci:${path}`);
  assert.equal(entries.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), listed);
  const changes = await image.layerChanges(0, { max: 1 });
  assert.equal(changes.changes.length, 1);
  const file = (await all(image)).find(({ type, size }) => type === 'file' && size > 10);
  const whole = await printed('cat', `oci:${path}:/${file.path}`);
  const piece = await image.read(file.path, { offset: 3, max: 5 });
  assert.equal(Buffer.from(piece.bytes).toString(), whole.slice(3, 8));
  assert.equal(piece.size, file.size);
  image.close();
});

test('two images are compared', { skip }, async () => {
  const [a, b] = ['base-gzip', 'base-zstd'].map((name) => join(sources, name));
  const [one, other] = [await inspect(a), await inspect(b)];
  same(await one.compare(other), await printed('diff', '--json', `oci:${a}`, `oci:${b}`));
  one.close();
  other.close();
});

test('a layout behind an address is read by ranges', { skip }, async () => {
  const path = join(sources, 'base-gzip');
  const asked = [];
  const server = createServer(({ method, url, headers }, response) => {
    asked.push(`${method} ${url.split('/')[1]} ${headers.range ?? ''}`);
    const file = join(path, url);
    if (!existsSync(file)) return response.writeHead(404).end();
    const bytes = readFileSync(file);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [undefined, 0, bytes.length - 1];
    const part = bytes.subarray(Number(from), Number(to) + 1);
    return response.writeHead(headers.range ? 206 : 200, { 'content-length': part.length }).end(method === 'HEAD' ? '' : part);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const image = await inspect({ layout: new URL(`http://127.0.0.1:${server.address().port}/`) });
  same(await image.summary(), await printed('inspect', '--json', `oci:${path}`));
  assert.ok((await all(image)).length > 0);
  assert.ok(asked.every((line) => /^HEAD|bytes=/.test(line)), asked.join('\n'));
  image.close();
  server.close();
  server.closeAllConnections();
});

test('how the bytes come makes no difference', { skip }, async () => {
  const tar = join(folder(), 'layout.tar.gz');
  execFileSync('tar', ['-czf', tar, '-C', join(sources, 'base-zstd'), '.']);
  const bytes = readFileSync(tar);
  const said = JSON.parse(await printed('verify', '--json', tar));
  for (const size of [1, 511, bytes.length]) {
    let at = 0;
    const pull = (to) => {
      if (at >= bytes.length) return to.close();
      to.enqueue(new Uint8Array(bytes.subarray(at, at + size)));
      at += size;
      return undefined;
    };
    const stream = new ReadableStream({ pull }, { highWaterMark: 64 });
    assert.deepEqual(await verify({ stream }), said, `${size} at a time`);
  }
});

for (const kind of ['docker-archives', 'tar', 'layouts']) {
  const corpus = shared(`corpora/${kind}`);
  test(`the corpus ${kind} has the command line's verdicts`, { skip: !corpus && 'the corpus is not at hand' }, async () => {
    for (const name of readdirSync(corpus).filter((name) => !name.endsWith('.json')).sort()) {
      const path = join(corpus, name);
      const { stdout, stderr } = await ocix('verify', '--json', '--progress', 'none', path);
      // It may have to be said which image is meant.
      const said = await verify(path).then(JSON.stringify, (error) => error.message);
      if (stdout) assert.equal(said, stdout.trim(), name);
      else assert.ok(stderr.includes(said), `${name}: ${said}\n${stderr}`);
    }
  });
}

test('all that can be found is known', async () => {
  const printed = await ocix('verify', '--codes');
  for (const { name, severity, explanation } of await findings()) {
    assert.ok(printed.stdout.includes(name) && severity && explanation, name);
  }
});

/** The whole tree, page by page. */
async function all(image) {
  const entries = [];
  for (;;) {
    const page = await image.tree('', { recursive: true, first: entries.length, max: 100 });
    entries.push(...page.entries);
    if (!page.more) return entries;
  }
}

/** Members come in the same order, too. */
function same(found, text) {
  assert.equal(JSON.stringify(found), JSON.stringify(JSON.parse(text)));
}
