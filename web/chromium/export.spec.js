// What the page makes is what the command that it shows makes: the same archives, byte for byte.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HARMLESS, json, ocix, packed, scratch, shared, start } from './harness.js';

let chromium;
let visit;
before(async () => {
  chromium = await start();
  visit = await chromium.visit();
});
after(() => chromium.close());

/** What is filled in: the type, fields by key, annotations; of which source. */
const CASES = [
  ['oci', {}],
  ['oci', { name: 'example.com/team/app:v2' }],
  ['oci', { name: 'example.com/a:1,example.com/b:2' }],
  ['oci', { compression: 'zstd', 'force-compression': 'true' }],
  ['oci', { compression: 'zstd', 'compression-level': '12', 'force-compression': 'true' }],
  ['oci', { compression: 'gzip', 'compression-level': '9', 'force-compression': 'true' }],
  ['oci', { compression: 'estargz', 'force-compression': 'true' }],
  ['oci', { compression: 'uncompressed', 'force-compression': 'true', 'rewrite-timestamp': 'true', 'source-date-epoch': '1000000000' }],
  ['oci', { 'oci-mediatypes': 'false' }],
  ['oci', { 'source-date-epoch': '0' }, { annotations: [['', 'org.example.by', 'me, "myself"'], ['-manifest-descriptor', 'org.example.at', 'home']] }],
  ['docker', { name: 'app:v2' }],
  ['tar', {}],
  ['oci', { compression: 'zstd', 'force-compression': 'true' }, { source: 'multi' }],
  ['oci', {}, { source: 'multi', annotations: [['-index', 'org.example.by', 'me']] }],
];

for (const [type, fields, { source = 'base-gzip', annotations = [] } = {}] of CASES) {
  test(`${source} as ${type} with ${JSON.stringify({ ...fields, ...Object.fromEntries(annotations.map(([, key, value]) => [key, value])) })}`, async () => {
    const path = packed(`golden/sources/${source}`);
    await visit.drop(path);
    await visit.view('export');
    // Without an epoch an archive says when it was made.
    await fill(visit.page, type, { 'source-date-epoch': '1700000000', ...fields }, annotations);
    const output = await visit.text('.output code');
    const [download] = await make(visit.page);
    const made = createHash('sha256').update(readFileSync(await download.path())).digest('hex');
    const digest = await visit.page.locator('.made-digest').allInnerTexts();

    const folder = join(scratch, `export-${test.name}-${Math.random()}`);
    mkdirSync(folder);
    const said = await ocix(['export', path, '--output', output], { cwd: folder });
    const dest = /dest=([^,"]+)/u.exec(output)[1];
    assert.equal(download.suggestedFilename(), dest);
    assert.equal(made, createHash('sha256').update(readFileSync(join(folder, dest))).digest('hex'), output);
    assert.deepEqual(new Set(digest), new Set(said.match(/sha256:[0-9a-f]{64}/gu) ?? []), said);
    assert.deepEqual(await visit.harm(), HARMLESS);
  });
}

test('a dropped folder is looked at when it is a layout, and else becomes an image', async () => {
  await visit.drop(join(shared, 'golden/sources/base-gzip'));
  const summary = await json(['inspect', join(shared, 'golden/sources/base-gzip')]);
  assert.ok((await visit.text()).includes(summary.digest));

  // Pages learn names, contents and times of files, so that all else is as they take it to be.
  const folder = join(scratch, 'site');
  mkdirSync(join(folder, 'pictures'), { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'index.html'), '<p>hello</p>\n', { mode: 0o644 });
  writeFileSync(join(folder, 'pictures/dot.svg'), '<svg/>\n', { mode: 0o644 });
  for (const path of ['pictures', '.']) utimesSync(join(folder, path), 0, 0);
  await visit.drop(folder);
  await visit.page.click('text=Make an image of its files');
  await fill(visit.page, 'oci', { 'source-date-epoch': '1700000000' });
  const output = await visit.text('.output code');
  await make(visit.page);
  const said = await ocix(['export', folder, '--output', output]);
  assert.equal(await visit.text('.made-digest'), /sha256:[0-9a-f]{64}/u.exec(said)[0]);
  assert.deepEqual(await visit.harm(), HARMLESS);
});

test('what cannot be is said at once, beside the field', async () => {
  await visit.drop(packed('golden/sources/base-gzip'));
  await visit.view('export');
  await fill(visit.page, 'oci', { 'compression-level': '99' });
  await visit.page.waitForSelector('[role=alert]');
  const error = await ocix(['export', packed('golden/sources/base-gzip'), '--output', await visit.text('.output code')]).catch((caught) => caught.message);
  assert.ok(error.replaceAll('`', '').includes((await visit.text('[role=alert]')).trim()), error);
  assert.equal(await visit.page.getAttribute('[name=compression-level]', 'aria-invalid'), 'true');
  assert.ok(await visit.page.locator('ocix-making button.main').isDisabled());
});

test('a plan makes the digest and writes nothing', async () => {
  const path = packed('golden/sources/base-gzip');
  await visit.drop(path);
  await visit.view('export');
  await fill(visit.page, 'registry', { name: 'localhost:9/team/app:v2' });
  await visit.page.click('text=See the plan');
  await visit.page.waitForSelector('.made');
  const output = await visit.text('.output code');
  const said = await ocix(['export', path, '--output', output, '--dry-run']);
  assert.ok(said.includes(await visit.text('.made-digest')), said);
  const requests = await visit.page.locator('.made tbody tr').allInnerTexts();
  const planned = said.split('\n').filter((line) => /^ {2}[A-Z]/u.test(line));
  assert.equal(requests.length, planned.length, said);
  assert.deepEqual(await visit.harm(), HARMLESS);
});

/** Fills the form in, and waits until it has been checked. */
async function fill(page, type, fields, annotations = []) {
  await page.waitForSelector('form.export');
  await page.check(`input[name=type][value=${type}]`);
  for (const [key, value] of Object.entries(fields)) {
    const field = page.locator(`[name="${key}"]`);
    if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
  for (const [index, [level, key, value]] of annotations.entries()) {
    const line = page.locator('.annotations .line').nth(index);
    await line.locator('select').selectOption(level);
    await line.locator('input').nth(0).fill(key);
    await line.locator('input').nth(1).fill(value);
  }
  await page.waitForTimeout(200);
}

async function make(page) {
  await page.click('ocix-making button.main');
  await page.waitForSelector('.made .buttons button, .state.failed');
  return Promise.all([page.waitForEvent('download', { timeout: 10_000 }), page.click('.made .buttons button')]);
}
