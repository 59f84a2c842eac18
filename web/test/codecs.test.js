// The codec profile in JavaScript: the digests of tests/codecs/profile-1.toml, which the command line has too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { exportImage, inspect } from '../node.js';
import { entriesOf } from './tree.js';

const table = [...read('profile-1.toml').matchAll(/^"(.+)" = "(.+)"$/gm)].map(([, codec, digest]) => [codec, digest]);
const entries = entriesOf(read('profile-1.txt'));

for (const [codec, expected] of table) {
  test(`the profile's ${codec}`, async () => {
    const [compression, level] = codec.split(' ');
    const output = `type=image,name=x,compression=${compression}${level ? `,compression-level=${level}` : ''}`;
    const results = await exportImage({ entries, output, platform: 'linux/amd64', epoch: 1700000000 });
    const image = await inspect(results.archive);
    const { layers } = await image.summary();
    assert.equal(layers[0].digest, expected);
    image.close();
    results.discard();
  });
}

function read(name) {
  return readFileSync(new URL(`../../tests/codecs/${name}`, import.meta.url), 'utf8');
}
