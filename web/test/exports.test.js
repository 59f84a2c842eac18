// Exports of every kind have the command line's digests, and its files its bytes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, openAsBlob, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { exportImage, inspect } from '../node.js';
import { folder, printed, shared } from './cli.js';
import { entriesOf } from './tree.js';

const EPOCH = 1700000000;
const base = shared('golden/sources/base-gzip');
const skip = !base && 'the recorded data is not at hand';

for (const options of [
  'type=oci,name=x:v1,compression=gzip,compression-level=9,force-compression=true',
  'type=oci,name=x:v1,compression=zstd,force-compression=true',
  'type=oci,name=x:v1,compression=estargz,force-compression=true',
  'type=oci,name=x:v1,compression=uncompressed,force-compression=true',
  'type=oci,name=x:v1,rewrite-timestamp=true',
  'type=oci,name=x:v1,annotation.a=b,annotation-manifest-descriptor.e=f',
  'type=oci,name=x:v1,oci-mediatypes=false',
  'type=oci,tar=false,name=x:v1',
  'type=docker,name=x:v1',
  'type=docker,name=x:v1,compression=gzip,force-compression=true',
  'type=tar',
]) {
  test(options, { skip }, async () => {
    const dest = join(folder(), 'out');
    await printed('export', `oci:${base}`, '--output', `${options},dest=${dest}`, '--source-date-epoch', `${EPOCH}`);
    const { files, discard, reports } = await exportImage({ contents: base, output: `${options},dest=out`, epoch: EPOCH });
    assert.deepEqual(reports[0].targets.map(({ error }) => error), [undefined]);
    for (const [name, blob] of Object.entries(files)) {
      const path = join(dest, name.slice('out/'.length - 1));
      assert.deepEqual(hash(new Uint8Array(await blob.arrayBuffer())), hash(readFileSync(path)), name);
    }
    assert.ok(options.includes('tar=false') ? files['out/index.json'] : files.out);
    discard();
  });
}

test('a statement, a config and its changes, on a base, to several outputs', { skip }, async () => {
  const place = folder();
  const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: 'https://example.com/p', subject: [], predicate: { a: 1 } };
  const file = join(place, 'statement.json');
  writeFileSync(file, JSON.stringify(statement));
  const root = join(place, 'root');
  execFileSync('mkdir', [root]);
  writeFileSync(join(root, 'hello'), 'hello\n', { mode: 0o644 });
  execFileSync('touch', ['-d', '@1600000000', join(root, 'hello'), root]);
  const outputs = ['type=image,name=x:v1,compression=zstd', 'type=image,name=y:v1,attestation-inline=true'];
  const said = await printed(
    'export', root, '--base', `oci:${base}`, '--env', 'A=b', '--entrypoint', '["/hello"]', '--attestation', `statement=${file}`,
    ...outputs.flatMap((output) => ['--output', output]), '--source-date-epoch', `${EPOCH}`, '--platform', 'linux/amd64',
  );
  const { reports, names, metadata, discard } = await exportImage({
    contents: root, base, changes: [['env', 'A=b'], ['entrypoint', '["/hello"]']], attestations: [{ file: JSON.stringify(statement) }],
    output: outputs, epoch: EPOCH, native: 'linux/amd64',
  });
  const lines = reports.flatMap(({ targets }) => targets).map(({ name, digest }) => `${name}@${digest}\n`).join('');
  assert.equal(lines, said);
  assert.equal(names.length, 2);
  assert.ok(metadata['containerimage.digest']);
  discard();
});

test('several platforms become one index', async () => {
  const contents = ['linux/amd64', 'linux/arm64'].map((platform) => ({
    files: entriesOf(`f 644 0 0 1600000000 arch ${platform}`), platform,
  }));
  const { archive, digest, discard } = await exportImage({ contents, output: 'type=image,name=x:v1', epoch: EPOCH });
  const image = await inspect({ blob: archive, platform: 'linux/arm64' });
  const { roots } = await image.graph();
  assert.equal(roots[0].digest, digest);
  assert.deepEqual(roots[0].children.map(({ platform }) => platform), ['linux/amd64', 'linux/arm64']);
  const { bytes } = await image.read('arch');
  assert.equal(Buffer.from(bytes).toString(), 'linux/arm64');
  image.close();
  discard();
});

test('a root file system comes out with modes, owners and times', async () => {
  const entries = entriesOf('d 750 1 2 1600000000 d\nf 4711 3 4 1600000001 d/f hello\nl 777 0 0 1600000002 link d/f');
  const { trees, files, discard } = await exportImage({ entries, output: 'type=local,dest=root' });
  assert.deepEqual(trees.root.map(({ path, type, mode, uid, gid, mtime, target }) => [path, type, mode, uid, gid, mtime, target]), [
    ['d', 'directory', 0o750, 1, 2, 1600000000, undefined],
    ['d/f', 'file', 0o4711, 3, 4, 1600000001, undefined],
    ['link', 'symlink', 0o777, 0, 0, 1600000002, 'd/f'],
  ]);
  assert.equal(await files['root/d/f'].text(), 'hello');
  const again = await exportImage({ entries: trees.root, output: 'type=image,name=x:v1', epoch: EPOCH });
  const once = await exportImage({ entries, output: 'type=image,name=x:v1', epoch: EPOCH });
  assert.equal(again.digest, once.digest);
  for (const results of [{ discard }, again, once]) results.discard();
});

test('a stream is read once, and gives what a blob gives', { skip }, async () => {
  const tar = join(folder(), 'base.tar');
  execFileSync('tar', ['-cf', tar, '-C', base, '.']);
  const digests = [];
  for (const contents of [{ stream: (await openAsBlob(tar)).stream() }, await openAsBlob(tar), base]) {
    const { digest, discard } = await exportImage({ contents, output: 'type=image,name=x:v1', epoch: EPOCH });
    digests.push(digest);
    await discard();
  }
  assert.deepEqual(new Set(digests).size, 1, `${digests}`);
});

test('what is written goes when it is discarded', async () => {
  const entries = [{ path: 'zeros', content: new Uint8Array(3 << 20) }];
  const { files, discard } = await exportImage({ entries, output: 'type=oci,dest=a.tar,name=x:v1,compression=uncompressed' });
  assert.ok(files['a.tar'].size > 3 << 20);
  const copy = Buffer.from(await files['a.tar'].arrayBuffer());
  await discard();
  await assert.rejects(() => files['a.tar'].arrayBuffer());
  const path = join(folder(), 'a.tar');
  writeFileSync(path, copy);
  assert.ok(existsSync(path));
  const image = await inspect(await openAsBlob(path));
  assert.equal((await image.tree()).entries[0].path, 'zeros');
  image.close();
});

function hash(bytes) {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}
