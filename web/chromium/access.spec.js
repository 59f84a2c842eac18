// For everyone: axe finds nothing serious in any state, light and dark; everything can be done with the keyboard; nothing freezes; all stays text.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { HARMLESS, start } from './harness.js';
import { HOSTILE } from './made.js';
import { STATES, material } from './states.js';
import { shown } from '../page/text.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let chromium;
let made;
before(async () => ([chromium, made] = await Promise.all([start(), material()])));
after(async () => {
  made.stop();
  await chromium.close();
});

for (const how of [{}, { dark: true }, { phone: true }, { dark: true, phone: true }]) {
  const look = [how.dark ? 'dark' : 'light', how.phone ? 'phone' : 'wide'].join(', ');
  test(`axe finds nothing serious: ${look}`, async () => {
    const visit = await chromium.visit(how);
    const found = [];
    for (const [name, go] of Object.entries(STATES)) {
      await go(visit, made);
      if (!(await visit.page.evaluate(() => 'axe' in window))) await visit.page.evaluate(AXE);
      const { violations } = await visit.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      found.push(...grave.map((one) => `${name}: ${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join('\n')}`));
      // Nothing is wider than a phone.
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${name}: ${wide} pixels too wide`);
      if (name === 'help') await visit.page.keyboard.press('Escape');
    }
    assert.deepEqual(found, []);
    const { errors, violations } = await visit.harm();
    assert.deepEqual({ errors, violations }, { errors: [], violations: [] });
    await visit.close();
  });
}

test('names, labels and contents that would run or mislead stay text', async () => {
  const visit = await chromium.visit();
  await visit.drop(made.hostile);
  let said = await visit.text();
  for (const text of Object.values(HOSTILE)) assert.ok(said.includes(shown(text)), text);
  for (const view of ['layers', 'documents', 'verify', 'attestations', 'export', 'files']) await visit.view(view);
  said = await visit.text();
  assert.ok(said.includes(shown(HOSTILE.turned)), said);
  for (const index of Object.keys(HOSTILE).keys()) {
    await visit.page.locator(`#tree-${index}`).click();
    await visit.settled();
  }
  const strange = await visit.page.evaluate(() => document.querySelectorAll('main img, main script, main iframe, main object, [onerror]').length);
  assert.equal(strange, 0);
  assert.ok(!/[\u202e\u202c\u001b\u0007]/u.test(await visit.page.evaluate(() => document.body.innerText + document.title)));
  assert.deepEqual(await visit.harm(), HARMLESS);
  await visit.close();
});

test('everything can be done with the keyboard', async () => {
  const visit = await chromium.visit();
  const { page } = visit;
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
    await visit.settled();
  };
  // What a key does may be there a moment later.
  const focused = (id) => page.waitForFunction((wanted) => document.activeElement.id === wanted, id);
  const active = (name) => page.waitForFunction((wanted) => {
    const grid = document.querySelector('#tree [role=treegrid]');
    const row = document.getElementById(grid?.getAttribute('aria-activedescendant'));
    return row?.querySelector('.name').innerText.trim().includes(wanted);
  }, name);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.focus('#reference');
  await page.setInputFiles('input[name=file]', made.app);
  await page.waitForSelector('ocix-overview .facts');
  await focused('content');
  await press('3');
  await page.waitForURL(/#\/files/u);
  await page.focus('#tree [role=treegrid]');
  await press('End');
  await active('var');
  await press('ArrowRight');
  await press('ArrowRight');
  await active('lib');
  await press('ArrowLeft');
  await press('ArrowLeft');
  await active('var');
  await press('Home', 'ArrowDown');
  await active('etc');
  await press('Enter');
  await press('ArrowDown', 'ArrowDown', 'Enter');
  await page.waitForURL(/path=\/etc\/passwd/u);
  await press('/');
  await focused('search');
  await page.keyboard.type('site data');
  await page.waitForFunction(() => location.hash.includes('q='));
  await visit.settled();
  await press('ArrowDown', 'Enter');
  await page.waitForSelector('ocix-json');
  await page.focus('[role=tree]');
  await press('ArrowLeft');
  assert.equal(await page.locator('ocix-json [role=treeitem]').count(), 1);
  await page.evaluate(() => document.activeElement.blur());
  await press('?');
  assert.ok(await page.locator('dialog.help').isVisible());
  await press('Escape');
  await press('8');
  await page.focus('input[name=type]');
  await press('ArrowDown', 'ArrowDown');
  assert.match(await visit.text('.output'), /type=tar/u);
  assert.deepEqual(await visit.harm(), HARMLESS);
  await visit.close();
});

test('an address leads back to where it was made, but for the file, which is asked for again', async () => {
  const visit = await chromium.visit();
  await visit.drop(made.app);
  await visit.view('files', { path: '/srv/site/data.json' });
  await visit.page.reload();
  await visit.page.waitForSelector('.state, ocix-json [role=treeitem]');
  await visit.settled();
  // Where the browser has kept a handle of the file, it is not even asked for.
  const pick = visit.page.locator('.state input[type=file]');
  if (await pick.count()) await pick.setInputFiles(made.app);
  await visit.page.waitForSelector('ocix-json [role=treeitem]');
  assert.match(await visit.text('ocix-json'), /12345678901234567890/u);
  assert.deepEqual(await visit.harm(), HARMLESS);
  await visit.close();
});

test('the page never freezes for more than 100 ms', async () => {
  const visit = await chromium.visit();
  const longest = await visit.longest(async () => {
    await visit.page.reload();
    for (const name of ['overview', 'layers', 'tree', 'search', 'pages', 'documents', 'comparison', 'attestations', 'exported']) await STATES[name](visit, made);
  });
  assert.ok(longest <= 100, `${longest} ms`);
  await visit.close();
});

test('a worker that breaks takes nothing with it but what it did', async () => {
  const visit = await chromium.visit();
  await visit.drop(made.app);
  const [worker] = visit.page.workers().filter((one) => one.url().endsWith('/worker.js'));
  await worker.evaluate(() => setTimeout(() => {
    throw new Error('broken by the test');
  }));
  await visit.page.waitForTimeout(100);
  await visit.view('files');
  assert.match(await visit.text(), /usr\//u);
  await visit.view('layers');
  assert.match(await visit.text(), /efficient/u);
  await visit.close();
});

test('first paint is within a second, and scripts are small', async () => {
  const { gzipSync } = await import('node:zlib');
  const { readdirSync } = await import('node:fs');
  const dist = new URL('../dist/', import.meta.url);
  const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
  const size = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, dist))).length, 0);
  assert.ok(size <= 150 * 1024, `${size} bytes`);
  const visit = await chromium.visit();
  const paint = await visit.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  assert.ok(paint <= 1000, `${paint} ms`);
  await visit.close();
});
