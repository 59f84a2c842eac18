// The states of the page that are looked at: every view, and what is shown when something is wrong. For the screenshots and for axe.

import { bomb, cut, hostile, nonsense, rich } from './made.js';
import { packed } from './harness.js';
import { USER, registry } from './registry.js';

/** Makes what the states are of; `stop` ends the registries. */
export async function material() {
  const app = await rich();
  const [closed, secret] = [await registry(), await registry({ cors: true, password: true })];
  return {
    app,
    other: await rich('other.tar', 'good evening'),
    hostile: await hostile(),
    multi: packed('golden/sources/multi'),
    broken: cut(app, 'cut.tar', 60_000),
    bomb: bomb(),
    nonsense: nonsense(),
    closed,
    secret,
    stop: () => [closed, secret].forEach(({ stop }) => stop()),
  };
}

const at = (view, more) => async (visit, { app }) => {
  await opened(visit, app);
  await visit.view(view, more);
};

/** Name, and how to get there. */
export const STATES = {
  start: async (visit) => visit.page.click('.brand'),
  overview: at('overview'),
  platforms: async (visit, { multi }) => opened(visit, multi),
  layers: at('layers'),
  files: at('files', { path: '/etc/app/app.conf' }),
  tree: async (visit, made) => {
    await at('files')(visit, made);
    for (const folder of ['var', 'lib']) await open(visit, folder);
    await open(visit, 'data');
  },
  search: at('files', { q: '*.txt' }),
  layer: at('files', { layer: '1' }),
  changed: at('files', { changed: '1' }),
  json: at('files', { path: '/srv/site/data.json' }),
  hex: at('files', { path: '/usr/bin/tool' }),
  picture: at('files', { path: '/usr/share/pictures/dot.png' }),
  pages: at('files', { path: '/usr/share/large.log' }),
  documents: at('documents'),
  document: async (visit, made) => {
    await at('documents')(visit, made);
    await visit.page.locator('#graph [role=row]').nth(1).click();
    await visit.settled();
  },
  compare: at('compare'),
  comparison: async (visit, { app, other }) => {
    await opened(visit, app);
    await visit.view('compare');
    await visit.page.setInputFiles('input[name=second]', other);
    await visit.page.waitForSelector('.verdict');
    await visit.settled();
  },
  verify: at('verify'),
  broken: async (visit, { broken }) => {
    await opened(visit, broken);
    await visit.view('verify');
  },
  attestations: at('attestations'),
  silence: async (visit, { multi }) => {
    await opened(visit, multi);
    await visit.view('attestations');
  },
  export: at('export'),
  exported: async (visit, made) => {
    await at('export')(visit, made);
    await visit.page.fill('[name=name]', 'localhost:5000/team/app:v2');
    await visit.page.locator('[name=compression]').selectOption('zstd');
    await visit.page.locator('[name=force-compression]').selectOption('true');
    await visit.page.waitForTimeout(250);
    await visit.page.click('ocix-making button.main');
    await visit.page.waitForSelector('.made');
  },
  hostile: async (visit, made) => opened(visit, made.hostile),
  help: async (visit) => {
    await visit.page.click('.brand');
    await visit.page.keyboard.press('?');
  },
  'error-no-image': async (visit, { nonsense: letter }) => opened(visit, letter),
  'error-cut-short': async (visit, { broken }) => {
    await opened(visit, broken);
    await visit.view('files');
  },
  'error-bomb': async (visit, { bomb: file }) => {
    await opened(visit, file);
    await visit.view('files');
  },
  'error-platform': async (visit, { multi }) => {
    await opened(visit, multi);
    await visit.page.evaluate(() => (location.hash += '&platform=plan9/mips'));
    await visit.settled();
  },
  'error-no-cors': async (visit, { closed }) => named(visit, `${closed.host}/team/app:v1`),
  'error-password': async (visit, { secret }) => {
    await named(visit, `${secret.host}/team/app:v1`);
    await visit.page.waitForSelector('.sign-in');
  },
  'error-wrong-password': async (visit, { secret }) => {
    await named(visit, `${secret.host}/team/app:v2`);
    await visit.page.fill('.sign-in [name=username]', USER);
    await visit.page.fill('.sign-in [name=password]', 'not this one');
    await visit.page.click('.sign-in button');
    await visit.page.waitForFunction(() => document.querySelector('.state.failed h2')?.textContent.includes('refuses'));
  },
  'error-reload': async (visit, { app }) => {
    await opened(visit, app);
    await visit.page.reload();
    await visit.page.waitForSelector('.state');
  },
};

/** Opens a file as picking it does. */
async function opened(visit, path) {
  await visit.page.click('.brand');
  await visit.page.setInputFiles('input[name=file]', path);
  await visit.page.waitForSelector('ocix-overview h1');
  await visit.settled();
}

async function named(visit, reference) {
  await visit.page.click('.brand');
  await visit.page.fill('#reference', reference);
  await visit.page.press('#reference', 'Enter');
  await visit.page.waitForSelector('ocix-overview h1');
  await visit.settled();
}

/** Clicks on a folder of the tree. */
async function open(visit, folder) {
  await visit.page.locator('#tree [role=row]', { hasText: `${folder}/` }).first().click();
  await visit.settled();
}
