// Every view of every kind of image that is given, next to what the command line says about the same file.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bytes, mode, number, percent, short, shown } from '../page/text.js';
import { HARMLESS, json, lines, ocix, packed, shared, start } from './harness.js';
import { debian, large, rich } from './made.js';

let chromium;
let visit;
before(async () => {
  chromium = await start();
  visit = await chromium.visit();
});
after(() => chromium.close());

const SOURCES = readdirSync(join(shared, 'golden/sources')).map((name) => [name, () => packed(`golden/sources/${name}`)]);
const ARCHIVES = readdirSync(join(shared, 'corpora/docker-archives')).map((name) => [name, () => join(shared, 'corpora/docker-archives', name)]);

/** What takes its time to be made. */
const LARGE = [
  ['a Debian root file system', debian],
  ['an archive of 500 MB', () => large('large', 500, 0)],
];

for (const [name, file] of [...SOURCES, ...ARCHIVES, ...LARGE]) {
  test(`${name}: what is shown is what the command line says`, async (t) => {
    const path = await file();
    if (!path) return t.skip('there is no mmdebstrap');
    await visit.drop(path);
    // What cannot be looked at as one image here cannot there either: the same words say why.
    const summary = await json(['inspect', path]).catch((error) => error);
    if (summary instanceof Error) {
      const said = await visit.text();
      const [, several] = /there are (\d+ images): name one/u.exec(summary.message) ?? [];
      const [, words] = /ocix: (?:cannot open `[^`]*`: )?(.*?)(: choose|$)/mu.exec(summary.message);
      assert.ok(said.includes(several ?? words), `${said}\n${summary.message}`);
      if (several) for (const { name } of (await json(['tree', path])).roots) assert.ok(said.includes(name), `${said}\n${name}`);
    } else {
      await overview(summary);
      await layers(path);
      await files(path);
    }
    await documents(path);
    await verification(path);
    assert.deepEqual(await visit.harm(), HARMLESS);
  });
}

for (const [a, b] of [['base-gzip', 'base-zstd'], ['base-gzip', 'base-docker'], ['default', 'parents'], ['multi', 'multi'], ['base-uncompressed', 'overlap']]) {
  test(`${a} compared with ${b}: the verdict, its reasons and what differs`, async () => {
    const [first, second] = [a, b].map((name) => packed(`golden/sources/${name}`));
    const comparison = await json(['diff', first, second]);
    await visit.drop(first);
    await visit.view('compare');
    // What is dropped on this view is the second image, even when it is the first one again.
    await visit.drop(second, { here: true });
    await visit.page.waitForSelector('.verdict');
    await visit.settled();
    const said = await visit.text();
    assert.equal(await visit.text('.verdict .data'), comparison.verdict);
    const plain = (text) => shown(text).replaceAll('`', '').toLowerCase();
    for (const reason of [...comparison.reasons, ...comparison.images.flatMap((image) => image.reasons)]) {
      assert.ok(said.toLowerCase().includes(plain(reason.sentence)), `${reason.sentence} is not in\n${said}`);
    }
    for (const { documents, files } of comparison.images) {
      for (const { fields = [] } of documents) for (const field of fields.slice(0, 30)) assert.ok(said.includes(shown(field.path)), field.path);
      if (files?.counts.changed) assert.ok(said.includes(`${number(files.counts.changed)} changed`), said);
    }
    assert.deepEqual(await visit.harm(), HARMLESS);
  });
}

test('long work says how far it is in bytes, and stops when it is told to', async () => {
  await visit.drop(await large('long', 300, 0));
  for (const view of ['verify', 'layers']) {
    await visit.page.evaluate((to) => (location.hash = location.hash.replace(/^#\/\w+/u, `#/${to}`)), view);
    await visit.page.waitForFunction(() => /[1-9][\d.]* MiB of [\d.]+ MiB/u.test(document.querySelector('.work .amount')?.textContent));
    await visit.page.click('text=Stop');
    const from = Date.now();
    await visit.page.waitForSelector('.state button');
    assert.ok(Date.now() - from < 2000);
    assert.match(await visit.text('.state'), /Stopped/u);
  }
  // What was opened is still open.
  await visit.view('overview');
  assert.match(await visit.text(), /in 1 layer/u);
  assert.deepEqual(await visit.harm(), HARMLESS);
});

test('attestations: their predicates, what they are about, and the documents', async () => {
  const path = await rich();
  const { roots } = await json(['tree', path]);
  await visit.drop(path);
  await visit.view('attestations');
  const said = await visit.text();
  const [image, attestation] = roots[0].children;
  const blobs = attestation.children.filter((node) => node.role === 'layer');
  assert.equal(await visit.page.locator('.statement').count(), blobs.length);
  for (const blob of blobs) assert.ok(said.includes(blob.digest) && said.includes(blob.annotations['in-toto.io/predicate-type']), blob.digest);
  assert.ok(said.includes(image.digest) && said.includes('pkg:docker/debian@bookworm') && said.includes('2026-03-01 10:02:11'), said);
  await visit.page.click('text=Show the document');
  await visit.page.waitForSelector('ocix-json [role=treeitem]');
  assert.match(await visit.text('ocix-json'), /"predicateType": "https:\/\/slsa.dev\/provenance\/v0.2"/u);
  assert.deepEqual(await visit.harm(), HARMLESS);
});

async function overview(summary) {
  const said = await visit.text();
  for (const part of [summary.digest, summary.configDigest, summary.platform, bytes(summary.size)]) {
    if (part !== undefined) assert.ok(said.includes(part), `${part} is not in\n${said}`);
  }
  for (const [key, value] of Object.entries(summary.config?.config?.Labels ?? {})) {
    assert.ok(said.includes(shown(key)) && said.includes(shown(value)), key);
  }
  for (const line of summary.config?.config?.Env ?? []) assert.ok(said.includes(shown(line.split('=').slice(1).join('='))), line);
  assert.equal(await visit.page.locator('.layers li').count(), summary.layers.length);
  assert.equal(await visit.page.locator('.history li').count(), summary.history?.length ?? 0);
}

async function layers(path) {
  const { layers: deeds, efficiency } = await json(['inspect', '--layers', path]);
  await visit.view('layers');
  const said = await visit.text();
  assert.ok(said.includes(percent(efficiency.score)) && said.includes(bytes(efficiency.wastedBytes)), said);
  for (const layer of deeds) {
    const block = await visit.text(`#layer-${layer.layer}`);
    for (const [word, tally] of [['added', layer.added], ['changed', layer.changed], ['removed', layer.removed]]) {
      assert.match(block, new RegExp(`${number(tally.count)} ${word}`, 'u'));
    }
    assert.ok(block.includes(bytes(layer.tar)) && (!layer.digest || block.includes(layer.digest)), block);
  }
  for (const one of efficiency.wasted.slice(0, 20)) assert.ok(said.includes(`/${shown(one.path)}`), one.path);
}

async function files(path) {
  const all = (await lines(['ls', '-R', path])).filter((entry) => entry.path !== '.');
  await visit.view('files', { q: '*' });
  assert.equal(Number((await visit.text('.count-of')).match(/^[\d,]+/u)?.[0].replaceAll(',', '') ?? 0), all.length);
  for (const [index, entry] of all.slice(0, 25).entries()) {
    const row = await visit.text(`#tree-${index}`);
    const words = [shown(entry.path), mode(entry), ...(entry.type === 'file' ? [bytes(entry.size)] : []), ...(entry.link ? [shown(entry.link)] : [])];
    for (const word of words) assert.ok(row.includes(word), `${word} is not in ${row}`);
  }
  const file = all.find((entry) => entry.type === 'file' && entry.size > 0 && /^[\w./-]+$/u.test(entry.path));
  if (!file) return;
  await visit.view('files', { path: `/${file.path}` });
  await visit.page.waitForSelector('ocix-preview .save');
  const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.click('ocix-preview .save')]);
  assert.equal(await text(download), await ocix(['cat', `${path}:/${file.path}`]));
}

async function documents(path) {
  const graph = await json(['tree', path, '--no-referrers']).catch(() => undefined);
  await visit.view('documents');
  if (!graph) return;
  const nodes = [];
  const walk = (node) => {
    nodes.push(node);
    (node.children ?? []).forEach(walk);
  };
  graph.roots.forEach(walk);
  for (const [index, node] of nodes.slice(0, 15).entries()) {
    const row = await visit.text(`#graph-${index}`);
    for (const word of [node.role, short(node.digest), shown(node.mediaType), bytes(node.size)]) assert.ok(row.includes(word), `${word}: ${row}`);
  }
  if (nodes.length === 0 || graph.roots[0].error) return;
  // The bytes of the root: as the command prints them.
  await visit.page.waitForSelector('ocix-document .tools button');
  const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.click('ocix-document .tools > button')]);
  const raw = await ocix(['inspect', '--raw', path]).catch(() => undefined);
  if (raw !== undefined && graph.roots.length === 1) assert.equal(await text(download), raw);
}

async function verification(path) {
  const report = await json(['verify', path], { allowed: [0, 1] }).catch(() => undefined);
  await visit.view('verify');
  if (!report) return assert.ok(await visit.page.locator('.state.failed').isVisible());
  const said = await visit.text();
  const title = { sound: 'Sound', odd: 'Odd', broken: 'Broken' }[report.verdict];
  assert.equal(await visit.text('.verdict h2'), title, said);
  const codes = await visit.page.locator('.findings .code').allInnerTexts();
  return assert.deepEqual(codes.sort(), report.findings.map((finding) => finding.code).sort());
}

async function text(download) {
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
