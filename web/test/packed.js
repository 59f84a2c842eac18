// The package as npm gets it, installed in an empty project with the examples, and what they print.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));

/** Installs the package in the folder, which is empty. */
export function install(folder) {
  const npm = (cwd, ...args) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [{ filename }] = JSON.parse(npm(web, 'pack', '--json', '--pack-destination', folder));
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "type": "module", "private": true }');
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', join(folder, filename));
  mkdirSync(join(folder, 'examples'));
  cpSync(join(web, 'examples'), join(folder, 'examples'), { recursive: true });
}

/** What each example prints, whoever runs it. */
export const PRINTED = {
  'export.js': [/^docker\.io\/library\/site:latest@sha256:[0-9a-f]{64}$/, /^site\.tar has \d{4,5} bytes$/],
  'inspect.js': [
    /^linux\/amd64, layers: 1$/, /^directory 0 etc$/, /^file 8 etc\/hostname$/, /^text example$/, /^sound$/,
  ],
};
