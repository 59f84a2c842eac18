// Builds the page: `web/dist`, static files to be served from anywhere. Three scripts (the page, the core's worker, its pool), the wasm, a style sheet.

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(web, 'dist');

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'pkg'), { recursive: true });
await build({
  entryPoints: {
    page: join(web, 'page/main.js'),
    worker: join(web, 'worker.js'),
    'pool-worker': join(web, 'pool-worker.js'),
    style: join(web, 'page/style.css'),
  },
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  conditions: ['browser', 'production'],
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg']) copyFileSync(join(web, 'page', name), join(dist, name));
copyFileSync(join(web, 'pkg/ocix_bg.wasm'), join(dist, 'pkg/ocix_bg.wasm'));
