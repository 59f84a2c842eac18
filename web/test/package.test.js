// The package, installed in an empty project: the examples run in Node, and types hold.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

import { folder } from './cli.js';
import { PRINTED, install } from './packed.js';

const web = fileURLToPath(new URL('..', import.meta.url));
const project = folder();
before(() => install(project));

for (const [example, lines] of Object.entries(PRINTED)) {
  test(`the example ${example}`, () => {
    const printed = execFileSync(process.execPath, [`examples/${example}`], { cwd: project, encoding: 'utf8' }).trimEnd().split('\n');
    assert.equal(printed.length, lines.length, printed.join('\n'));
    lines.forEach((line, at) => assert.match(printed[at], line));
  });
}

test('the types hold, strictly, in Node and in a page', () => {
  const place = (name, text) => {
    writeFileSync(join(project, name), text);
    return name;
  };
  const check = (...args) => {
    const tsc = join(web, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--strict', '--noEmit', '--target', 'es2022', ...args], { cwd: project, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  };
  const wrong = place('wrong.js', "import { inspect } from 'ocix';\n// @ts-expect-error: a number is no source\nawait inspect(7);\n");
  const page = place('page.ts', `import { inspect, type Image } from 'ocix';
    declare const handle: FileSystemDirectoryHandle;
    declare const files: File[];
    const images: Image[] = [await inspect({ layout: handle }), await inspect({ layout: files }), await inspect(files[0]!)];
    console.log((await images[0]!.summary()).config?.config?.['Labels']);`);
  check('--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2022,dom', page);
  symlinkSync(join(web, 'node_modules/@types'), join(project, 'node_modules/@types'));
  const examples = readdirSync(join(project, 'examples')).map((name) => join('examples', name));
  check('--allowJs', '--checkJs', '--module', 'nodenext', '--types', 'node', '--lib', 'es2022', wrong, ...examples);
});

test('the wasm is small enough for a page', () => {
  const wasm = join(project, 'node_modules/ocix/pkg/ocix_bg.wasm');
  const packed = gzipSync(readFileSync(wasm), { level: 9 }).length;
  assert.ok(packed < 1.5e6, `${packed} bytes of ${statSync(wasm).size}`);
});
