// The page in a real Chromium: a static server for `web/dist` on a free port, a browser of its own, and a visit that notes what must not happen.
//
// What is right is what the command line says: `ocix(…)` asks it. Inputs are those of `../shared`, packed here.

import { execFile, execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const web = dirname(dirname(fileURLToPath(import.meta.url)));
export const shared = join(dirname(dirname(web)), 'shared');
const DIST = join(web, 'dist');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };
export const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A folder that is gone when the tests are over. */
export const scratch = mkdtempSync(join(tmpdir(), 'ocix-page-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** The command line's program. */
export const program = process.env.OCIX_BIN ?? join(dirname(web), 'target/release/ocix');

/** The command line: what it prints. Exit codes but `allowed` are failures. */
export function ocix(args, { allowed = [0], cwd = scratch } = {}) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, maxBuffer: 1 << 30, env: { ...process.env, OCIX_STORE: join(scratch, 'store') } }, (error, stdout, stderr) => {
      if (error && !allowed.includes(error.code)) reject(new Error(`ocix ${args.join(' ')}: ${stderr}`));
      else resolve(stdout);
    });
  });
}

/** What the command line prints with `--json`. */
export async function json(args, options) {
  return JSON.parse(await ocix([...args, '--json'], options));
}

/** The same where it prints an object a line. */
export async function lines(args) {
  return (await ocix([...args, '--json'])).trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** A folder of `../shared` as a tar in the scratch folder. */
export function packed(folder) {
  const tar = join(scratch, `${basename(folder)}.tar`);
  if (!existsSync(tar)) execFileSync('tar', ['-C', join(shared, folder), '-cf', tar, '.']);
  return tar;
}

/** Serves the built page. */
export async function serve() {
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const file = join(DIST, normalize(path === '/' ? '/index.html' : path));
    if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    return createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/**
 * Starts a browser with a profile of its own, and the server. `close` ends both. Visits are to private windows, which share nothing; their
 * temporaries are in the memory of the browser. To `ordinary` windows each is in a browser of its own, with temporaries on the disk.
 */
export async function start({ ordinary = false } = {}) {
  const launching = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS };
  const browser = ordinary ? null : await chromium.launch(launching);
  const open = (options) => browser?.newContext(options) ?? chromium.launchPersistentContext(mkdtempSync(join(scratch, 'profile-')), { ...launching, ...options });
  const server = await serve();
  return {
    visit: (how) => Visit.begin(open, { url: server.url, ...how }),
    url: server.url,
    /** A visit to a page that another program serves. */
    visitAt: (url) => Visit.begin(open, { url }),
    close: async () => {
      await browser?.close();
      server.close();
    },
  };
}

/** One window, and what happened in it. */
export class Visit {
  requests = [];
  errors = [];

  static async begin(open, { url, dark = false, phone = false, path = '' }) {
    const visit = new Visit();
    visit.context = await open({
      viewport: phone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    await visit.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    visit.page = await visit.context.newPage();
    visit.page.setDefaultTimeout(180_000);
    visit.context.on('request', (request) => visit.requests.push(request.url()));
    visit.page.on('pageerror', (error) => visit.errors.push(String(error.stack)));
    visit.page.on('console', (message) => /Content Security Policy|Trusted|Uncaught/u.test(message.text()) && visit.errors.push(message.text()));
    visit.page.on('dialog', (dialog) => {
      visit.errors.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await visit.page.addInitScript(() => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    visit.url = url;
    await visit.page.goto(url + path);
    await visit.page.waitForSelector('h1');
    return visit;
  }

  /** Drops a file or folder onto the first page, or where the page is, as a file manager does. */
  async drop(path, { here = false } = {}) {
    if (!here) await this.page.click('.brand');
    const session = await this.context.newCDPSession(this.page);
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data });
    await session.detach();
    await this.page.waitForFunction(() => location.hash.includes('of='));
    await this.settled();
  }

  /** Goes to a view of what is open: `files`, with more of its address. */
  async view(view, more = {}) {
    await this.page.evaluate(({ view, more }) => {
      const now = new URLSearchParams(location.hash.split('?')[1]);
      const next = new URLSearchParams({ of: now.get('of'), ...(now.get('platform') && { platform: now.get('platform') }), ...(now.get('name') && { name: now.get('name') }), ...more });
      location.hash = `#/${view}?${next}`;
    }, { view, more });
    await this.settled();
  }

  /** Waits until no work is going on. */
  async settled() {
    await this.page.waitForTimeout(30);
    await this.page.waitForFunction(() => !document.querySelector('.work'), undefined, { polling: 30 });
    await this.page.waitForTimeout(30);
  }

  text(selector = 'main') {
    return this.page.locator(selector).first().innerText();
  }

  /** What must never happen, whatever is looked at. */
  async harm() {
    const violations = await this.page.evaluate(() => window.violations);
    const foreign = this.requests.filter((address) => !address.startsWith(this.url) && !address.startsWith('blob:'));
    return { errors: this.errors, violations, foreign };
  }

  /** Milliseconds of the longest task of the page's thread while `work` is done: of the time that it ran, for other programs may hold it up. */
  async longest(work) {
    const browser = this.context.browser();
    await browser.startTracing(this.page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
    await work();
    const { traceEvents } = JSON.parse(await browser.stopTracing());
    const thread = ({ pid, tid }) => `${pid}:${tid}`;
    const pages = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(thread));
    const tasks = traceEvents.filter((event) => event.name === 'RunTask' && pages.has(thread(event)));
    if (tasks.length === 0) throw new Error('nothing was traced');
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000));
  }

  close() {
    return this.context.close();
  }
}

/** Nothing of it happened. */
export const HARMLESS = { errors: [], violations: [], foreign: [] };
