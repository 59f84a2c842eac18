// The page's core and the command line give the same digests for the same trees, and the archive is one that others read.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { checkOutput, entriesOf, exportImage } from '../node.js';
import { folder, printed } from './cli.js';

const EPOCH = 1700000000;

const trees = {
  'nothing at all'() {},
  'links, modes, a fifo and awkward names'(root) {
    mkdirSync(join(root, 'a'));
    writeFileSync(join(root, 'a', 'file'), 'hello\n');
    linkSync(join(root, 'a', 'file'), join(root, 'again'));
    symlinkSync('a/file', join(root, 'link'));
    writeFileSync(join(root, 'a.b'), 'sorts behind what is in a');
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'bad')), Buffer.from([0xff, 0xfe])]), 'not UTF-8');
    writeFileSync(join(root, 'n'.repeat(200)), 'long');
    chmodSync(join(root, 'a.b'), 0o4711);
    execFileSync('mkfifo', [join(root, 'pipe')]);
    lutimesSync(join(root, 'link'), 1_600_000_000, 1_600_000_000);
  },
  'three megabytes, several chunks'(root) {
    mkdirSync(join(root, 'data'));
    let state = 1;
    const bytes = Buffer.alloc(3 << 20);
    for (let at = 0; at < bytes.length; at += 4) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      bytes.writeUInt32LE(at % 64 < 32 ? state : at, at);
    }
    writeFileSync(join(root, 'data', 'blob'), bytes);
  },
};

for (const [name, build] of Object.entries(trees)) {
  for (const options of ['', ',compression=uncompressed', ',compression-level=9,annotation.org.example.Key=a<b']) {
    test(`${name}: type=image${options}`, async () => {
      const root = folder();
      build(root);
      const output = `type=image,name=example.com/tree:v1${options}`;
      const said = await printed(
        'export', root, '--output', output, '--source-date-epoch', `${EPOCH}`, '--platform', 'linux/arm64', '--progress', 'none');
      const made = await exportImage({ entries: await entriesOf(root), output, epoch: EPOCH, platform: 'linux/arm64' });
      assert.equal(`${made.names[0]}@${made.digest}\n`, said);
      await verify(made);
      const again = await exportImage({ contents: root, output, epoch: EPOCH, platform: 'linux/arm64' });
      assert.equal(again.digest, made.digest);
      again.discard();
      made.discard();
    });
  }
}

test('a wrong option is an error with its code', async () => {
  await assert.rejects(() => exportImage({ entries: [], output: 'type=image,nmae=x' }), (error) => {
    assert.match(error.message, /nmae.*name/);
    assert.equal(error.fault, 'request');
    return true;
  });
  await assert.rejects(() => checkOutput('type=image,compression-level=12'), /0.*9/);
});

/** Every blob of the archive has the digest that its path says, and the manifest is among them. */
async function verify({ archive: blob, digest }) {
  const archive = new Uint8Array(await blob.arrayBuffer());
  const seen = [];
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const header = Buffer.from(archive.subarray(at, at + 512));
    const path = header.toString('utf8', 0, header.indexOf(0));
    const size = parseInt(header.toString('ascii', 124, 135), 8);
    const content = archive.subarray(at + 512, at + 512 + size);
    const blob = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path);
    if (blob) assert.equal(createHash('sha256').update(content).digest('hex'), blob[1]);
    seen.push(path);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  assert.ok(seen.includes(`blobs/${digest.replace(':', '/')}`));
  assert.deepEqual(seen.slice(-2), ['index.json', 'oci-layout']);
}
