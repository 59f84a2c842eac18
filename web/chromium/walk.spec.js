// Every view of every kind of image that is given, next to what the command line says about the same file.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bytes, mode, number, percent, short, shown } from '../page/text.js';
import { HARMLESS, json, lines, ocix, packed, shared, start } from './harness.js';

let chromium;
before(async () => (chromium = await start()));
after(() => chromium.close());

const SOURCES = readdirSync(join(shared, 'golden/sources')).map((name) => [name, () => packed(`golden/sources/${name}`)]);
const ARCHIVES = readdirSync(join(shared, 'corpora/docker-archives')).map((name) => [name, () => join(shared, 'corpora/docker-archives', name)]);

for (const [name, file] of [...SOURCES, ...ARCHIVES]) {
  test(`${name}: what is shown is what the command line says`, async () => {
    const path = file();
    const visit = await chromium.visit();
    await visit.drop(path);
    // What cannot be looked at as one image here cannot there either: the same words say why.
    const summary = await json(['inspect', path]).catch((error) => error);
    if (summary instanceof Error) {
      const said = await visit.text();
      const [, words] = /ocix: (?:cannot open `[^`]*`: )?(.*?)(: choose|$)/mu.exec(summary.message);
      assert.ok(said.includes(words), `${said}\n${summary.message}`);
    } else {
      await overview(visit, summary);
      await layers(visit, path);
      await files(visit, path);
    }
    await documents(visit, path);
    await verification(visit, path);
    assert.deepEqual(await visit.harm(), HARMLESS);
    await visit.close();
  });
}

async function overview(visit, summary) {
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

async function layers(visit, path) {
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

async function files(visit, path) {
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

async function documents(visit, path) {
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

async function verification(visit, path) {
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
