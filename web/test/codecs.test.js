// The codec profile in the page's core: the digests of tests/codecs/profile-1.toml, which the command line has too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { exportImage } from '../node.js';
import { entriesOf } from './tree.js';

const table = [...read('profile-1.toml').matchAll(/^"(.+)" = "(.+)"$/gm)].map(([, codec, digest]) => [codec, digest]);
const entries = entriesOf(read('profile-1.txt'));

for (const [codec, expected] of table) {
  test(`the profile's ${codec}`, async () => {
    const [compression, level] = codec.split(' ');
    const output = `type=image,name=x,compression=${compression}${level ? `,compression-level=${level}` : ''}`;
    const { archive, digest } = await exportImage({ entries, output, platform: 'linux/amd64', epoch: 1700000000 });
    const manifest = JSON.parse(blob(archive, digest));
    assert.equal(manifest.layers[0].digest, expected);
  });
}

function read(name) {
  return readFileSync(new URL(`../../tests/codecs/${name}`, import.meta.url), 'utf8');
}

/** A blob of an archive, as text. */
function blob(archive, digest) {
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const header = Buffer.from(archive.subarray(at, at + 512)).toString('latin1');
    const size = parseInt(header.slice(124, 136), 8);
    if (header.startsWith(`blobs/${digest.replace(':', '/')}`)) {
      return Buffer.from(archive.subarray(at + 512, at + 512 + size)).toString();
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${digest} is not in the archive`);
}
