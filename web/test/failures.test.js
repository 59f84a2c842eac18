// What stops, fails or is refused: by its code and in one line, with nothing left behind.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { OcixError, checkOutput, exportImage, inspect, options, verify } from '../node.js';
import { shared } from './cli.js';

const zeros = gzipSync(new Uint8Array(64 << 20));

test('wrong options are refused before any work', async () => {
  await assert.rejects(() => exportImage({ entries: [], output: 'type=image,nmae=x' }), (error) => {
    assert.ok(error instanceof OcixError);
    assert.match(error.message, /nmae.*name/);
    assert.deepEqual([error.code, error.detail, error.fault], ['invalid-option', 'nmae', 'request']);
    return true;
  });
  await assert.rejects(() => checkOutput('type=image,compression=estargz,oci-mediatypes=false'), { code: 'conflict' });
  assert.ok((await options()).some(({ key }) => key === 'compression-level'));
});

test('wrong values name their field', async () => {
  const output = 'type=image,name=x';
  for (const [job, words] of [
    [{ entries: [{ path: '/etc' }], output }, /entry 0 is wrong: `path`/],
    [{ entries: [{ path: 'a', type: 'door' }], output }, /`type`/],
    [{ entries: [{ path: 'a', type: 'symlink' }], output }, /`target` is missing/],
    [{ entries: [], output, epoch: 'now' }, /`epoch` is not a whole number/],
    [{ entries: [], output, changes: [['env']] }, /`changes`/],
    [{ contents: {}, output }, /a source is/],
    [{ entries: [], output, native: 'linux' }, /linux/],
    [{ contents: () => {}, output }, /cannot be handed/],
  ]) {
    await assert.rejects(() => exportImage(job), (error) => {
      assert.ok(error instanceof OcixError && error.fault === 'request', `${error}`);
      assert.match(error.message, words);
      return true;
    });
  }
});

test('what is no image is told so', async () => {
  await assert.rejects(() => inspect('/nowhere/at/all'), { code: 'not-found', fault: 'source' });
  await assert.rejects(async () => (await inspect(new Blob(['not a tar']))).tree(), { code: 'malformed' });
  const report = await verify(new Blob(['{"schemaVersion": 2']));
  assert.equal(report.verdict, 'broken');
});

test('a bomb meets its limit', async () => {
  const image = await inspect(new Blob([zeros]), { limits: { decompressed: 1 << 20 } });
  await assert.rejects(() => image.tree(), { code: 'limit-exceeded', detail: 'decompressed size' });
  image.close();
});

test('a call stops at once, and the image stays open', async () => {
  const archive = await large();
  const image = await inspect(archive);
  const control = new AbortController();
  let seen = 0;
  const onprogress = ({ step }) => {
    seen = Math.max(seen, step.done);
    control.abort();
  };
  await assert.rejects(() => image.changes({ signal: control.signal, onprogress }), { code: 'cancelled' });
  assert.ok(seen > 0 && seen < archive.size, `${seen} of ${archive.size}`);
  await assert.rejects(() => image.tree('', { signal: AbortSignal.abort() }), { code: 'cancelled' });
  assert.equal((await image.tree()).entries[0].path, 'noise');
  image.close();
  await assert.rejects(() => image.summary(), { code: 'cancelled' });
});

test('an export stops at once', async () => {
  const control = new AbortController();
  const entries = [{ path: 'noise', content: new Blob([noise(64 << 20)]) }];
  const job = { entries, output: 'type=oci,dest=x.tar,compression=zstd,compression-level=19', signal: control.signal };
  const start = performance.now();
  await assert.rejects(() => exportImage({ ...job, onprogress: () => control.abort() }), { code: 'cancelled' });
  assert.ok(performance.now() - start < 5000);
  // The worker is free again.
  await checkOutput('type=image');
});

test('several questions at a time are answered', async () => {
  const image = await inspect(await large());
  const [tree, changes, summary, again] = await Promise.all([image.tree(), image.changes(), image.summary(), image.tree()]);
  assert.deepEqual(tree, again);
  assert.equal(changes.layers.length, summary.layers.length);
  image.close();
});

test('a function of the caller that fails is told', async () => {
  const source = { layout: { open() { throw new Error('no such luck'); } } };
  await assert.rejects(() => inspect(source), /no such luck/);
});

test('credentials are asked for when a registry asks', { skip: !shared('golden') && 'the recorded data is not at hand' }, async () => {
  const asked = [];
  const server = createServer((request, response) => {
    if (request.headers.authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`) {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not here"}]}');
    } else {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="it"' }).end();
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const registry = `localhost:${server.address().port}/team/app:v1`;
  const credentials = (repository) => {
    asked.push(repository);
    return { username: 'me', password: 'secret' };
  };
  await assert.rejects(() => inspect({ registry }, { credentials }), { code: 'registry', fault: 'registry' });
  assert.deepEqual(asked, [registry.slice(0, -3)]);
  await assert.rejects(() => inspect({ registry }), (error) => error.code === 'registry' && error.detail[0] === 401);
  await new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  });
  await assert.rejects(() => inspect({ registry }), { code: 'other', detail: 'connection' });
});

/** An archive that takes a while to read. */
async function large() {
  const entries = [{ path: 'noise', content: noise(48 << 20) }];
  return (await exportImage({ entries, output: 'type=oci,dest=x.tar,compression=gzip,compression-level=1' })).files['x.tar'];
}

function noise(length) {
  const words = new Uint32Array(length / 4);
  let state = 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer);
}
