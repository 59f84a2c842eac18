// Through `ocix serve`: a registry that is asked by it, pushed to and pulled from, and the embedded store.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { registry } from '../chromium/registry.js';
import { exportImage, inspect } from '../node.js';
import { binary, folder, printed, shared } from './cli.js';

const base = shared('golden/sources/base-gzip');
const absent = spawnSync('docker-registry', ['--version']).error && 'there is no docker-registry';
const skip = absent || (!base && 'the recorded data is not at hand');
const store = folder();
let asked;
let serve;
let address;

before(async () => {
  if (skip) return;
  asked = await registry();
  serve = spawn(binary, ['serve', '--registry', asked.host], { env: { ...process.env, OCIX_STORE: store }, stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: serve.stdout })) {
    address = line;
    break;
  }
  assert.ok(address, '`ocix serve` says where it is');
});

after(() => {
  serve?.kill();
  asked?.stop();
});

test('an image goes to a registry and is read there', { skip }, async () => {
  const proxy = { url: `${address}proxy`, hosts: [asked.host] };
  const output = `type=registry,name=${asked.host}/team/app:v1,store=false`;
  const { reports, digest } = await exportImage({ contents: base, output, proxy });
  assert.equal(reports[0].targets[0].error, undefined);
  const image = await inspect({ registry: `${asked.host}/team/app:v1` }, { proxy });
  assert.equal((await image.summary()).digest, digest);
  assert.ok((await image.tree()).entries.length > 0);
  image.close();
});

test('a registry that was not named is refused, with what to do', { skip }, async () => {
  const proxy = { url: `${address}proxy`, hosts: ['127.0.0.1:9'] };
  await assert.rejects(() => inspect({ registry: '127.0.0.1:9/team/app:v1' }, { proxy }), (error) => {
    assert.equal(error.code, 'denied');
    assert.match(error.message, /--registry 127\.0\.0\.1:9/);
    return true;
  });
});

test('the store is a layout behind an address', { skip }, async () => {
  const said = await printed('export', `oci:${base}`, '--output', 'type=image,name=x:v1', '--store', store);
  const image = await inspect({ layout: new URL('store/', address), name: 'v1' });
  assert.equal(`x:v1@${(await image.summary()).digest}\n`, said);
  assert.ok((await image.tree()).entries.length > 0);
  image.close();
});
