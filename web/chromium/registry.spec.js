// Registries: one that lets pages read it, one that does not, one with a password. What is pushed from the page is what the command line finds.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { json, ocix, packed, scratch, start } from './harness.js';
import { PASSWORD, USER, registry, served } from './registry.js';

let chromium;
before(async () => (chromium = await start()));
after(() => chromium.close());

test('an image goes from the page to a registry, and is looked at from there', async () => {
  const { host, stop } = await registry({ cors: true });
  const path = packed('golden/sources/multi');
  const visit = await chromium.visit();
  await visit.drop(path);
  await push(visit, `${host}/team/app:v1`);
  await visit.page.waitForSelector('.made-digest');
  const digest = await visit.text('.made-digest');
  const there = await json(['tree', `registry:${host}/team/app:v1`]);
  assert.equal(there.roots[0].digest, digest);
  const said = await ocix(['export', path, '--output', await visit.text('.output code'), '--dry-run']);
  assert.ok(said.includes(digest), said);

  await name(visit, `${host}/team/app:v1`);
  const summary = await json(['inspect', `registry:${host}/team/app:v1`, '--platform', 'linux/amd64']);
  const shown = await visit.text();
  assert.ok(shown.includes(summary.digest) && shown.includes('linux/arm64'), shown);
  await visit.view('files');
  const entries = (await ocix(['ls', `registry:${host}/team/app:v1`, '--platform', 'linux/amd64'])).trim().split('\n');
  assert.equal(await visit.page.locator('#tree .rows-seen [role=row]').count(), entries.length);
  await nothingElse(visit, host);
  stop();
});

test('a registry that pages may not read: the page says so, and what helps', async () => {
  const { host, stop } = await registry();
  const visit = await chromium.visit();
  await name(visit, `${host}/team/app:v1`);
  assert.match(await visit.text('.state.failed'), /may not read/u);
  assert.equal((await visit.text('.state.failed .command code')).replace(/^\$ /u, ''), `ocix serve --registry ${host}`);
  await nothingElse(visit, host);
  stop();
});

test('a registry with a password: it is asked for, again when it is wrong, and never shown', async () => {
  const { host, stop } = await registry({ cors: true, password: true });
  const visit = await chromium.visit();
  await visit.drop(packed('golden/sources/base-gzip'));
  await push(visit, `${host}/team/app:v1`);
  await visit.page.waitForSelector('.sign-in');
  await signIn(visit, 'not this one');
  await visit.page.waitForFunction(() => document.querySelector('.state.failed h2')?.textContent.includes('refuses'));
  await signIn(visit, PASSWORD);
  await visit.page.waitForSelector('.made-digest');
  // The same password is good for looking at it: it is kept as long as the page is open, and nowhere else.
  await name(visit, `${host}/team/app:v1`);
  assert.match(await visit.text(), /linux\/amd64/u);
  const kept = await visit.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.body.innerHTML]));
  assert.ok(!kept.includes(PASSWORD), kept);
  await nothingElse(visit, host);
  stop();
});

test('what `ocix serve` serves: the local store, and registries that pages may not read, with a password too', async () => {
  const { host, stop } = await registry({ password: true });
  const store = join(scratch, 'served');
  await ocix(['export', packed('golden/sources/base-gzip'), '--store', store, '--output', 'type=image,name=example.com/kept:v1']);
  const { url, stop: end } = await served(['--registry', host, '--store', store]);
  const visit = await chromium.visitAt(url);
  await visit.page.click('text=example.com/kept:v1');
  await visit.page.waitForSelector('ocix-overview .facts');
  const summary = await json(['inspect', 'store:example.com/kept:v1', '--store', store]);
  assert.ok((await visit.text()).includes(summary.digest));
  await push(visit, `${host}/team/app:v1`);
  await visit.page.waitForSelector('.sign-in');
  await signIn(visit, PASSWORD);
  await visit.page.waitForSelector('.made-digest');
  const digest = await visit.text('.made-digest');
  await name(visit, `${host}/team/app:v1`);
  assert.ok((await visit.text()).includes(digest));
  const { errors, violations, foreign } = await visit.harm();
  assert.deepEqual({ errors, violations, foreign }, { errors: [], violations: [], foreign: [] });
  await visit.close();
  end();
  stop();
});

/** Fills in the form of the export, and pushes. */
async function push(visit, reference) {
  await visit.view('export');
  await visit.page.check('input[name=type][value=registry]');
  await visit.page.fill('[name=name]', reference);
  await visit.page.waitForTimeout(200);
  await visit.page.click('ocix-making button.main');
}

/** Names an image on the first page. */
async function name(visit, reference) {
  await visit.page.click('.brand');
  await visit.page.fill('#reference', reference);
  await visit.page.press('#reference', 'Enter');
  await visit.page.waitForSelector('ocix-overview h1');
  await visit.settled();
}

async function signIn(visit, password) {
  await visit.page.fill('.sign-in [name=username]', USER);
  await visit.page.fill('.sign-in [name=password]', password);
  await visit.page.click('.sign-in button');
}

/** Only the page's server and this registry were asked. */
async function nothingElse(visit, host) {
  const { errors, violations, foreign } = await visit.harm();
  assert.deepEqual({ errors, violations }, { errors: [], violations: [] });
  assert.deepEqual(foreign.filter((address) => !address.startsWith(`http://${host}/v2/`)), []);
  await visit.close();
}
